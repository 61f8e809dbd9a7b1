"""The second way into the answer memo: by what the answer has asked of its request, where heads differ in other things.

Two requests for one path differ in a cookie, a query, a browser's version, and mostly nobody looks at these. While an
answer is recorded, the fields that are read note it (WatchedHeaders), and so does the query. Another request for the
same path, by the same method, in the same protocol and at the same address of the server, takes the same way through
the same code as long as what is asked of it is the same: so it has the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pyhttpd.api.recording import Recording
from pyhttpd.http.headers import WatchedHeaders

if TYPE_CHECKING:
    from pyhttpd.http.head import Head
    from pyhttpd.server.answer_memo import KeptAnswer
    from pyhttpd.server.request import ServerRequest

Question = tuple[tuple[str, int], str, str, str]
"""The server's address and port, method, raw path, protocol."""
Values = tuple[str | None, ...]

QUERY = "?"
"""Among names that were asked for: the query, which no field is called."""
_MOST = 98_304  # bytes of the answers to one question
_HOPELESS = 32  # answers that were kept in vain


def question_of(address: tuple[str, int], head: Head) -> Question | None:
    """What a head asks, but for its fields and query. None for an absolute URI."""
    parts = head.parts
    return None if parts.scheme or parts.host else (address, head.method, parts.path, head.protocol)


def names_read(request: ServerRequest, recording: Recording) -> frozenset[str] | None:
    """What the answer that was made for this request has asked for. None if that cannot be told by names."""
    fields = request.headers_in
    if not isinstance(fields, WatchedHeaders) or fields.all_read or recording.line_read or request.next is not None:
        return None
    return frozenset(fields.read | {QUERY} if recording.query_read else fields.read)


class Answers:
    """The kept answers to one question, by the values of what any of them has asked for."""

    __slots__ = ("_by_values", "_in_vain", "_names", "_passed", "cost")

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._by_values: dict[Values, KeptAnswer] = {}
        self._in_vain = 0  # answers that were kept since one has been found, or could not even be kept here
        self._passed = 0  # that were not kept for that reason
        self.cost = 0  # bytes

    def find(self, head: Head) -> KeptAnswer | None:
        kept = self._by_values.get(_values(head, self._names))
        if kept is not None:
            self._in_vain = 0
        return kept

    def hopeful(self) -> bool:
        """Whether one more is worth recording. Where each request has a value of its own for what is asked (a cookie,
        the query), none is ever found: then one is tried now and then."""
        if self._in_vain < _HOPELESS:
            return True
        self._passed += 1
        return self._passed % _HOPELESS == 0

    def note_in_vain(self) -> None:
        self._in_vain += 1

    def put(self, names: frozenset[str], head: Head, kept: KeptAnswer) -> None:
        """Keep an answer that has asked for these names."""
        self.note_in_vain()
        if not names.issubset(self._names):  # what is kept does not tell their values
            self._names = tuple(names.union(self._names))
            self._by_values, self.cost = {}, 0
        elif self.cost + kept.cost > _MOST:
            self._by_values, self.cost = {}, 0
        before = self._by_values.get(values := _values(head, self._names))
        self._by_values[values] = kept
        self.cost += kept.cost - (before.cost if before is not None else 0)

    def drop(self, head: Head) -> None:
        """It is no longer true, and would make these answers look useful."""
        self._by_values.pop(_values(head, self._names), None)


def _values(head: Head, names: tuple[str, ...]) -> Values:
    fields: Mapping[str, str] = head.fields.by_name()
    return tuple([head.parts.query if name == QUERY else fields.get(name) for name in names])
