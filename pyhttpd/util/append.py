"""Opening what is only ever appended to: logs."""

from __future__ import annotations

import os


def open_for_append(path: str, mode: int = 0o666) -> int:
    """A descriptor, the file made if there is none. Raises OSError: ENXIO for a FIFO that nobody reads.

    Opening such a FIFO would otherwise wait for a reader, and with it the master.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    fd = os.open(path, flags, mode)
    os.set_blocking(fd, True)
    return fd
