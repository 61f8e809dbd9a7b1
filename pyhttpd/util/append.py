"""What is only ever appended to: logs. Opened without waiting, written without raising."""

from __future__ import annotations

import errno
import os


def open_for_append(path: str) -> int:
    """A descriptor; the file is made if there is none, with what the umask leaves of 0666. Raises OSError.

    ENXIO is a FIFO that nobody reads.

    Opening such a FIFO would otherwise wait for a reader, and with it the master.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    fd = os.open(path, flags, 0o666)
    os.set_blocking(fd, True)
    return fd


class Appender:
    """Appends finished lines to a descriptor. One line is one write, so that lines of many processes do not mix.

    A write that fails or is cut short (a full disk) is counted in `lost`; `errno` is the last reason. No torn line
    stays in a file, where another process would run its own into it; in a pipe, which cannot be cut back, it is ended
    before the next line.
    Two threads may lose a count to each other; no line is lost by that.
    """

    __slots__ = ("_torn", "errno", "fd", "lost")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lost = 0
        self.errno = 0
        self._torn = False

    def append(self, line: bytes) -> bool:
        """Write a line, or several together. False if it is lost; that has been counted."""
        if self._torn:
            line = b"\n" + line
        try:
            written = os.write(self.fd, line)
        except OSError as error:
            self.errno, written = error.errno or 0, -1
        if written == len(line):
            self._torn = False
            return True
        if written >= 0:
            self.errno = errno.ENOSPC
        if written > 0:
            torn = written - (line.rfind(b"\n", 0, written) + 1)
            self._torn = torn > 0 and not self._cut_back(torn)
        self.lost += 1
        return False

    def _cut_back(self, torn: int) -> bool:
        """Take the last bytes off the file again. They are ours: a write is cut where there is no room for anybody."""
        try:
            os.ftruncate(self.fd, os.fstat(self.fd).st_size - torn)
        except OSError:  # a pipe, a device, a file that may only grow
            return False
        return True
