"""The memory file with what a generation was made from."""

from __future__ import annotations

import os

import pytest

from pyhttpd.api.log import Level
from pyhttpd.mpm.generation import LogLine, Refused
from pyhttpd.mpm.kept import KeptFile, read_kept


def test_it_is_found_and_goes_with_its_owner() -> None:
    assert read_kept(os.getpid()) is None
    data = os.urandom(3 << 20)
    kept = KeptFile(data)
    try:
        assert read_kept(os.getpid()) == data
    finally:
        kept.close()
    assert read_kept(os.getpid()) is None


def test_nobody_can_change_it() -> None:
    kept = KeptFile(b"abc")
    try:
        for attempt in (lambda: os.pwrite(kept.fd, b"x", 0), lambda: os.ftruncate(kept.fd, 1)):
            with pytest.raises(PermissionError):
                attempt()
        assert not os.get_inheritable(kept.fd)
    finally:
        kept.close()


def test_a_process_that_is_gone() -> None:
    with pytest.raises(FileNotFoundError):
        read_kept(1 << 22)


def test_what_the_status_page_is_told() -> None:
    lines = [
        LogLine(Level.WARN, "core", "AH00548", "a warning"),
        LogLine(Level.ERROR, "core", None, "AH00526: Syntax error on line 3 of /x:"),
        LogLine(Level.ERROR, "core", None, "Invalid command"),
        LogLine(Level.ERROR, "core", None, "  3 | Secret token"),
        LogLine(Level.CRIT, "core", "AH00072", "could not bind", 98),
    ]
    assert Refused(lines).summary.splitlines() == [
        "AH00526: Syntax error on line 3 of /x:",
        "Invalid command",
        "(98)Address already in use: AH00072: could not bind",
    ]
