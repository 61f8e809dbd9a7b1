"""Diagnostics as text: Apache's own lines first, to the byte, then the line with a caret and what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace

from pyhttpd.config.diagnostics import COMMAND_LINE, Diagnostic, Excerpt, Severity
from pyhttpd.config.nodes import Location

_WITH_PROGRAM = frozenset({"AH00534", "AH00543", "AH00544"})
"""Messages in which Apache puts the program's name after the number."""

WIDEST = 160
"""Characters of a line that shows one of the file, where nothing is known of the terminal."""

_NARROWEST = 40

_TINTS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33"}

_NO_ESCAPE = re.compile(r"[ -\[\]-~]*")
_ESCAPES = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {
    0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0B: "\\v", 0x0D: "\\r", 0x5C: "\\\\",
}  # fmt: skip


def terminal(diagnostic: Diagnostic, program: str = "pyhttpd", width: int = WIDEST) -> str:
    """The whole message, without a line end. Never raises; what cannot be printed is escaped.

    A line of the file that is longer than `width` is cut, so that the caret stands where it belongs.
    """
    return "\n".join([*apache_lines(diagnostic, program), *map(_clean, _help(diagnostic, width))])


def coloured(diagnostic: Diagnostic, program: str = "pyhttpd", width: int = WIDEST) -> str:
    """The same for a terminal with colours: Apache's lines bold, red or yellow, the caret too, the hint in cyan."""
    tint = _TINTS.get(diagnostic.severity, "1")
    lines = [f"\x1b[{tint}m{line}\x1b[0m" for line in apache_lines(diagnostic, program)]
    for line in map(_clean, _help(diagnostic, width)):
        margin, bar, mark = line.partition("| ")
        if bar and margin.isspace() and mark.strip("^~ ") == "":
            line = f"{margin}{bar}\x1b[{tint}m{mark}\x1b[0m"
        lines.append(line)
    if diagnostic.hint:
        lines[-1] = f"\x1b[36m{lines[-1]}\x1b[0m"
    return "\n".join(lines)


def log_lines(diagnostic: Diagnostic, program: str = "pyhttpd") -> list[str]:
    """The same as lines for the error log, without a time stamp in front."""
    return [*apache_lines(diagnostic, program), *map(_clean, _help(diagnostic, WIDEST))]


def apache_lines(diagnostic: Diagnostic, program: str = "pyhttpd") -> list[str]:
    """What Apache prints of it."""
    return [_escape_as_apache(line) for line in _apache(diagnostic, program)]


def _apache(diagnostic: Diagnostic, program: str) -> list[str]:
    number, message, place = diagnostic.number, diagnostic.message, diagnostic.location
    if diagnostic.errno is not None:
        return [f"({diagnostic.errno}){os.strerror(diagnostic.errno)}: {number}: {message}"]
    if diagnostic.reason is not None:
        return [f"{diagnostic.reason}: {number}: {message}"]
    if diagnostic.severity is not Severity.ERROR:
        return [f"{number}: {message}" if number else message]
    if number in _WITH_PROGRAM:
        return [f"{number}: {program}: {message}"]
    if place is None:
        return [f"{number}: {message}" if number else f"{program}: {message}"]
    if number is None:
        return [_nested(diagnostic.chain, place, message, program)]
    return [f"{number}: Syntax error on line {place.line} of {place.file}:", message]


def _nested(chain: tuple[Location, ...], place: Location, message: str, program: str) -> str:
    """What is wrong with the text itself: one line with all Includes that led to it."""
    outermost = (chain or (place,))[0]
    steps = [each for each in (*chain, place) if each.file != COMMAND_LINE]
    text = "".join(f"Syntax error on line {each.line} of {each.file}: " for each in steps)
    prefix = "Syntax error in -C/-c directive: " if outermost.file == COMMAND_LINE else ""
    return f"{program}: {prefix}{text}{message}"


def _help(diagnostic: Diagnostic, width: int) -> list[str]:
    lines: list[str] = []
    place = diagnostic.location
    if place is not None:
        excerpt = diagnostic.excerpt or _look(place)
        if diagnostic.severity is not Severity.ERROR:
            column = f":{excerpt.column}" if excerpt is not None else ""
            file, line = (excerpt.file, excerpt.line) if excerpt and excerpt.file else (place.file, place.line)
            lines.append(f"  {file}:{line}{column}")
        elif excerpt is not None:
            lines += _show(excerpt.file or place.file, excerpt, width)
        lines += [f"  in a macro used at {_spot(each)}" for each in reversed(diagnostic.uses)]
        lines += [f"  included from {_spot(each)}" for each in reversed(diagnostic.chain)]
    if diagnostic.hint:
        lines.append(f"  {diagnostic.hint}{'' if diagnostic.hint.endswith(('.', '?', '!')) else '.'}")
    return lines


def _spot(place: Location) -> str:
    """`file:line`; for a line of a macro which macro."""
    name = place.file.partition(" (")[0] if place.file.startswith("macro '") else ""
    return f"line {place.line} of {name}" if name else f"{place.file}:{place.line}"


def _show(file: str, excerpt: Excerpt, width: int) -> list[str]:
    text, column = excerpt.text.replace("\t", " "), excerpt.column
    margin = len(str(excerpt.line))
    room = WIDEST if width >= WIDEST else max(_NARROWEST, width - margin - len("   | "))
    if len(text) > room:  # the part around the caret
        start = max(0, min(column - 1 - room // 2, len(text) - room))
        text = text[start : start + room]
        column -= start
    before, marked = _clean(text[: column - 1]), _clean(text[column - 1 : column - 1 + excerpt.width])
    caret = "^" + "~" * (len(marked) - 1)
    return [
        f"  {file}:{excerpt.line}:{excerpt.column}",
        f"  {excerpt.line} | {text}",
        f"  {'':{margin}} | {'':{len(before)}}{caret}",
    ]


def with_excerpts(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The same messages, each with its line: those that came without are looked up, every file once."""
    files: dict[str, list[str]] = {}
    found: list[Diagnostic] = []
    for diagnostic in diagnostics:
        place = diagnostic.location
        if diagnostic.excerpt is None and place is not None:
            if place.file not in files:
                files[place.file] = _lines(place.file)
            diagnostic = replace(diagnostic, excerpt=_line_at(files[place.file], place))
        found.append(diagnostic)
    return found


def _look(place: Location) -> Excerpt | None:
    """The line of a message that came without it."""
    return _line_at(_lines(place.file), place)


def _lines(file: str) -> list[str]:
    if file == COMMAND_LINE:
        return []
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as opened:
            return opened.readlines()
    except (OSError, ValueError):
        return []


def _line_at(lines: list[str], place: Location) -> Excerpt | None:
    if not 1 <= place.line <= len(lines):
        return None
    line = lines[place.line - 1]
    column = max(place.column, len(line) - len(line.lstrip()) + 1)
    return Excerpt(place.line, column, line.rstrip(), len(line.split(maxsplit=1)[0]) if line.strip() else 1)


def _escape_as_apache(text: str) -> str:
    """As ap_escape_errorlog_item does it: backslashes, and every byte that is no printable ASCII."""
    if _NO_ESCAPE.fullmatch(text):
        return text
    return "".join([_ESCAPES.get(byte, f"\\x{byte:02x}") for byte in _bytes(text)])


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that no file can have brought
        return text.encode("utf-8", "surrogatepass")


def _clean(text: str) -> str:
    """Nothing that moves the cursor, and nothing that cannot be encoded."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
