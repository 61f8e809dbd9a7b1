"""Regular expressions of the configuration: PCRE, as Apache compiles and runs it; and `$1` substitution.

Apache matches bytes. So here every text is turned into bytes first: wire texts have one character for one byte, native
ones (paths) are UTF-8 with surrogateescape.

The engine is PCRE2, through the package pcre2, which brings its own copy of the library. Compared on 2026-11-24
(Python 3.11; what the import costs a child after the fork): pcre2 15 KiB, 1.2 microseconds a match, wheels up to
3.14; `regex` 546 KiB, since it imports threading, a time limit for a match limit, and not PCRE's reading of a pattern;
PyPcre imports threading and has no wheels. Patterns that cannot take long go to `re` (see linear.py), with 0.15
microseconds. pcre2 is imported when the first other pattern comes: it has no free-threaded build yet, and would switch
the GIL on.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from pyhttpd.util.escape import native, wire
from pyhttpd.util.linear import for_re
from pyhttpd.util.regex_defaults import regex_defaults

MATCH_LIMIT = 1_000_000
"""Steps. PCRE's own default is ten times as much; but other threads wait while one matches, and this is 25 ms."""
HEAP_LIMIT = 65_536
"""KiB that a match may use to find its way back."""

_LIMITS = f"(*LIMIT_MATCH={MATCH_LIMIT})(*LIMIT_HEAP={HEAP_LIMIT})".encode()

# options and errors of pcre2.h
_CASELESS, _DOLLAR_ENDONLY, _DOTALL, _DUPNAMES = 0x08, 0x10, 0x20, 0x40
_LIMIT_ERRORS = frozenset((-46, -47, -53, -63))  # JIT stack, match, depth, heap


class RegexError(re.error):
    """A pattern that PCRE does not take. It is a re.error, too."""


class MatchLimitError(Exception):
    """A pattern needed too many steps for a text: the request cannot be answered."""


class Match(Protocol):
    """What was found. A group that took no part is None."""

    def __getitem__(self, key: int | str, /) -> str | Any: ...

    def groups(self) -> tuple[str | Any, ...]: ...


class _Options(NamedTuple):
    ignore_case: bool
    dot_all: bool
    dollar_end_only: bool


class Regex:
    """A compiled pattern. It pickles, and is compiled again where it is unpickled.

    `groups` is the number of groups, `groupindex` has the numbers of named ones. `search` finds the first match in a
    text; it raises MatchLimitError.
    """

    __slots__ = ("_find_all", "groupindex", "groups", "is_wire", "options", "pattern", "search")

    search: Callable[[str], Match | None]

    def __init__(self, pattern: str, options: _Options, is_wire: bool) -> None:
        self.pattern = pattern
        self.options = options
        self.is_wire = is_wire
        simple = for_re(pattern, dot_all=options.dot_all, dollar_end_only=options.dollar_end_only)
        compiled = None
        if simple is not None:
            try:
                flags = re.DOTALL if options.dot_all else re.NOFLAG
                compiled = re.compile(simple, flags | re.ASCII | (re.IGNORECASE if options.ignore_case else re.NOFLAG))
            except (re.error, RecursionError):  # PCRE says what is wrong with it
                pass
        engine = _Python(compiled, is_wire) if compiled is not None else _Pcre(pattern, options, is_wire)
        self.groups = engine.groups
        self.groupindex = engine.groupindex
        self.search = engine.search
        self._find_all = engine.find_all

    def __reduce__(self) -> tuple[Any, ...]:
        return _compile, (self.pattern, self.options, self.is_wire)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r}, {self.options}, is_wire={self.is_wire})"

    def _key(self) -> tuple[str, _Options, bool]:
        return self.pattern, self.options, self.is_wire

    def sub(self, replacement: Callable[[Match], str], text: str, count: int = 0) -> str:
        """The text with each match replaced, or the first `count` of them. Raises MatchLimitError."""
        return self._find_all(replacement, text, count)


def compile_pcre(pattern: str, *, ignore_case: bool = False, is_wire: bool = False) -> Regex:
    """A pattern of the configuration, with what RegexDefaultOptions says. Raises RegexError.

    `is_wire` tells what it will be matched with: wire text (header fields), or native text (paths).
    """
    defaults = regex_defaults()
    options = _Options(ignore_case or "ICASE" in defaults, "DOTALL" in defaults, "DOLLAR_ENDONLY" in defaults)
    return _compile(wire(pattern), options, is_wire)


@lru_cache(maxsize=512)
def _compile(pattern: str, options: _Options, is_wire: bool) -> Regex:
    return Regex(pattern, options, is_wire)


# --- the engines


class _Found:
    """An engine's match as texts of the kind that was asked for; most are only asked whether there is one."""

    __slots__ = ("_match", "_text")

    def __init__(self, match: Any, text: Callable[[Any], str]) -> None:
        self._match = match
        self._text = text

    def __getitem__(self, key: int | str, /) -> str | None:
        part = self._match[key]
        return None if part is None else self._text(part)

    def groups(self) -> tuple[str | None, ...]:
        return tuple([None if part is None else self._text(part) for part in self._match.groups()])


class _Python:
    """Matches with `re`, on characters that stand for bytes."""

    def __init__(self, compiled: re.Pattern[str], is_wire: bool) -> None:
        self.compiled = compiled
        self.groups = compiled.groups
        self.groupindex: Mapping[str, int] = compiled.groupindex
        self.search: Callable[[str], Match | None] = compiled.search if is_wire else self._search_native
        self.is_wire = is_wire

    def _search_native(self, text: str) -> Match | None:
        if text.isascii():
            return self.compiled.search(text)
        found = self.compiled.search(wire(text))
        return None if found is None else _Found(found, native)

    def find_all(self, replacement: Callable[[Match], str], text: str, count: int) -> str:
        if self.is_wire or text.isascii():
            return self.compiled.sub(replacement, text, count)
        return native(self.compiled.sub(lambda found: wire(replacement(_Found(found, native))), wire(text), count))


_POSITION = re.compile(r"(?<=at position )[0-9]+")


def _without_limits(position: re.Match[str]) -> str:
    return str(max(0, int(position[0]) - len(_LIMITS)))


def load_engine() -> None:
    """Import PCRE2 ahead of the first fork, for patterns that come later (those of .htaccess files): a child may not be
    able to read the package. Not where threads run without the GIL, which this would switch on."""
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        import pcre2  # noqa: F401  # that it is loaded is what counts


class _Pcre:
    """Matches with PCRE2, on bytes."""

    def __init__(self, pattern: str, options: _Options, is_wire: bool) -> None:
        import pcre2

        flags = _DUPNAMES
        flags |= _CASELESS if options.ignore_case else 0
        flags |= _DOTALL if options.dot_all else 0
        flags |= _DOLLAR_ENDONLY if options.dollar_end_only else 0
        self.error: type[Exception] = pcre2.LibraryError
        try:
            # without JIT, as Apache: its own limits, no memory that is written and run, no small stack of its own
            self.compiled = pcre2.compile(_LIMITS + _respelled(pattern).encode("latin-1"), flags=flags, jit=False)
        except pcre2.PatternError as error:
            raise RegexError(_POSITION.sub(_without_limits, str(error))) from None
        self.groups: int = self.compiled.groups
        self.groupindex: Mapping[str, int] = dict(self.compiled.groupindex)
        self.pattern = pattern
        self.is_wire = is_wire

    def _bytes(self, text: str) -> bytes:
        return text.encode("latin-1", "replace") if self.is_wire else wire(text).encode("latin-1")

    def _text(self, data: bytes) -> str:
        text = data.decode("latin-1")
        return text if self.is_wire else native(text)

    def search(self, text: str) -> Match | None:
        try:
            match = self.compiled.search(self._bytes(text))
        except self.error as error:
            self._limit(error)
            return None
        return None if match is None else _Found(match, self._text)

    def find_all(self, replacement: Callable[[Match], str], text: str, count: int) -> str:
        data = self._bytes(text)
        parts: list[bytes] = []
        at = 0
        try:
            for number, match in enumerate(self.compiled.finditer(data), 1):
                parts += (data[at : match.start()], self._bytes(replacement(_Found(match, self._text))))
                at = match.end()
                if number == count:
                    break
        except self.error as error:
            self._limit(error)
        parts.append(data[at:])
        return self._text(b"".join(parts))

    def _limit(self, error: Exception) -> None:
        """Apache takes any other failure (a recursion that goes on for ever) for no match."""
        if getattr(error, "code", 0) in _LIMIT_ERRORS:
            raise MatchLimitError(f"{error}: {self.pattern}") from None


_ESCAPES = re.compile(r"\\(?:Q.*?(?:\\E|\Z)|x\{([^}]*)\}|x(?!\{)([0-9A-Fa-f]{0,2})|([uUx])|(C)|.)", re.DOTALL)


def _respelled(pattern: str) -> str:
    """The binding asks PCRE2 for JavaScript's escapes and forbids `\\C`: here spelled so that it means the same."""
    return _ESCAPES.sub(_respell, pattern) if "\\" in pattern else pattern


def _respell(found: re.Match[str]) -> str:
    braced, digits, unknown, any_byte = found.groups()
    if any_byte is not None:
        return "(?s:.)"
    if unknown is not None:
        raise RegexError(f"PCRE2 does not support \\{unknown} here")
    if braced is not None:
        digits = braced.strip(" ")
        if not re.fullmatch("[0-9A-Fa-f]+", digits):
            raise RegexError("digits missing or non-hex character in \\x{}")
        digits = digits.lstrip("0") or "0"
        if len(digits) > 2:
            raise RegexError("character code point value in \\x{} or \\o{} is too large")
    return found[0] if digits is None else f"\\x{digits:0>2}"


# --- substitution

_SUBSTITUTION = re.compile(r"\$([0-9])|\\(.)", re.DOTALL)


def substitute(template: str, match: Match) -> str:
    """`template` with `$0`..`$9` replaced by what was matched (nothing where there is no such group), `\\x` by `x`."""
    return substitute_groups(template, (match[0], *match.groups()))


def substitute_groups(template: str, groups: Sequence[str | None]) -> str:
    """The same for what a match has left: `$0` and its groups."""

    def part(found: re.Match[str]) -> str:
        if found[2] is not None:
            return found[2]
        number = int(found[1])
        return (groups[number] or "") if number < len(groups) else ""

    return _SUBSTITUTION.sub(part, template)
