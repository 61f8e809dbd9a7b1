"""Appending to logs: lines that are lost are counted, lines that are cut are ended."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pyhttpd.util.append import Appender, open_for_append


def test_lines_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for line in (b"one\n", b"two\n"):
        appender = Appender(open_for_append(str(path)))
        assert appender.append(line)
        os.close(appender.fd)
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_full_disk_is_counted() -> None:
    appender = Appender(open_for_append("/dev/full"))
    assert [appender.append(b"x\n") for _ in range(3)] == [False] * 3
    assert appender.lost == 3
    os.close(appender.fd)


@pytest.mark.parametrize(("cut_at", "expected"), [(2, b"on\ntwo\n"), (4, b"one\ntwo\n")])
def test_a_line_that_was_cut_is_ended_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut_at: int, expected: bytes
) -> None:
    """A disk that has room for a part of what is written: one line, or the first of two."""
    path = tmp_path / "log"
    appender = Appender(open_for_append(str(path)))
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:cut_at]))
        assert not appender.append(b"one\nlost\n")
    assert appender.append(b"two\n")
    assert appender.lost == 1
    assert path.read_bytes() == expected
    os.close(appender.fd)


def test_a_fifo_that_nobody_reads_does_not_wait(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="No such device or address") as caught:
        open_for_append(str(fifo))
    assert caught.value.errno == errno.ENXIO
