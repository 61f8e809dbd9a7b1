"""The head of an answer: which fields, in Apache's order, and whether the connection stays open."""

from __future__ import annotations

import re
from typing import NamedTuple

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.env import variable
from pyhttpd.api.log import Level
from pyhttpd.http.dates import format_date
from pyhttpd.http.headers import Headers
from pyhttpd.http.status import DROPS_CONNECTION, WITHOUT_BODY, status_line
from pyhttpd.server.request import ServerRequest, first_of
from pyhttpd.util.escape import wire

_BAD_NAME = re.compile(r"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")
_FIELDS = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\U0010ffff]*\r\n)*")
_USUAL = frozenset({
    "accept-ranges", "access-control-allow-origin", "age", "allow", "cache-control", "connection", "content-encoding",
    "content-language", "content-length", "content-location", "content-range", "content-security-policy",
    "content-type", "etag", "expires", "keep-alive", "last-modified", "link", "location", "pragma", "referrer-policy",
    "retry-after", "set-cookie", "strict-transport-security", "transfer-encoding", "upgrade", "vary",
    "www-authenticate", "x-content-type-options", "x-frame-options", "x-xss-protection",
})  # fmt: skip
"""Names that are looked at together; any other field is looked at by itself."""
_UNSAFE_NAME = re.compile(r"[\x00-\x20\x7f]")
_FOLD = re.compile(r"\r\n[ \t]+")  # a line that goes on: one blank is sent for it
_BAD_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\U0010ffff]")
_TOKEN = re.compile(r"[^\x00-\x20()<>@,;:\\\"/\[\]?={}\x7f]+")
_STATUS_LINE = re.compile(r"\d{3} [\x20-\x7e\x80-\xff]*")


class BadFieldError(Exception):
    """A handler set a field that cannot be sent: with it anything could be put into the answer."""


class KeepAlive(NamedTuple):
    """What the decision about the connection depends on beside the request."""

    closing: bool  # something has happened after which the connection cannot be used again
    leaving: bool  # its child is about to end
    answered: int  # requests that were kept alive on it before


def client_closes(request: ServerRequest) -> bool:
    """Whether a client has said that it sends nothing more behind this request (RFC 9112, section 9.6), which has no
    body."""
    asked = request.headers_in.get("Connection")
    if has_token(asked, "close"):
        return request.body is None
    return request.version < (1, 1) and not has_token(asked, "keep-alive") and request.body is None


def has_token(field: str | None, token: str) -> bool:
    """Whether a list holds a token. As in Apache, whatever is no token separates, and the token's beginning will do."""
    if field is None:
        return False
    words = (field.lower(),) if field.isalpha() else _TOKEN.findall(field.lower())
    return any(token.startswith(word) for word in words)


def run_response_hooks(request: ServerRequest) -> None:
    """The last changes to the fields. Ranges need them first, as in Apache, whose filters stand in this order."""
    if not request.response_hooks:
        return
    with request.as_if_within_handler():
        while request.response_hooks:
            request.response_hooks.pop(0)(request)


def response_head(request: ServerRequest, banner: str, keep: KeepAlive) -> tuple[bytes, bool, bool]:
    """The bytes of the head, whether the connection stays open, whether the body is sent chunked.

    Raises BadFieldError.
    """
    run_response_hooks(request)
    headers = request.headers_out
    if request.err_headers_out:
        headers = request.headers_out = Headers((*request.err_headers_out, *headers))
        request.err_headers_out.clear()
    version = request.version
    env = request.env
    if env and variable(env, "force-no-vary") is not None:
        headers.unset("Vary")
        version = (1, 0)
        env["force-response-1.0"] = "1"
    else:
        _merge_vary(headers)
    if env and variable(env, "downgrade-1.0") is not None and version > (1, 0):
        version = (1, 0)
    if request.without_etag:
        headers.unset("ETag")
    if request.no_cache and "Expires" not in headers:
        headers.add("Expires", format_date(request.arrived))
    bodiless = request.status in WITHOUT_BODY
    if not bodiless and request.content_length is not None and "Transfer-Encoding" not in headers:
        headers.set("Content-Length", str(request.content_length))
    given_up = first_of(request).given_up
    if given_up is not None:
        keep = _after_given_up(request, given_up, keep, version)
    stays, chunked = _keep_alive(request, headers, keep, version, bodiless=bodiless)
    if bodiless:
        for name in ("Transfer-Encoding", "Content-Length"):
            headers.unset(name)
        request.content_type, request.content_encoding, request.content_languages = None, None, []
    else:
        if chunked:
            headers.merge("Transfer-Encoding", "chunked")
            headers.unset("Content-Length")
        content_type = full_content_type(request)
        if content_type is not None:
            headers.set("Content-Type", content_type)
        if request.content_encoding is not None:
            headers.set("Content-Encoding", request.content_encoding)
        if request.content_languages:
            set_before = [tag.strip() for tag in (headers.joined("Content-Language") or "").split(",") if tag.strip()]
            headers.set("Content-Language", ",".join(dict.fromkeys((*request.content_languages, *set_before))))
    if request.header_only and headers.get("Content-Length") == "0":
        headers.unset("Content-Length")  # nobody asked the handler for the real length
    headers.unset("Date")
    headers.unset("Server")
    line = request.status_line
    if line is None or line[:3] != str(request.status) or _STATUS_LINE.fullmatch(line) is None:
        line = status_line(request.shown_status or request.status)
    old = version == (1, 0) and variable(request.env, "force-response-1.0") is not None
    protocol = "HTTP/1.0" if old else "HTTP/1.1"
    fields = headers.lines()
    if not (headers.by_name().keys() <= _USUAL and _FIELDS.fullmatch(fields) and fields.count("\r\n") == len(headers)):
        fields = _checked_fields(request, headers)
    text = f"{protocol} {line}\r\nDate: {format_date(request.arrived)}\r\nServer: {banner}\r\n{fields}\r\n"
    return text.encode("latin-1", "replace"), stays, chunked


def _checked_fields(request: ServerRequest, headers: Headers) -> str:
    """The lines of fields among which there are unusual ones. Raises BadFieldError where one cannot be sent."""
    lines = []
    for name, value in headers:
        if not name or _BAD_NAME.search(name) or _BAD_VALUE.search(value):
            value = _FOLD.sub(" ", value)
            _check_field(request, name, value)
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)


def _check_field(request: ServerRequest, name: str, value: str) -> None:
    """Raises BadFieldError, having logged why, unless it is a name that HttpProtocolOptions Unsafe lets pass."""
    bad_name = _BAD_NAME if request.server.config(CoreServer).http_strict else _UNSAFE_NAME
    if not name:
        number, message = "AH02428", "Empty response header name"
    elif bad_name.search(name):
        number, message = "AH02429", f"Response header name '{name}' contains invalid characters"
    elif _BAD_VALUE.search(value):
        number, message = "AH02430", f"Response header '{name}' value of '{value}' contains invalid characters"
    else:
        return
    request.log(Level.ERROR, "http", number, f"{message}, aborting request")
    raise BadFieldError


def full_content_type(request: ServerRequest) -> str | None:
    """The content type, with AddDefaultCharset's charset where it is a text without one."""
    content_type = request.content_type
    if content_type is None:
        return None
    charset = request.config(CoreDir).default_charset
    if charset is None or request.bare_charset:
        return content_type
    lower = content_type.lower()
    if "charset=" in lower or not ("text/plain" in lower or "text/html" in lower):
        return content_type
    return f"{content_type}; charset={wire(charset)}"


def _merge_vary(headers: Headers) -> None:
    if "Vary" not in headers:
        return
    names: dict[str, str] = {}
    for field in headers.get_all("Vary"):
        for name in re.split(r"[,\s]+", field):
            if name:
                names.setdefault(name.lower(), name)
    headers.set("Vary", ",".join(names.values()))


def _after_given_up(request: ServerRequest, headers: Headers, keep: KeepAlive, version: tuple[int, int]) -> KeepAlive:
    """Apache decides about the connection for the answer that became an error too: if that one had closed it, the
    error cannot be chunked; if not, it counts as an answer."""
    headers.set("Content-Length", "0")
    stays, _ = _keep_alive(request, headers, keep, version, bodiless=False)
    return keep._replace(answered=keep.answered + 1) if stays else keep._replace(closing=True)


def _keep_alive(
    request: ServerRequest, headers: Headers, keep: KeepAlive, version: tuple[int, int], *, bodiless: bool
) -> tuple[bool, bool]:
    """Apache's ap_set_keepalive: may the connection stay, is the body chunked; sets Connection and Keep-Alive."""
    core = request.server.config(CoreServer)
    limit = core.max_keep_alive_requests
    left = limit - keep.answered
    asked = request.headers_in.get("Connection")
    closing = has_token(headers.get("Connection"), "close")
    chunked = False
    framed = request.header_only or bodiless or "Content-Length" in headers
    modern = not request.simple and version >= (1, 1)
    if not framed and modern and not keep.closing and not request.expecting_100:
        framed = chunked = True
    wanted = has_token(asked, "keep-alive")
    stays = (
        not keep.closing
        and not keep.leaving
        and not request.expecting_100
        and framed
        and core.keep_alive
        and core.keep_alive_timeout > 0
        and (limit == 0 or left > 0)
        and request.status not in DROPS_CONNECTION
        and not first_of(request).drops_connection
        and not closing
        and not has_token(asked, "close")
        and variable(request.env, "nokeepalive") is None
        and not (version == (1, 0) and variable(request.env, "force-response-1.0") is not None)
        and (wanted or version >= (1, 1))
    )
    if not stays:
        if not closing:
            headers.merge("Connection", "close")
    elif wanted:
        timeout = int(core.keep_alive_timeout)
        headers.set("Keep-Alive", f"timeout={timeout}, max={left}" if limit else f"timeout={timeout}")
        headers.merge("Connection", "Keep-Alive")
    return stays, chunked
