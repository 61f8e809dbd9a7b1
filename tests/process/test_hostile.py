"""Clients that are slow, silent, greedy or rude: each costs one slot until its time limit, and nobody else anything.

The pools are small and full of hostile clients in each test. A client that behaves is served meanwhile, and in the end
the same children are there with all their slots, no descriptor more and hardly any memory.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.clients import BrokenError, Client, HalfRequests, request
from tests.support.servers import SLOW, Server

SLOTS = 4
POOL = {
    "prefork": f"StartServers {SLOTS}\nMinSpareServers 1\nMaxSpareServers {SLOTS}\nMaxRequestWorkers {SLOTS}",
    "worker": "StartServers 2\nThreadsPerChild 2\nMinSpareThreads 1\nMaxSpareThreads 4\nMaxRequestWorkers 4",
}
SHORT = "Timeout 1\nRequestReadTimeout header=1 body=1\nKeepAliveTimeout 1\nMaxKeepAliveRequests 0"
LONG = "Timeout 300\nRequestReadTimeout header=300 body=300\nKeepAliveTimeout 300\nMaxKeepAliveRequests 0"
MEMORY = 8 << 20  # bytes that a child may have more than before; what is sent to it in a test is more than that

Besiege = Callable[..., Server]


@pytest.fixture
def besieged(pyhttpd: Start, mpm: str) -> Iterator[Besiege]:
    """Starts a server with a small pool. At the end it must be as it was. SHORT limits are for those whom they end."""
    started: list[tuple[Server, Measure]] = []

    def start(lines: str = SHORT) -> Server:
        server = pyhttpd(lines, mpm=mpm, limits=POOL[mpm])
        with contextlib.ExitStack() as stack:  # each slot has served once
            for _ in range(SLOTS - 1):
                assert stack.enter_context(Client(server.port)).ask("/a.txt").status == 200
            server.get("/server-status?auto")
        await_free(server)
        started.append((server, Measure(server)))
        return server

    yield start
    for server, before in started:
        await_free(server)
        before.compare()


class Measure:
    """What the children of a server use."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.children = server.children()
        self.descriptors = {child: self._descriptors(child) for child in self.children}
        self.memory = {child: self._memory(child) for child in self.children}

    def _descriptors(self, child: int) -> int:
        return len(os.listdir(f"/proc/{child}/fd"))

    def _memory(self, child: int) -> int:
        """Bytes that are this process's alone, whether dirty or swapped out."""
        lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Private_Dirty:", "Swap:")))

    def compare(self) -> None:
        assert self.server.children() == self.children
        for child in self.children:
            self.server.wait_until(
                lambda child=child: self._descriptors(child) <= self.descriptors[child],  # type: ignore[misc]  # bound
                SLOW,
                f"no more than {self.descriptors[child]} descriptors in {child}",
            )
            assert self._memory(child) - self.memory[child] < MEMORY, child


def await_free(server: Server) -> None:
    """Until all slots are free but the one that says so."""
    server.wait_until(lambda: server.auto()["BusyWorkers"] == "1", SLOW, "all slots free")


def assert_serves(server: Server, within: float = SLOW) -> None:
    """Whoever behaves is served, in time."""
    began = time.monotonic()
    assert server.get("/a.txt").body == b"a\n"
    assert time.monotonic() - began < within


@contextlib.contextmanager
def attackers(server: Server, count: int, first: bytes = b"", buffer: int | None = None) -> Iterator[list[Client]]:
    """Connections that have sent `first`, with a small receive buffer if one is given."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = stack.enter_context(Client(server.port))
            if buffer is not None:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            if first:
                client.send(first)
            clients.append(client)
        yield clients


def reset(client: Client) -> None:
    """End a connection with RST."""
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def was_reset(client: Client) -> bool:
    """Whether the connection ended with RST, behind whatever had been received."""
    client.sock.settimeout(SLOW)
    try:
        while client.sock.recv(1 << 20):
            pass
    except ConnectionResetError:
        return True
    return False


def trickle(client: Client) -> None:
    with contextlib.suppress(BrokenError):
        client.send(b"x")


# --- slow ---------------------------------------------------------------------------------------------------------


def test_slow_heads(besieged: Besiege) -> None:
    server = besieged()
    with HalfRequests(server.port, SLOTS) as slow:
        assert_serves(server)
        assert [client.answer().status for client in slow.held] == [408] * SLOTS


def test_slow_bodies(besieged: Besiege) -> None:
    server = besieged()
    head = {"method": "POST", "Content_Length": "100"}
    with (
        attackers(server, SLOTS // 2, request("/a.txt", **head) + b"x") as slow,
        attackers(server, SLOTS // 2, request("/a.txt", **head, Expect="100-continue")) as expecting,
    ):
        assert [client.answer().status for client in expecting] == [100] * len(expecting)
        assert_serves(server)
        assert [client.answer().status for client in (*slow, *expecting)] == [408] * SLOTS


def test_readers_that_do_not_read(besieged: Besiege) -> None:
    server = besieged()
    with (
        attackers(server, SLOTS // 2, request("/big.bin") * 20, buffer=4096) as deaf,
        attackers(server, SLOTS // 2, buffer=4096) as greedy,
    ):
        for client in greedy:
            client.sock.settimeout(0.2)
            with contextlib.suppress(TimeoutError, BrokenError):  # the server has stopped reading
                client.send(request("/big.bin", X="y" * 4000) * 1000)
        assert_serves(server)
        await_free(server)
        assert all(was_reset(client) for client in (*deaf, *greedy)), "what they did not take is kept for them"


def test_a_reader_that_is_slow_but_reads_gets_all_of_it(besieged: Besiege) -> None:
    server = besieged("Timeout 10")
    with Client(server.port) as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        client.send(request("/big.bin", Connection="close"))
        size = 0
        while piece := client.sock.recv(8192):
            size += len(piece)
            assert_serves(server)  # an errand between two reads
    assert size > 1 << 20


# --- silent and idle ------------------------------------------------------------------------------------------------


def test_silent_connections_hold_no_slot(besieged: Besiege) -> None:
    server = besieged(LONG)
    with attackers(server, 10 * SLOTS):
        assert_serves(server)
        await_free(server)


def test_silent_connections_that_reach_a_slot_leave_it_to_others(besieged: Besiege) -> None:
    server = besieged(f"{LONG}\nAcceptFilter http none")
    with attackers(server, 10 * SLOTS) as silent:
        # Nobody waits but their like, and that is enough: who is left has a slot that nobody wants.
        server.wait_until(lambda: sum(map(Client.ended, silent)) >= 9 * SLOTS, SLOW, "the end of those that queued")
        assert_serves(server)
        left = next(client for client in silent if not client.ended())
        assert left.ask("/a.txt").status == 200
    assert any((line.status, line.request) == (408, "-") for line in server.access_log.lines())


def test_idle_connections_leave_their_slots_to_others(besieged: Besiege) -> None:
    server = besieged(LONG)
    for _ in range(5):
        with attackers(server, SLOTS, request("/a.txt")) as idle:
            assert [client.answer().status for client in idle] == [200] * SLOTS
            assert_serves(server)
            assert any(client.ended() for client in idle)
            if not all(client.ended() for client in idle):
                return
        # Whoever made room may have been kept from saying so, and then another one does, too: but not every time.
        await_free(server)
    raise AssertionError("one place was wanted, and all were given up")


def test_clients_that_linger(besieged: Besiege) -> None:
    """After the last answer they neither close nor are silent."""
    server = besieged(LONG)
    with attackers(server, SLOTS, request("/a.txt", Connection="close")) as rude:
        assert [client.answer().status for client in rude] == [200] * SLOTS

        def answered() -> bool:
            for client in rude:
                trickle(client)
            return waiting.readable()

        with Client(server.port) as waiting:
            waiting.send(request("/a.txt", Connection="close"))
            server.wait_until(answered, SLOW, "an answer in spite of lingering clients")
            assert waiting.answer().status == 200


def test_bodies_that_nobody_wants_leave_their_slots_to_others(besieged: Besiege) -> None:
    """But not one that a handler reads for itself."""
    server = besieged(f"{LONG}\nTraceEnable extended")
    half = {"Content_Length": "2"}
    with (
        attackers(server, SLOTS - 1, request("/a.txt", method="POST", **half) + b"x") as unwanted,
        attackers(server, 1, request("/a.txt", method="TRACE", **half) + b"x") as wanted,
        contextlib.ExitStack() as others,
    ):
        waiting = [others.enter_context(Client(server.port)) for _ in range(SLOTS)]
        for client in waiting:
            client.send(request("/a.txt", Connection="close"))
        assert [client.answer().status for client in waiting] == [200] * SLOTS
        assert any(client.readable() and client.answer().status == 408 for client in unwanted)
        wanted[0].send(b"y")
        assert wanted[0].answer().status == 200


# --- greedy ---------------------------------------------------------------------------------------------------------


def test_a_thousand_requests_at_once(besieged: Besiege) -> None:
    server = besieged(LONG)
    pages = ["a.txt", "index.html", "missing"]
    with Client(server.port) as client:
        for page in pages:
            client.send(request(f"/{page}") * 333)
        client.send(request("/a.txt", Connection="close"))
        statuses = [client.answer().status for _ in range(1000)]
        assert client.ended(SLOW)
    assert statuses == [200] * 666 + [404] * 333 + [200]
    assert_serves(server)


def test_a_body_without_end(besieged: Besiege) -> None:
    server = besieged(f"{LONG}\nLimitRequestBody 0")
    with Client(server.port) as client:
        client.send(request("/a.txt", method="POST", Transfer_Encoding="chunked"))
        chunk = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))
        for _ in range(24):
            client.send(chunk)
        assert_serves(server)
        client.send(b"0\r\n\r\n")
        assert client.answer().status == 200


def test_heads_and_chunk_lines_without_end(besieged: Besiege) -> None:
    server = besieged(LONG)
    chunked = request("/a.txt", method="POST", Transfer_Encoding="chunked")
    for part in (
        b"GET /%s",
        b"GET / HTTP/1.1\r\nHost: %s",
        b"GET / HTTP/1.1\r\n%s",
        chunked + b"1;%s",
        chunked + b"1\r\nx\r\n0\r\nX: %s",
        chunked + b"1\r\nx\r\n0\r\n%s",
    ):
        filling = b"X: y\r\n" * 2_000_000 if part.endswith(b"\n%s") else b"x" * (12 << 20)
        with Client(server.port) as client:
            with contextlib.suppress(BrokenError):  # the refusal may come as a reset, when it has stopped reading
                client.send(part % filling)
            answer = client.rest()
        assert not answer or answer.split(b" ")[1] in (b"400", b"413", b"414"), answer[:100]
        assert_serves(server)


# --- rude -----------------------------------------------------------------------------------------------------------


def test_half_closed_connections(besieged: Besiege) -> None:
    """A client that says that it has nothing more to say still listens."""
    server = besieged(LONG)
    for data, status in (
        (request("/a.txt"), 200),
        (request("/big.bin"), 200),
        (request("/a.txt") * 3, 200),
        (request("/a.txt", method="POST", Content_Length="100") + b"x", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 400),
        (b"GET / HT", None),
        (b"", None),
    ):
        with Client(server.port) as client:
            client.send(data)
            client.sock.shutdown(socket.SHUT_WR)
            if status is not None:
                for _ in range(max(data.count(b"\r\n\r\n"), 1)):
                    assert client.answer().status == status, data
            assert client.ended(SLOW) or status is None, data
    assert_serves(server)


def test_resets_at_every_byte(besieged: Besiege) -> None:
    server = besieged(LONG)
    body = request("/a.txt", method="POST", Content_Length="5", Expect="100-continue") + b"abcde"
    chunked = request("/a.txt", method="POST", Transfer_Encoding="chunked") + b"3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n"
    for data in (request("/a.txt"), body, chunked, request("/big.bin")):
        for length in range(len(data) + 1):
            client = Client(server.port)
            client.send(data[:length])
            reset(client)
    for size in (1, 10, 100, 1000, 100_000, 1_000_000):
        client = Client(server.port)
        client.send(request("/big.bin"))
        while size > 0 and (piece := client.sock.recv(min(size, 65536))):
            size -= len(piece)
        reset(client)
    assert_serves(server)


def test_connections_that_are_gone_before_they_are_accepted(besieged: Besiege) -> None:
    server = besieged(f"{LONG}\nAcceptFilter http none")
    for end in (reset, Client.close):
        for _ in range(100):
            end(Client(server.port))
    assert_serves(server)
