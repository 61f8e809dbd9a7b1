"""A memory file with what a generation was made from, for `--plan`: in /proc/PID/fd for the server's own user and root.

Nothing lies on the disk that could be stale or read by others: the file goes with the process. The kernel lets only
those look who may trace the master (proc(5), PTRACE_MODE_READ_FSCREDS). It is sealed, so no child can change it.
"""

from __future__ import annotations

import fcntl
import os

NAME = "pyhttpd-configuration"


class KeptFile:
    """In the master. `fd` is what a daemon must not close; children inherit it and leave it alone."""

    def __init__(self, data: bytes) -> None:
        """Raises OSError."""
        self.fd = os.memfd_create(NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self.fd, view) :]
            seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, seals)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        os.close(self.fd)


def read_kept(pid: int) -> bytes | None:
    """What the server with this pid keeps; None if it keeps nothing. Raises OSError, where that is none of our
    business."""
    directory = f"/proc/{pid}/fd"
    for name in sorted(os.listdir(directory), key=int):
        path = f"{directory}/{name}"
        try:
            if not os.readlink(path).startswith(f"/memfd:{NAME} "):
                continue
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            continue  # it was closed meanwhile: a reload
    return None
