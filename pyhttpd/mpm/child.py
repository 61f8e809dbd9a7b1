"""A child, from the fork to its exit status: signals, privileges, child_init, the loop of its MPM."""

from __future__ import annotations

import _thread
import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from pyhttpd.api.connection import Conversation, For, Wait, Woken
from pyhttpd.api.log import Level
from pyhttpd.mpm.crowd import Crowd
from pyhttpd.mpm.flavour import EXIT_CHILD_FATAL, EXIT_CHILD_INIT, EXIT_CHILD_SICK, EXIT_OK
from pyhttpd.mpm.generation import Generation, Identity
from pyhttpd.mpm.waiting import Acceptor, ConnectionWaiter
from pyhttpd.scoreboard import Scoreboard, Slot, Status

if TYPE_CHECKING:
    from pyhttpd.mpm.directives import MpmConfig

Handler = Callable[[int, FrameType | None], None]
MANY = 8
"""Connections of a child above which its threads take turns: fewer do not get into each other's way."""
GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
_ESCAPED = "an error escaped from a connection"
_ENDING = (signal.SIGTERM, signal.SIGHUP)


class ChildProcess:
    """The process we are in. Implements api.connection.Child."""

    def __init__(
        self,
        generation: Generation,
        scoreboard: Scoreboard,
        row: int,
        number: int,
        listeners: Sequence[socket.socket],
        death: int,
        kick: int,
    ) -> None:
        self.generation = generation
        self.config: MpmConfig = generation.config
        self.service = generation.service
        self.error_log = generation.error_log
        self.scoreboard = scoreboard
        self.row = row
        self.number = number  # of the generation
        self.death = death
        self.exit_status = EXIT_OK
        self.connections = 0
        self.active = 0
        self.turn: _thread.LockType | None = None  # see api.connection.Child
        self._turn = _thread.allocate_lock()
        self.pid = os.getpid()
        self.master: int | None = None  # its pid, where nobody but this child's only thread could notice its death
        self._running = scoreboard.word("generation")
        self._left = False
        self._conversing = False
        self._stop_reader, self._stop_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.acceptor = Acceptor(listeners, death, self._stop_reader, kick)
        buckets = self.config.buckets
        rows = range(row % buckets, self.config.limits.children, buckets)
        self.crowd = Crowd(scoreboard, rows, number, self.acceptor.listeners)
        scoreboard.child(row)["pid"] = self.pid  # the master writes it, too, but perhaps not before we need it

    # -- leaving

    @property
    def leaving(self) -> bool:
        if self._left or self._running[0] != self.number:
            return True
        # A client that never lets us wait keeps us from the pipe of death.
        return self.master is not None and os.getppid() != self.master

    def is_leaving(self) -> bool:
        return self.leaving

    def leave(self) -> None:
        """Accept no more, finish what there is, go. From any thread; every wait of this child wakes."""
        if self._left:
            return
        self._left = True
        self._row_word("quiescing", 1)
        try:
            os.write(self._stop_writer, b"!")
        except BlockingIOError:
            pass  # it is full, so it is readable

    def _told_to_leave(self, number: int, frame: FrameType | None) -> None:
        """SIGUSR1. The wakeup fd has already been written to: a wait that was about to begin ends as well."""
        self.leave_listeners()

    def leave_listeners(self) -> None:
        """Leave, and let go of the listeners before a long answer has ended: somebody else may need the address."""
        self.leave()
        if self._conversing and not self.generation.flavour.threaded:  # worker's main thread does it for worker
            self.acceptor.close()

    # -- life

    def live(self, stops: Mapping[signal.Signals, Handler] | None = None) -> int:
        """Everything after the fork. Returns the exit status; signals are still blocked at the start.

        `stops` are the handlers of a process that has no master (-X).
        """
        try:
            self._take_signals(stops)
        except OSError as error:
            self.error_log.log(Level.ALERT, "core", "PH00110", "a child failed: signals", errno=error.errno)
            return EXIT_CHILD_FATAL
        if not self._become(self.generation.identity):
            return EXIT_CHILD_FATAL
        self.generation.tuning.apply(self.error_log)
        gc.enable()
        try:
            self.service.child_init(self)
        except BaseException:
            self.log_traceback("child_init failed")
            return EXIT_CHILD_INIT
        if self.service.has_farewell and stops is None:
            for number in _ENDING:
                signal.signal(number, self._say_farewell)
        self.generation.flavour.run(self)
        if stops is None:
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # it is ending, and what it does at the end is done once
        self.service.child_exit()
        return self.exit_status

    def _take_signals(self, stops: Mapping[signal.Signals, Handler] | None) -> None:
        if stops is None:
            for number in (*_ENDING, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)  # TERM and HUP end a child at once, in the middle of anything
            for number in (signal.SIGINT, signal.SIGWINCH):
                signal.signal(number, signal.SIG_IGN)  # a terminal sends them to everybody; the master decides
            stops = {signal.SIGUSR1: self._told_to_leave}
        for number, handler in stops.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._stop_writer, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def _say_farewell(self, number: int, frame: FrameType | None) -> None:
        """TERM or HUP, where a module has something to do at the end; then it ends the child as it would have."""
        self.service.child_exit()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _become(self, identity: Identity | None) -> bool:
        """Take the User's and the Group's rights, and root's last while they are there: see only ChrootDir. False if
        that is not possible; it has been logged."""
        if identity is None:
            return True
        user, uid, gid, groups, root = identity
        steps: tuple[tuple[Callable[[], None], str, str], ...] = (
            (partial(os.setgid, gid), "AH02156", f"setgid: unable to set group id to Group {gid}"),
            (partial(os.setgroups, groups), "AH02157",
             f"initgroups: unable to set groups for User {user} and Group {gid}"),
            *(() if root is None else (
                (partial(os.chdir, root), "AH02159", f"Can't chdir to {root}"),
                (partial(os.chroot, root), "AH02160", f"Can't chroot to {root}"),
                (partial(os.chdir, "/"), "AH02161", "Can't chdir to new root"),
            )),
            (partial(os.setuid, uid), "AH02162", f"setuid: unable to change to uid: {uid}"),
        )  # fmt: skip
        for step, number, text in steps:
            try:
                step()
            except OSError as error:
                self.error_log.log(Level.ALERT, "unixd", number, text, errno=error.errno)
                return False
        return True

    # -- connections

    @property
    def exhausted(self) -> bool:
        """Whether MaxConnectionsPerChild has been reached."""
        return 0 < self.config.max_connections_per_child <= self.connections

    def polite(self) -> bool:
        """Whether another child of this generation that accepts serves clearly fewer connections than this one."""
        return self.active > 1 and any(self._has_less(row) for row in range(self.config.limits.children))

    def _has_less(self, row: int) -> bool:
        words = self.scoreboard.child(row)
        return (
            words["active"] + 1 < self.active
            and words["pid"] not in (0, self.pid)
            and words["generation"] == self.number
            and not words["quiescing"]
        )

    def note_active(self, change: int) -> None:
        """One connection more or less. One thread at a time."""
        self.active += change
        self.turn = self._turn if self.active > MANY and GIL else None
        self._row_word("active", self.active)

    def note_complete(self) -> None:
        """All threads have been started."""
        self._row_word("complete", 1)

    def _row_word(self, name: str, value: int) -> None:
        """Write a word of our row, unless a newer child has taken the row over."""
        row = self.scoreboard.child(self.row)
        if row["pid"] == self.pid:
            row[name] = value

    def count_connection(self) -> None:
        """Count an accepted connection. With the last one the child begins to leave, so that its answers say so."""
        self.connections += 1
        self._row_word("connections", self.connections)
        if self.exhausted:
            self.leave()

    def open(self, sock: socket.socket, peer: Any, slot: Slot) -> Conversation | None:
        """A connection that was accepted. What it asks for first is answered now if that takes no waiting; None if that
        was all, and the connection is closed."""
        connection = None
        try:
            slot.begin_connection()
            connection = self.service.open(sock, peer, slot)
            if not connection.begin():
                return connection
        except BaseException:  # whatever it is, it costs this connection and not the child
            self.log_traceback(_ESCAPED)
        if connection is not None:
            connection.close()
        sock.close()
        return None

    def converse(self, connection: Conversation, sock: socket.socket, waiter: ConnectionWaiter) -> None:
        """The rest of a connection, to its close. The service says what it waits for; here is where it waits."""
        self._conversing = True
        try:
            wait = connection.serve(Woken.NEW)
            while wait.reason is not For.CLOSE:
                wait = connection.serve(waiter.wait(sock, wait))
        except BaseException:  # as above
            self.log_traceback(_ESCAPED)
        finally:
            connection.close()
            sock.close()
            self._conversing = False

    def accept_failed(self, error: OSError) -> None:
        """accept() cannot work in this child (out of descriptors, out of memory): it finishes and says why."""
        self.error_log.log(
            Level.ERROR,
            self.generation.flavour.log_name,
            "AH02179",
            "accept: giving up in this child",
            errno=error.errno,
        )
        self.exit_status = EXIT_CHILD_SICK
        self.leave()

    def slot(self, thread: int = 0) -> Slot:
        slot = self.scoreboard.slot(self.row, thread)
        slot.reset(self.pid, self.number, Status.STARTING)
        return slot

    def wait(self, sock: socket.socket, wait: Wait) -> Woken:
        """See api.connection.Child."""
        return self.waiter().wait(sock, wait)

    def waiter(self) -> ConnectionWaiter:
        return ConnectionWaiter(self.death, self._stop_reader, self.is_leaving, self.leave_listeners, self.crowd)

    @property
    def stop(self) -> int:
        """Readable once this child has been told to leave."""
        return self._stop_reader

    def log_traceback(self, what: str) -> None:
        lines = traceback.format_exc().splitlines()
        self.error_log.log(Level.ERROR, self.generation.flavour.log_name, "PH00110", what, details=lines)
