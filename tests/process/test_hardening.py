"""What nothing may do: end the master, or leave a server without children."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support import processes
from tests.support.clients import BrokenError, Client, Load, request
from tests.support.servers import AS_ROOT, SLOW, Server

TROUBLE = "LoadModule trouble_module tests.support.trouble"


def assert_serves(server: Server) -> None:
    assert not server.ended
    assert server.get("/a.txt").body == b"a\n"


def test_signals_that_arrive_together(pyhttpd: Start) -> None:
    server = pyhttpd()
    for _ in range(40):
        for name in ("HUP", "USR1", "USR1", "HUP"):
            server.signal(name)

    def told() -> dict[str, str] | None:
        try:
            return server.auto()
        except BrokenError:  # a restart ends answers, and one may still be to come
            return None

    before = int(server.wait_until(told, SLOW, "an answer")["ParentServerMPMGeneration"])
    server.signal("USR1")

    def newer() -> bool:
        auto = told()
        return auto is not None and int(auto["ParentServerMPMGeneration"]) > before

    server.wait_until(newer, SLOW, "a new generation")
    assert not server.ended


@pytest.mark.parametrize(("where", "number"), [("CHECK", "PH00222"), ("PREPARE", "PH00223")])
def test_a_module_that_raises_at_a_reload(pyhttpd: Start, where: str, number: str) -> None:
    server = pyhttpd(TROUBLE)
    children = server.children()
    server.expect(number, "PH00220")
    for name in ("USR1", "HUP"):
        server.configure(f"{TROUBLE}\nDefine TROUBLE_{where}")
        place = server.signal(name)
        server.await_log("PH00220", place)
        lines = server.error_log.lines(place)
        assert any(f"{where.lower()} as ordered" in line.line for line in lines if line.number == number)
        # The process that has read the file ends just after it has said what it found.
        server.wait_until(lambda: server.children() == children, SLOW, "the children of before, and nobody else")
    server.configure(TROUBLE)
    server.reload("USR1")
    assert_serves(server)


def test_a_module_that_raises_at_the_start_is_no_traceback_on_the_terminal(pyhttpd: Start) -> None:
    server = pyhttpd(f"{TROUBLE}\nDefine TROUBLE_PREPARE", start=False)
    done = server.run("-k", "start")
    assert done.returncode == 1
    assert "KeyError: 'prepare as ordered'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_child_init_that_raises_starts_no_storm(pyhttpd: Start) -> None:
    server = pyhttpd(TROUBLE)
    server.expect("PH00110")
    server.configure(f"{TROUBLE}\nDefine TROUBLE_CHILD_INIT")
    place = server.reload("USR1")
    server.await_log("PH00110", place)
    server.configure(TROUBLE)
    server.reload("HUP")
    assert len([line for line in server.error_log.lines(place) if line.number == "PH00110"]) < 50
    assert_serves(server)


def test_no_exception_of_any_kind_ends_a_child(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(f"{TROUBLE}\n<Location /c>\nSetHandler trouble-cancelled\n</Location>", mpm=mpm)
    server.expect("PH00111")
    children = server.children()
    for _ in range(20):
        assert server.get("/c").status == 500
    assert set(children) <= set(server.children())
    assert_serves(server)


def test_an_orphan_leaves_though_its_client_goes_on_asking(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd("MaxKeepAliveRequests 0", mpm=mpm)
    with Client(server.port) as client:
        assert client.ask("/").keeps_alive
        processes.kill(server.pid, signal.SIGKILL)

        def told_to_close() -> bool:
            try:
                return not client.ask("/").keeps_alive
            except BrokenError:  # we were kept from asking for longer than a child that leaves waits
                return True

        server.wait_until(told_to_close, SLOW, "Connection: close")
    server.await_end()


def test_an_orphan_leaves_though_its_client_leaves_it_no_time(pyhttpd: Start, mpm: str) -> None:
    """The next request is always there already."""
    server = pyhttpd("MaxKeepAliveRequests 0", mpm=mpm)
    with Client(server.port) as client:
        for _ in range(50):
            client.send(request("/"))
        processes.kill(server.pid, signal.SIGKILL)

        def told_to_close() -> bool:
            try:
                for _ in range(50):
                    client.send(request("/"))
                    if not client.answer().keeps_alive:
                        return True
            except BrokenError:  # closed while we went on asking
                return True
            return False

        server.wait_until(told_to_close, SLOW, "Connection: close")
    server.await_end()


@pytest.mark.parametrize("wide", ["", "0.0.0.0:"], ids=["every address", "every IPv4 address"])
def test_an_address_is_handed_over_and_back_under_load(pyhttpd: Start, mpm: str, wide: str) -> None:
    server = pyhttpd(mpm=mpm)
    narrow = f"Listen 127.0.0.1:{server.port}"
    with Load(server.port, per_connection=2) as load:
        for listen in (f"Listen {wide}{server.port}", narrow, narrow, f"Listen {wide}{server.port}", narrow):
            server.configure(listen=listen)
            server.reload("USR1")
            load.await_answers(100)
        counts = load.stop()
    assert (counts.lost, counts.refused, counts.wrong) == (0, 0, 0), counts


@pytest.mark.skipif(not AS_ROOT, reason="only root has children of another user")
def test_tuning_of_children_that_are_somebody_else(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm, start=False)
    private = server.root / "private"
    private.mkdir(mode=0o700)
    server.expect("PH00215")
    server.configure(f"MaxMemFree 100\nCoreDumpDirectory {private}\nEnableExceptionHook On")
    server.start()
    assert_serves(server)
    assert "cannot change to CoreDumpDirectory" in server.await_log("PH00215").line


def test_the_pid_file_of_another_server_is_not_taken(pyhttpd: Start) -> None:
    first, second = pyhttpd(), pyhttpd()
    second.expect("PH00224", "PH00220")
    second.configure(f"PidFile {first.pid_file}")
    second.await_log("PH00220", second.signal("USR1"))
    assert first.read_pid_file() == first.pid
    assert second.read_pid_file() == second.pid
    assert_serves(second)


def test_a_log_that_is_a_fifo_without_a_reader(pyhttpd: Start) -> None:
    server = pyhttpd()
    server.expect("AH00091", "AH00649", "PH00220")
    for directive in ("ErrorLog {}", 'CustomLog {} "%h"'):
        fifo = server.root / f"fifo-{directive[:5]}"
        os.mkfifo(fifo)
        server.configure(directive.format(fifo))
        server.await_log("PH00220", server.signal("USR1"))
    assert_serves(server)


def test_every_bucket_has_children(pyhttpd: Start, mpm: str) -> None:
    limits = {
        "prefork": "StartServers 1\nMinSpareServers 1\nMaxSpareServers 2",
        "worker": "StartServers 1\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 20",
    }[mpm]
    server = pyhttpd("ListenCoresBucketsRatio 1", mpm=mpm, limits=limits)
    for _ in range(3):
        assert {server.get("/a.txt").status for _ in range(20)} == {200}
        server.reload("USR1")
    server.configure(limits=f"{limits}\nMaxRequestWorkers 1")
    server.expect("AH00315", "AH00319")
    server.reload("USR1")
    assert {server.get("/a.txt").status for _ in range(20)} == {200}


def test_children_do_not_inherit_the_logs_of_before(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd('CustomLog logs/old_log "%h"', mpm=mpm)
    log = server.root / "logs" / "old_log"

    def held() -> bool:
        names = set()
        for child in server.children():
            for fd in Path(f"/proc/{child}/fd").glob("*"):
                with contextlib.suppress(FileNotFoundError):  # a descriptor that has been closed meanwhile
                    names.add(os.readlink(fd))
        return str(log) in names

    assert held()
    for name in ("HUP", "USR1"):
        old = set(server.children())
        server.configure("" if name == "HUP" else 'CustomLog logs/new_log "%h"')
        server.reload(name)
        server.await_replaced(old)
        assert not held()


def test_the_time_limit_of_graceful_stop_holds_for_a_stopped_child(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd("GracefulShutdownTimeout 1", mpm=mpm)
    server.expect("AH00046")
    victim = server.children()[0]
    os.kill(victim, signal.SIGSTOP)
    server.signal("WINCH")
    server.await_end()
