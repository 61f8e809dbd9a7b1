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


@pytest.mark.parametrize(("room", "kept"), [(2, b""), (4, b"one\n"), (6, b"one\n")])
def test_a_line_that_was_cut_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, kept: bytes
) -> None:
    """A disk that has room for a part of what is written. Another process writes the next line."""
    path = tmp_path / "log"
    appender, other = (Appender(open_for_append(str(path))) for _ in range(2))
    assert other.append(b"before\n")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:room]))
        assert not appender.append(b"one\nlost\n")
    assert other.append(b"two\n")
    assert appender.append(b"three\n")
    assert appender.lost == 1
    assert path.read_bytes() == b"before\n" + kept + b"two\nthree\n"
    os.close(appender.fd)
    os.close(other.fd)


def test_a_line_that_was_cut_in_a_pipe_is_ended_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    appender = Appender(writer)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:2]))
        assert not appender.append(b"one\n")
    assert appender.append(b"two\n")
    assert appender.append(b"three\n")
    assert os.read(reader, 100) == b"on\ntwo\nthree\n"
    os.close(reader)
    os.close(writer)


def test_a_fifo_that_nobody_reads_does_not_wait(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(OSError, match="No such device or address") as caught:
        open_for_append(str(fifo))
    assert caught.value.errno == errno.ENXIO
