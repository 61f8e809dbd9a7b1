"""The text of one configuration file as logical lines: continuation lines joined, and a map back to where they stood.

A backslash before the end of a line joins the next one, in comments and inside quotes too; blanks around a logical line
do not count (Apache's ap_cfg_getline). Bytes are UTF-8; what is none is kept as surrogates, so that file names survive.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from pyhttpd.config.words import BLANKS

LARGEST = 64 * 1024 * 1024
"""Bytes of one file. The largest that anybody writes has a few; /proc/kcore has no end."""


class Place(NamedTuple):
    """A spot in the file as it stands on the disk: line and column from 1, and the text of that line."""

    line: int
    column: int
    text: str


class Source:
    """One file. `lines[i]` is a logical line; `last_line(i)` the physical line where it ends, counted from 1."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.origins: Sequence[tuple[str, int, int]] | None = None
        self._physical = text.split("\n")
        self._ends: list[int] | None = None  # None: every logical line is one physical line
        if "\\\n" in text or "\\\r\n" in text:
            self.lines, self._ends = _join(self._physical)
        else:
            self.lines = self._physical

    @classmethod
    def of_macro(cls, name: str, lines: list[str], origins: Sequence[tuple[str, int, int]]) -> Source:
        """The lines that a use of a macro gives, each with the place in the definition that it comes from."""
        source = cls(name, "")
        source.lines = source._physical = lines
        source.origins = origins
        return source

    @property
    def text(self) -> str:
        """The logical lines, one a line."""
        return "\n".join(self.lines)

    def last_line(self, index: int) -> int:
        return index + 1 if self._ends is None else self._ends[index]

    def logical(self, last_line: int) -> int | None:
        """The index of the logical line that ends in a physical line."""
        if self._ends is None:
            index: int | None = last_line - 1
        else:
            index = self._ends.index(last_line) if last_line in self._ends else None
        return index if index is not None and 0 <= index < len(self.lines) else None

    def place(self, index: int, offset: int) -> Place:
        """Where a character of a logical line stands in the file."""
        line = 1 if index == 0 else self.last_line(index - 1) + 1
        last = min(self.last_line(index), len(self._physical))
        while line < last:
            piece = _without_backslash(self._physical[line - 1])
            if piece is None or offset < len(piece):
                break
            offset -= len(piece)
            line += 1
        text = self._physical[line - 1].rstrip(BLANKS)
        return Place(line, min(offset, len(text)) + 1, text)


def _without_backslash(line: str) -> str | None:
    """A physical line without the backslash that continues it; None if it is not continued."""
    bare = line.removesuffix("\r")
    return bare[:-1] if bare.endswith("\\") else None


def _join(physical: list[str]) -> tuple[list[str], list[int]]:
    lines: list[str] = []
    ends: list[int] = []
    pending: list[str] = []
    for number, line in enumerate(physical, start=1):
        piece = _without_backslash(line) if number < len(physical) else None
        if piece is not None:
            pending.append(piece)
            continue
        lines.append("".join((*pending, line)) if pending else line)
        ends.append(number)
        pending.clear()
    return lines, ends


def open_source(path: str) -> Source:
    """Read a file. Raises OSError, also for what is no regular file (a directory, a FIFO)."""
    _must_be_regular(path, os.stat(path))  # opening a FIFO or a device would already do something
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _must_be_regular(path, os.fstat(descriptor))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return Source(path, content.decode("utf-8", "surrogateescape"))
    finally:
        os.close(descriptor)


def _must_be_regular(path: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(status.st_mode) and path != os.devnull:
        raise OSError(errno.EINVAL, "Not a regular file", path)
