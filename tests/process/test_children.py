"""Children that die, are worn out, are too few or too many, and how connections spread over them."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import select
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pyhttpd.api.recording import YOUNG
from pyhttpd.mpm.child import MANY
from pyhttpd.server.answer_memo import INLINE
from tests.conftest import Start
from tests.support import processes
from tests.support.clients import Client, HalfRequests, Load, request
from tests.support.logs import AccessLine
from tests.support.servers import AS_ROOT, SLOW, Server, server_user
from tests.support.waiting import wait_until

KILLS = 20
SATURATION_ENDED = "PH00210"


def test_twenty_random_kills_cost_only_what_was_in_flight(pyhttpd: Start, mpm: str) -> None:
    limits = {
        "prefork": "StartServers 6\nMinSpareServers 6\nMaxSpareServers 12\nMaxRequestWorkers 20",
        "worker": "StartServers 3\nThreadsPerChild 4\nMinSpareThreads 8\nMaxSpareThreads 16\nMaxRequestWorkers 24",
    }[mpm]
    server = pyhttpd(mpm=mpm, limits=limits)
    server.expect("AH10393")  # worker: "children are killed successively!"
    choose = random.Random(20261124)
    load_clients = 4
    with Load(server.port, clients=load_clients) as load:
        for _ in range(KILLS):
            children = server.wait_until(server.children, SLOW, "a child to kill")
            victim = choose.choice(children)
            processes.kill(victim, signal.SIGKILL)
            server.await_change({victim})
            load.await_answers(5)
        counts = load.stop()
    at_once = 1 if mpm == "prefork" else load_clients  # connections that one child serves
    assert counts.lost + counts.retried + counts.late <= KILLS * at_once, counts
    assert (counts.refused, counts.wrong) == (0, 0), counts
    with Load(server.port, clients=load_clients) as load:
        load.await_answers(100)
        after = load.stop()
    assert (after.lost, after.retried, after.refused, after.wrong) == (0, 0, 0, 0), f"after the last kill: {after}"
    server.wait_until(lambda: int(server.auto()["IdleWorkers"]) >= 6, SLOW, "spares again")
    assert server.error_log.find("AH00052") == [], "KILL is not logged"


def test_a_child_that_is_killed_by_a_fault_is_logged_and_replaced(pyhttpd: Start, mpm: str) -> None:
    limits = {
        "prefork": "StartServers 2\nMinSpareServers 2\nMaxSpareServers 4\nMaxRequestWorkers 4",
        "worker": "StartServers 2\nThreadsPerChild 2\nMinSpareThreads 4\nMaxSpareThreads 8\nMaxRequestWorkers 8",
    }[mpm]
    server = pyhttpd(mpm=mpm, limits=limits)
    victim = server.children()[0]
    processes.kill(victim, signal.SIGSEGV)
    line = server.wait_until(
        lambda: server.error_log.find("AH00052") + server.error_log.find("AH00051"), SLOW, "AH00052"
    )[0]
    assert line.text.startswith(f"child pid {victim} exit signal Segmentation fault (11)")
    assert line.level == "notice"
    server.await_children(2)
    assert victim not in server.children()


def test_max_connections_per_child_is_exact(pyhttpd: Start, mpm: str) -> None:
    limits = {  # with as many spares as there may be children: none is stopped before it is worn out
        "prefork": "StartServers 1\nMinSpareServers 1\nMaxSpareServers 3\nMaxRequestWorkers 3\n",
        "worker": "StartServers 1\nThreadsPerChild 3\nMinSpareThreads 3\nMaxSpareThreads 9\nMaxRequestWorkers 9\n",
    }[mpm]
    server = pyhttpd(mpm=mpm, limits=f"{limits}MaxConnectionsPerChild 7")
    connections, requests = 60, 0
    for _ in range(connections):
        with Client(server.port) as client:
            for _ in range(3):  # which count once
                answer = client.ask("/a.txt")
                assert answer.status == 200
                requests += 1
                if not answer.keeps_alive:
                    break
    lines = server.wait_until(
        lambda: lines if len(lines := server.access_log.lines()) == requests else None, SLOW, "log lines"
    )
    assert requests > 2 * connections
    served = Counter(line.pid for line in lines if line.nth == 0)
    server.wait_until(
        lambda: all(n < 7 for p, n in served.items() if processes.alive(p)), SLOW, f"the worn out to be gone: {served}"
    )
    gone = {pid: count for pid, count in served.items() if not processes.alive(pid)}
    assert len(gone) >= connections // 7 - 3
    assert max(served.values()) == 7, served
    assert all(count == 7 for count in gone.values()), served


SPREAD = {
    "prefork": "StartServers 2\nMinSpareServers 1\nMaxSpareServers 2\nServerLimit 2\nMaxRequestWorkers 2",
    "worker": "StartServers 2\nThreadsPerChild 25\nMinSpareThreads 25\nMaxSpareThreads 75\nServerLimit 2\n"
    "MaxRequestWorkers 50",
}


def _pages(server: Server) -> list[AccessLine]:
    """The access log without the status requests of the test itself."""
    return [line for line in server.access_log.lines() if "server-status" not in line.request]


def _await_idle(server: Server, slots: int) -> None:
    """Until so many slots wait for connections, beside the one that answers this question."""
    server.wait_until(lambda: server.auto()["Scoreboard"].count("_") == slots, SLOW, f"{slots} idle slots")


def _await_pages(server: Server, before: int, count: int) -> list[AccessLine]:
    """The next so many lines after the first `before`."""
    return server.wait_until(
        lambda: lines if len(lines := _pages(server)[before:]) >= count else None, SLOW, f"{count} more lines"
    )


def _spread(server: Server, connections: int) -> Counter[int]:
    """How many of so many connections that are open at once each child has got."""
    before = len(_pages(server))
    held = [Client(server.port) for _ in range(connections)]
    try:
        for client in held:
            assert client.ask("/a.txt").status == 200
        lines = _await_pages(server, before, connections)
    finally:
        for client in held:
            client.close()
    return Counter(line.pid for line in lines)


def _assert_fair(serve: Callable[[], Counter[int]], connections: int) -> None:
    """Neither of two children gets more than three quarters. On a busy machine one of them may be kept from running
    for a while, and the other then rightly takes what waits; so one fair round of five will do."""
    rounds = []
    for _ in range(5):
        counts = serve()
        assert sum(counts.values()) == connections
        rounds.append(counts)
        if len(counts) == 2 and max(counts.values()) <= connections / 2 * 1.5:
            return
    raise AssertionError(f"never fair: {rounds}")


def test_connections_spread_over_idle_children(pyhttpd: Start) -> None:
    server = pyhttpd(mpm="worker", limits=SPREAD["worker"])
    server.expect("AH00286", "AH00287", "AH00288")
    _await_idle(server, 49)
    for connections in (40, 4):  # by the second time both children wait in accept for certain

        def spread(connections: int = connections) -> Counter[int]:
            counts = _spread(server, connections)
            _await_idle(server, 49)
            return counts

        _assert_fair(spread, connections)


def test_connections_one_after_another_are_served_in_turn(pyhttpd: Start) -> None:
    server = pyhttpd(mpm="prefork", limits=SPREAD["prefork"])
    server.expect("AH00161")
    _await_idle(server, 1)
    for connections in (40, 4):  # by the second time both children wait in accept for certain

        def serve(connections: int = connections) -> Counter[int]:
            before = len(_pages(server))
            for _ in range(connections):
                assert server.get("/a.txt").status == 200
            return Counter(line.pid for line in _await_pages(server, before, connections))

        _assert_fair(serve, connections)


def test_saturation_and_the_queue(pyhttpd: Start) -> None:
    """148 requests that take their time bring worker 2/25/75/25/150 to exactly six children; 20 more clients wait and
    are served."""
    limits = (
        "StartServers 2\nMinSpareThreads 25\nMaxSpareThreads 75\nThreadLimit 64\nThreadsPerChild 25\n"
        "MaxRequestWorkers 150\nMaxConnectionsPerChild 0"
    )
    lines = "LoadModule trouble_module tests.support.trouble\n<Location /wait>\nSetHandler trouble-wait\n</Location>"
    server = pyhttpd(lines, mpm="worker", limits=limits)
    fifo = server.root / "fifo"
    os.mkfifo(fifo)
    fifo.chmod(0o666)
    with contextlib.ExitStack() as stack:

        def ask(count: int, target: str) -> list[Client]:
            found = [stack.enter_context(Client(server.port)) for _ in range(count)]
            for client in found:
                client.send(request(target, Connection="close"))
            return found

        busy = ask(148, f"/wait?{fifo}")
        server.await_children(6)
        # and the one that asks
        server.wait_until(lambda: server.auto()["Scoreboard"].count("W") == 149, SLOW, "148 that are busy")
        busy += ask(2, f"/wait?{fifo}")
        waiting = ask(20, "/a.txt")
        assert not select.select([client.sock for client in waiting], [], [], 0.3)[0], "nobody is free"
        assert len(server.children()) == 6
        writer = os.open(fifo, os.O_WRONLY)
        stack.callback(os.close, writer)
        assert {client.answer().status for client in busy} == {200}
        for client in waiting:
            assert client.answer().body == b"a\n"
        assert len(server.children()) == 6


def test_saturation_is_an_event(pyhttpd: Start, mpm: str) -> None:
    """It is logged each time, at its start and its end."""
    limits = {
        "prefork": "StartServers 2\nMinSpareServers 1\nMaxSpareServers 2\nServerLimit 2\nMaxRequestWorkers 2",
        "worker": "StartServers 1\nThreadsPerChild 2\nMinSpareThreads 1\nMaxSpareThreads 4\nServerLimit 1\n"
        "MaxRequestWorkers 2",
    }[mpm]
    server = pyhttpd(mpm=mpm, limits=limits)
    reached = {"prefork": "AH00161", "worker": "AH00286"}[mpm]
    server.expect(reached)
    for _ in range(2):
        place = server.error_log.place()
        with HalfRequests(server.port, 2) as half:
            server.await_log(reached, place)
            half.finish()
        server.await_log(SATURATION_ENDED, place)


@pytest.mark.skipif(not AS_ROOT, reason="only root can change to another user")
def test_children_run_as_user(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    wanted = pwd.getpwnam(server_user()).pw_uid
    assert processes.user_of(server.pid) == 0
    server.wait_until(  # a child is root for its first moments
        lambda: {processes.user_of(pid) for pid in server.children()} == {wanted}, SLOW, f"children of user {wanted}"
    )
    status = Path(f"/proc/{server.children()[0]}/status").read_text().splitlines()
    groups = {word for line in status if line.startswith(("Gid:", "Groups:")) for word in line.split()[1:]}
    assert groups == {str(pwd.getpwnam(server_user()).pw_gid)}


def test_the_master_never_has_a_thread(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    server.reload("USR1")
    server.reload("HUP")
    assert processes.threads(server.pid) == 1
    wanted = {"prefork": 1, "worker": 4}[mpm]
    server.wait_until(lambda: all(processes.threads(pid) >= wanted for pid in server.children()), SLOW, "threads")


def test_children_leave_when_the_master_is_killed(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    children = server.children()
    with Client(server.port) as client:
        assert client.ask("/").status == 200
        processes.kill(server.pid)
        server.await_end()
    server.wait_until(lambda: not any(processes.alive(pid) for pid in children), SLOW, f"the end of {children}")
    # and the port is free: a new server starts in its place, and says what it found
    place = server.error_log.place()
    server.expect("AH00098")
    server.start()
    assert server.error_log.find("AH00098", place)
    assert server.get("/a.txt").status == 200


def test_broken_connections_harm_nobody(pyhttpd: Start, mpm: str) -> None:
    """Clients that reset in the middle of a head, of an answer, or right away."""
    server = pyhttpd(mpm=mpm)
    children = set(server.children())
    for data in (
        b"",
        b"GET / HT",
        b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
    ):
        for _ in range(5):
            client = Client(server.port)
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.send(data)
            client.close()
    assert server.get("/a.txt").body == b"a\n"
    server.wait_until(lambda: int(server.auto()["BusyWorkers"]) == 1, SLOW, "all slots free")
    assert children <= set(server.children())


def test_a_client_that_takes_nothing_keeps_no_turn(pyhttpd: Start) -> None:
    """Above a number of connections the threads of a child take turns at what takes no waiting."""
    limits = (
        "StartServers 1\nServerLimit 1\nThreadLimit 20\nThreadsPerChild 20\nMaxRequestWorkers 20\nMinSpareThreads 1\n"
        "MaxSpareThreads 22"
    )
    server = pyhttpd("MaxKeepAliveRequests 0", mpm="worker", limits=limits)
    page = server.write("page.txt", "0123456789abcde\n" * 768)
    assert page.stat().st_size < INLINE
    wait_until(lambda: time.time() - page.stat().st_ctime > YOUNG, SLOW, "an answer that may be kept")
    head = b"GET /page.txt HTTP/1.1\r\nHost: x\r\n\r\n"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port)) for _ in range(MANY + 4)]
        for client in clients:
            for _ in range(5):
                assert client.ask("/page.txt").status == 200
        stuck = [stack.enter_context(Client(server.port)) for _ in range(3)]
        for client in stuck:
            client.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:  # answers are not read, until nothing goes any more
                    client.sock.send(head * 100)
        for _ in range(50):
            for client in clients:
                assert client.ask("/page.txt").status == 200
        assert len(server.children()) == 1
