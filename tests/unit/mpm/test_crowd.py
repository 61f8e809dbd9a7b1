"""Who may be ended for others: only where connections queue and no slot is free."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

import pytest

from pyhttpd.api.connection import For
from pyhttpd.mpm.crowd import GRACE, Crowd, silence
from pyhttpd.scoreboard import Scoreboard, Status

GENERATION = 3


@pytest.fixture
def board() -> Scoreboard:
    """Two children, all slots busy, the pool at its limit."""
    made = Scoreboard(2, 2)
    made["saturated_since"] = 1
    for row in range(2):
        made.child(row)["pid"], made.child(row)["generation"] = 100 + row, GENERATION
        for thread in range(2):
            made.slot(row, thread).set_status(Status.BUSY_KEEPALIVE)
    return made


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def client(listener: socket.socket) -> Iterator[socket.socket]:
    with socket.create_connection(listener.getsockname(), timeout=5) as made:
        yield made


def crowd(board: Scoreboard, *listeners: socket.socket) -> Crowd:
    return Crowd(board, range(2), GENERATION, lambda: listeners)


def test_nobody_waits(board: Scoreboard, listener: socket.socket) -> None:
    assert not crowd(board, listener).wants(For.IDLE)


@pytest.mark.usefixtures("client")
def test_somebody_waits_in_vain(board: Scoreboard, listener: socket.socket) -> None:
    assert all(crowd(board, listener).wants(reason) for reason in GRACE)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("status", [Status.READY, Status.STARTING])
def test_a_slot_is_free(board: Scoreboard, listener: socket.socket, status: Status) -> None:
    board.slot(1, 1).set_status(status)
    assert not crowd(board, listener).wants(For.FIRST)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("word", "value"), [("pid", 0), ("generation", GENERATION - 1), ("quiescing", 1)])
def test_a_slot_of_a_child_that_does_not_accept_is_not_free(
    board: Scoreboard, listener: socket.socket, word: str, value: int
) -> None:
    board.slot(1, 1).set_status(Status.READY)
    board.child(1)[word] = value
    assert crowd(board, listener).wants(For.IDLE)


@pytest.mark.usefixtures("client")
def test_a_slot_of_another_bucket_is_not_free_for_these_listeners(board: Scoreboard, listener: socket.socket) -> None:
    board.slot(1, 1).set_status(Status.READY)
    assert Crowd(board, range(0, 2, 2), GENERATION, lambda: [listener]).wants(For.IDLE)


@pytest.mark.usefixtures("client")
def test_more_children_can_be_started(board: Scoreboard, listener: socket.socket) -> None:
    """Then only those are ended that have never sent anything."""
    board["saturated_since"] = 0
    assert crowd(board, listener).wants(For.FIRST)
    assert not any(crowd(board, listener).wants(reason) for reason in GRACE if reason is not For.FIRST)


def test_a_listener_that_has_been_closed(board: Scoreboard, listener: socket.socket) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    closed.close()
    assert not crowd(board, closed, listener).wants(For.IDLE)


def test_silence_counts_from_the_last_packet(listener: socket.socket, client: socket.socket) -> None:
    began = time.monotonic()
    accepted, _ = listener.accept()
    with accepted:
        assert not select.select([accepted], [], [], 0.3)[0]
        silent = silence(accepted)
        assert 0.2 <= silent <= time.monotonic() - began + 60  # its connection is a little older than `began`
        sent = time.monotonic()
        client.send(b"x")
        assert select.select([accepted], [], [], 60)[0]
        assert silence(accepted) <= time.monotonic() - sent + 0.1


def test_silence_of_what_is_no_tcp_connection() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert silence(one) == 0
    assert silence(one) == 0
