"""Work in a short-lived process that hands a value back: how the master reads a configuration without touching it.

What the work imports, allocates or breaks is gone with the process. The master polls the pipe and goes on meanwhile.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from pyhttpd.util.collector import collector_paused

_CHUNK = 1 << 20


class ProcessFailed(Exception):
    """The process ended without a value: the text says how in a line, `details` are those of a traceback."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message, tuple(details))
        self.message = message
        self.details = tuple(details)

    def __str__(self) -> str:
        return self.message


def _forget() -> None:
    """For a process that has nothing to hide from its fork."""


class Apart:
    """One such process. Raises OSError where it can't be started."""

    def __init__(
        self,
        work: Callable[[], Any],
        in_child: Callable[[], None] = _forget,
        expected: tuple[type[Exception], ...] = (),
    ) -> None:
        """`in_child` runs first in the new process, with all signals blocked. `expected` exceptions come back whole."""
        self._reader, writer = os.pipe2(os.O_CLOEXEC)
        self._data = bytearray()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _work_in_child(work, in_child, expected, writer)
        except OSError:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.set_blocking(self._reader, False)
        self._pidfd = os.pidfd_open(self._pid)  # a number can be reused, this can't

    def fileno(self) -> int:
        return self._reader

    def advance(self) -> bool:
        """Take what has been written; True at the end."""
        while True:
            try:
                chunk = os.read(self._reader, _CHUNK)
            except BlockingIOError:
                return False
            if not chunk:
                return True
            self._data += chunk

    def result(self) -> Any:
        """The value. Raises an expected exception or ProcessFailed. After `advance` was True, or blocking."""
        os.set_blocking(self._reader, True)
        self.advance()
        self._close()
        if not self._data:
            raise ProcessFailed("it was ended before it had finished")
        try:
            with collector_paused():
                raised, value = pickle.loads(self._data)
        except Exception as error:
            raise ProcessFailed(f"its answer is incomplete: {error}") from error
        if raised:
            raise value
        return value

    def abandon(self) -> None:
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself
        self._close()
        self.wait()

    def forget(self) -> None:
        """In another forked process: it is not ours to read from."""
        self._close()

    def wait(self) -> None:
        """Reap it, if nobody else has: until then it counts as a process of ours."""
        try:
            os.waitpid(self._pid, 0)
        except ChildProcessError:
            pass

    def _close(self) -> None:
        for fd in (self._reader, self._pidfd):
            if fd >= 0:
                os.close(fd)
        self._reader = self._pidfd = -1


def _failure(error: BaseException) -> ProcessFailed:
    return ProcessFailed(f"{type(error).__name__}: {error}", traceback.format_exc().splitlines())


def _work_in_child(
    work: Callable[[], Any], in_child: Callable[[], None], expected: tuple[type[Exception], ...], writer: int
) -> None:
    """Never returns."""
    status = 1
    try:
        gc.disable()  # it ends soon, and what it makes is all kept: looking for garbage is lost time
        in_child()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        answer: tuple[bool, Any]
        try:
            answer = (False, work())
        except expected as error:
            answer = (True, error)
        except BaseException as error:
            answer = (True, _failure(error))
        try:
            data = pickle.dumps(answer)
        except Exception as error:
            data = pickle.dumps((True, _failure(error)))
        sys.stdout.flush()
        sys.stderr.flush()
        with open(writer, "wb", closefd=True) as stream:
            stream.write(data)
        status = 0
    finally:
        os._exit(status)
