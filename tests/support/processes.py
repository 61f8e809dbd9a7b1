"""Processes as /proc shows them: children, descendants, who belongs to a test."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

MARK = "PYHTTPD_TEST_ROOT"  # the environment variable that our servers, and all that they start, inherit


def children(pid: int) -> list[int]:
    """The living children of all threads of a process, in no order; [] if it is gone. Zombies are left out."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found.update(int(word) for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return sorted(child for child in found if alive(child))


def state(pid: int) -> str | None:
    """The letter of /proc/PID/stat (`S`, `R`, `Z`, `T`); None if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return None


def alive(pid: int) -> bool:
    """Whether the process runs: a zombie does not."""
    return state(pid) not in (None, "Z", "X")


def user_of(pid: int) -> int:
    """The effective user id."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])
    raise AssertionError(f"no Uid line for {pid}")


def threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def marked(root: str) -> list[int]:
    """Every living process that carries the mark of this server's directory."""
    wanted = f"{MARK}={root}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            environment = Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue  # gone, or somebody else's
        if wanted in environment.split(b"\0"):
            found.append(int(name))
    return [pid for pid in found if alive(pid)]


def kill(pid: int, signum: int = signal.SIGKILL) -> None:
    """A signal to a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)


class Watch:
    """A pidfd: readable when the process has ended. For children and for daemons alike, and safe from reused pids."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    @property
    def ended(self) -> bool:
        return bool(select.select([self.fd], [], [], 0)[0])

    def signal(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.fd, signum)

    def close(self) -> None:
        os.close(self.fd)
