"""A pipe through which many processes send lines to one program. Nobody ever waits, and no line is torn.

The writing end does not block. What POSIX promises is kept by Linux: of up to PIPE_BUF (4096) bytes either all or
nothing is written, and nothing comes between them. So a short line is in the pipe, or it is dropped because the pipe is
full.

A longer line is written in one piece, too, since Linux holds the pipe's lock for the whole of a write that does not
wait; but it is cut where the pipe becomes full, and what others write then would run into its stump. So it is written
only where that cannot happen: if half of the pipe is certain to be free afterwards. Between our look and our write,
which are neighbours, others would have to fill that half (128 pages, each of them one line or more) while the program
reads nothing. If they did, the stump is ended before our next line, and both lines that touch count as dropped.

How much is free cannot be asked for, only how many bytes wait. They lie in pages, which are not always full: a line
that does not fit into the last page gets a new one. Any two neighbours hold more than a page together, so no more pages
are taken than twice the bytes need, the one being read and the last one not counted.
"""

from __future__ import annotations

import fcntl
import os
import select
import termios
from collections.abc import Iterator

PIPE_BUF = 4096
CAPACITY = 1 << 20  # bytes that are asked for; Linux gives this much to anybody, a machine may give less
_PAGE = 4096


class LinePipe:
    """Both ends, and an eventfd to which every process adds the lines that it drops. Raises OSError when made."""

    __slots__ = ("_pages", "_torn", "dropped", "fd", "lost", "name", "reader")

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = 0  # nothing that a writer would have to tell: the master counts
        self.reader, self.fd = os.pipe2(os.O_CLOEXEC)
        try:
            os.set_blocking(self.fd, False)  # this end alone: a program may expect a stdin that blocks
            self.dropped = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except OSError:
            os.close(self.reader)
            os.close(self.fd)
            raise
        self._pages = _enlarge(self.fd) // _PAGE
        self._torn = False

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(fd for fd in (self.reader, self.fd, self.dropped) if fd >= 0)

    def append(self, lines: bytes) -> bool:
        """Send a line, or several together. False if one was dropped; that has been counted in `dropped`."""
        if len(lines) <= PIPE_BUF and not self._torn:
            try:
                if os.write(self.fd, lines) == len(lines):
                    return True
            except OSError:  # full, or nobody will ever read it
                pass
            self._drop(lines)
            return False
        return sum(not self._send(piece) for piece in pieces(lines)) == 0

    def _send(self, piece: bytes) -> bool:
        if self._torn:
            piece = b"\n" + piece
        written = 0
        if len(piece) <= PIPE_BUF or self._has_room(len(piece)):
            try:
                written = os.write(self.fd, piece)
            except OSError:
                pass
        if written == len(piece):
            self._torn = False
            return True
        if written:
            self._torn = True
            os.eventfd_write(self.dropped, 1)  # the line of somebody else that runs into it
        self._drop(piece)
        return False

    def _has_room(self, size: int) -> bool:
        needed = size // _PAGE + 2
        taken = 2 * (self.unread() // _PAGE) + 3
        return taken + needed <= self._pages // 2

    def _drop(self, lines: bytes) -> None:
        os.eventfd_write(self.dropped, max(1, lines.count(b"\n")))

    # -- for the master

    def take_dropped(self) -> int:
        """How many lines were dropped since this was last asked."""
        try:
            return os.eventfd_read(self.dropped)
        except BlockingIOError:
            return 0

    def unread(self) -> int:
        """Bytes that wait to be read."""
        count = bytearray(4)
        fcntl.ioctl(self.reader if self.reader >= 0 else self.fd, termios.FIONREAD, count)
        return int.from_bytes(count, "little")

    def is_full(self) -> bool:
        poll = select.poll()
        poll.register(self.fd, select.POLLOUT)
        return not poll.poll(0)

    def close_writer(self) -> None:
        """Once all processes have done so, the program comes to the end of its input."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def close_reader(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1

    def close(self) -> None:
        self.close_writer()
        self.close_reader()
        if self.dropped >= 0:
            os.close(self.dropped)
            self.dropped = -1


def pieces(lines: bytes) -> Iterator[bytes]:
    """Whole lines in pieces that are written as one: up to PIPE_BUF bytes, or a single line that is longer."""
    start = 0
    while len(lines) - start > PIPE_BUF:
        end = lines.rfind(b"\n", start, start + PIPE_BUF) + 1
        if end == 0:
            end = lines.find(b"\n", start + PIPE_BUF) + 1 or len(lines)
        yield lines[start:end]
        start = end
    if start < len(lines):
        yield lines[start:]


def _enlarge(fd: int) -> int:
    """The room that the pipe has, after it was asked to be large. A user may have too many large pipes already."""
    try:
        return fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, CAPACITY)
    except OSError:
        return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
