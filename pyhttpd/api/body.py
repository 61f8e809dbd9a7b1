"""Bodies: iterators of pieces. A FileSlice that no filter touches reaches sendfile."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple


class FileSlice(NamedTuple):
    """`length` bytes of an open file from `offset`. Whoever consumes the body closes nothing; its maker does."""

    fd: int
    offset: int
    length: int


class _Flush(Enum):
    FLUSH = "send what there is now"


FLUSH: Final = _Flush.FLUSH

Piece = bytes | FileSlice | _Flush
Body = Iterable[Piece]


def length_of(piece: Piece) -> int:
    """The bytes that a piece stands for; none for FLUSH."""
    if isinstance(piece, FileSlice):
        return piece.length
    return len(piece) if isinstance(piece, bytes) else 0
