"""How a listing is ordered: what the query asks for, and the keys by which names are compared. Texts are wire text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from pyhttpd.modules.autoindex_options import Show
from pyhttpd.util.escape import native, url_path

KEYS = {"name": "N", "date": "M", "size": "S", "description": "D"}


class Wish(NamedTuple):
    """What a listing shall be: sorted by which column, in which direction, of which names, with which options; and
    what the links for other orders have to repeat."""

    column: str
    ascending: bool
    show: Show
    pattern: str | None = None  # a wildcard for names
    repeat: str = ""


_FORMATS = {
    "0": (Show.NOTHING, Show.FANCY_INDEXING | Show.HTML_TABLE),
    "1": (Show.FANCY_INDEXING, Show.HTML_TABLE),
    "2": (Show.FANCY_INDEXING | Show.HTML_TABLE, Show.NOTHING),
}
_ASKED = re.compile(
    r"(?: C=(?P<column>[NMSD]) | O=(?P<order>[AD]) | F=(?P<format>[012]) | V=(?P<version>[01]) )(?:[&;]|\Z)"
    r" | P=(?P<pattern>[^&;]*)(?:[&;]|\Z)",
    re.VERBOSE,
)


def read_query(query: str, wish: Wish) -> Wish:
    """`C=M;O=D;F=2;V=1;P=*.txt`, in any order, up to what is none of these."""
    column, ascending, show, pattern = wish.column, wish.ascending, wish.show, wish.pattern
    shown_format = shown_version = shown_pattern = ""
    at = 0
    while at < len(query) and (found := _ASKED.match(query, at)) is not None:
        at = found.end()
        if found["column"]:
            column = found["column"]
        elif found["order"]:
            ascending = found["order"] == "A"
        elif found["format"]:
            add, remove = _FORMATS[found["format"]]
            show = (show | add) & ~remove
            shown_format = f";F={found['format']}"
        elif found["version"]:
            show = show | Show.VERSION_SORT if found["version"] == "1" else show & ~Show.VERSION_SORT
            shown_version = f";V={found['version']}"
        else:
            pattern = _unescaped(found["pattern"])
            if pattern is not None:
                shown_pattern = f";P={url_path(native(pattern))}"
    return Wish(column, ascending, show, pattern, shown_format + shown_version + shown_pattern)


_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")


def _unescaped(text: str) -> str | None:
    """None for an empty text, and for one with a bad or forbidden escape (a slash, a NUL)."""
    if any(not code or int(code, 16) in (0, 0x2F) for code in _ESCAPE.findall(text)):
        return None
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) or None


# --- comparing

_PARTS = re.compile(r"([0-9]+)|[ \t\n\v\f\r]+")
_SIGNED = {byte: byte ^ 0x80 for byte in range(256)}
_END = "\x80"
"""What ends a text in C, a NUL, as a signed character."""
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _natural_run(digits: str) -> str:
    """Those that begin with 0 are fractions, compared from the left, and come before the others, which are numbers.
    What an ended fraction is compared with is less than any digit; what a number's length is, is said in front."""
    if digits[0] == "0":
        return f"\xb0\x00{digits}\x00"
    return f"\xb0\x01{chr(len(digits))}{digits}"


def natural(text: str) -> str:
    """A key: equal to, less or more than another one's as APR's natural comparison (apr_strnatcmp) says of the texts.
    Blanks do not count, characters are signed, as on x86."""
    out: list[str] = []
    at = 0
    for found in _PARTS.finditer(text):
        out.append(text[at : found.start()].translate(_SIGNED))
        at = found.end()
        if found[1]:
            out.append(_natural_run(found[1]))
    out.append(text[at:].translate(_SIGNED))
    out.append(_END)
    return "".join(out)


def name_key(show: Show) -> Callable[[str], tuple[str, ...]]:
    """What names are sorted by: where two are equal to the first comparison, the next one decides."""
    keys: list[Callable[[str], str]] = []
    if Show.VERSION_SORT in show:
        if Show.IGNORE_CASE in show:
            keys.append(lambda name: natural(name.translate(_UPPER)))
        keys.append(natural)
    if Show.IGNORE_CASE in show:
        keys.append(lambda name: name.translate(_LOWER))
    keys.append(lambda name: name)
    return lambda name: tuple([key(name) for key in keys])


_UNITS = "KMGTPE"


def size_text(size: int) -> str:
    """Four characters, as apr_strfsize writes them: ` 12K`, `1.5M`; `  - ` for no size."""
    if size < 0:
        return "  - "
    if size < 973:
        return f"{size:3d} "
    unit = -1
    while True:
        unit += 1
        size, remain = size >> 10, size & 1023
        if size < 973:
            break
    if size < 9 or (size == 9 and remain < 973):
        tenths = (remain * 5 + 256) // 512
        if tenths >= 10:
            size, tenths = size + 1, 0
        return f"{size}.{tenths}{_UNITS[unit]}"
    return f"{size + (remain >= 512):3d}{_UNITS[unit]}"
