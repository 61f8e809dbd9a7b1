"""The programs as an administrator calls them beside a running server: without the options that that has."""

from __future__ import annotations

import subprocess
import sys

from tests.support.servers import SLOW, Server

PYHTTPD = "pyhttpd"
PYHTTPDCTL = "pyhttpd.cli.ctl"


def control(server: Server, *words: str, program: str = PYHTTPD) -> subprocess.CompletedProcess[str]:
    """`program words -f FILE`, to its end, in the environment of the server."""
    return subprocess.run(
        [sys.executable, "-m", program, *words, "-f", str(server.config)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=server.environment,
        cwd=server.root,
        timeout=SLOW,
        check=False,
    )
