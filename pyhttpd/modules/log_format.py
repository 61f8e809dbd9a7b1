"""LogFormat strings: text to items, items to a function that makes a line. Used by mod_log_config alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pyhttpd.api.log_letter import LogLetter
from pyhttpd.api.request import Request

_ESCAPES = {"\\": "\\", "r": "\r", "n": "\n", "t": "\t"}

Line = Callable[[Request, Request], str]
"""(request as it arrived, request that was answered) -> one line with its newline."""


class Item(NamedTuple):
    """One `%` item. `original` is None where the format leaves the choice to the letter. With `statuses` the item is
    `-` for all others; `negated` turns that round."""

    letter: LogLetter
    argument: str = ""
    original: bool | None = None
    statuses: frozenset[int] = frozenset()
    negated: bool = False


def parse(text: str, letters: Mapping[str, LogLetter]) -> list[str | Item]:
    """A format as constant texts and items. Raises ValueError with Apache's words."""
    parts: list[str | Item] = []
    at = 0
    while at < len(text):
        if text[at] == "%":
            part, at = _item(text, at + 1, letters)
        else:
            part, at = _constant(text, at)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def _constant(text: str, at: int) -> tuple[str, int]:
    end = text.find("%", at)
    end = len(text) if end < 0 else end
    out: list[str] = []
    while at < end:
        char = text[at]
        if char == "\\" and at + 1 < end and text[at + 1] in _ESCAPES:
            out.append(_ESCAPES[text[at + 1]])
            at += 2
        else:
            out.append(char)
            at += 1
    return "".join(out), at


def _item(text: str, at: int, letters: Mapping[str, LogLetter]) -> tuple[str | Item, int]:
    if text[at : at + 1] == "%":
        return "%", at + 1
    argument, original, statuses, negated = "", None, set[int](), False
    while at < len(text):
        char = text[at]
        if char == "!":
            negated = not negated
        elif char in "<>":
            original = char == "<"
        elif char == "{":
            end = text.find("}", at)
            end = len(text) if end < 0 else end
            argument = text[at + 1 : end]
            at = end
        elif char in "0123456789":
            end = at
            while text[end : end + 1] in set("0123456789"):
                end += 1
            statuses.add(int(text[at:end]))
            at = end - 1
        elif char != ",":
            name = text[at : at + 3] if char == "^" and text[at : at + 3] in letters else char
            letter = letters.get(name)
            if letter is None:
                raise ValueError(f"Unrecognized LogFormat directive %{char}")
            return Item(letter, argument, original, frozenset(statuses), negated), at + len(name)
        at += 1
    raise ValueError("Ran off end of LogFormat parsing args to some directive")


def compile_line(text: str, letters: Mapping[str, LogLetter]) -> Line:
    """A format as one function."""
    parts = [part if isinstance(part, str) else _writer(part) for part in parse(text, letters)]
    parts.append("\n")

    def line(original: Request, final: Request) -> str:
        return "".join([part if type(part) is str else part(original, final) for part in parts])  # type: ignore[operator]  # type() is quicker than isinstance, and mypy does not narrow by it

    return line


def _writer(item: Item) -> Line:
    text, argument, statuses, negated = item.letter.text, item.argument, item.statuses, item.negated
    original_wanted = item.letter.original if item.original is None else item.original

    def plain(original: Request, final: Request) -> str:
        value = text(original if original_wanted else final, argument)
        return "-" if value is None else value

    def conditional(original: Request, final: Request) -> str:
        return "-" if (final.status in statuses) is negated else plain(original, final)

    return conditional if statuses else plain
