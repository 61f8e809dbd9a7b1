"""The waits of a child: they end for a connection, a deadline, the end of the generation, or this child's own end."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pyhttpd.api.connection import For, Wait, Woken
from pyhttpd.mpm.crowd import GRACE, Crowd
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.mpm.waiting import Acceptor, ConnectionWaiter


@dataclass
class Ends:
    pod: PipeOfDeath = field(default_factory=PipeOfDeath)
    stop: tuple[int, int] = field(default_factory=lambda: os.pipe2(os.O_NONBLOCK))
    left: bool = False

    def leaving(self) -> bool:
        return self.left

    def leave(self) -> None:
        if self.left:
            return
        self.left = True
        os.write(self.stop[1], b"!")


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.pod.close()
    for fd in made.stop:
        os.close(fd)


@pytest.fixture
def listeners() -> Iterator[list[socket.socket]]:
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    for sock in made:
        sock.setblocking(False)
    yield made
    for sock in made:
        sock.close()


def test_accepts_from_every_listener(ends: Ends, listeners: list[socket.socket]) -> None:
    acceptor = Acceptor(listeners, ends.pod.reader, ends.stop[0], ends.pod.kick)
    clients = [socket.create_connection(sock.getsockname(), timeout=5) for sock in listeners]
    accepted = [acceptor.accept(ends.leaving) for _ in clients]
    assert {item[0].getsockname() for item in accepted if item} == {sock.getsockname() for sock in listeners}
    for item in accepted:
        assert item is not None
        item[0].close()
    for client in clients:
        client.close()


def test_accept_ends_with_the_generation(ends: Ends, listeners: list[socket.socket]) -> None:
    acceptor = Acceptor(listeners, ends.pod.reader, ends.stop[0], ends.pod.kick)
    ends.pod.close_writer()
    assert acceptor.accept(ends.leaving) is None


def test_accept_ends_with_the_child(ends: Ends, listeners: list[socket.socket]) -> None:
    acceptor = Acceptor(listeners, ends.pod.reader, ends.stop[0], ends.pod.kick)
    os.write(ends.stop[1], b"!")
    assert acceptor.accept(ends.leaving) is None


def test_a_connection_that_has_been_offered_is_taken_first(ends: Ends, listeners: list[socket.socket]) -> None:
    acceptor = Acceptor(listeners, ends.pod.reader, ends.stop[0], ends.pod.kick)
    client = socket.create_connection(listeners[0].getsockname(), timeout=5)
    ends.pod.close_writer()
    accepted = acceptor.accept(ends.leaving)
    assert accepted is not None
    accepted[0].close()
    client.close()
    assert acceptor.accept(ends.leaving) is None


def test_turns_are_taken(ends: Ends, listeners: list[socket.socket]) -> None:
    """Two acceptors of one listener: who has just had a connection is behind the other."""
    import select

    both = [Acceptor(listeners[:1], ends.pod.reader, ends.stop[0], ends.pod.kick) for _ in range(2)]
    client = socket.create_connection(listeners[0].getsockname(), timeout=5)
    first = both[0].accept(ends.leaving)
    assert first is not None
    ready = select.select([item._epoll for item in both], [], [], 0)[0]
    assert both[0]._epoll not in ready, "it has left the queue"
    first[0].close()
    client.close()


def test_who_is_offered_two_connections_kicks_the_others(ends: Ends, listeners: list[socket.socket]) -> None:
    import select

    both = [Acceptor(listeners, ends.pod.reader, ends.stop[0], ends.pod.kick) for _ in range(2)]
    clients = [socket.create_connection(sock.getsockname(), timeout=5) for sock in listeners]
    first = both[0].accept(ends.leaving)
    assert first is not None
    # Whatever wake-ups the second has had: after the kick it looks, and finds the other connection.
    assert both[1]._epoll in select.select([both[1]._epoll], [], [], 5)[0]
    second = both[1].accept(ends.leaving)
    assert second is not None
    for item in (first, second):
        item[0].close()
    for client in clients:
        client.close()


def test_a_listener_that_was_shut_down_is_forgotten(ends: Ends, listeners: list[socket.socket]) -> None:
    acceptor = Acceptor(listeners, ends.pod.reader, ends.stop[0], ends.pod.kick)
    listeners[0].shutdown(socket.SHUT_RDWR)
    client = socket.create_connection(listeners[1].getsockname(), timeout=5)
    accepted = acceptor.accept(ends.leaving)
    assert accepted is not None
    accepted[0].close()
    client.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_ready(ends: Ends, pair: tuple[socket.socket, socket.socket]) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave)
    pair[1].send(b"x")
    assert waiter.wait(pair[0], Wait(For.READ, time.monotonic() + 60)) is Woken.READY
    assert waiter.wait(pair[0], Wait(For.WRITE, time.monotonic() + 60)) is Woken.READY


def test_expired(ends: Ends, pair: tuple[socket.socket, socket.socket]) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave)
    assert waiter.wait(pair[0], Wait(For.READ, time.monotonic())) is Woken.EXPIRED
    assert waiter.wait(pair[0], Wait(For.IDLE, time.monotonic())) is Woken.EXPIRED


def test_an_idle_connection_of_a_leaving_child_ends_long_before_its_deadline(
    ends: Ends, pair: tuple[socket.socket, socket.socket]
) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave)
    ends.leave()
    began = time.monotonic()
    assert waiter.wait(pair[0], Wait(For.IDLE, began + 600)) is Woken.ENDED
    assert time.monotonic() - began < 30


def test_a_request_within_the_grace_is_still_served(ends: Ends, pair: tuple[socket.socket, socket.socket]) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave)
    ends.pod.close_writer()
    pair[1].send(b"GET")
    assert waiter.wait(pair[0], Wait(For.IDLE, time.monotonic() + 600)) is Woken.READY


class FakeCrowd(Crowd):
    """Others wait, or not; it counts the looks."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)
        self.asked: list[For] = []

    def wants(self, reason: For) -> bool:
        self.asked.append(reason)
        return self.answers.pop(0)


@pytest.mark.parametrize("reason", list(GRACE))
def test_who_does_nothing_makes_room_for_others(
    ends: Ends, pair: tuple[socket.socket, socket.socket], reason: For
) -> None:
    crowd = FakeCrowd(True)
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave, crowd)
    now = time.monotonic()
    assert waiter.wait(pair[0], Wait(reason, now + 600, now - 60)) is Woken.CROWDED
    assert crowd.asked == [reason]


def test_who_does_nothing_is_kept_where_nobody_waits(
    ends: Ends, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyhttpd.mpm.waiting.LOOK", 0.01)
    crowd = FakeCrowd(False, False, False, True)
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave, crowd)
    now = time.monotonic()
    assert waiter.wait(pair[0], Wait(For.IDLE, now + 600, now - 60)) is Woken.CROWDED
    assert len(crowd.asked) == 4
    assert waiter.wait(pair[0], Wait(For.IDLE, now, now - 60)) is Woken.EXPIRED


@pytest.mark.parametrize("reason", [For.BODY, For.WRITE])
def test_who_is_wanted_is_not_looked_at(ends: Ends, pair: tuple[socket.socket, socket.socket], reason: For) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave, FakeCrowd())
    if reason is For.WRITE:
        pair[0].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while pair[0].send(b"x" * 65536):
                pass
    now = time.monotonic()
    assert waiter.wait(pair[0], Wait(reason, now + 0.01, now - 60)) is Woken.EXPIRED


def test_who_has_just_begun_is_not_looked_at(ends: Ends, pair: tuple[socket.socket, socket.socket]) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave, FakeCrowd())
    for reason in GRACE:
        assert waiter.wait(pair[0], Wait(reason, time.monotonic() + 0.01)) is Woken.EXPIRED


def test_a_request_that_is_there_wins_over_the_crowd(ends: Ends, pair: tuple[socket.socket, socket.socket]) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave, FakeCrowd())
    pair[1].send(b"GET")
    now = time.monotonic()
    assert waiter.wait(pair[0], Wait(For.FIRST, now + 600, now - 60)) is Woken.READY


def test_a_half_read_head_is_not_cut_short_by_the_end(ends: Ends, pair: tuple[socket.socket, socket.socket]) -> None:
    waiter = ConnectionWaiter(ends.pod.reader, ends.stop[0], ends.leaving, ends.leave)
    ends.leave()
    assert waiter.wait(pair[0], Wait(For.READ, time.monotonic() + 0.01)) is Woken.EXPIRED
