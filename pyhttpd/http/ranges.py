"""Byte ranges (RFC 9110, section 14): the Range field to the pieces that are sent, with Apache's merging. No I/O."""

from __future__ import annotations

import re

MAX_RANGES = 200
MAX_OVERLAPS = 20
MAX_REVERSALS = 20

_SPEC = re.compile(r"(\d*)-(\d*)", re.ASCII)


class UnsatisfiableError(Exception):
    """No range of the field lies within the resource: 416."""


def parse_ranges(field: str, size: int) -> list[tuple[int, int]] | None:
    """(first, last) of each piece, overlapping and touching ones merged; None if the field is to be ignored.

    One invalid range spec makes the whole field count for nothing; so do ranges that ask for more than there is.
    """
    if field[:6].lower() != "bytes=":
        return None
    pieces: list[tuple[int, int]] = []
    overlaps = reversals = 0
    unsatisfiable = False
    for text in field[6:].split(","):
        spec = text.strip(" \t")
        if not spec:
            break
        match = _SPEC.fullmatch(spec)
        if match is None or spec == "-":
            return None
        if not match[1]:
            wanted = int(match[2])
            if wanted < 1:
                return None
            start, end = max(size - wanted, 0), size - 1
        else:
            start = int(match[1])
            end = int(match[2]) if match[2] else size - 1
            if match[2] and start > end:
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
        return None
    if sum(last - first + 1 for first, last in pieces) > size or size == 0:
        return None
    if len(pieces) > MAX_RANGES or overlaps > MAX_OVERLAPS or reversals > MAX_REVERSALS:
        return None
    return pieces
