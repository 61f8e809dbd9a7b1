"""The head of a request: bytes up to the blank line to a Head, with Apache's limits and refusals. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import h11

from pyhttpd.http.fields import FieldError, Unread, parse_fields, split_lines
from pyhttpd.http.headers import Headers
from pyhttpd.http.request_line import NOTHING, LineError, RequestLine, parse_line
from pyhttpd.http.url import Target

_NOT_H11 = re.compile(rb"[^\x21-\x7e]")
_END_UNSAFE = re.compile(rb"\n\r?\n")

MAX_BLANK_LINES = 10  # before a request line, left over from an old client's POST


class Limits(NamedTuple):
    """LimitRequestLine, LimitRequestFields (0: none), LimitRequestFieldSize; and what HttpProtocolOptions says.

    `methods` are the only ones that are taken (RegisteredMethods), None takes any.
    """

    line: int = 8190
    fields: int = 100
    field_size: int = 8190
    strict: bool = True
    allow_09: bool = True
    methods: frozenset[str] | None = None


@dataclass(slots=True)
class Head:
    """A request's head. Text is latin-1. Fields of one name are joined into one, as Apache does it."""

    line: str = ""  # as it is logged
    method: str = "-"
    parts: Target = NOTHING
    protocol: str = "HTTP/1.0"
    version: tuple[int, int] = (1, 0)
    simple: bool = False  # HTTP/0.9: no head is sent back
    target: str = "-"  # as received
    received: str | None = None  # the whole line as it came; None: there was none, or it could not be read
    fields: Headers = field(default_factory=Headers)
    content_length: int | None = None
    chunked: bool = False

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.content_length)


class HeadError(Exception):
    """A head that is refused; `status` 0 is not even answered. `head` holds what was understood of it.

    `number` and `message` go to the error log (at info where `limit`, else at debug), behind what is to be said of an
    `unread` line; `note` is told to the client.
    """

    def __init__(
        self,
        status: int,
        number: str | None,
        message: str,
        head: Head,
        *,
        note: str | None = None,
        limit: bool = False,
        in_fields: bool = False,
        unread: Unread | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.number = number
        self.head = head
        self.note = note
        self.limit = limit
        self.in_fields = in_fields  # the request line was good, and a field is what is wrong
        self.unread = unread


class HeadBuffer:
    """What has arrived and was not yet taken. `take` gives a whole head as soon as there is one.

    Looks at each byte about twice, however small the pieces are in which a head arrives.
    """

    __slots__ = ("_blanks", "_checked", "_line_is_good", "_scanned", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._scanned = 0  # no end of the head, and no bare LF, in front of this
        self._blanks = 0  # blank lines in front of the next request line
        self._checked = 0  # length at the last check of the lines that are already there
        self._line_is_good = False

    def feed(self, chunk: bytes) -> None:
        self.data += chunk

    def put_back(self, chunk: bytes) -> None:
        """Bytes that were taken too many: the beginning of the next request behind a body."""
        self.data[:0] = chunk
        self._begin()

    def take_all(self) -> bytes:
        chunk = bytes(self.data)
        self.data.clear()
        self._begin()
        return chunk

    def _begin(self) -> None:
        self._scanned = self._checked = 0
        self._line_is_good = False

    @property
    def has_line(self) -> bool:
        """Whether a good request line is there, and the fields are what is waited for."""
        return self._line_is_good

    def take(self, limits: Limits, *, between: bool = False) -> bytes | None:
        """The bytes of the next head, None while it is not complete. HeadError as soon as it is beyond rescue.

        `between` two requests of a connection blank lines may end with LF, and too many of them are not answered.
        """
        data = self.data
        if data.startswith((b"\r", b"\n")):
            self._skip_blank_lines(lenient=between or not limits.strict, between=between)
        if limits.strict:
            end = data.find(b"\r\n\r\n", max(self._scanned - 3, 0)) + 4
        else:
            found = _END_UNSAFE.search(data, max(self._scanned - 2, 0))
            end = 3 if found is None else found.end()
        first = data.find(b"\n", 0, limits.line + 3)
        if first < 0:
            if len(data) >= limits.line + 3:
                raise _refused(_too_long(bytes(data), limits))
            self._scanned = len(data)
            return None
        protocol = data.find(b" HTTP/", 0, first) if limits.strict else data[:first].lower().find(b" http/")
        if protocol < 0:  # HTTP/0.9, or no request at all: no fields follow
            return self._cut(first + 1)
        if end > 3:
            return self._cut(end)
        if not self._line_is_good:
            parse_request_line(bytes(data[: first + 1]), limits)
            self._line_is_good = True
        self._check_fields(limits, first + 1)
        self._scanned = len(data)
        return None

    def _cut(self, length: int) -> bytes:
        head = bytes(self.data[:length])
        del self.data[:length]
        self._begin()
        self._blanks = 0
        return head

    def _skip_blank_lines(self, *, lenient: bool, between: bool) -> None:
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
                if between:
                    raise HeadError(0, None, "", Head())
                message = "HTTP Request Line; Invalid method token: ''"
                head = Head(method="", parts=NOTHING._replace(path="/"), received="")
                raise HeadError(400, "AH03445", message, head)
        if at:
            del data[:at]
            self._begin()

    def _check_fields(self, limits: Limits, begin: int) -> None:
        """Of a head that has not ended: whether what is there can become good."""
        data = self.data
        new = data[max(self._scanned - 1, 0) :]
        seen = 1 if self._scanned and new[:1] == b"\n" else 0  # of a CR LF whose CR was looked at before
        bare = limits.strict and new.count(b"\n") != new.count(b"\r\n") + seen
        tail = len(data) - data.rfind(b"\n") - 1
        if bare or tail > limits.field_size + 2 or len(data) >= 2 * self._checked:
            self._checked = len(data)
            check_lines(bytes(data), limits)


def _too_long(line: bytes, limits: Limits) -> LineError:
    shown = RequestLine(line[: limits.line + 1].decode("latin-1"))
    message = f"request failed: client's request-line exceeds LimitRequestLine (longer than {limits.line})"
    return LineError(414, "AH00565", message, shown)


def _refused(error: LineError) -> HeadError:
    head = _head_of(error.line)
    return HeadError(error.status, error.number, str(error), head, limit=error.status == 414, unread=error.unread)


def _head_of(line: RequestLine) -> Head:
    return Head(*line)


def parse_request_line(raw: bytes, limits: Limits) -> Head:
    """The first line, with its end. Raises HeadError."""
    line = raw[:-2] if raw.endswith(b"\r\n") else raw[:-1] if raw.endswith(b"\n") and not limits.strict else raw
    if len(line) - line.endswith(b"\n") > limits.line + 1:
        raise _refused(_too_long(line, limits))
    try:
        return _head_of(parse_line(line, limits.strict, limits.allow_09, limits.methods))
    except LineError as error:
        raise _refused(error) from None


def _parse_fields(data: bytes, head: Head, limits: Limits, *, whole: bool) -> Headers:
    try:
        return parse_fields(split_lines(data, strict=limits.strict), limits, whole=whole)
    except FieldError as error:
        head.fields = error.fields or Headers()
        raise HeadError(400, error.number, str(error), head, note=error.note, limit=error.note is not None,
                        in_fields=True, unread=error.unread) from None  # fmt: skip


def check_lines(data: bytes, limits: Limits) -> Head:
    """Check the complete lines of a head that has not ended, and the length of the last one. The request line."""
    end = data.find(b"\n") + 1
    head = parse_request_line(data[:end], limits)
    head.fields = _parse_fields(data[end:], head, limits, whole=False)
    return head


def is_whole(data: bytes, limits: Limits) -> bool:
    """Whether these bytes are one head in the usual form, from its first to its last, as HeadBuffer would take it."""
    first = data.find(b"\r\n")
    return (
        limits.strict
        and data.find(b"\r\n\r\n") == len(data) - 4
        and 0 < first <= limits.line
        and data.find(b" HTTP/", 0, first) > 0
        and data.find(b"\n", 0, first) < 0
    )


def parse_head(data: bytes, limits: Limits) -> Head:
    """A whole head. Our checks come first; where a body follows, h11 reads the head then as a second opinion, in strict
    mode: where bodies begin and end is how requests are smuggled. Without a body h11 would only take what we take (a
    property test holds the two together), and take longer than everything else.
    """
    end = data.find(b"\n") + 1
    head = parse_request_line(data[:end], limits)
    if head.simple:
        return head
    head.fields = _parse_fields(data[end:], head, limits, whole=True)
    _framing(head)
    if limits.strict and head.has_body:
        ask_h11(head, len(data), limits)
    return head


def _framing(head: Head) -> None:
    """Content-Length and Transfer-Encoding (RFC 9112, section 6.3), strictly."""
    length = head.fields.get("Content-Length")
    coding = head.fields.get("Transfer-Encoding")
    path = head.parts.path
    if length is not None:
        if not length.isascii() or not length.isdigit() or int(length[-30:]) >= 1 << 63 or len(length) > 1000:
            raise HeadError(400, "AH10242", f"client sent invalid Content-Length ({length}): {path}", head)
        head.content_length = int(length)
    if coding is not None:
        codings = [word.strip(" \t").lower() for word in coding.split(",")]
        if codings[-1] != "chunked" or "chunked" in codings[:-1]:
            raise HeadError(400, "AH02539", f"client sent unknown Transfer-Encoding ({coding}): {path}", head)
        if any(codings[:-1]):  # RFC 9112, section 6.1: a coding that is not understood is answered with 501
            raise HeadError(501, "AH01592", f"Unknown Transfer-Encoding {coding}", head, limit=True)
        if length is not None:
            message = f"client sent both Content-Length and Transfer-Encoding: {path}"
            raise HeadError(400, "PH00121", message, head)
        head.chunked = True


def ask_h11(head: Head, size: int, limits: Limits) -> None:
    """Whether h11 takes a head of so many bytes, too. Raises HeadError.

    What h11 refuses and Apache takes (a raw 8-bit target, no Host in HTTP/1.0, versions above 1.1) is normalised.
    """
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=3 * size + limits.field_size)
    reader.receive_data(_for_h11(head))
    try:
        event = reader.next_event()
    except h11.RemoteProtocolError as error:
        raise HeadError(400, "PH00120", f"request failed: {error}", head) from None
    if not isinstance(event, h11.Request):
        raise HeadError(400, "PH00120", "request failed: no request could be read", head)


def _for_h11(head: Head) -> bytes:
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
