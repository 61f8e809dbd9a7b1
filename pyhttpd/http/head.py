"""The head of a request: bytes up to the blank line to a Head, with Apache's limits and refusals. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import h11

from pyhttpd.http.headers import Headers

_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+)(?: (HTTP/([1-9])\.([0-9]))?)?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]+")
_SPACE = b" \t\n\v\f\r"
_NOT_H11 = re.compile(rb"[^\x21-\x7e]")

MAX_BLANK_LINES = 10  # before a request line, left over from an old client's POST
_SHOWN = 80  # characters of a refused name or value in the log

FIELD_TOO_LONG = "Size of a request header field exceeds server limit."
TOO_MANY_FIELDS = "The number of request header fields exceeds this server's limit."


_FIELD_ERRORS = frozenset({
    "AH00560", "AH00561", "AH00562", "AH00563", "AH02426", "AH02427", "AH03442", "AH03443",
})  # fmt: skip


class Limits(NamedTuple):
    """LimitRequestLine, LimitRequestFields (0: none), LimitRequestFieldSize."""

    line: int = 8190
    fields: int = 100
    field_size: int = 8190


@dataclass(slots=True)
class Head:
    """A request's head. Text is latin-1. Fields of one name are joined into one, as Apache does it."""

    line: str = ""  # as it is logged
    method: str = "-"
    target: str = "-"
    protocol: str = "HTTP/1.0"
    version: tuple[int, int] = (1, 0)
    simple: bool = False  # HTTP/0.9: no head is sent back
    fields: Headers | None = None
    content_length: int | None = None
    chunked: bool = False

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.content_length)


class HeadError(Exception):
    """A head that is refused. `head` holds what was understood of it, for the log and the answer.

    `number` and `message` go to the error log (at info where `limit`, else at debug); `note` is told to the client.
    """

    def __init__(
        self, status: int, number: str | None, message: str, head: Head, *, note: str | None = None, limit: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.number = number
        self.head = head
        self.note = note
        self.limit = limit

    @property
    def in_fields(self) -> bool:
        """Whether the request line was good, and a field is what is wrong."""
        return self.number in _FIELD_ERRORS


class HeadBuffer:
    """What has arrived and was not yet taken. `take` gives a whole head as soon as there is one.

    Looks at each byte about twice, however small the pieces are in which a head arrives.
    """

    __slots__ = ("_blanks", "_checked", "_scanned", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._scanned = 0  # no end of the head, and no bare LF, in front of this
        self._blanks = 0  # blank lines in front of the next request line
        self._checked = 0  # length at the last check of the lines that are already there

    def feed(self, chunk: bytes) -> None:
        self.data += chunk

    def put_back(self, chunk: bytes) -> None:
        """Bytes that were taken too many: the beginning of the next request behind a body."""
        self.data[:0] = chunk
        self._scanned = self._checked = 0

    def take_all(self) -> bytes:
        chunk = bytes(self.data)
        self.data.clear()
        self._scanned = self._checked = 0
        return chunk

    def take(self, limits: Limits, *, lenient_blanks: bool = False) -> bytes | None:
        """The bytes of the next head, None while it is not complete. HeadError as soon as it is beyond rescue.

        `lenient_blanks` lets a bare LF pass in the blank lines between two requests of a connection.
        """
        data = self.data
        if data.startswith((b"\r", b"\n")):
            self._skip_blank_lines(lenient_blanks)
        end = data.find(b"\r\n\r\n", max(self._scanned - 3, 0))
        first = data.find(b"\r\n", 0, limits.line + 4)
        if first >= 0 and b" HTTP/" not in data[:first]:  # HTTP/0.9, or no request at all: no fields follow
            return self._cut(first + 2)
        if end >= 0:
            return self._cut(end + 4)
        self._check_unfinished(limits, first)
        self._scanned = len(data)
        return None

    def _cut(self, length: int) -> bytes:
        head = bytes(self.data[:length])
        del self.data[:length]
        self._scanned = self._checked = self._blanks = 0
        return head

    def _skip_blank_lines(self, lenient: bool) -> None:
        data = self.data
        at = 0
        while True:
            if data.startswith(b"\r\n", at):
                at += 2
            elif lenient and data.startswith(b"\n", at):
                at += 1
            else:
                break
            self._blanks += 1
            if self._blanks > MAX_BLANK_LINES:
                message = "HTTP Request Line; URI incorrectly encoded: ''"
                raise HeadError(400, "AH03454", message, Head(method="", target="/"))
        if at:
            del data[:at]
            self._scanned = self._checked = 0

    def _check_unfinished(self, limits: Limits, first: int) -> None:
        data = self.data
        new = data[max(self._scanned - 1, 0) :]
        if new.count(b"\n") != new.count(b"\r\n") + (1 if self._scanned and new[:1] == b"\n" else 0):
            parse_lines(bytes(data), limits)  # says what is wrong with the first line that is
            line = _latin(bytes(data[: data.find(b"\n") + 1]))
            raise HeadError(400, "AH00566", "request failed: malformed request line", Head(line=line))
        if first < 0:
            if len(data) > limits.line + 2:
                raise _line_too_long(bytes(data), limits)
            return
        tail = len(data) - data.rfind(b"\n") - 1
        if tail > limits.field_size + 2 or len(data) >= 2 * self._checked:
            self._checked = len(data)
            parse_lines(bytes(data), limits)


def _latin(data: bytes) -> str:
    return data.decode("latin-1")


def _line_too_long(data: bytes, limits: Limits) -> HeadError:
    head = Head(line=_latin(data[: limits.line + 1]))
    message = f"request failed: client's request-line exceeds LimitRequestLine (longer than {limits.line})"
    return HeadError(414, "AH00565", message, head, limit=True)


def parse_request_line(line: bytes, limits: Limits) -> Head:
    """The first line. Exactly one space between its words, a token, a target without control characters, HTTP/x.y.

    Without the third word, be there a space for it or not, it is HTTP/0.9.
    """
    if len(line) > limits.line + 1:
        raise _line_too_long(line, limits)
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise _refused_line(line)
    head = Head(_latin(line.rstrip(b" ")), _latin(match[1]), _latin(match[2]))
    if match[3]:
        head.protocol = _latin(match[3])
        head.version = (int(match[4]), int(match[5]))
    else:
        head.protocol, head.version, head.simple = "HTTP/0.9", (0, 9), True
        if head.method != "GET":
            message = (
                f"HTTP Request Line; Invalid method token: '{head.method[:_SHOWN]}' "
                "(only GET is allowed for HTTP/0.9 requests)"
            )
            head.protocol, head.version, head.simple = "HTTP/1.0", (1, 0), False
            raise HeadError(400, "AH03444", message, head)
    return head


def _refused_line(line: bytes) -> HeadError:
    """What is wrong with a request line, in Apache's order of checks and words."""
    if b"\n" in line or b"\0" in line:
        shown = line[: line.find(b"\n") + 1] if b"\n" in line else line.partition(b"\0")[0]
        return HeadError(400, "AH00566", "request failed: malformed request line", Head(line=_latin(shown)))
    words = line.split()
    head = Head(
        line=_latin(b" ".join(words[:3])),
        method=_latin(words[0]) if words else "",
        target=_latin(words[1]) if len(words) > 1 else "/",
    )
    if len(words) > 2 and (version := re.fullmatch(rb"HTTP/([1-9])\.([0-9])", words[2])):
        head.protocol, head.version = _latin(words[2]), (int(version[1]), int(version[2]))
    if not words or len(words) == 1:
        return HeadError(400, "AH03454", "HTTP Request Line; URI incorrectly encoded: ''", head)
    if line[:1] in _SPACE or re.search(rb"[\t\v\f\r]", line):
        return HeadError(400, "AH03447", "HTTP Request Line; Invalid whitespace", head)
    if _TOKEN.fullmatch(words[0]) is None:
        message = f"HTTP Request Line; Invalid method token: '{_latin(words[0])[:_SHOWN]}'"
        return HeadError(400, "AH03445", message, head)
    if _TARGET.fullmatch(words[1]) is None:
        message = f"HTTP Request Line; URI incorrectly encoded: '{_latin(words[1])[:_SHOWN]}'"
        return HeadError(400, "AH03454", message, head)
    if b"  " in line or line.endswith(b" ") or len(words) > 3:
        message = "HTTP Request Line; Excess whitespace (disallowed by HttpProtocolOptions Strict)"
        return HeadError(400, "AH03448", message, head)
    message = (
        f"HTTP Request Line; Unrecognized protocol '{_latin(words[2])[:_SHOWN]}' (perhaps whitespace was injected?)"
    )
    return HeadError(400, "AH02418", message, head)


def parse_lines(data: bytes, limits: Limits) -> Head:
    """Check the complete lines of a head, and the length of the last one even if it is not complete."""
    lines = data.split(b"\r\n")
    head = parse_request_line(lines[0], limits)
    fields: list[tuple[bytes, bytes]] = []
    current: bytes | None = None

    def finish(line: bytes | None) -> None:
        if line is None:
            return
        if limits.fields and len(fields) >= limits.fields:
            message = "Number of request headers exceeds LimitRequestFields"
            raise HeadError(400, "AH00563", message, head, note=TOO_MANY_FIELDS, limit=True)
        match = _FIELD.fullmatch(line)
        if match is None:
            if (name := _TOKEN.match(line)) and line[name.end() : name.end() + 1] == b":":
                value = _latin(line[name.end() + 1 :].lstrip(b" \t"))[:_SHOWN]
                raise HeadError(400, "AH02427", f"Request header value is malformed: {value}", head)
            message = f"Request header field name is malformed: {_latin(line)[:_SHOWN]}"
            raise HeadError(400, "AH02426", message, head)
        fields.append((match[1], match[2]))

    for index, line in enumerate(lines[1:], 1):
        if len(line) > limits.field_size + 1:
            name = _latin(line.split(b":", 1)[0])[:_SHOWN]
            message = f"Request header exceeds LimitRequestFieldSize: {name}"
            raise HeadError(400, "AH00561", message, head, note=FIELD_TOO_LONG, limit=True)
        if b"\n" in line:
            raise HeadError(400, "AH00567", "request failed: error reading the headers", head)
        if index == len(lines) - 1:
            break  # not complete, or what follows the last line's end
        stripped = line.rstrip(b" \t") or line[:1]
        if stripped[:1] in (b" ", b"\t"):
            if current is None:
                raise HeadError(400, "AH03442", "Line folding encountered before first header line", head)
            if len(stripped) == 1:
                raise HeadError(400, "AH03443", "Empty folded line encountered", head)
            current = current + b" " + stripped.lstrip(b" \t")
            if len(current) >= limits.field_size:
                name = _latin(current.split(b":", 1)[0])[:_SHOWN]
                message = f"Request header exceeds LimitRequestFieldSize after folding: {name}"
                raise HeadError(400, "AH00562", message, head, note=FIELD_TOO_LONG, limit=True)
            continue
        finish(current)
        current = stripped or None
    finish(current)
    head.fields = Headers((_latin(name), _latin(value)) for name, value in fields)
    return head


def parse_head(data: bytes, limits: Limits) -> tuple[Head, h11.Connection | None]:
    """A whole head. Our checks come first, then h11 reads it; the connection goes on with the body, if there is one.

    What h11 refuses and Apache takes (a raw 8-bit target, no Host in HTTP/1.0, versions above 1.1, codings in front of
    chunked) is normalised for h11 alone.
    """
    head = parse_lines(data, limits)
    if head.simple:
        return head, None
    assert head.fields is not None
    head.fields = _compressed(head.fields, head, limits)
    _framing(head)
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=len(data) + 3 * len(head.target) + limits.field_size)
    reader.receive_data(_for_h11(head))
    try:
        event = reader.next_event()
    except h11.RemoteProtocolError as error:
        raise HeadError(400, "PH00120", f"request failed: {error}", head) from None
    if not isinstance(event, h11.Request):
        raise HeadError(400, "PH00120", "request failed: no request could be read", head)
    return head, reader if head.has_body else None


def _compressed(fields: Headers, head: Head, limits: Limits) -> Headers:
    """Fields of one name joined with a comma, in the place of the first (RFC 9110, section 5.3)."""
    joined: dict[str, tuple[str, list[str]]] = {}
    for name, value in fields:
        joined.setdefault(name.lower(), (name, []))[1].append(value)
    if len(joined) != len(fields):
        fields = Headers((name, ", ".join(values)) for name, values in joined.values())
    for name, value in fields:
        if len(value) > limits.field_size:
            message = f"Request header exceeds LimitRequestFieldSize after merging: {name[:_SHOWN]}"
            raise HeadError(400, "AH00560", message, head, note=FIELD_TOO_LONG, limit=True)
    return fields


def _framing(head: Head) -> None:
    """Content-Length and Transfer-Encoding (RFC 9112, section 6.3), strictly."""
    assert head.fields is not None
    length = head.fields.get("Content-Length")
    coding = head.fields.get("Transfer-Encoding")
    if length is not None:
        if not length.isascii() or not length.isdigit() or int(length) >= 1 << 63:
            message = f"client sent invalid Content-Length ({length}): {head.target}"
            raise HeadError(400, "AH10242", message, head)
        head.content_length = int(length)
    if coding is not None:
        if coding.rpartition(",")[2].strip().lower() != "chunked":
            message = f"client sent unknown Transfer-Encoding ({coding}): {head.target}"
            raise HeadError(400, "AH02539", message, head)
        if length is not None:
            message = f"client sent both Content-Length and Transfer-Encoding: {head.target}"
            raise HeadError(400, "PH00121", message, head)
        head.chunked = True


def _for_h11(head: Head) -> bytes:
    assert head.fields is not None
    target = _NOT_H11.sub(lambda match: b"%%%02X" % match[0][0], head.target.encode("latin-1"))
    version = b"HTTP/1.0" if head.version < (1, 1) else b"HTTP/1.1"
    lines = [b"%s %s %s" % (head.method.encode("latin-1"), target, version)]
    if "Host" not in head.fields:
        lines.append(b"Host: -")
    for name, value in head.fields:
        if name.lower() == "transfer-encoding":
            value = "chunked"
        lines.append(f"{name}: {value}".encode("latin-1"))
    return b"\r\n".join(lines) + b"\r\n\r\n"
