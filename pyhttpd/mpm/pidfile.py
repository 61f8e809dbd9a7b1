"""The pid file: written as Apache writes it, locked while its server lives, removed only by that server.

The number in a file proves little, and neither does a clock that may be set. A lock that the system gives back when the
process ends proves that the server is there, whatever happened to the clock (fcntl(2), F_SETLK).
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_FLOCK = struct.Struct("hhqqi")  # struct flock: l_type, l_whence, l_start, l_len, l_pid


class PidFileError(Exception):
    """The pid file cannot be written, or removed. `number` is Apache's."""

    def __init__(self, number: str, message: str) -> None:
        super().__init__(message)
        self.number = number


def read_pid(path: str) -> int | None:
    """The number in the file; None where there is no file or no number in it."""
    try:
        text = Path(path).read_bytes()[:32].strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and 0 < int(text) < 1 << 31 else None


def lock_holder(path: str) -> int | None:
    """The pid of the server that holds the file, None where nobody does. Raises OSError."""
    with open(path, "rb") as file:
        asked = _FLOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(file, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else pid


class PidFile:
    """The file of this process. It stays open: closing it would give up the lock, and so would opening it again."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def write(self) -> bool:
        """A temporary file, mode 0644, renamed. True if another server's file was left there. Raises PidFileError."""
        left_over = self._is_left_over()
        temporary = f"{self.path}.{os.getpid()}"
        try:
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise PidFileError("AH00099", f"could not create {temporary}: {error.strerror}") from error
        try:
            os.fchmod(fd, 0o644)
            os.write(fd, b"%d\n" % os.getpid())
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(temporary, self.path)
        except OSError as error:
            os.close(fd)
            os.unlink(temporary)
            raise PidFileError("AH10231", f"Failed creating pid file {temporary}: {error.strerror}") from error
        self.close()
        self._fd = fd
        return left_over

    def _is_left_over(self) -> bool:
        try:
            found = os.stat(self.path)
        except OSError:
            return False
        return found.st_size > 0 and not self._is_ours(found)

    def _is_ours(self, found: os.stat_result) -> bool:
        return self._fd >= 0 and os.path.samestat(found, os.fstat(self._fd))

    def close(self) -> None:
        """In another process, or when the file is another's: let go of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> bool:
        """Remove the file if it is ours; True if it was. Raises PidFileError where it has gone, or may not be removed
        (-X, as User); then it is empty."""
        try:
            if not self._is_ours(os.stat(self.path)):
                return False
            os.unlink(self.path)
        except OSError as error:
            if self._fd >= 0:
                os.ftruncate(self._fd, 0)
            raise PidFileError("AH00095", f"failed to remove PID file {self.path}: {error.strerror}") from error
        return True
