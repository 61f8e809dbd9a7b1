"""BufferedLogs: lines that wait in a child until there are enough of them for one write. For mod_log_config alone."""

from __future__ import annotations

from collections import deque

from pyhttpd.api.log import Sink

FULL = 4096
"""Bytes in one write: as many as no pipe tears apart (PIPE_BUF)."""


class Buffer:
    """Lines on their way to a sink. Every child has its own, since it is empty when the master forks.

    Threads, and the handler of a signal that ends the child, may meet here without a lock: a line is put into the deque
    once and taken out of it once, by whoever comes first.
    """

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._lines: deque[bytes] = deque()
        self._size = 0  # may be a little wrong when threads meet; then a write is smaller than it could be

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
    def lost(self) -> int:
        return self.sink.lost

    @lost.setter
    def lost(self, count: int) -> None:
        self.sink.lost = count
