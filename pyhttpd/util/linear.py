"""Which patterns Python's `re` may match: those that mean the same there as in PCRE, and that cannot take long.

`re` has no limit, holds the GIL while it matches, and cannot be interrupted. So it gets only patterns that take a
number of steps proportional to the text: no repetition of a group, at most one `*` or `+` in an anchored pattern, few
alternatives. Those are most of what stands in real files, and `re` matches them ten times as fast.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MOST_WAYS = 64
"""Ways to read a part of the text in one place: alternatives multiply."""

_TOKEN = re.compile(
    r"""
      (?P<escaped> \\[^A-Za-z0-9] )
    | (?P<special> \\[dDwWsS] )
    | (?P<boundary> \\b )
    | (?P<set> \[ \^? (?: [^\[\]\\\-&|~^] | [A-Za-z0-9]-[A-Za-z0-9] | \\[^A-Za-z0-9] | \\[dDwWsS] )+ -? \] )
    | (?P<any> \. )
    | (?P<open> \((?:\?:|(?!\?|\*)) )
    | (?P<close> \) )
    | (?P<either> \| )
    | (?P<start> \^ )
    | (?P<end> \$ )
    | (?P<repeat> [*+?]\??(?![+?*]) )
    | (?P<literal> [^\\\[\]{}()|^$.*+?] )
    """,
    re.VERBOSE | re.DOTALL,
)  # fmt: skip
_ITEMS = frozenset(("escaped", "special", "set", "any", "literal", "close"))


class _Group(NamedTuple):
    """An open group: the ways of the branches that are finished, and of the one that is being read."""

    finished: int = 0
    ways: int = 1


def for_re(pattern: str, *, dot_all: bool, dollar_end_only: bool) -> str | None:
    """The pattern as `re` spells it, or None if it is not for `re`."""
    out: list[str] = []
    groups = [_Group()]
    previous = ""
    last_item_ways = 1
    unbounded = 0
    endless = False  # the `*` stands after a dot that takes everything, and nothing behind it can fail
    anchored = pattern.startswith("^")
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None or found.lastgroup is None:
            return None
        kind, text = found.lastgroup, found[0]
        at = found.end()
        if unbounded and kind not in ("close", "end") and text != "?":
            endless = False
        if kind == "open":
            groups.append(_Group())
        elif kind == "either":
            group = groups[-1]
            groups[-1] = _Group(group.finished + group.ways)
            anchored = anchored and len(groups) > 1
        elif kind == "close":
            if len(groups) == 1:
                return None
            group = groups.pop()
            last_item_ways = group.finished + group.ways
            groups[-1] = groups[-1]._replace(ways=groups[-1].ways * last_item_ways)
        elif kind == "repeat":
            if previous not in _ITEMS or (previous == "close" and text[0] != "?"):
                return None
            if text[0] == "?":
                ways = groups[-1].ways // last_item_ways * (last_item_ways + 1)
                groups[-1] = groups[-1]._replace(ways=ways)
            else:
                unbounded += 1
                endless = previous == "any" and dot_all
        elif kind == "start" and (out or len(groups) > 1):
            return None
        if kind in _ITEMS and kind != "close":
            last_item_ways = 1
        if kind == "end":
            text = r"\Z" if dollar_end_only else "$"
        previous = kind
        out.append(text)
        if groups[-1].ways + groups[-1].finished > _MOST_WAYS:
            return None
    if len(groups) > 1 or unbounded > 1 or (unbounded == 1 and not anchored and not endless):
        return None
    return "".join(out)
