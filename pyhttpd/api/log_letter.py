"""Letters of LogFormat: what modules offer to mod_log_config. Provider group `log_letter`, name `h`, or `^FB`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyhttpd.api.request import Request

Value = str | int | None
"""What a letter says of a request: a text that nobody has escaped, a number, or None, which is logged as `-`."""

Getter = Callable[["Request"], Value]


class Text(Enum):
    """What the texts of a letter are made of, so that they are escaped rightly."""

    PLAIN = auto()  # printable ASCII, logged as it is
    WIRE = auto()  # latin-1, one character for each byte
    NATIVE = auto()  # of the file system or the configuration: UTF-8 with surrogateescape


class LogLetter(NamedTuple):
    """`getter(argument)` is called once, when a format is compiled, and gives what is called for each request.

    `original` tells which request it sees when there was an internal redirect and the format says neither `<` nor `>`.
    `empty` is what a log line shows for an empty text.
    """

    getter: Callable[[str], Getter]
    text: Text = Text.PLAIN
    original: bool = False
    empty: str = ""


def letter(get: Getter, text: Text = Text.PLAIN, *, original: bool = False, empty: str = "") -> LogLetter:
    """A letter whose argument, if it has one, does not matter."""
    return LogLetter(lambda argument: get, text, original, empty)
