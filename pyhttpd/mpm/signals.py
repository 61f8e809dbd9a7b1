"""The master's signals: a handler only notes and wakes; the loop takes one at a time."""

from __future__ import annotations

import os
import signal
from enum import Enum
from types import FrameType


class Action(Enum):
    """What a signal asks of the master, the most urgent first."""

    STOP = 0
    GRACEFUL_STOP = 1
    RESTART = 2
    GRACEFUL = 3
    RESIZED = 4  # WINCH of a terminal, not of an administrator


ACTIONS = {
    signal.SIGTERM: Action.STOP,
    signal.SIGINT: Action.STOP,
    signal.SIGHUP: Action.RESTART,
    signal.SIGUSR1: Action.GRACEFUL,
    signal.SIGWINCH: Action.GRACEFUL_STOP,
}
IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)
ALL = frozenset(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}


def on_terminal() -> bool:
    """Whether this process is in the foreground of a terminal, so that a WINCH comes from its window."""
    try:
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(fd)


class SignalQueue:
    """Installed once in the master. `fileno` becomes readable whenever a signal has come, SIGCHLD included."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._pending: set[Action] = set()

    def install(self) -> None:
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in ACTIONS:
            signal.signal(number, self._note)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # the wakeup fd is all that it is for
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pending.add(ACTIONS[signal.Signals(number)])

    def fileno(self) -> int:
        return self._reader

    def drain(self) -> None:
        """Forget the wake-ups, not the actions."""
        try:
            while len(os.read(self._reader, 512)) == 512:
                pass
        except BlockingIOError:
            pass

    def stopping(self) -> bool:
        """Whether a stop is waiting: nobody needs to finish what would be thrown away."""
        return Action.STOP in self._pending

    def take(self) -> Action | None:
        """The most urgent action that has been asked for; each is returned once."""
        for action in Action:  # never over the set: a handler may add to it at any time
            if action in self._pending:
                self._pending.discard(action)
                return Action.RESIZED if action is Action.GRACEFUL_STOP and on_terminal() else action
        return None

    def close_in_child(self) -> None:
        """A child that wrote into the master's pipe would wake it for nothing, or worse. Signals are blocked here."""
        signal.set_wakeup_fd(-1)
        os.close(self._reader)
        os.close(self._writer)
