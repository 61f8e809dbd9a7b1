"""Shell wildcards as APR matches them (apr_fnmatch): for Include, Directory, Files and Location."""

from __future__ import annotations

import re
from functools import lru_cache

_SPECIAL = re.compile(r"[*?]|\[.*\]|\\.", re.DOTALL)
_CLASS = re.compile(r"\[[!^]?\]?(?:\\.|\[:[a-z]+:\]|[^\]\\])*\]", re.DOTALL)
_NAMED = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "digit": "0-9", "lower": "a-z", "space": "\\s",
    "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip


def is_wild(pattern: str) -> bool:
    """Does the text hold a wildcard (or an escape)?"""
    return _SPECIAL.search(pattern) is not None


@lru_cache(maxsize=1024)
def compile_wildcard(pattern: str, *, pathname: bool = False, period: bool = False) -> re.Pattern[str]:
    """A pattern for `fullmatch`. `pathname`: no wildcard matches a slash. `period`: none matches a leading dot."""
    any_char = "[^/]" if pathname else "."
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        guard = r"(?!\.)" if period and at == 0 else ""
        found = _CLASS.match(pattern, at) if char == "[" else None
        if char == "*":
            while pattern[at : at + 1] == "*":
                at += 1
            out.append(f"{guard}{any_char}*")
            continue
        if char == "?":
            out.append(guard + any_char)
        elif found is not None:
            out.append(guard + ("(?!/)" if pathname else "") + _translate_class(found[0]))
            at = found.end()
            continue
        elif char == "\\" and at + 1 < len(pattern):
            at += 1
            out.append(re.escape(pattern[at]))
        else:
            out.append(re.escape(char))
        at += 1
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:  # a range that runs backwards matches nothing
        return re.compile(r"(?!)")


def _translate_class(text: str) -> str:
    body = text[1:-1]
    negated = body[:1] in {"!", "^"} and len(body) > 1
    body = body[1:] if negated else body
    body = re.sub(r"\[:([a-z]+):\]|\\(.)|([\[\]&|~^\\])", _class_part, body, flags=re.DOTALL)
    return f"[{'^' if negated else ''}{body}]"


def _class_part(found: re.Match[str]) -> str:
    if found[1] is not None:
        return _NAMED.get(found[1], "")
    char = found[2] if found[2] is not None else found[3]
    return re.escape(char)
