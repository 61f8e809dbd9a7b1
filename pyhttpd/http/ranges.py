"""Byte ranges (RFC 9110, section 14): the Range field to the pieces that are sent, with Apache's merging. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_LIMIT = 1 << 63
_MOST_DIGITS = 20


class UnsatisfiableError(Exception):
    """No range of the field lies within the resource: 416."""


class TooMuchError(Exception):
    """The ranges ask for more than there is: the field is to be ignored, too."""


class Ranges(NamedTuple):
    """What is to be sent: (first, last) of each piece. What was merged, and how, is held against the limits."""

    pieces: tuple[tuple[int, int], ...]
    overlaps: int = 0  # specs that were merged with the piece before
    reversals: int = 0  # those of them that begin before it


def parse_ranges(field: str, size: int) -> Ranges | None:
    """The pieces, those merged that overlap or touch the one before; None if the field is to be ignored.

    One invalid range spec makes the whole field count for nothing. Order is the client's. A first `0-` is all that
    counts, whatever else was asked for. Raises UnsatisfiableError and TooMuchError.
    """
    if field[:6].lower() != "bytes=":
        return None
    pieces: list[tuple[int, int]] = []
    overlaps = reversals = 0
    unsatisfiable = False
    for spec in re.split(",+", field[6:]):
        if not spec:
            break  # what is behind an empty one is not looked at
        match = _SPEC.fullmatch(spec)
        if match is None or spec == "-":
            return None
        start, end = _number(match[1]), _number(match[2])
        if start is None or end is None:
            return None
        if not match[1]:
            if end < 1:
                return None
            start, end = max(size - end, 0), size - 1
        else:
            if not match[2]:
                end = size - 1
            elif start > end:
                return None
            if not match[2] and start == 0:
                pieces = [(0, end)]
                break
        if start >= size:
            unsatisfiable = True
            continue
        end = min(end, size - 1)
        if pieces:
            first, last = pieces[-1]
            if start <= last + 1 and end >= first - 1:
                reversals += start < first
                overlaps += 1
                pieces[-1] = (min(first, start), max(last, end))
                continue
        pieces.append((start, end))
    if not pieces:
        if unsatisfiable:
            raise UnsatisfiableError
    elif sum(last - first + 1 for first, last in pieces) > size:
        raise TooMuchError
    return Ranges(tuple(pieces), overlaps, reversals)


def _number(digits: str) -> int | None:
    """None for more than a signed number of 64 bits can hold: what cannot be a number makes the field invalid."""
    plain = digits.lstrip("0")
    value = int(plain or "0") if len(plain) < _MOST_DIGITS else _LIMIT
    return value if value < _LIMIT else None
