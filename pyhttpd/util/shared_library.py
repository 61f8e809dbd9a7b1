"""Shared libraries that are opened for what is loaded after them: their symbols are everybody's."""

from __future__ import annotations


def open_library(name: str) -> None:
    """dlopen(3): a path, or a name that is looked for where the system has its libraries. Raises OSError with the
    loader's own words. It stays open: what uses it would not survive its end."""
    import ctypes  # half a MiB, for the few who need it

    ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
