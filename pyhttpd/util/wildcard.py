"""Shell wildcards as APR matches them (apr_fnmatch), in time proportional to the text.

What stands between two `*` is found once, at the first place where it fits: a later place could not do better. So the
regular expression that a pattern becomes never goes back behind a `*`, however many there are.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_SPECIAL = re.compile(r"\\.|[*?\[\]]", re.DOTALL)
_NEVER = "(?!)"


def is_wild(pattern: str) -> bool:
    """Does the text hold a wildcard? One that is escaped is none: without another the text means itself, backslash
    included."""
    opened = False
    for found in _SPECIAL.finditer(pattern):
        if found[0] in ("*", "?") or (found[0] == "]" and opened):
            return True
        opened = opened or found[0] == "["
    return False


class _Rules(NamedTuple):
    pathname: bool  # no wildcard matches a slash
    period: bool  # no wildcard matches a dot in front (of the text; of each component, with pathname)

    @property
    def any(self) -> str:
        return "[^/]" if self.pathname else "."


@lru_cache(maxsize=1024)
def compile_wildcard(
    pattern: str, *, pathname: bool = False, period: bool = False, ignore_case: bool = False
) -> re.Pattern[str]:
    """A pattern for `fullmatch`. `pathname`: no wildcard matches a slash. `period`: none matches a leading dot."""
    rules = _Rules(pathname, period)
    flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else re.NOFLAG)
    return re.compile(_translate(pattern, rules), flags)


def _translate(pattern: str, rules: _Rules) -> str:
    out: list[str] = []
    pieces: list[str] = []  # of the part that is not finished, since the last `*`
    after_star = False
    guarded = rules.period
    at = 0
    while at < len(pattern):
        char = pattern[at]
        piece, end = _piece(pattern, at, rules)
        if guarded and char != "/" and piece != r"\.":
            out.append(r"(?!\.)")
        guarded = False
        if char == "*":
            out += _finished(pieces, after_star, rules)
            pieces, after_star = [], True
        elif rules.pathname and piece == "/":
            # the component ends here, so its last part stands at its end, wherever else it would fit
            out += (f"{rules.any}*" if after_star else "", *pieces, "/")
            pieces, after_star = [], False
            guarded = rules.period
        else:
            pieces.append(piece)
        at = end
    if guarded:
        out.append(r"(?!\.)")
    out += (f"{rules.any}*" if after_star else "", *pieces)
    return "".join(out)


def _finished(pieces: list[str], after_star: bool, rules: _Rules) -> list[str]:
    """The part before a `*`. Behind another `*` it is wherever it fits first."""
    return [f"(?>{rules.any}*?{''.join(pieces)})"] if after_star and pieces else pieces


def _piece(pattern: str, at: int, rules: _Rules) -> tuple[str, int]:
    """What matches one character, as a regular expression, and where it ends in the pattern."""
    char = pattern[at]
    if char == "?":
        return rules.any, at + 1
    if char == "[":
        found = _set(pattern, at, rules)
        if found is not None:
            return found
    elif char == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    return re.escape(char), at + 1


def _set(pattern: str, at: int, rules: _Rules) -> tuple[str, int] | None:
    """`[a-z]`, `[!x]`, `[^x]`: None if it is never closed. A `]` in front is a member. There are no named classes."""
    at += 1
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    first = at
    members: list[str] = []
    while at < len(pattern):
        if pattern[at] == "]" and at > first:
            body = "".join(members)
            inside = f"[^{body}]" if negated and body else f"[{body}]" if body else ("." if negated else _NEVER)
            return ("(?!/)" if rules.pathname else "") + inside, at + 1
        start, at = _member(pattern, at)
        if start is None or (rules.pathname and start == "/"):
            return None
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in ("", "]"):
            last, at = _member(pattern, at + 1)
            if last is None or (rules.pathname and last == "/"):
                return None
            if start <= last:  # else it holds nothing
                members.append(f"{re.escape(start)}-{re.escape(last)}")
        else:
            members.append(re.escape(start))
    return None


def _member(pattern: str, at: int) -> tuple[str | None, int]:
    if pattern[at] == "\\":
        at += 1
        if at >= len(pattern):
            return None, at
    return pattern[at], at + 1
