"""The error log: Apache's line, escaping, levels, and what happens when it cannot be written."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

import pytest

from pyhttpd.api.log import ErrorLog, Level, Levels, timestamp


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_a_line_is_apaches(pipe: tuple[int, int]) -> None:
    log = ErrorLog(pipe[1], Levels(Level.DEBUG))
    log.log(
        Level.ERROR, "core", "AH00132", "file\nname", errno=errno.EACCES, client="127.0.0.1:5", source="core.c(12)"
    )
    assert re.fullmatch(
        rb"\[\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d{6} \d{4}\] \[core:error\] \[pid \d+:tid \d+\] core\.c\(12\): "
        rb"\(13\)Permission denied: \[client 127\.0\.0\.1:5\] AH00132: file\\nname\n",
        os.read(pipe[0], 4096),
    )


def test_levels_of_single_modules(pipe: tuple[int, int]) -> None:
    log = ErrorLog(pipe[1], Levels(Level.WARN, {"dir": Level.DEBUG, "mime": Level.ERROR}))
    log.log(Level.DEBUG, "dir", None, "shown")
    log.log(Level.WARN, "mime", None, "hidden")
    log.log(Level.INFO, "core", None, "hidden")
    assert os.read(pipe[0], 4096).count(b"\n") == 1


def test_details_are_lines_of_the_same_write(pipe: tuple[int, int]) -> None:
    ErrorLog(pipe[1]).log(Level.ERROR, "core", "PH00111", "raised", details=["one", "two"])
    assert os.read(pipe[0], 4096).endswith(b"PH00111: raised\n    one\n    two\n")


def test_lost_lines_are_counted_and_told_once(pipe: tuple[int, int]) -> None:
    log = ErrorLog(os.open("/dev/full", os.O_WRONLY))
    for _ in range(3):
        log.log(Level.ERROR, "core", None, "lost")
    os.close(log.fd)
    log.fd = pipe[1]
    log.log(Level.ERROR, "core", None, "written")
    log.log(Level.ERROR, "core", None, "written again")
    text = os.read(pipe[0], 4096)
    assert b"PH00101: 3 lines were lost" in text
    assert text.count(b"PH00101") == 1
    assert text.count(b"\n") == 3


def test_timestamp() -> None:
    assert re.fullmatch(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.500000 20\d\d", timestamp(1_700_000_000.5))
