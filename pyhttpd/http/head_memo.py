"""The head memo: lines of heads that have been read before are not read again.

A browser sends the same dozen fields with each request; what differs is the request line and perhaps a cookie. So what
is remembered are single field lines, not heads. Only heads in their usual form are read here: strict, no field twice,
no folded line, no body announced. For all others, and for all that is wrong with a head, `parse` gives None, and
`parse_head` is asked. A property test holds the two to each other.

Never kept are credentials and long lines; a line is kept when it comes a second time. No I/O.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from pyhttpd.http.fields import FIELD
from pyhttpd.http.head import Head, HeadError, Limits, parse_request_line
from pyhttpd.http.headers import Headers
from pyhttpd.util.generations import Generations

LIMIT = 1 << 18
"""Bytes of a child's memo."""
LONGEST = 1024
"""Bytes of a line that is kept."""
_LINE = 250  # what a kept line takes beside its bytes, about
_SEEN = 1024  # lines that were seen once
_SECRET = frozenset({"authorization", "proxy-authorization"})
_BODY = frozenset({"content-length", "transfer-encoding"})

Field = tuple[str, str, str]
"""Name in lower case, name, value: an item of Headers."""


_name_of = itemgetter(0)


class HeadMemo:
    """The lines that one child has read."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._lines: Generations[bytes, Field] = Generations(limit, _cost, _SEEN)

    def parse(self, data: bytes, limits: Limits) -> Head | None:
        """A whole head with its empty line; None if `parse_head` has to read it."""
        if not limits.strict:
            return None
        lines = data.split(b"\r\n")
        if lines[-1] or lines[-2]:
            return None
        request_line = lines[0]
        del lines[-2:], lines[0]
        if len(data) > limits.field_size and max(map(len, lines), default=0) > limits.field_size:
            return None
        fields: list[Any] = list(map(self._lines.young.get, lines))
        if None in fields:
            fields = [known or self._read(line) for known, line in zip(fields, lines, strict=True)]
            if None in fields:
                return None
        names = set(map(_name_of, fields))
        if len(names) != len(fields) or not names.isdisjoint(_BODY) or (limits.fields and len(fields) > limits.fields):
            return None
        try:
            head = parse_request_line(request_line, limits)
        except HeadError:
            return None
        if head.simple:
            return None
        head.fields = Headers.of(fields)
        return head

    def _read(self, line: bytes) -> Field | None:
        field = self._lines.get(line)
        if field is not None:
            return field
        match = FIELD.fullmatch(line.rstrip(b" \t"))
        if match is None:
            return None
        name = match[1].decode("latin-1")
        field = name.lower(), name, match[2].decode("latin-1")
        if len(line) <= LONGEST and field[0] not in _SECRET and self._lines.seen_before(line):
            self._lines.put(line, field)
        return field


def _cost(line: bytes, field: Field) -> int:
    return 3 * len(line) + _LINE
