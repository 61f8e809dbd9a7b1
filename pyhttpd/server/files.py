"""The default handler: files, with their conditions; OPTIONS, and what else a file cannot do."""

from __future__ import annotations

import os
import stat
from functools import partial

from pyhttpd.api.body import FileSlice
from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.filters import Effect, Kind
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.api.request import BodyError, Request
from pyhttpd.http.conditional import precondition
from pyhttpd.http.methods import FILE_METHODS, KNOWN
from pyhttpd.http.status import is_success
from pyhttpd.server.errors import allow
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.validators import set_digest, set_validators
from pyhttpd.util.escape import native

_DISCARD = 65536  # bytes at a time


def discard_body(request: Request, limit: int | None = None) -> int:
    """Read the request's body to its end. OK, or the status of what was wrong with it: 413 beyond `limit` bytes.

    A body that has failed before is not tried again: an ErrorDocument for it is answered as if there was none.
    """
    if request.body is None or request.main is not None:
        return OK
    read = 0
    try:
        while count := request.body.skip(_DISCARD):
            read += count
            if limit is not None and read > limit:
                return 413
    except BodyError as error:
        return OK if error.status is None else error.status
    return OK


def default_handler(request: Request) -> int:
    """Answers whatever no other handler wanted."""
    assert isinstance(request, ServerRequest)
    request.allowed = FILE_METHODS
    refused = discard_body(request)
    if refused != OK:
        return refused
    if request.method in ("GET", "HEAD", "POST"):
        return _send_file(request)
    if request.method == "OPTIONS":
        if request.simple:
            return DECLINED  # HTTP/0.9 has no fields to answer with
        request.headers_out.set("Allow", allow(request))
        return OK
    if request.method not in KNOWN and request.method not in request.server.config(CoreServer).registered_methods:
        encrypted = request.request_line[:1] == "\x16" and request.request_line[1:2] in ("\x02", "\x03")
        note = " - possible attempt to establish SSL connection on non-SSL port" if encrypted else ""
        number = "AH00134" if encrypted else "AH00135"
        request.log(Level.ERROR, "core", number, f"Invalid method in request {native(request.request_line)}{note}")
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
    request.when_done(partial(os.close, fd))
    finfo = os.fstat(fd)  # what is sent is what was opened, even if the name has been given to another file meanwhile
    if not stat.S_ISREG(finfo.st_mode):
        request.log(Level.ERROR, "core", "AH00038", f"Forbidden: {filename} doesn't point to a file or directory")
        return 403
    request.finfo = finfo
    headers = request.headers_out
    set_validators(request, fd, finfo)
    headers.set("Accept-Ranges", "none" if config.max_ranges == 0 else "bytes")
    headers.set("Content-Length", str(finfo.st_size))
    filters = request.output_filters
    if config.content_digest and not (filters and filters[0].kind is Kind.RESOURCE):  # else it will be another content
        set_digest(request, fd)
    varying = bool(filters) and any(each.effects & Effect.NO_CACHE for each in filters)  # as does its content
    if is_success(request.status) and not request.for_error and not varying:
        now = request.arrived
        status = precondition(request.method, request.headers_in, headers, max(finfo.st_mtime, 0), now)
        if status is not None:
            request.status = status  # answered without a body, and with the fields of the file: no error page
            if not request.header_only:
                headers.set("Content-Length", "0")
            return OK
    request.content_length = finfo.st_size
    request.content = [FileSlice(fd, 0, finfo.st_size)] if finfo.st_size else []
    return OK
