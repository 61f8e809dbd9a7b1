"""Letters of LogFormat: what modules offer to mod_log_config. Provider group `log_letter`, name `h`, or `^FB`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pyhttpd.api.request import Request

Value = str | int | None
"""What a letter says of a request: a text that nobody has escaped, a number, or None, which is logged as `-`."""

Getter = Callable[["Request"], Value]


class Again(Protocol):
    """An answer that was kept and is sent once more: what is another time now than when it was made. Times as
    Request has them."""

    request_line: str  # as it stands in a log line: printable ASCII, escaped
    address: str  # the client's
    host: str  # the client's name if it has been looked up, else its address; as it stands in a log line
    arrived: float
    began: float
    ended: float
    bytes_in: int
    bytes_out: int
    keep_alive: bool
    aborted: bool

    @property
    def requests(self) -> int: ...


AgainGetter = Callable[[Again], str | int]
"""What a letter says of an answer that is sent again, as it stands in the line: printable ASCII, escaped."""



class Fact(NamedTuple):
    """What a letter says is an attribute of Again as it is: a number, or printable ASCII."""

    name: str


class EachSecond(NamedTuple):
    """What a letter says is the same for all requests that arrived in one second (since the epoch)."""

    text: Callable[[int], str]


AgainText = AgainGetter | Fact | EachSecond | int | None
"""That, or what it always says in this process, or None if it takes the request itself to know."""


class Text(Enum):
    """What the texts of a letter are made of, so that they are escaped rightly."""

    PLAIN = auto()  # printable ASCII, logged as it is
    WIRE = auto()  # latin-1, one character for each byte
    NATIVE = auto()  # of the file system or the configuration: UTF-8 with surrogateescape


class LogLetter(NamedTuple):
    """`getter(argument)` is called once, when a format is compiled, and gives what is called for each request.

    `original` tells which request it sees when there was an internal redirect and the format says neither `<` nor `>`.
    `empty` is what a log line shows for an empty text.

    A kept answer that is sent again has a line of its own. A letter that does not vary (`varies` False) says in it what
    it said before. For one that does, `again(argument, request)` tells what is said; with None the request is copied.
    """

    getter: Callable[[str], Getter]
    text: Text = Text.PLAIN
    original: bool = False
    empty: str = ""
    varies: bool = True
    again: Callable[[str, Request], AgainText] | None = None


def letter(get: Getter, text: Text = Text.PLAIN, *, original: bool = False, empty: str = "", varies: bool = True,
           again: AgainGetter | Fact | None = None) -> LogLetter:  # fmt: skip
    """A letter whose argument, if it has one, does not matter."""
    how = None if again is None else lambda argument, request: again
    return LogLetter(lambda argument: get, text, original, empty, varies, how)
