"""The waits of a child: for a connection, and on a connection. Both end when the child shall leave.

Two descriptors tell a child to leave: the pipe of death (its generation is over, or the master is gone) and `stop`
(this child alone). Both are level-triggered and never drained, so no wake-up can be lost between a look and a wait.

A connection whose client does nothing is ended early when others wait for a slot and none is free (crowd.py). The
kernel keeps silent connections back (TCP_DEFER_ACCEPT), but only as many as its queue is long, and for a time.

For connections a child waits in epoll with EPOLLEXCLUSIVE: one child wakes, not all of them. The kernel offers a
connection to the waiters in the order in which they joined its queue. A child leaves the queue when it has accepted,
and joins again, at the end, when it can accept the next one; a child that has clearly more to do than another lets it
go first for POLITE seconds. Otherwise whoever is quick gets them all. Joining looks at the accept queue, so a
connection whose chosen child died is found by the next child that joins, or after REJOIN seconds by an idle one.
"""

from __future__ import annotations

import _thread
import errno
import math
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from pyhttpd.api.connection import For, Wait, Woken
from pyhttpd.mpm.crowd import GRACE, Crowd, silence

REJOIN = 1.0  # seconds
POLITE = 0.001
LOOK = 1.0  # seconds between two looks whether others wait for the slot of a client that does nothing
TURNS = 0.25  # seconds over which these looks are spread: who looks next shall see that somebody has made room
LEAVING_GRACE = 1.0  # seconds that an idle keep-alive connection has when its child leaves

# What accept may say about a connection that was gone before it was taken.
RETRY = frozenset({
    errno.EINTR, errno.EAGAIN, errno.ECONNABORTED, errno.ECONNRESET, errno.EPROTO, errno.ETIMEDOUT,
    errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPERM, errno.EOPNOTSUPP, errno.ENOPROTOOPT, errno.EHOSTDOWN,
    errno.ENONET,
})  # fmt: skip

_LONGEST_POLL = 2**31 - 1  # milliseconds; a longer deadline is waited for in several polls
_JOIN = select.EPOLLIN | select.EPOLLEXCLUSIVE


def _never() -> bool:
    return False


class Acceptor:
    """Accepts from one set of listeners. One thread at a time uses it."""

    def __init__(self, listeners: Sequence[socket.socket], death: int, stop: int, kick: int) -> None:
        self._listeners = {sock.fileno(): sock for sock in listeners}
        self._epoll = select.epoll()
        self._epoll.register(death, 0)  # a hang-up is always told
        self._epoll.register(stop, select.EPOLLIN)
        self._epoll.register(kick, select.EPOLLIN | select.EPOLLET)  # each writing wakes everybody once
        self._ends = (death, stop)
        self._kick = kick
        self._joined = False
        self._ended = False

    def accept(
        self, leaving: Callable[[], bool], polite: Callable[[], bool] = _never
    ) -> tuple[socket.socket, Any] | None:
        """The next connection and its peer; None when the child shall leave. Raises OSError where accept is broken.

        `polite` tells whether another child has less to do. A child that was woken for a connection takes it even if it
        is leaving: nobody else was woken. If it was woken for several, it kicks the others, who look at their listeners
        then.
        """
        while not (self._ended or leaving()):
            if not self._joined:
                if polite():
                    time.sleep(POLITE)  # an end of this child that comes meanwhile is told below
                self._join()
            fds = [fd for fd, _ in self._epoll.poll(REJOIN)]
            self._ended = any(fd in self._ends for fd in fds)
            ready = [fd for fd in fds if fd in self._listeners]
            accepted = None
            while ready and accepted is None:
                accepted = self._accept_from(ready.pop())
            if ready:
                os.eventfd_write(self._kick, 1)
            if accepted is not None or not fds or self._kick in fds:
                self._leave_queue()
            if accepted is not None:
                return accepted
        return None

    def _accept_from(self, fd: int) -> tuple[socket.socket, Any] | None:
        try:
            return self._listeners[fd].accept()
        except OSError as error:
            if error.errno == errno.EINVAL:  # the master has shut it down: nobody listens there any more
                self._epoll.unregister(fd)
                self._listeners.pop(fd).close()
                return None
            if error.errno not in RETRY:
                raise
        self._epoll.unregister(fd)  # to the end of the queue
        self._epoll.register(fd, _JOIN)
        return None

    def _join(self) -> None:
        for fd in self._listeners:
            self._epoll.register(fd, _JOIN)
        self._joined = True

    def _leave_queue(self) -> None:
        for fd in self._listeners:
            self._epoll.unregister(fd)
        self._joined = False

    def listeners(self) -> list[socket.socket]:
        """Those that it accepts from. From any thread."""
        return list(self._listeners.values())

    def close(self) -> None:
        """Stop listening in this process, at once."""
        self._ended = True
        self._epoll.close()
        for sock in self._listeners.values():
            sock.close()
        self._listeners.clear()


_EVENTS = {
    For.READ: select.POLLIN,
    For.FIRST: select.POLLIN,
    For.IDLE: select.POLLIN,
    For.LINGER: select.POLLIN,
    For.BODY: select.POLLIN,
    For.DISCARD: select.POLLIN,
    For.WRITE: select.POLLOUT,
}


class ConnectionWaiter:
    """Waits on one connection at a time for one thread."""

    def __init__(
        self,
        death: int,
        stop: int,
        leaving: Callable[[], bool],
        leave: Callable[[], None],
        crowd: Crowd | None = None,
    ) -> None:
        self._death = death
        self._stop = stop
        self._leaving = leaving
        self._leave = leave
        self._crowd = crowd
        self._turn = _thread.get_native_id() * 37 % 64 / 64 * TURNS  # neighbours, who are many, are far apart

    def wait(self, sock: socket.socket, wait: Wait) -> Woken:
        """Until the connection is ready, its deadline has passed or, when it is idle, the child is leaving or others
        want its slot.

        A child that leaves gives an idle connection LEAVING_GRACE: a request that is already on its way is
        still answered, so a client loses nothing in the gap between two requests.
        """
        idle = wait.reason is For.IDLE
        began = time.monotonic()
        poll = select.poll()
        poll.register(sock, _EVENTS[wait.reason])
        watching = idle and not self._leaving()
        if watching:
            poll.register(self._death, 0)
            poll.register(self._stop, select.POLLIN)
        look = self._first_look(sock, wait.reason, wait.since or began)
        while True:
            deadline = wait.deadline if watching or not idle else min(wait.deadline, began + LEAVING_GRACE)
            remaining = min(deadline, look) - time.monotonic()
            events = poll.poll(min(int(remaining * 1000) + 1, _LONGEST_POLL) if remaining > 0 else 0)
            fd = sock.fileno()
            if any(ready == fd for ready, _ in events):
                return Woken.READY
            if events and watching:
                watching = False
                self._leave()  # if the pipe of death told it, this child does not know yet
                poll.unregister(self._death)
                poll.unregister(self._stop)
                continue
            now = time.monotonic()
            if now >= deadline:
                return Woken.ENDED if idle and not watching else Woken.EXPIRED
            if now >= look:
                assert self._crowd is not None
                if self._crowd.wants(wait.reason):
                    return Woken.CROWDED
                look = now + LOOK

    def _first_look(self, sock: socket.socket, reason: For, since: float) -> float:
        """When to look first whether somebody wants this slot."""
        if self._crowd is None or reason not in GRACE:
            return math.inf
        silent = silence(sock) if reason is For.FIRST else 0.0  # in the kernel's queue, before it was accepted
        return since + GRACE[reason] - silent + self._turn
