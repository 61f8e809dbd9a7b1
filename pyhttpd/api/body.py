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
    """The bytes that a piece stands for; none for FLUSH. Raises TypeError for what is no piece, such as a str."""
    if isinstance(piece, bytes):
        return len(piece)
    if isinstance(piece, FileSlice):
        return piece.length
    if piece is FLUSH:
        return 0
    raise TypeError(f"a body has pieces of bytes, not of {type(piece).__name__}")
