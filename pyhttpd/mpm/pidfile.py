"""The pid file: written as Apache writes it, and read with doubt.

A number in a file proves little: the system may have given it to another program since. `running` believes it only if
that process was started before the file was written and looks like a server of ours.
"""

from __future__ import annotations

import os
from pathlib import Path


class PidFileError(Exception):
    """The pid file cannot be written. `number` is Apache's."""

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


def running(path: str) -> int | None:
    """The pid of the server that the file tells of, if that server is there."""
    pid = read_pid(path)
    if pid is None or pid == os.getpid():
        return None
    try:
        written = Path(path).stat().st_mtime
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        started = _start_time(pid)
    except OSError:
        return None
    # Two seconds for the clock ticks of /proc; a clock that was set back only makes us believe more.
    return pid if b"pyhttpd" in command and started <= written + 2 else None


def _start_time(pid: int) -> float:
    """Seconds since the epoch at which the process began (proc(5): field 22 of stat, in ticks since boot)."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    ticks = int(stat[stat.rindex(")") + 2 :].split()[19])
    boot = next(int(line[6:]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime "))
    return boot + ticks / os.sysconf("SC_CLK_TCK")


def write_pid(path: str) -> bool:
    """Write our pid: a temporary file, mode 0644, renamed. True if one was left there before. Raises PidFileError."""
    existed = os.path.exists(path) and os.path.getsize(path) > 0
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise PidFileError("AH00099", f"could not create {temporary}: {error.strerror}") from error
    try:
        try:
            os.fchmod(fd, 0o644)
            os.write(fd, b"%d\n" % os.getpid())
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except OSError as error:
        raise PidFileError("AH10231", f"Failed creating pid file {temporary}: {error.strerror}") from error
    return existed


def remove_pid(path: str, fd: int = -1) -> bool:
    """Remove the file if it is ours; True if it was.

    A process that has given up the right to remove it empties it through `fd`, which it has kept open.
    """
    if read_pid(path) != os.getpid():
        return False
    try:
        os.unlink(path)
    except OSError:
        if fd < 0:
            return False
        os.ftruncate(fd, 0)
    return True
