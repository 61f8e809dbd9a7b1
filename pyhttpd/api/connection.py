"""A connection, what it waits for, and the contract between the MPM and whoever speaks the protocol on it."""

from __future__ import annotations

import struct
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import _thread
    import socket

    from pyhttpd.scoreboard import Slot


class For(Enum):
    """What a connection needs before it can go on."""

    READ = "bytes from the client, which has sent a part of a head"
    FIRST = "the first bytes; nothing has arrived yet"
    IDLE = "the next request; nothing of it has arrived, so the connection may be ended for its slot"
    WRITE = "room in the send buffer"
    LINGER = "the client's end of file after ours"
    BODY = "bytes of a body that a handler reads"
    DISCARD = "bytes of a body that nobody wants, so that it may be given up for its slot"
    CLOSE = "nothing more: close it"


class Wait(NamedTuple):
    """What `serve` returns: what it waits for, until when, and since when (CLOCK_MONOTONIC seconds; 0: just now)."""

    reason: For
    deadline: float = 0.0
    since: float = 0.0


CLOSE = Wait(For.CLOSE)

SHORTLY = 0.1
"""Seconds in which what a client does next usually comes: waiting for that alone takes one system call."""

RECEIVE_LIMIT = struct.pack("@ll", 0, int(SHORTLY * 1_000_000))
"""The same as SO_RCVTIMEO takes it. Listeners have it, so that the sockets that they accept have it, too."""


class Woken(Enum):
    """Why `serve` is called."""

    NEW = "the connection was accepted"
    READY = "what it waited for has come"
    EXPIRED = "the deadline has passed"
    ENDED = "the connection was idle and its child is leaving"
    CROWDED = "its client has done nothing for a while, and others wait for a slot"


class Child(Protocol):
    """What the protocol side may ask of the process it runs in."""

    @property
    def leaving(self) -> bool:
        """True once this child shall finish: answers carry `Connection: close`, no keep-alive is granted."""

    @property
    def turn(self) -> _thread.LockType | None:
        """Held by whoever sends an answer that takes no waiting, where many threads of the child have something to do
        and the interpreter lets one of them run at a time; else None. Without turns each system call hands the
        interpreter to another thread, and each thread waits for it several times in a request."""

    def wait(self, sock: socket.socket, wait: Wait) -> Woken:
        """Within `serve`, for a body: block until there is something to read, the deadline has passed (EXPIRED) or
        others want the slot of a client that does nothing (CROWDED). From any thread that serves."""


class Conversation(Protocol):
    """A connection as the service has it. All calls come from one thread at a time. Nothing it raises ends the child.

    `serve` may block while it sends, or reads a body that is on its way, each with the timeouts that the configuration
    gives, and SHORTLY for the next request. It never sleeps longer on an idle client.
    """

    def begin(self) -> bool:
        """Perhaps before `serve(NEW)`: answer what takes no waiting at all, because the thread that calls lets others
        wait. True if that was everything, and only `close` is left to do."""

    def serve(self, woken: Woken) -> Wait:
        """Go on until something has to be waited for."""

    def close(self) -> None:
        """Close the socket and let go of everything. Never raises."""


class Service(Protocol):
    """What boot hands to the MPM, which owns every idle wait.

    The MPM calls `open` and may call `begin`, then `serve` until that returns CLOSE, waiting between the calls as told;
    then `close`.
    """

    def monitor(self) -> None:
        """In the master, once a second. Must return soon."""

    def child_init(self, child: Child) -> None:
        """In the new child, once, after it has dropped its privileges and before its first connection."""

    @property
    def has_farewell(self) -> bool:
        """Whether a module has something to do at a child's end."""

    def child_exit(self) -> None:
        """In the child, when it ends; also from a handler of the signal that ends it. Never raises."""

    def open(self, sock: socket.socket, peer: Any, slot: Slot) -> Conversation:
        """A connection for an accepted socket. `peer` is what accept returned, `slot` the scoreboard slot it uses."""
