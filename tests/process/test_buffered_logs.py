"""BufferedLogs: lines wait in a child until there are enough of them, or until it ends, however it ends."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.conftest import Start
from tests.support.clients import Client
from tests.support.logs import LogFile
from tests.support.servers import SLOW, Server

FULL = 4096
LINES = f'BufferedLogs On\nCustomLog logs/waiting "%U%q {"x" * 80}"\n'
ONE_CHILD = {
    "prefork": "StartServers 1\nMinSpareServers 1\nMaxSpareServers 2\nServerLimit 1\nMaxRequestWorkers 1",
    "worker": "StartServers 1\nServerLimit 1\nThreadLimit 4\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 6\n"
    "MaxRequestWorkers 4",
}


PATIENCE = 1.0  # seconds; children that have nothing to write have a third of it


def _ask(server: Server, count: int) -> None:
    with Client(server.port) as client:
        for number in range(count):
            assert client.ask(f"/a.txt?{number}").status == 200
        client.end()
        client.rest()


def _numbers(server: Server) -> list[int]:
    lines = LogFile(server.root / "logs" / "waiting").lines()
    return [int(line.partition("?")[2].partition(" ")[0]) for line in lines]


@pytest.mark.parametrize("end", ["USR1", "HUP"])
def test_what_waits_is_written_at_a_restart(pyhttpd: Start, mpm: str, end: str) -> None:
    server = pyhttpd(LINES, mpm=mpm, limits=ONE_CHILD[mpm])
    children = set(server.await_children(1))
    _ask(server, 5)
    assert _numbers(server) == []
    server.reload(end)
    server.await_replaced(children)
    assert _numbers(server) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("end", ["TERM", "WINCH"])
def test_what_waits_is_written_at_a_stop(pyhttpd: Start, mpm: str, end: str) -> None:
    server = pyhttpd(LINES, mpm=mpm, limits=ONE_CHILD[mpm])
    _ask(server, 5)
    assert _numbers(server) == []
    server.signal(end)
    server.await_end()
    assert _numbers(server) == [0, 1, 2, 3, 4]


def test_what_waits_is_written_when_a_child_has_served_enough(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(LINES, mpm=mpm, limits=f"{ONE_CHILD[mpm]}\nMaxConnectionsPerChild 1")
    children = set(server.await_children(1))
    _ask(server, 1)
    server.await_replaced(children)
    assert _numbers(server) == [0]


def test_one_process(pyhttpd: Start, mpm: str) -> None:
    """-X ends in a signal handler of its own."""
    server = pyhttpd(LINES, mpm=mpm, options=["-X"])
    _ask(server, 2)
    assert _numbers(server) == []
    server.stop()
    assert _numbers(server) == [0, 1]


def test_a_full_buffer_is_written_in_whole_lines(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(LINES, mpm=mpm, limits=ONE_CHILD[mpm])
    children = server.await_children(1)
    _ask(server, 99)
    written = (server.root / "logs" / "waiting").read_bytes()
    assert FULL < len(written) <= 2 * FULL
    assert written.endswith(b"x\n")
    assert _numbers(server) == list(range(len(_numbers(server))))
    assert server.children() == children


def test_a_child_that_is_slow_to_end_is_given_time(pyhttpd: Start, mpm: str) -> None:
    """It stands still when it is told to end, and goes on when it is told again."""
    for _ in range(5):
        server = pyhttpd(LINES, mpm=mpm, limits=ONE_CHILD[mpm])
        [child] = server.await_children(1)
        _ask(server, 5)
        os.kill(child, signal.SIGSTOP)
        place = server.signal("HUP")
        signaled = time.monotonic()
        server.await_log("AH00045", place)
        assert time.monotonic() - signaled > PATIENCE
        os.kill(child, signal.SIGCONT)
        server.await_running(place)
        server.await_replaced({child})
        if not server.error_log.find("AH00046", place):
            assert _numbers(server) == [0, 1, 2, 3, 4]
            return
        # We have been slower than its patience lasts.
    raise AssertionError("killed each time")


def test_a_program_gets_what_waits(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd('BufferedLogs On\nCustomLog "|$cat >>logs/waiting" "%U%q x"\n', mpm=mpm, limits=ONE_CHILD[mpm])
    _ask(server, 3)
    assert _numbers(server) == []
    server.reload("USR1")
    server.wait_until(lambda: _numbers(server) == [0, 1, 2], SLOW, "three lines")
