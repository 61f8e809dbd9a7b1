"""TRACE: the head of the request sent back, with its body where TraceEnable is extended (RFC 9110, section 9.3.8)."""

from __future__ import annotations

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DECLINED, DONE
from pyhttpd.api.request import BodyError, Request
from pyhttpd.server.request import ServerRequest, first_of
from pyhttpd.util.digits import is_number, value_of
from pyhttpd.util.escape import native

_LARGEST = 65536  # bytes of a body with Content-Length
_LARGEST_CHUNKED = 73698  # of one without, as Apache's buffer has it
_PIECE = 8192
_TOO_LARGE = "Extended TRACE request bodies cannot exceed 64k\n"


def send_trace(request: Request) -> int:
    """A map_to_storage function."""
    assert isinstance(request, ServerRequest)
    if request.method != "TRACE":
        return DECLINED
    original = first_of(request)
    enabled = original.server.config(CoreServer).trace
    if enabled == "off":
        original.notes["error-notes"] = "TRACE denied by server configuration"
        return 405
    coding = original.headers_in.get("Transfer-Encoding")
    chunked = coding is not None
    if coding is not None and coding.lower() != "chunked":  # `,chunked` is no other coding, but Apache takes it for one
        request.log(Level.INFO, "http", "AH01592", f"Unknown Transfer-Encoding {native(coding)}")
        return 501
    field = None if chunked else original.headers_in.get("Content-Length")
    if field is None:
        field = "0"
    if not is_number(field):  # RequestHeader has put it here: what the client sends is checked long before
        request.log(Level.INFO, "http", "AH01594", f"Invalid Content-Length '{native(field)}'")
        return 400
    length = value_of(field)
    limit = request.config(CoreDir).limit_request_body
    if (enabled == "on" and (chunked or length)) or 0 < limit < length:
        if enabled == "on":
            request.log(Level.INFO, "http", "AH01595", f"TRACE with body is not allowed for {request.uri}")
        original.notes["error-notes"] = "TRACE with a request body is not allowed"
        return 413
    body = b""
    if original.body is not None:
        read = _read_body(original, length, _LARGEST_CHUNKED if chunked else _LARGEST)
        if isinstance(read, int):
            return read
        body = read
    lines = [original.request_line, *(f"{name}: {value}" for name, value in original.headers_in), "", ""]
    request.content_type = "message/http"
    request.content = ["\r\n".join(lines).encode("latin-1") + body]
    request.unmeasured = True
    return DONE


def _read_body(request: ServerRequest, length: int, largest: int) -> bytes | int:
    """The body, or the status of what was wrong with it."""
    assert request.body is not None
    if length > largest:
        request.notes["error-notes"] = _TOO_LARGE
        return 413
    body = b""
    try:
        while piece := request.body.read(_PIECE):
            if len(body) <= largest:  # what exceeds it is read and thrown away
                body += piece
    except BodyError as error:
        return error.status or 400
    if len(body) > largest:
        request.notes["error-notes"] = _TOO_LARGE
        return 413
    return body
