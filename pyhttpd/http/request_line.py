"""The request line: its words, what they say, and which of its mistakes Apache would name. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

from pyhttpd.http.fields import Unread
from pyhttpd.http.url import Target, UrlError, split_target

_GOOD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) "
    rb"(/[\x21\x22\x24-\x3e@-\x7e\x80-\xff]*)(?:\?([\x21\x22\x24-\x7e\x80-\xff]*))? "
    rb"(HTTP/([1-9])\.([0-9]))"
)
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")
_VISIBLE = re.compile(rb"[\x21-\x7e\x80-\xff]*")
_SPACES = re.compile(rb"[ \t\n\v\f\r]*")
_SPACE = re.compile(rb"[ \t\n\v\f\r]")
_VERSION = re.compile(r"HTTP/([1-9])\.([0-9])", re.IGNORECASE)
_SHOWN = 80  # characters of a refused word in the log

NOTHING = Target(None, None, None, "-", None)
"""The target of a line that could not be taken apart."""


class RequestLine(NamedTuple):
    """The line in its parts. Text is latin-1. Of one that was refused, what was understood of it."""

    text: str = ""  # as it is logged: one space between its words
    method: str = "-"
    parts: Target = NOTHING
    protocol: str = "HTTP/1.0"
    version: tuple[int, int] = (1, 0)
    simple: bool = False  # HTTP/0.9
    target: str = "-"  # as received
    received: str | None = None  # all of it as it came; None: it could not be read


class LineError(Exception):
    """A request line that is refused with `status`; `number` and the text go to the error log. `unread` if it holds NUL
    bytes."""

    def __init__(self, status: int, number: str, message: str, line: RequestLine, unread: Unread | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.number = number
        self.line = line
        self.unread = unread


def parse_line(line: bytes, strict: bool = True, allow_09: bool = True,
               methods: frozenset[str] | None = None) -> RequestLine:  # fmt: skip
    """A line without its end. `strict`, `allow_09` and `methods` are HttpProtocolOptions. Raises LineError."""
    match = _GOOD.fullmatch(line)
    if match is None or line.find(b"//", 0, match.end(2)) == match.start(2):
        return _parse_any(line, strict, allow_09, methods)
    path, query = match[2].decode("latin-1"), match[3]
    parts = Target(None, None, None, path, None if query is None else query.decode("latin-1"))
    version = (match[5][0] - 48, match[6][0] - 48)
    target = path if query is None else f"{path}?{parts.query}"
    text, method, protocol = line.decode("latin-1"), match[1].decode("latin-1"), match[4].decode("latin-1")
    good = RequestLine(text, method, parts, protocol, version, target=target, received=text)
    if good.method == "CONNECT" or (methods is not None and good.method not in methods):
        return _parse_any(line, strict, allow_09, methods)
    return good


class _Words(NamedTuple):
    method: bytes
    target: bytes
    protocol: bytes
    mistake: str | None
    rest: bytes = b""  # behind the protocol, where nothing may stand


def _split(line: bytes, strict: bool) -> _Words:
    """Apache's order of looking at a line decides which of several mistakes it names."""
    mistake: str | None = None
    begin = _end(_SPACES, line, 0)
    if begin:
        mistake = "whitespace"
    end = _end(_TOKEN if strict else _VISIBLE, line, begin)
    if mistake is None and (end == begin or (end < len(line) and not _is_space(line, end))):
        mistake = "method"
        space = _SPACE.search(line, end)
        if space is None:
            return _Words(line[begin:], b"", b"", mistake)
        end = space.start()
    method = line[begin:end]
    at = _end(_SPACES, line, end)
    mistake = mistake or _gap(line, end, at, strict)
    if at == end:  # the end of the line, or a method that broke off behind leading spaces
        return _Words(method, b"", b"", "target")
    end = _end(_VISIBLE, line, at)
    if end == at or (end < len(line) and not _is_space(line, end)):
        mistake = "target"
        space = _SPACE.search(line, end)
        if space is None:
            return _Words(method, line[at:], b"", mistake)
        end = space.start()
    target = line[at:end]
    at = _end(_SPACES, line, end)
    mistake = mistake or _gap(line, end, at, strict)
    end = _end(_VISIBLE, line, at)
    protocol = line[at:end]
    if end < len(line):
        rest = _end(_SPACES, line, end)
        if not _is_space(line, end):
            mistake = "protocol"
        elif strict:
            mistake = "excess"
        elif mistake is None:
            odd = line[end:rest].strip(b" ")
            mistake = "whitespace" if odd else "text" if rest < len(line) else None
        return _Words(method, target, protocol, mistake, line[rest:])
    return _Words(method, target, protocol, mistake)


def _gap(line: bytes, begin: int, end: int, strict: bool) -> str | None:
    """What is wrong with the white space between two words: one blank is meant."""
    if strict and end > begin + 1:
        return "excess"
    return "whitespace" if line[begin:end].strip(b" ") else None


def _end(pattern: re.Pattern[bytes], line: bytes, at: int) -> int:
    match = pattern.match(line, at)
    assert match is not None  # they match nothing, too
    return match.end()


def _is_space(line: bytes, at: int) -> bool:
    return line[at] in b" \t\n\v\f\r"


def _parse_any(line: bytes, strict: bool, allow_09: bool, methods: frozenset[str] | None) -> RequestLine:
    if b"\n" in line or b"\0" in line:
        shown = line.partition(b"\0")[0]
        shown = shown[: shown.find(b"\n") + 1] or shown
        text = shown.decode("latin-1")
        first = line[: line.find(b"\n") + 1] or line
        unread = Unread(None, data=first) if b"\0" in first else None
        raise LineError(400, "AH00566", "request failed: malformed request line", RequestLine(text), unread)
    words = _split(line, strict)
    method, target, protocol = (word.decode("latin-1") for word in words[:3])
    text = " ".join([method, *([target] if target else []), *([protocol] if protocol else [])])
    mistake = words.mistake
    version, shown_protocol = (0, 9), protocol
    if match := _VERSION.fullmatch(protocol):
        version = (int(match[1]), int(match[2]))
        if not protocol.startswith("HTTP"):
            if strict and mistake is None:
                mistake = "protocol"
            else:
                protocol = protocol.upper()
    elif protocol:
        mistake = mistake or "protocol"
    else:
        protocol = "HTTP/0.9"
    unparsable: UrlError | None = None
    try:
        parts = split_target(target, method)
    except UrlError as error:
        unparsable, parts = error, error.target or NOTHING
    received = line.decode("latin-1")
    result = RequestLine(text, method, parts, protocol, version, version == (0, 9), target, received)
    failed = result._replace(protocol="HTTP/1.0", version=(1, 0), simple=False) if version == (0, 9) else result
    if version == (0, 9) and mistake is None:
        mistake = "old" if not allow_09 else "old method" if strict and method != "GET" else None
    if mistake is not None:
        number, message = _named(mistake, method, target, shown_protocol, words.rest)
        raise LineError(400, number, message, failed)
    if methods is not None and method not in methods:
        message = f"HTTP Request Line; Unrecognized HTTP method: '{_cut(method)}' (disallowed by RegisteredMethods)"
        raise LineError(501, "AH02423", message, result)
    if unparsable is not None:
        raise LineError(400, unparsable.number, str(unparsable), failed)
    if strict and parts.fragment is not None:
        raise LineError(400, "AH02421", "HTTP Request Line; URI must not contain a fragment", failed)
    if strict and parts.user:
        raise LineError(400, "AH02422", "HTTP Request Line; URI must not contain a username/password", failed)
    return result


def _cut(word: str) -> str:
    return word.partition(":")[0][:_SHOWN]


def _named(mistake: str, method: str, target: str, protocol: str, rest: bytes) -> tuple[str, str]:
    """Number and text of a mistake."""
    injected = "(perhaps whitespace was injected?)"
    number, text = {
        "method": ("AH03445", f"Invalid method token: '{_cut(method)}'"),
        "old method": (
            "AH03444", f"Invalid method token: '{_cut(method)}' (only GET is allowed for HTTP/0.9 requests)",
        ),
        "target": ("AH03454", f"URI incorrectly encoded: '{_cut(target)}'"),
        "whitespace": ("AH03447", "Invalid whitespace"),
        "excess": ("AH03448", "Excess whitespace (disallowed by HttpProtocolOptions Strict)"),
        "text": ("AH03449", f"Extraneous text found '{_cut(rest.decode('latin-1'))}' {injected}"),
        "old": ("AH02401", "Rejected HTTP/0.9 request"),
        "protocol": ("AH02418", f"Unrecognized protocol '{_cut(protocol)}' {injected}"),
    }[mistake]  # fmt: skip
    return number, f"HTTP Request Line; {text}"
