"""BufferedLogs: lines that wait in a child until there are enough of them for one write. For mod_log_config alone."""

from __future__ import annotations

import _thread
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from pyhttpd.api.log import Sink

FULL = 4096
"""Bytes in one write: as many as no pipe tears apart (PIPE_BUF)."""

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back the signals that end a child: their handler flushes, too, and would find the half of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Buffer:
    """Lines on their way to a sink. Every child has its own, since it is empty when the master forks.

    Threads put lines in without a lock. What is taken out is written before anybody else takes, so that whoever
    flushes last, which is the end of the child, knows that everything is on its way.
    """

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._lines: deque[bytes] = deque()
        self._size = 0  # may be a little wrong when threads meet; then a write is smaller than it could be
        self._flushing = _thread.allocate_lock()

    def append(self, line: bytes) -> bool:
        """Keep a line. False if others were lost while room was made for it."""
        written = True
        if self._size + len(line) > FULL:
            written = self.flush()
        self._lines.append(line)
        self._size += len(line)
        return written

    def flush(self) -> bool:
        """Write what there is, in whole lines, up to FULL bytes at once. False if some of it was lost."""
        with _undisturbed(), self._flushing:
            return self._write_all()

    def _write_all(self) -> bool:
        self._size = 0
        written = True
        piece: list[bytes] = []
        size = 0
        while True:
            try:
                line = self._lines.popleft()
            except IndexError:
                break
            if piece and size + len(line) > FULL:
                written = self._write(piece) and written
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        return (self._write(piece) and written) if piece else written

    def _write(self, lines: list[bytes]) -> bool:
        if self.sink.append(b"".join(lines)):
            return True
        if self.sink.lost:  # a pipe counts its lines itself
            self.sink.lost += len(lines) - 1
        return False

    @property
    def errno(self) -> int:
        return getattr(self.sink, "errno", 0)

    @property
    def lost(self) -> int:
        return self.sink.lost

    @lost.setter
    def lost(self, count: int) -> None:
        self.sink.lost = count
