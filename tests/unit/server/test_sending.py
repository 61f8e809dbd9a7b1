"""Sending: everything arrives, and a client that takes nothing has Timeout once."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from pyhttpd.server.sending import ClientGoneError, Sender, TruncatedFileError

SIZE = 20 << 20  # more than the kernel buffers


@contextmanager
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=20)
        ours, _ = listener.accept()
    with ours, client:
        yield ours, client


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with connection() as both:
        yield both


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "file"
    with path.open("wb") as made:
        made.truncate(SIZE)
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def drain(client: socket.socket, received: list[int]) -> None:
    while piece := client.recv(1 << 20):
        received.append(len(piece))


@pytest.mark.parametrize("sendfile", [True, False])
def test_all_of_it_arrives(ends: tuple[socket.socket, socket.socket], file: int, sendfile: bool) -> None:
    ours, client = ends
    sender = Sender(ours)
    sender.timeout = 20
    received: list[int] = []
    reader = threading.Thread(target=drain, args=(client, received))
    reader.start()
    sender.send(b"x" * SIZE)
    sender.send_file(file, 10, SIZE - 10, sendfile=sendfile)
    ours.shutdown(socket.SHUT_WR)
    reader.join(20)
    assert sum(received) == sender.sent == 2 * SIZE - 10


@pytest.mark.parametrize("how", ["bytes", "sendfile", "copied"])
def test_a_client_that_takes_nothing_has_the_timeout_once(file: int, how: str) -> None:
    """The kernel's limit would be three or four times as long. A busy machine may make it look so, but not always."""
    for _ in range(5):
        with connection() as (ours, client):
            took = _give_in_vain(ours, client, file, how)
        assert took >= 0.5
        if took < 1.4:
            return
    raise AssertionError("always longer than the time limit")


def _give_in_vain(ours: socket.socket, client: socket.socket, file: int, how: str) -> float:
    """The seconds until a sender with a limit of half a second gave up."""
    sender = Sender(ours)
    sender.timeout = 0.5
    send: Callable[[], None]
    if how == "bytes":
        send = partial(sender.send, b"x" * SIZE)
    else:
        send = partial(sender.send_file, file, 0, SIZE, sendfile=how == "sendfile")
    began = time.monotonic()
    with pytest.raises(ClientGoneError) as caught:
        send()
    assert caught.value.timed_out
    assert 0 < sender.sent < SIZE
    took = time.monotonic() - began
    sender.give_up()
    ours.close()
    with pytest.raises(ConnectionResetError):
        drain(client, [])
    return took


def test_a_client_that_has_gone(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, client = ends
    client.close()
    sender = Sender(ours)
    sender.timeout = 20
    with pytest.raises(ClientGoneError) as caught:
        sender.send(b"x" * SIZE)
    assert not caught.value.timed_out


@pytest.mark.parametrize("sendfile", [True, False])
def test_a_file_that_is_shorter_than_promised(
    ends: tuple[socket.socket, socket.socket], file: int, sendfile: bool
) -> None:
    sender = Sender(ends[0])
    sender.timeout = 20
    with pytest.raises(TruncatedFileError):
        sender.send_file(file, SIZE - 10, 20, sendfile=sendfile)
