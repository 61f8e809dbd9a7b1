"""Messages in the form that a log daemon reads."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from pyhttpd.util.syslog_socket import SyslogSocket, facility_of


@pytest.mark.parametrize(
    ("word", "number"),
    [("", 23), ("local0", 16), ("LOCAL5", 21), ("daemon", 3), ("auth", 4), ("authp", 10), ("l", 6), ("local", 16),
     ("user", 1), ("kern", 0), ("users", None), ("x", None)],
)  # fmt: skip
def test_facilities(word: str, number: int | None) -> None:
    assert facility_of(word) == number


def daemon(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.settimeout(5)
    return sock


def test_a_message(tmp_path: Path) -> None:
    with daemon(tmp_path / "log") as receiver:
        log = SyslogSocket(16, "web", str(tmp_path / "log"))
        assert log.send("caf\u00e9".encode(), 3)
        assert log.send(b"finer than debug", 15)
        first, second = receiver.recv(1000).decode(), receiver.recv(1000).decode()
        log.close()
    assert re.fullmatch(rf"<131>[A-Z][a-z]{{2}} [ 1-3]\d \d\d:\d\d:\d\d web\[{os.getpid()}\]: caf\u00e9", first)
    assert second.startswith("<135>")


def test_a_daemon_that_comes_back_is_found(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = SyslogSocket(16, "web", str(path))
    assert not log.send(b"nobody is there", 6)
    daemon(path).close()
    assert not log.send(b"nobody reads it any more", 6)
    path.unlink()
    with daemon(path) as receiver:
        assert log.send(b"back", 6)
        assert receiver.recv(1000).endswith(b"back")
    log.close()


def test_a_daemon_that_does_not_read_is_not_waited_for(tmp_path: Path) -> None:
    with daemon(tmp_path / "log"):
        log = SyslogSocket(16, "web", str(tmp_path / "log"))
        sent = [log.send(b"x" * 1000, 6) for _ in range(2000)]
        log.close()
    assert sent[0]
    assert not sent[-1]
