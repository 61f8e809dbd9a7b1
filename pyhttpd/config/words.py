"""The words of a line, as Apache splits them: quotes of both kinds, a backslash before a quote or a backslash.

Used for httpd.conf after the grammar has cut it into lines, and for what reads its line raw. Blanks are C's isspace,
not Unicode's. A word may begin with a quote; a quote inside a word is a character like others.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

BLANKS = " \t\n\v\f\r"

_FIRST = re.compile(r"[^ \t\v\f\r\"'\\][^ \t\v\f\r\\]*(?=[ \t\v\f\r]|$)")
_PLAIN = re.compile(r"[^ \t\n\v\f\r]+")
_WORD = re.compile(
    r"""(?P<quote>["'])  (?P<quoted> (?: \\\\ | \\(?P=quote) | (?!(?P=quote)). )* )  (?P<end>(?P=quote)?)
      | (?P<plain> [^ \t\n\v\f\r]+ )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = {
    '"': re.compile(r'\\([\\"])'),
    "'": re.compile(r"\\([\\'])"),
    "": re.compile(r"\\(\\)"),
}


class Words(NamedTuple):
    """The words of a line. `unclosed` is the index of the word whose quote is not closed (always the last), or None."""

    words: tuple[str, ...]
    unclosed: int | None


def split(raw: str) -> Words:
    """`'"a b" c'` -> `("a b", "c")`."""
    given = plain(raw)
    return Words(given, None) if given is not None else _split(raw)


def plain(raw: str) -> tuple[str, ...] | None:
    """The words of a line without quotes and escapes, as most are; None for another one."""
    if '"' in raw or "'" in raw or "\\" in raw:
        return None
    if raw.isascii() and raw.isprintable():
        return tuple(raw.split())
    return tuple(_PLAIN.findall(raw))


@lru_cache(maxsize=8192)
def _split(raw: str) -> Words:
    words: list[str] = []
    unclosed = None
    for found in _WORD.finditer(raw):
        word, closed = _unescape(found)
        if not closed:
            unclosed = len(words)
        words.append(word)
    return Words(tuple(words), unclosed)


def first(raw: str) -> tuple[str, str]:
    """The first word and the rest of the line after it; both are empty if there is none."""
    found = _WORD.search(raw)
    if found is None:
        return "", ""
    return _unescape(found)[0], raw[found.end() :].lstrip(BLANKS)


def split_line(line: str) -> tuple[str, str]:
    """A line's first word and the rest of it."""
    found = _FIRST.match(line)
    if found is None:
        name, rest = first(line)
        return name, rest.rstrip(BLANKS)
    return found[0], line[found.end() :].strip(BLANKS)


def starts(raw: str) -> list[int]:
    """Where each word begins, for a caret."""
    return [found.start() for found in _WORD.finditer(raw)]


def _unescape(found: re.Match[str]) -> tuple[str, bool]:
    plain = found["plain"]
    if plain is not None:
        return (_ESCAPED[""].sub(r"\1", plain) if "\\" in plain else plain), True
    quoted = found["quoted"]
    if "\\" in quoted:
        quoted = _ESCAPED[found["quote"]].sub(r"\1", quoted)
    return quoted, bool(found["end"])
