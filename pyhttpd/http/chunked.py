"""The chunked transfer coding, taken apart as the bytes come (RFC 9112, section 7.1). No I/O."""

from __future__ import annotations

import re
from enum import Enum, auto

from pyhttpd.http.fields import FieldLimits, parse_fields, split_lines
from pyhttpd.http.headers import Headers

# Up to 10 blanks behind the size are taken, as RFC 2616 allowed them; an extension holds no control character.
_SIZE = re.compile(rb"([0-9A-Fa-f]+)[ \t]{0,10}(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_END = re.compile(rb"\A\r\n|\r\n\r\n")
_UNSAFE_END = re.compile(rb"(?:\A|\n)\r?\n")
_LARGEST = (1 << 63) - 1


class ChunkError(Exception):
    """The coding is broken (400), or a size or its line is too large (413). `status` is which."""

    def __init__(self, status: int) -> None:
        super().__init__("Error reading/parsing chunk " + ("(overflow) " if status == 413 else ""))
        self.status = status


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()  # the line end behind a chunk's data
    TRAILERS = auto()
    DONE = auto()


class ChunkedReader:
    """Gives the data of a chunked body. Keeps no more than one line of a size, or the trailers within their limits."""

    __slots__ = ("_at", "_buffer", "_checked", "_limits", "_state", "remaining", "trailers")

    def __init__(self, limits: FieldLimits) -> None:
        self._limits = limits
        self._buffer = b""
        self._at = 0  # what is in front of it was read
        self._state = _State.SIZE
        self._checked = 0
        self.remaining = 0  # bytes of the chunk whose size was read last
        self.trailers = Headers()

    def feed(self, data: bytes) -> None:
        self._buffer = self._buffer[self._at :] + data
        self._at = 0

    @property
    def rest(self) -> bytes:
        """What stands behind the end of the body."""
        return self._buffer[self._at :]

    def read(self) -> bytes | None:
        """The next bytes of data; b"" at the end of the body, None if more has to be fed.

        Raises ChunkError, and FieldError for the trailers.
        """
        while self._state is not _State.DATA:
            if self._state is _State.DONE:
                return b""
            if self._state is _State.SIZE:
                advanced = self._read_size()
            elif self._state is _State.DATA_END:
                advanced = self._read_end()
            else:
                advanced = self._read_trailers()
            if not advanced:
                return None
        data = self._buffer[self._at : self._at + self.remaining]
        if not data:
            return None
        self._at += len(data)
        self.remaining -= len(data)
        if not self.remaining:
            self._state = _State.DATA_END
        return data

    @property
    def in_trailers(self) -> bool:
        return self._state is _State.TRAILERS

    def trailers_so_far(self) -> Headers:
        """Those of trailers that have not ended. Raises FieldError."""
        strict = self._limits.strict
        return parse_fields(split_lines(self.rest, strict=strict), self._limits, whole=False)

    def _read_end(self) -> bool:
        """The end of a chunk's last line. False if it is not complete."""
        if self._buffer.startswith(b"\r\n", self._at):
            self._at += 2
        elif self._buffer.startswith(b"\n", self._at) and not self._limits.strict:
            self._at += 1
        elif self._buffer[self._at :] in (b"", b"\r"):
            return False
        else:
            raise ChunkError(400)
        self._state = _State.SIZE
        return True

    def _read_size(self) -> bool:
        """The line of a size. False if it is not complete, and right so far."""
        longest, at = self._limits.field_size, self._at
        end = self._buffer.find(b"\n", at, at + longest)
        line = self._buffer[at : at + longest if end < 0 else end]
        if not line and end < 0:
            return False
        ended = line.endswith(b"\r")
        match = _SIZE.match(line)
        if match is None:
            raise ChunkError(400)
        if _too_large(match[1]):
            raise ChunkError(413)
        if match.end() != len(line) - ended or (end >= 0 and self._limits.strict and not ended):
            raise ChunkError(400)
        if end < 0:
            if len(self._buffer) - at > longest:
                raise ChunkError(413)
            return False
        self.remaining = int(match[1], 16)
        self._state = _State.DATA if self.remaining else _State.TRAILERS
        self._at = end + 1
        return True

    def _read_trailers(self) -> bool:
        """The fields behind the last chunk. False if their end has not come."""
        strict = self._limits.strict
        fields = self._buffer[self._at :]
        match = (_END if strict else _UNSAFE_END).search(fields)
        if match is None:
            tail = len(fields) - fields.rfind(b"\n") - 1
            if tail > self._limits.field_size + 2 or len(fields) >= 2 * self._checked:
                self._checked = len(fields)
                parse_fields(split_lines(fields, strict=strict), self._limits, whole=False)
            return False
        self.trailers = parse_fields(split_lines(fields[: match.end()], strict=strict), self._limits, whole=True)
        self._state = _State.DONE
        self._at += match.end()
        return True


def _too_large(digits: bytes) -> bool:
    digits = digits.lstrip(b"0")
    return len(digits) > 16 or int(digits or b"0", 16) > _LARGEST
