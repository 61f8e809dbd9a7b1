"""A child must find every module that it needs before it is forked: serving imports nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import socket
import sys
from pathlib import Path
from tests.unit.server.serving import Serving

serving = Serving(Path(sys.argv[1]), 'ErrorDocument 404 /nowhere')
serving.page("a.txt", "hello")
serving.page("big", b"x" * 100_000)

class Odd(Exception): ...

def broken(request):
    if request.uri == "/broken":
        raise Odd
    return -1

from pyhttpd.api.phases import Order, Phase, on
serving.service.pipeline.hooks[Phase.HANDLER] = (broken, *serving.service.pipeline.hooks[Phase.HANDLER])
with socket.create_server(("127.0.0.1", 0)) as listener:  # what the clients of this test need
    socket.create_connection(listener.getsockname()).close()
before = set(sys.modules)
for method in ("GET", "HEAD", "POST", "TRACE", "OPTIONS", "PUT", "FOO"):
    for target in ("/a.txt", "/big", "/nope", "/broken", "/%zz", "/"):
        serving.get(target, "Connection: close", method=method)
serving.get("/a.txt", "Range: bytes=0-1,3-4", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT")
serving.get("/a.txt", "Transfer-Encoding: chunked", method="POST", body=b"1\\r\\nx\\r\\n0\\r\\n\\r\\n")
serving.get("/a.txt", "Content-Length: 5", "Expect: 100-continue", method="POST", body=b"hello")
serving.ask(b"garbage\\r\\n\\r\\n")
serving.ask(b"GET / HTTP/1.1\\r\\nHost: [::1]\\r\\n\\r\\n")
serving.ask(b"GET / HTTP/1.1\\r\\nHost: x", end=True)
print(sorted(set(sys.modules) - before))
"""


def test_serving_imports_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_server_keeps_costly_modules_out() -> None:
    """They register callbacks that run at each fork, and cost memory in every child."""
    code = (
        "import sys; from pyhttpd.boot import catalog; catalog();print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    costly = ["threading", "logging", "psutil", "lark", "random", "email", "multiprocessing", "concurrent", "daemon"]
    done = subprocess.run([sys.executable, "-c", code, *costly], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
