"""curl, ab, wrk, h2load and siege talk to the server, and none of them has anything to complain about."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ORACLE_REQUIRED
from tests.support.servers import PAGES, SLOW, Server

PACKAGES = {"curl": "curl", "ab": "apache2-utils", "wrk": "wrk", "h2load": "nghttp2-client", "siege": "siege"}
BIG = PAGES["big.bin"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs write their files, and siege its settings, into a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def _run(server: Server, *command: str, limit: float = SLOW) -> str:
    """What the program wrote to its standard output. It must succeed."""
    program = command[0]
    if shutil.which(program) is None:
        missing = f"{program} is not installed (Debian package {PACKAGES[program]})"
        if ORACLE_REQUIRED:  # CI
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    words = [word.replace("URL", f"http://127.0.0.1:{server.port}") for word in command]
    result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False)
    assert result.returncode == 0, f"{words} ended with {result.returncode}:\n{result.stderr}\n{result.stdout[-3000:]}"
    return result.stdout


def _curl(server: Server, *arguments: str) -> str:
    return _run(server, "curl", "--silent", "--show-error", "--max-time", "50", *arguments)


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0", "--http2"])
def test_curl_reads(server: Server, version: str) -> None:
    """--http2 asks for an upgrade, which is not taken."""
    assert _curl(server, version, "--fail", "URL/a.txt") == "a\n"
    assert _curl(server, version, "--fail", "URL/big.bin") == BIG
    head = _curl(server, version, "--fail", "--head", "URL/big.bin")
    assert re.search(rf"^Content-Length: {len(BIG)}\r?$", head, re.MULTILINE)
    assert _curl(server, version, "--fail", "--range", "16-31", "URL/big.bin") == BIG[16:32]
    assert _curl(server, version, "--write-out", "%{http_code}", "--output", "missing", "URL/none") == "404"


def test_curl_keeps_a_connection(server: Server) -> None:
    said = _curl(server, "--fail", "--write-out", "%{num_connects} ", *["--output", "kept", "URL/a.txt"] * 5)
    assert said.split() == ["1", "0", "0", "0", "0"]
    parallel = _curl(server, "--fail", "--parallel", "--parallel-max", "4", "--write-out", "%{http_code} ",
                     *["--output", "parallel", "URL/a.txt"] * 20)  # fmt: skip
    assert parallel.split() == ["200"] * 20


def test_curl_sends(server: Server) -> None:
    """A large body with Expect: 100-continue, a chunked one, and one that nobody takes."""
    Path("body").write_text(BIG)
    body = "@body"
    expect = ["--expect100-timeout", "50", "--header", "Expect: 100-continue"]
    chunked = ["--header", "Transfer-Encoding: chunked"]
    for extra in ([], expect, chunked, [*expect, *chunked]):
        assert _curl(server, "--fail", "--data-binary", body, *extra, "URL/a.txt") == "a\n"
    status = ["--write-out", "%{http_code}", "--output", "answer"]
    assert _curl(server, *status, "--upload-file", "body", "URL/new.txt") == "405"
    assert _curl(server, *status, "--request", "DELETE", "URL/a.txt") == "405"


def test_curl_asks_again(server: Server) -> None:
    """Validators, and a download that goes on where it was cut."""
    code = ["--write-out", "%{http_code}"]
    _curl(server, "--fail", "--etag-save", "etag", "--output", "a", "URL/a.txt")
    assert _curl(server, *code, "--etag-compare", "etag", "--output", "b", "URL/a.txt") == "304"
    assert _curl(server, *code, "--time-cond", "Mon, 01 Jan 2024 00:00:00 GMT", "--output", "b", "URL/a.txt") == "304"
    Path("half").write_text(BIG[:1000])
    assert _curl(server, *code, "--continue-at", "-", "--output", "half", "URL/big.bin") == "206"
    assert Path("half").read_text() == BIG


@pytest.mark.parametrize("keep", [False, True], ids=["close", "keep-alive"])
def test_ab(server: Server, keep: bool) -> None:
    said = _run(server, "ab", "-q", "-s", "50", "-n", "300", "-c", "4", *(["-k"] if keep else []), "URL/index.html")
    numbers = {name.strip(): value.split()[0] for name, _, value in
               (line.partition(":") for line in said.splitlines()) if value.strip()}  # fmt: skip
    assert (numbers["Complete requests"], numbers["Failed requests"]) == ("300", "0"), said
    assert "Non-2xx responses" not in numbers
    assert "Write errors" not in numbers
    assert numbers["HTML transferred"] == str(300 * len(PAGES["index.html"]))
    kept = int(numbers.get("Keep-Alive requests", "0"))
    assert 285 <= kept <= 300 if keep else kept == 0, said  # the last of each hundred on a connection is not kept


def test_wrk(server: Server) -> None:
    said = _run(server, "wrk", "-t", "1", "-c", "4", "-d", "1s", "--timeout", "50s", "URL/index.html")
    assert re.search(r"^ +[1-9]\d* requests in ", said, re.MULTILINE), said
    assert not re.search(r"Socket errors|Non-2xx", said), said


def test_h2load(server: Server) -> None:
    said = _run(server, "h2load", "--h1", "-n", "300", "-c", "4", "-m", "1", "URL/index.html")
    assert "300 total, 300 started, 300 done, 300 succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert "status codes: 300 2xx, 0 3xx, 0 4xx, 0 5xx" in said, said


@pytest.mark.parametrize("keep", ["close", "keep-alive"])
def test_siege(server: Server, keep: str) -> None:
    settings = f"connection = {keep}\nprotocol = HTTP/1.1\nparser = false\ncsv = false\ntimeout = 50\n"
    Path("siegerc").write_text(settings)
    said = _run(server, "siege", "-R", "siegerc", "-b", "-q", "-j", "-c", "4", "-r", "50",
                "URL/index.html")  # fmt: skip
    numbers = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert (numbers["transactions"], numbers["failed_transactions"]) == (200, 0), said
    assert numbers["availability"] == 100, said
