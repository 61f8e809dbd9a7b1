"""The default handler: files, with conditions and ranges; OPTIONS, and what else a file cannot do."""

from __future__ import annotations

import os
import stat
from binascii import hexlify

from pyhttpd.api.body import FileSlice, Piece
from pyhttpd.api.core_config import CoreDir
from pyhttpd.api.log import Level
from pyhttpd.api.phases import OK
from pyhttpd.api.request import BodyError, Request
from pyhttpd.http.conditional import make_etag, precondition, range_applies
from pyhttpd.http.dates import format_other_date
from pyhttpd.http.methods import ALLOWED_FOR_FILES, KNOWN
from pyhttpd.http.ranges import UnsatisfiableError, parse_ranges
from pyhttpd.http.status import is_success
from pyhttpd.server.request import ServerRequest

_DISCARD = 65536  # bytes at a time

# One boundary for the life of a process, as in Apache; made before the children are forked.
_BOUNDARY = hexlify(os.urandom(8)).decode()


def discard_body(request: Request, limit: int | None = None) -> int:
    """Read the request's body to its end. OK, or the status of what was wrong with it: 413 beyond `limit` bytes."""
    if request.body is None or request.main is not None:
        return OK
    read = 0
    try:
        while data := request.body.read(_DISCARD):
            read += len(data)
            if limit is not None and read > limit:
                return 413
    except BodyError as error:
        return error.status or 400
    return OK


def default_handler(request: Request) -> int:
    """Answers whatever no other handler wanted."""
    assert isinstance(request, ServerRequest)
    refused = discard_body(request)
    if refused != OK:
        return refused
    if request.method in ("GET", "HEAD", "POST"):
        return _send_file(request)
    if request.method == "OPTIONS":
        request.headers_out.set("Allow", ALLOWED_FOR_FILES)
        return OK
    if request.method not in KNOWN:
        encrypted = request.request_line[:1] == "\x16" and request.request_line[1:2] in ("\x02", "\x03")
        note = " - possible attempt to establish SSL connection on non-SSL port" if encrypted else ""
        number = "AH00134" if encrypted else "AH00135"
        request.log(Level.ERROR, "core", number, f"Invalid method in request {request.request_line}{note}")
        return 501
    return 405


def _send_file(request: ServerRequest) -> int:
    finfo, filename = request.finfo, request.filename
    if finfo is None or filename is None:
        message = f"File does not exist: {filename}{request.path_info}"
        request.log(Level.INFO, "core", "AH00128", message)
        return 404
    if stat.S_ISDIR(finfo.st_mode):
        request.log(Level.INFO, "core", "AH00129", f"Attempt to serve directory: {filename}")
        return 404
    config = request.config(CoreDir)
    if request.path_info and not config.accept_path_info:
        message = f"File does not exist: {filename}{request.path_info}"
        request.log(Level.INFO, "core", "AH00130", message)
        return 404
    try:
        fd = request.open(filename)
    except OSError as error:
        message = f"file permissions deny server access: {filename}"
        request.log(Level.ERROR, "core", "AH00132", message, errno=error.errno)
        return 403
    request.when_done(lambda: os.close(fd))
    finfo = os.fstat(fd)  # what is sent is what was opened, even if the name has been given to another file meanwhile
    if not stat.S_ISREG(finfo.st_mode):
        request.log(Level.ERROR, "core", "AH00038", f"Forbidden: {filename} doesn't point to a file or directory")
        return 403
    request.finfo = finfo
    now = request.request_time
    headers = request.headers_out
    headers.set("Last-Modified", format_other_date(min(finfo.st_mtime, now)))
    headers.set("ETag", make_etag(finfo.st_size, finfo.st_mtime_ns, now))
    headers.set("Accept-Ranges", "bytes")
    if is_success(request.status) and not request.for_error:
        status = precondition(request.method, request.headers_in, headers, finfo.st_mtime, now)
        if status is not None:
            request.status = status  # answered without a body, and with the fields of the file: no error page
            return OK
    request.content_length = finfo.st_size
    request.content = [FileSlice(fd, 0, finfo.st_size)] if finfo.st_size else []
    headers.set("Content-Length", str(finfo.st_size))
    field = request.headers_in.get("Range")
    if field is None or request.status != 200 or finfo.st_size == 0:
        return OK
    return _send_ranges(request, fd, field, finfo)


def _send_ranges(request: ServerRequest, fd: int, field: str, finfo: os.stat_result) -> int:
    size, now = finfo.st_size, request.request_time
    if not range_applies(request.headers_in, request.headers_out, finfo.st_mtime, now):
        return OK
    try:
        ranges = parse_ranges(field, size)
    except UnsatisfiableError:
        request.content, request.content_length = None, None
        request.unmeasured = True  # as in Apache, where it is found when the answer is on its way
        return 416
    if ranges is None:
        return OK
    request.status = 206
    request.log(Level.DEBUG, "http", "AH01583", f"Range: {field[6:]} | {','.join(f'{a}-{b}' for a, b in ranges)}")
    if len(ranges) == 1:
        first, last = ranges[0]
        request.content = [FileSlice(fd, first, last - first + 1)]
        request.content_length = last - first + 1
        request.headers_out.set("Content-Length", str(request.content_length))
        request.headers_out.set("Content-Range", f"bytes {first}-{last}/{size}")
        return OK
    kind = f"Content-type: {request.content_type}\r\n" if request.content_type else ""
    pieces: list[Piece] = []
    total = 0
    for first, last in ranges:
        head = f"\r\n--{_BOUNDARY}\r\n{kind}Content-range: bytes {first}-{last}/{size}\r\n\r\n".encode("latin-1")
        pieces += (head, FileSlice(fd, first, last - first + 1))
        total += len(head) + last - first + 1
    end = f"\r\n--{_BOUNDARY}--\r\n".encode()
    pieces.append(end)
    request.content = pieces
    request.content_length = total + len(end)
    request.headers_out.set("Content-Length", str(request.content_length))
    request.content_type = f"multipart/byteranges; boundary={_BOUNDARY}"
    return OK
