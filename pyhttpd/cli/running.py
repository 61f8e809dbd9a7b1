"""Whether the server that a pid file tells of is there.

A number in a file proves little: the system may have given it to another program since. It is believed only if that
process looks like a server of ours and holds the file locked, or, where the file system has no locks, was started
before the file was written.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import psutil

from pyhttpd.mpm.pidfile import lock_holder, read_pid

CLOCK_TICKS = 2.0  # seconds by which a process may seem to have started after it wrote the file


def running(path: str) -> int | None:
    """The pid of the server that wrote the file at `path`, if it runs."""
    pid = read_pid(path)
    if pid is None or pid == os.getpid():
        return None
    try:
        process = psutil.Process(pid)
        if not _is_pyhttpd(process.cmdline()):  # a zombie has no words at all
            return None
        older = process.create_time() <= os.stat(path).st_mtime + CLOCK_TICKS
        return pid if older or lock_holder(path) == pid else None
    except (psutil.Error, OSError):
        return None


def _is_pyhttpd(words: Sequence[str]) -> bool:
    """Whether a command line is one of our programs: by itself, as Python's script, or as `-m pyhttpd`. A path that
    only leads through a directory of that name is none."""
    rest = iter(words)
    if _is_our_name(next(rest, "")):
        return True
    for word in rest:
        if word == "-m":
            return next(rest, "").partition(".")[0] == "pyhttpd"
        if word == "-c":
            return False
        if word in ("-X", "-W"):
            next(rest, None)
        elif not word.startswith("-"):
            return _is_our_name(word)
    return False


def _is_our_name(path: str) -> bool:
    return os.path.basename(path) in ("pyhttpd", "pyhttpdctl")
