"""Outlines: what of a head the answers depend on, without reading the head. The shortest way into the answer memo for
heads that are not equal.

While answers are recorded they tell which fields they have asked for (answer_inputs.py), and so do the logs when they
prepare their lines. Of a head whose form is usual, the outline is its request line without the query, and of its
field lines those with these names, as they are. Two heads with equal outlines have the same answer and the same log
line, but for the request line in it. Where somebody has asked for the query, or for a field that is always another one,
outlines do not help, and answer_inputs.py is asked.

A line is looked at once: which name it has, and whether it is a line at all, is remembered (HeadMemo's idea). A head
with anything else than plain fields in it (a body, credentials, a folded line) has no outline.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyhttpd.http.fields import FIELD
from pyhttpd.server.answer_inputs import QUERY
from pyhttpd.util.generations import Generations

if TYPE_CHECKING:
    from pyhttpd.server.answer_memo import KeptAnswer

LONGEST = 4096
"""Bytes of a head."""
_MOST_NAMES = 64
_LINES = 1 << 16  # bytes of lines that are remembered
_LINE = 250  # what a remembered line takes beside its bytes, about
_SEEN = 1024  # lines that were seen once

# A request line that stands in a log as it is: nothing in it has to be escaped.
_REQUEST_LINE = re.compile(rb"((?:GET|HEAD) /[!$-;=@-\[\]-~]*)(?:\?[!$-\[\]-~]*)?( HTTP/1\.[01])")
_UNFIT = frozenset({
    b"authorization", b"proxy-authorization", b"expect", b"content-length", b"transfer-encoding",
})  # fmt: skip

Outline = tuple[tuple[str, int], bytes, bytes, tuple[bytes | None, ...]]
"""The server's address and port, method and path, protocol, and for each line of the fields itself or None."""


class UnfitError(Exception):
    """A head that has no outline."""


class Outlines:
    """What is kept by outline. `names` of fields, in lower case, are what answers and logs have asked for so far; when
    one more is asked for, there are new Outlines."""

    def __init__(self, names: frozenset[str], limit: int) -> None:
        """`limit` in bytes; 0: nothing has an outline."""
        self._names = names
        self._limit = limit
        self._kept: Generations[Outline, KeptAnswer] = Generations(limit, _cost, _SEEN)
        self._lines = _Lines(frozenset(name.encode("latin-1") for name in names))
        self._part_of = self._lines.__getitem__

    def of(self, address: tuple[str, int], data: bytes) -> tuple[str, Outline] | None:
        """The request line and the outline of a head; None if it is not whole, or is unusual."""
        fields = data.split(b"\r\n")
        if fields[-1] or fields.index(b"") != len(fields) - 2 or len(data) > LONGEST or not self._limit:
            return None
        line = fields.pop(0)
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            return None
        try:
            lines = tuple(map(self._part_of, fields))
        except UnfitError:
            return None
        return line.decode("latin-1"), (address, match[1], match[2], lines)

    def find(self, address: tuple[str, int], data: bytes) -> tuple[KeptAnswer | None, str | None]:
        """What is kept for heads with the outline of this one, and its request line."""
        found = self.of(address, data)
        if found is None:
            return None, None
        line, outline = found
        return self._kept.get(outline), line

    def seen_before(self, outline: Outline) -> bool:
        return self._kept.seen_before(outline)

    def put(self, outline: Outline, kept: KeptAnswer) -> None:
        self._kept.put(outline, kept)

    def turn(self) -> None:
        """Forget what has not been used since the last turn."""
        self._kept.turn()
        self._lines.forget()

    def tell(self, names: frozenset[str]) -> bool:
        """Whether outlines with these names' values tell all that matters."""
        return names <= self._names

    def with_names(self, names: frozenset[str]) -> Outlines:
        """Those that tell these, too; themselves where that is too much, or would not help."""
        names |= self._names
        return self if QUERY in names or len(names) > _MOST_NAMES else Outlines(names, self._limit)


def _cost(outline: Outline, kept: KeptAnswer) -> int:
    return sum(len(line) for line in outline[3] if line) + kept.cost


class _Lines(dict[bytes, bytes | None]):
    """What of a line belongs to the outline: all of it or nothing. Lines that come a second time are remembered."""

    def __init__(self, names: frozenset[bytes]) -> None:
        super().__init__()
        self._names = names
        self._seen: set[int] = set()
        self.forget()

    def forget(self) -> None:
        self.clear()
        self[b""] = b""
        self._size = 0

    def __missing__(self, line: bytes) -> bytes | None:
        if not line:  # another thread forgets just now
            return b""
        match = FIELD.fullmatch(line)
        if match is None:
            raise UnfitError
        name = match[1].lower()
        if name in _UNFIT:
            raise UnfitError
        token = line if name in self._names else None
        mark = hash(line)
        if mark in self._seen:
            self._remember(line, token)
        else:
            if len(self._seen) >= _SEEN:
                self._seen = set()
            self._seen.add(mark)
        return token

    def _remember(self, line: bytes, token: bytes | None) -> None:
        if self._size > _LINES:
            self.forget()
        self._size += len(line) + _LINE
        self[line] = token
