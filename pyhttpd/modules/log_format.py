"""LogFormat strings: text to items, items to a function that makes a line. Used by mod_log_config alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from pyhttpd.api.log_letter import Again, AgainGetter, EachSecond, Fact, Getter, LogLetter, Text
from pyhttpd.api.request import Request
from pyhttpd.util.digits import value_of
from pyhttpd.util.escape import log_item, log_path

_ESCAPES = {"\\": "\\", "r": "\r", "n": "\n", "t": "\t"}
_DIGITS = frozenset("0123456789")

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

    @property
    def of_original(self) -> bool:
        """Whether it speaks of the request as it arrived, rather than of the one that was answered."""
        return self.letter.original if self.original is None else self.original

    def is_skipped(self, request: Request) -> bool:
        """Whether it says `-`, whatever the letter, because of the statuses that it names."""
        return bool(self.statuses) and (request.final.status in self.statuses) is self.negated

    def getter(self) -> Getter:
        """What the item says of a request, its condition included."""
        get = self.letter.getter(self.argument)
        if not self.statuses:
            return get
        return lambda request: None if self.is_skipped(request) else get(request)


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
        elif char in _DIGITS:
            end = at
            while text[end : end + 1] in _DIGITS:
                end += 1
            statuses.add(value_of(text[at:end]))
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
    """A format as one function, which runs for each request and so looks twice only at what is out of the ordinary."""
    parts = parse(text, letters)
    items = [part for part in parts if isinstance(part, Item)]
    template = "".join(["%s" if isinstance(part, Item) else part.replace("%", "%%") for part in parts])
    constants = "".join([part for part in parts if isinstance(part, str)])
    quotes = constants.count('"')
    ordinary = constants.isascii() and constants.isprintable() and "\\" not in constants
    empty_shows = any(item.letter.empty for item in items)
    getters = [item.getter() for item in items]
    pairs = [(item.getter(), item.of_original) for item in items]

    def line(original: Request, final: Request) -> str:
        if original is final:
            values = ["-" if (value := get(final)) is None else value for get in getters]
        else:
            values = ["-" if (value := get(original if of else final)) is None else value for get, of in pairs]
        made = template % tuple(values)
        # With printable ASCII, no backslash and no quote but the format's own there is nothing to escape.
        if (
            ordinary
            and made.isascii()
            and made.isprintable()
            and "\\" not in made
            and made.count('"') == quotes
            and not (empty_shows and "" in values)
        ):
            return made + "\n"
        return template % tuple(map(_escaped, items, values)) + "\n"

    return line


def compile_again(parts: Sequence[str | Item], original: Request, final: Request) -> Callable[[Again], str] | None:
    """The line of an answer that is kept, as one function: what is always the same stands in it already. None if a
    letter needs the request."""
    template: list[str | EachSecond] = []
    getters: list[AgainGetter | Fact] = []
    for part in parts:
        if isinstance(part, str):
            template.append(part.replace("%", "%%"))
            continue
        request = original if part.of_original else final
        if not part.letter.varies or part.is_skipped(request):
            value = part.getter()(request)
            template.append(_escaped(part, "-" if value is None else value).replace("%", "%%"))
            continue
        getter = None if part.letter.again is None else part.letter.again(part.argument, request)
        if getter is None:
            return None
        if isinstance(getter, EachSecond):
            template.append(getter)
        elif isinstance(getter, Fact) or callable(getter):
            template.append("%s")
            getters.append(getter)
        else:
            template.append(str(getter))
    template.append("\n")
    return _line_of(template, _values_of(getters))


def _values_of(getters: Sequence[AgainGetter | Fact]) -> Callable[[Again], tuple[str | int, ...]]:
    names = [getter.name for getter in getters if isinstance(getter, Fact)]
    if len(names) == len(getters) > 1:
        return attrgetter(*names)
    functions: list[AgainGetter] = [
        attrgetter(getter.name) if isinstance(getter, Fact) else getter for getter in getters
    ]
    return lambda again: tuple([get(again) for get in functions])


def _line_of(
    template: Sequence[str | EachSecond], values_of: Callable[[Again], tuple[str | int, ...]]
) -> Callable[[Again], str]:
    """A template of which some parts are the same for a second; it is filled in with the values."""

    def text_of(second: int) -> str:
        return "".join(part if isinstance(part, str) else part.text(second).replace("%", "%%") for part in template)

    if not any(isinstance(part, EachSecond) for part in template):
        text = text_of(0)
        return lambda again: text % values_of(again)
    last = -1, ""  # replaced as a whole, so that threads need no lock

    def line(again: Again) -> str:
        nonlocal last
        second = int(again.arrived)
        known, text = last
        if known != second:
            text = text_of(second)
            last = second, text
        return text % values_of(again)

    return line


def _escaped(item: Item, value: str | int) -> str:
    """A value as it stands in a line."""
    if type(value) is int:
        return str(value)
    assert isinstance(value, str)
    if not value:
        return item.letter.empty
    text = item.letter.text
    if text is Text.PLAIN:
        return value
    return log_item(value) if text is Text.WIRE else log_path(value)
