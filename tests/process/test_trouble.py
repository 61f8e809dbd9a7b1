"""Handlers that misbehave: each costs its own request, and nothing else."""

from __future__ import annotations

import os

import pytest

from tests.conftest import Start
from tests.support.clients import BrokenError, Client
from tests.support.servers import SLOW, Server
from tests.support.trouble import BEGUN

KINDS = (
    "raise", "system-exit", "exit", "kill", "memory", "hang", "deaf", "wait", "pid", "modules", "descriptors",
)  # fmt: skip
LINES = "LoadModule trouble_module tests.support.trouble\n" + "\n".join(
    f"<Location /{kind}>\n  SetHandler trouble-{kind}\n</Location>" for kind in KINDS
)
POOL = {
    "prefork": "StartServers 3\nMinSpareServers 3\nMaxSpareServers 4\nMaxRequestWorkers 8",
    "worker": "StartServers 2\nThreadsPerChild 3\nMinSpareThreads 3\nMaxSpareThreads 9\nMaxRequestWorkers 12",
}


def _start(pyhttpd: Start, mpm: str) -> Server:
    return pyhttpd(LINES, mpm=mpm, limits=POOL[mpm])


def test_what_raises_is_a_500_with_one_traceback(pyhttpd: Start, mpm: str) -> None:
    server = _start(pyhttpd, mpm)
    children = set(server.children())
    for kind in ("raise", "memory", "system-exit"):
        place = server.error_log.place()
        with Client(server.port) as client:
            answer = client.ask(f"/{kind}")
            assert (answer.status, answer.reason) == (500, "Internal Server Error"), kind
            if answer.keeps_alive:
                assert client.ask("/a.txt").status == 200
        lines = server.error_log.lines(place)
        errors = [line for line in lines if line.level == "error"]
        assert errors, kind
        server.expect(*(line.number for line in errors if line.number))
        text = "\n".join(line.line for line in lines)
        assert text.count("Traceback (most recent call last)") == 1, text
    assert "RuntimeError: trouble as ordered" in "\n".join(line.line for line in server.error_log.lines())
    assert children <= set(server.children())


def test_a_child_that_ends_itself_is_replaced(pyhttpd: Start, mpm: str) -> None:
    server = _start(pyhttpd, mpm)
    server.expect("AH00052", "AH00051", "AH10393")
    for kind in ("exit", "kill"):
        before = set(server.children())
        with Client(server.port) as client, pytest.raises(BrokenError):
            client.ask(f"/{kind}")
        server.await_change(before)
        assert server.get("/a.txt").status == 200
        server.wait_until(lambda: int(server.auto()["IdleWorkers"]) >= 2, SLOW, "spares")

    def faults() -> int:
        return len(server.error_log.find("AH00052") + server.error_log.find("AH00051"))

    server.wait_until(lambda: faults() > 0, SLOW, "the one that ended by a fault is told")
    assert faults() == 1


def test_a_hanging_handler_costs_one_slot_and_not_the_restart(pyhttpd: Start, mpm: str) -> None:
    server = _start(pyhttpd, mpm)
    place = server.error_log.place()
    with Client(server.port) as hanging:
        hanging.send(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        server.await_log(BEGUN, place)
        for _ in range(5):
            assert server.get("/a.txt").status == 200
        server.reload("HUP")  # the handler would hang for an hour
        assert hanging.ended(SLOW)
        assert server.get("/a.txt").status == 200
    place = server.error_log.place()
    with Client(server.port) as hanging:
        hanging.send(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        server.await_log(BEGUN, place)
        server.reload("USR1")  # the old child stays, as G
        server.wait_until(lambda: "G" in server.auto()["Scoreboard"], SLOW, "one G")
        server.stop()


def test_a_deaf_child_is_killed_in_the_end(pyhttpd: Start) -> None:
    server = _start(pyhttpd, "prefork")
    with Client(server.port) as deaf:
        deaf.send(b"GET /deaf HTTP/1.1\r\nHost: x\r\n\r\n")
        server.await_log(BEGUN)
        place = server.signal("TERM")
        server.await_end()
    said: dict[str, list[str]] = {}  # "child process PID still did not exit, ..."; others may have been slow, too
    for line in server.error_log.lines(place):
        if line.number in ("AH00045", "AH00046"):
            said.setdefault(line.text.split()[2], []).append(line.number)
    assert ["AH00045"] * 3 + ["AH00046"] in said.values(), said


def test_graceful_stop_waits_for_what_is_in_flight(pyhttpd: Start, mpm: str) -> None:
    server = _start(pyhttpd, mpm)
    fifo = server.root / "fifo"
    os.mkfifo(fifo)
    fifo.chmod(0o666)
    with Client(server.port) as client:
        client.send(f"GET /wait?{fifo} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        server.await_log(BEGUN)
        place = server.signal("WINCH")
        server.await_log({"prefork": "AH00170", "worker": "AH00296"}[mpm], place)
        server.wait_until(lambda: not server.pid_file.exists(), SLOW, "the pid file removed")
        server.wait_until(lambda: len(server.children()) <= 1, SLOW, "idle children gone")

        def refuses() -> bool:
            try:
                Client(server.port).close()
            except ConnectionRefusedError:
                return True
            return False  # the child that serves has not heard of it yet

        server.wait_until(refuses, SLOW, "no connection is taken any more")
        assert not server.ended
        os.close(os.open(fifo, os.O_WRONLY))
        answer = client.answer()
        assert (answer.status, answer.keeps_alive) == (200, False)
    server.await_end()


def test_graceful_shutdown_timeout(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(LINES + "\nGracefulShutdownTimeout 1", mpm=mpm, limits=POOL[mpm])
    with Client(server.port) as client:
        client.send(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        server.await_log(BEGUN)
        server.signal("WINCH")
        server.await_end()  # the handler would hang for an hour
        assert client.ended(SLOW)


def test_nothing_is_imported_or_opened_late(pyhttpd: Start, mpm: str) -> None:
    """A child's modules are those it was forked with, after everything that HTTP has to offer has been asked for."""
    from tests.oracle.exchange import parse_case
    from tests.oracle.site import CASES, FILES
    from tests.oracle.site import LINES as HTTP_LINES

    limits = {
        "prefork": "StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\nServerLimit 1\nMaxRequestWorkers 1",
        "worker": "StartServers 1\nThreadsPerChild 2\nMinSpareThreads 1\nMaxSpareThreads 2\nServerLimit 1\n"
        "MaxRequestWorkers 2",
    }[mpm]
    server = pyhttpd(mpm=mpm, limits=limits, files=FILES, start=False)
    # the virtual hosts take over the whole configuration of the main server, the handlers among it
    server.configure(LINES + "\n" + HTTP_LINES.replace("{docroot}", str(server.docroot)))
    server.start()
    child = server.children()[0]
    before = server.get("/modules").body.decode().split("\n")
    descriptors = len(server.get("/descriptors").body.split())
    assert "pyhttpd.server.service" in before
    for path in CASES:
        data, _ = parse_case(path.read_text())
        with Client(server.port) as client:
            client.send(data + b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            client.end()
            client.rest()
    for target in ("/raise", "/server-status", "/server-status?auto"):
        server.get(target)
    after = server.get("/modules").body.decode().split("\n")
    assert server.children() == [child]
    assert sorted(set(after) - set(before)) == []
    forbidden = {"threading", "logging", "psutil", "lark", "random", "email", "multiprocessing", "concurrent"}
    assert not forbidden & set(after)
    server.wait_until(  # lingering connections may still be about to be closed
        lambda: len(server.get("/descriptors").body.split()) <= descriptors,
        SLOW,
        f"no more than {descriptors} descriptors",
    )
    server.stop()
    server.expect(*(line.number for line in server.error_log.lines() if line.number))
