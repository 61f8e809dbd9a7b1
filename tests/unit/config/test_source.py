"""Continuation lines, and the way back to where a character stood."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyhttpd.config.source import LARGEST, Source, open_source


def test_plain_lines() -> None:
    source = Source("f", "a\n\n b\n")
    assert source.lines == ["a", "", " b", ""]
    assert source.last_line(2) == 3
    assert source.place(2, 1) == (3, 2, " b")


def test_continued_lines_are_joined_and_count_as_their_last() -> None:
    source = Source("f", "a \\\n b \\\r\nc\nd\n")
    assert source.lines == ["a  b c", "d", ""]
    assert [source.last_line(index) for index in range(3)] == [3, 4, 5]
    assert source.logical(3) == 0
    assert source.logical(2) is None
    assert source.place(0, 3) == (2, 2, " b \\")
    assert source.place(0, 5) == (3, 1, "c")
    assert source.place(1, 0) == (4, 1, "d")


def test_a_comment_is_continued_too() -> None:
    assert Source("f", "# a \\\nListen 80\n").lines == ["# a Listen 80", ""]


def test_a_backslash_at_the_very_end_stays() -> None:
    assert Source("f", "a \\").lines == ["a \\"]


def test_a_continuation_into_the_end_of_the_file() -> None:
    source = Source("f", "a \\\n")
    assert source.lines == ["a "]
    assert source.last_line(0) == 2  # as in Apache


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a \xff\n")
    assert os.fsencode(open_source(str(tmp_path / "f")).lines[0]) == b"a \xff"


def test_a_file_without_end(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(OSError, match="File too large"):
        open_source(str(tmp_path / "f"))


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "none"):
        with pytest.raises(OSError, match=str(path)):
            open_source(str(path))
    assert open_source(os.devnull).lines == [""]
