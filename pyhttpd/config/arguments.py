"""The words of a line checked against its row's Args, with Apache's texts, and turned into values."""

from __future__ import annotations

from typing import Any

from pyhttpd.config import words
from pyhttpd.config.diagnostics import SYNTAX, UNCLOSED_QUOTE
from pyhttpd.config.directive import Args, ChoiceError, Directive, Form
from pyhttpd.config.suggest import did_you_mean

_OLD_STYLE = frozenset({"errordocument"})
"""Apache 1.3 wrote `ErrorDocument 404 "text` with one quote; files still have it."""

_AS_THEY_ARE = ((str,), (str, str))

_TAKES = {
    (1, 1): "takes one argument",
    (2, 2): "takes two arguments",
    (3, 3): "takes three arguments",
    (1, 2): "takes 1-2 arguments",
    (2, 3): "takes two or three arguments",
    (1, 3): "takes one, two or three arguments",
    (1, None): "requires at least one argument",
    (2, None): "requires at least two arguments",
}


class ArgumentError(Exception):
    """The arguments of a line are wrong. `word` is the index of the one that is, None if it is their number."""

    def __init__(self, message: str, word: int | None = None, number: str = SYNTAX, hint: str | None = None) -> None:
        super().__init__(message)
        self.word = word
        self.number = number
        self.hint = hint


class CountError(ArgumentError):
    """There are too many words or too few, or what is no On or Off. Apache sees it before the directive itself looks at
    where it stands."""


def values(row: Directive, raw: str) -> tuple[Any, ...]:
    """The values that a line hands to its row: converted words, a bool for FLAG, the text for RAW."""
    args = row.args
    form = args.form
    if form is Form.RAW:
        return (raw,)
    given = words.plain(raw)
    if given is None:
        line = words.split(raw)
        if line.unclosed is not None and not (line.unclosed and row.name.lower() in _OLD_STYLE):
            raise _unclosed(row, line)
        given = line.words
    if form is Form.FLAG:
        return (_flag(row, given),)
    if form is Form.ARGV:
        return given[:-1] if given and not given[-1] else given
    if form is Form.ITERATE:
        given = given[: given.index("")] if "" in given else given
        if not given:
            raise CountError(_number_of(row, 1, None))
    elif args.most != len(given) or not all(given):  # it is on most lines
        given = _counted(row, args, given)
    if args.types in _AS_THEY_ARE:
        return given
    if len(given) == 1:
        return (_convert(row, args, 0, given[0]),)
    return tuple([_convert(row, args, index, word) for index, word in enumerate(given)])


def _counted(row: Directive, args: Args, given: tuple[str, ...]) -> tuple[str, ...]:
    if args.most == 0:
        if given:
            raise CountError(f"{row.name} takes no arguments", 0)
        return given
    if (args.least, args.most) == (1, 2) and len(given) == 2 and not given[1]:
        given = given[:1]  # Apache takes an empty second word for none
    count = len(given)
    if count < args.least or (args.most is not None and count > args.most) or not all(given[: args.least]):
        raise CountError(_number_of(row, args.least, args.most), min(args.most or 0, count - 1) if count else None)
    return given


def _number_of(row: Directive, least: int, most: int | None) -> str:
    takes = _TAKES.get((least, most))
    if takes is None:
        span = f"at least {least}" if most is None else f"at most {most}" if least == 0 else f"{least} to {most}"
        takes = f"takes {span if least != most else least} arguments"
    return f"{row.name} {takes}, {row.help}" if row.help else f"{row.name} {takes}"


def _flag(row: Directive, given: tuple[str, ...]) -> bool:
    word = given[0].lower() if given else ""
    if word not in {"on", "off"}:
        raise CountError(f"{row.name} must be On or Off", 0 if given else None, hint=did_you_mean(word, ("On", "Off")))
    return word == "on"


def _convert(row: Directive, args: Args, index: int, word: str) -> Any:
    convert = args.types[index] if index < len(args.types) else args.types[-1] if args.types else str
    if convert is str:
        return word
    try:
        return convert(word)
    except ValueError as error:
        hint = did_you_mean(word, error.choices) if isinstance(error, ChoiceError) else None
        raise ArgumentError(str(error).replace("{name}", row.name), index, hint=hint) from None


def _unclosed(row: Directive, line: words.Words) -> ArgumentError:
    assert line.unclosed is not None
    return ArgumentError(
        f"{row.name}: a quote is not closed", line.unclosed, UNCLOSED_QUOTE, "Apache takes the rest of the line for it"
    )


def check_quotes(name: str, raw: str) -> None:
    """The same for a section's argument, which its row splits itself."""
    line = words.split(raw)
    if line.unclosed is not None:
        raise ArgumentError(f"{name}: a quote is not closed", line.unclosed, UNCLOSED_QUOTE)
