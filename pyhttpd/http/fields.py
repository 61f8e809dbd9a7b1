"""Header and trailer fields: lines to Headers, with Apache's limits, folding and refusals. No I/O."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pyhttpd.http.headers import Headers

FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SHOWN = 80  # characters of a refused name or value in the log

TOO_LONG = "Size of a request header field exceeds server limit."
TOO_MANY = "The number of request header fields exceeds this server's limit."


class FieldLimits(Protocol):
    """What head.Limits says about fields."""

    @property
    def fields(self) -> int: ...
    @property
    def field_size(self) -> int: ...
    @property
    def strict(self) -> bool: ...


END_OF_FILE = 70014  # APR's number for it; the system has none


class Unread(NamedTuple):
    """A line that could not be read, as the error log tells of it at debug."""

    errno: int | None  # None: only `data` is shown
    shown: str = ""  # what had been read
    data: bytes = b""  # the line, where it holds NUL bytes


class FieldError(Exception):
    """Fields that are refused with 400. `number` is that of the message in the error log (None: it has none, and the
    message is empty); `note` is told to the client, of a limit that was exceeded. `fields` are those in front of the
    bad one. `unread` is a line at which reading ended."""

    def __init__(
        self,
        number: str | None,
        message: str = "",
        note: str | None = None,
        fields: Headers | None = None,
        unread: Unread | None = None,
    ) -> None:
        super().__init__(message)
        self.number = number
        self.note = note
        self.fields = fields
        self.unread = unread


def split_lines(data: bytes, *, strict: bool) -> list[bytes]:
    """The lines of a head, without their ends; the last is what follows the last line's end."""
    if strict:
        return data.split(b"\r\n")
    lines = data.split(b"\n")
    return [*(line[:-1] if line.endswith(b"\r") else line for line in lines[:-1]), lines[-1]]


def parse_fields(lines: Sequence[bytes], limits: FieldLimits, *, whole: bool) -> Headers:
    """The fields up to the empty line, those of one name joined. The last of `lines` is not complete.

    Unless it is the `whole` head, the empty line has not come: only what can be told so far is checked. Raises
    FieldError.
    """
    fields: list[tuple[bytes, bytes]] = []
    try:
        ended = _collect(lines, limits, fields)
        if not ended and whole:
            raise FieldError(None, unread=Unread(END_OF_FILE, "(null)"))
        found = Headers((_latin(name), _latin(value)) for name, value in fields)
        return _compressed(found, limits) if ended else found
    except FieldError as error:
        if error.fields is None:
            error.fields = Headers((_latin(name), _latin(value)) for name, value in fields)
        raise


def _collect(lines: Sequence[bytes], limits: FieldLimits, fields: list[tuple[bytes, bytes]]) -> bool:
    """Append the fields. False if the empty line has not come."""
    current: bytes | None = None
    longest = limits.field_size + 1
    for line in lines[:-1]:
        if len(line) > longest or b"\n" in line or b"\0" in line:
            _refuse_line(line, longest)
        stripped = line.rstrip(b" \t") or line[:1]
        if stripped[:1] in (b" ", b"\t"):
            current = _folded(current, stripped, limits)
            continue
        if current is not None:
            if limits.fields and len(fields) >= limits.fields:
                raise FieldError("AH00563", "Number of request headers exceeds LimitRequestFields", TOO_MANY)
            match = FIELD.fullmatch(current) if limits.strict else None
            fields.append((match[1], match[2]) if match is not None else _other_field(current, limits.strict))
        if not stripped:
            return True
        current = stripped
    last = lines[-1].removesuffix(b"\r")  # which may be half of its end
    if len(last) > longest or b"\n" in last:
        _refuse_line(last, longest)
    return False


def _latin(data: bytes) -> str:
    return data.decode("latin-1")


def _name(line: bytes) -> str:
    return _latin(line.split(b":", 1)[0])[:_SHOWN]


def _refuse_line(line: bytes, longest: int) -> None:
    first = line[: line.find(b"\n")] if b"\n" in line else line  # up to a LF without CR
    if len(first) > longest:
        message = f"Request header exceeds LimitRequestFieldSize: {_name(first)}"
        raise FieldError("AH00561", message, TOO_LONG, unread=Unread(errno.ENOSPC, _latin(first[:longest])))
    raise FieldError(None, unread=unreadable(line[: len(first) + 1]))


def unreadable(line: bytes) -> Unread:
    """A line that ends with a bare LF, or holds NUL bytes."""
    return Unread(errno.EINVAL, _latin(line.partition(b"\0")[0]), line if b"\0" in line else b"")


def _folded(current: bytes | None, line: bytes, limits: FieldLimits) -> bytes:
    """A field with a continuation line appended."""
    if current is None:
        raise FieldError("AH03442", "Line folding encountered before first header line")
    if len(line) == 1:
        raise FieldError("AH03443", "Empty folded line encountered")
    joined = current + b" " + line.lstrip(b" \t")
    if len(joined) + 1 >= limits.field_size:
        message = f"Request header exceeds LimitRequestFieldSize after folding: {_name(current)}"
        raise FieldError("AH00562", message, TOO_LONG)
    return joined


def _other_field(line: bytes, strict: bool) -> tuple[bytes, bytes]:
    """A field that is not of the strict form: taken by HttpProtocolOptions Unsafe, if at all."""
    name, colon, value = line.partition(b":")
    value = value.lstrip(b" \t")
    if strict:
        token = _TOKEN.match(line)
        if token is not None and line[token.end() : token.end() + 1] == b":":
            raise FieldError("AH02427", f"Request header value is malformed: {_latin(value[:_SHOWN])}")
        raise FieldError("AH02426", f"Request header field name is malformed: {_latin(line[:_SHOWN])}")
    if not colon:
        raise FieldError("AH00564", f"Request header field is missing ':' separator: {_latin(line[:_SHOWN])}")
    if not name:
        raise FieldError("AH03453", "Request header field name was empty")
    if re.search(rb"[\t\n\v\f\r ]", name):
        raise FieldError("AH03452", "Request header field name presented invalid whitespace")
    if re.search(rb"[\n\v\f\r]", value):
        raise FieldError("AH03451", "Request header field value presented bad whitespace")
    return name, value


def _compressed(fields: Headers, limits: FieldLimits) -> Headers:
    """Fields of one name joined with a comma, in the place of the first (RFC 9110, section 5.3)."""
    joined: dict[str, tuple[str, list[str]]] = {}
    for name, value in fields:
        joined.setdefault(name.lower(), (name, []))[1].append(value)
    if len(joined) != len(fields):
        fields = Headers((name, ", ".join(values)) for name, values in joined.values())
        for name, value in fields:
            if len(value) > limits.field_size:
                message = f"Request header exceeds LimitRequestFieldSize after merging: {name[:_SHOWN]}"
                raise FieldError("AH00560", message, TOO_LONG, fields)
    return fields
