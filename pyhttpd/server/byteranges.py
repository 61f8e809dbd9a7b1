"""Range requests: an answer of known length becomes the parts of it that were asked for (Apache's BYTERANGE filter)."""

from __future__ import annotations

import os
from binascii import hexlify
from collections.abc import Sequence

from pyhttpd.api.body import FileSlice, Piece, length_of
from pyhttpd.api.core_config import UNLIMITED, CoreDir
from pyhttpd.api.log import Level
from pyhttpd.http.conditional import range_applies
from pyhttpd.http.headers import Headers
from pyhttpd.http.ranges import Ranges, TooMuchError, UnsatisfiableError, parse_ranges
from pyhttpd.server.filters import Measured
from pyhttpd.server.request import ServerRequest, first_of
from pyhttpd.server.response import full_content_type, run_response_hooks

# One boundary for the life of a process, as in Apache; made before the children are forked.
_BOUNDARY = hexlify(os.urandom(8)).decode()
_AT_ONCE = 32  # with more parts Apache sends the first ones before it knows the length of all


def apply_ranges(request: ServerRequest) -> int | None:
    """Cut the answer down to the ranges that the client asked for. 416 if none of them lies within it, else None."""
    content = request.content
    field = request.headers_in.get("Range")
    if field is None or request.status != 200 or request.simple or request.unmeasured:
        return None
    if not isinstance(content, (list, tuple, Measured)):
        return None
    meant_for_errors = list(request.err_headers_out)
    run_response_hooks(request)
    headers = request.headers_out
    if "Content-Range" in headers or (headers.get("Content-Type") or "").lower().startswith("multipart/byteranges"):
        return None
    if isinstance(content, Measured):
        if content.is_flushed:
            return None
        size = content.length
    elif all(isinstance(piece, (bytes, FileSlice)) for piece in content):
        size = sum(length_of(piece) for piece in content)
    else:
        return None
    if size == 0:
        return None
    now = request.arrived
    mtime = request.finfo.st_mtime if request.finfo is not None and "Last-Modified" in headers else now
    if not range_applies(request.headers_in, headers, mtime, now):
        return None
    try:
        ranges = parse_ranges(field, size)
    except TooMuchError:
        request.log(Level.TRACE1, "http", None, "Sum of ranges larger than file, ignoring.")
        return None
    except UnsatisfiableError:
        request.content, request.content_length = None, None
        request.unmeasured = True  # as in Apache, where it is found when the answer is on its way
        request.do_not_keep()  # it counts twice, see response.py
        first_of(request).given_up = Headers((*request.err_headers_out, *headers))
        request.err_headers_out.clear()  # the hooks run again, on the error
        for name, value in meant_for_errors:
            request.err_headers_out.add(name, value)
        return 416
    if ranges is None:
        return None
    if request.wants(Level.DEBUG, "http"):
        shown = ",".join(f"{first}-{last}" for first, last in ranges.pieces)
        counts = f"({ranges.overlaps} : {ranges.reversals} : {size})"
        request.log(Level.DEBUG, "http", "AH01583", f"Range: {field[6:]} | {shown} {counts}")
    if isinstance(content, Measured) and len(ranges.pieces) > 1:
        return None  # it comes only once, from its beginning to its end
    if ranges.pieces and _allowed(ranges, request.config(CoreDir)):
        request.status = 206
        _cut(request, content, ranges.pieces, size)
    return None


def _allowed(ranges: Ranges, config: CoreDir) -> bool:
    """More than MaxRanges and its like permit: the whole is sent."""
    counts = (
        (len(ranges.pieces), config.max_ranges),
        (ranges.overlaps, config.max_range_overlaps),
        (ranges.reversals, config.max_range_reversals),
    )
    return all(limit == UNLIMITED or count <= limit for count, limit in counts)


def _cut(
    request: ServerRequest, content: Sequence[Piece] | Measured, parts: Sequence[tuple[int, int]], size: int
) -> None:
    if isinstance(content, Measured) or len(parts) == 1:
        first, last = parts[0]
        if isinstance(content, Measured):
            request.content = content.between(first, last)
        else:
            request.content = _between(content, first, last)
        request.content_length = last - first + 1
        request.headers_out.set("Content-Range", f"bytes {first}-{last}/{size}")
    else:
        content_type = full_content_type(request)
        kind = f"Content-type: {content_type}\r\n" if content_type else ""
        pieces: list[Piece] = []
        for first, last in parts:
            head = f"\r\n--{_BOUNDARY}\r\n{kind}Content-range: bytes {first}-{last}/{size}\r\n\r\n"
            pieces += (head.encode("latin-1", "replace"), *_between(content, first, last))
        pieces.append(f"\r\n--{_BOUNDARY}--\r\n".encode())
        request.content = pieces
        request.content_length = sum(length_of(piece) for piece in pieces)
        request.content_type = f"multipart/byteranges; boundary={_BOUNDARY}"
    if len(parts) > _AT_ONCE:
        request.content_length, request.unmeasured = None, True
        request.headers_out.unset("Content-Length")
    else:
        request.headers_out.set("Content-Length", str(request.content_length))


def _between(content: Sequence[Piece], first: int, last: int) -> list[Piece]:
    """The bytes from `first` to `last` of the pieces one behind the other."""
    found: list[Piece] = []
    at = 0
    for piece in content:
        length = length_of(piece)
        start, end = max(first - at, 0), min(last + 1 - at, length)
        at += length
        if start >= end:
            continue
        if isinstance(piece, FileSlice):
            found.append(FileSlice(piece.fd, piece.offset + start, end - start))
        elif isinstance(piece, bytes):
            found.append(piece[start:end])
    return found
