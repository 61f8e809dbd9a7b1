"""Opening what is only ever appended to: logs."""

from __future__ import annotations

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
