"""The directives that change a process rather than what it does: core files, crash traces, the allocator.

What they need is imported in the master: a child that has become its User may not be able to read it any more.
"""

from __future__ import annotations

import os
from typing import Any

from pyhttpd.api.log import ErrorLog, Level
from pyhttpd.mpm.directives import MpmConfig

_PR_SET_DUMPABLE = 4
_M_TRIM_THRESHOLD = -1


class Tuning:
    """Made in the master, applied in each child."""

    def __init__(self, config: MpmConfig) -> None:
        self._directory = config.core_dump_directory
        self._keep_free = config.max_mem_free  # KiB
        self._libc: Any = None
        self._faulthandler: Any = None
        if self._directory is not None or self._keep_free:
            import ctypes

            self._libc = ctypes.CDLL(None)
        if config.exception_hook:
            import faulthandler

            self._faulthandler = faulthandler

    def apply(self, log: ErrorLog) -> None:
        """In a child, after it has become its User. What can't be had is said, and no reason not to serve."""
        if self._directory is not None:
            try:
                os.chdir(self._directory)
            except OSError as error:
                text = f"cannot change to CoreDumpDirectory {self._directory}"
                log.log(Level.WARN, "core", "PH00215", text, errno=error.errno)
            self._libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # setuid took it away
        if self._keep_free and hasattr(self._libc, "mallopt"):  # glibc's; other allocators have no such knob
            self._libc.mallopt(_M_TRIM_THRESHOLD, self._keep_free * 1024)
        if self._faulthandler is not None:
            self._faulthandler.enable(log.fd)
