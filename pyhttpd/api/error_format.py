"""ErrorLogFormat: text to items, items to lines of the error log."""

from __future__ import annotations

import os
import time
from _thread import get_ident, get_native_id
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pyhttpd.api.env import variable
from pyhttpd.http.dates import DAYS, MONTHS
from pyhttpd.util.digits import value_of
from pyhttpd.util.escape import error_item, error_text

if TYPE_CHECKING:
    from pyhttpd.api.log import Level
    from pyhttpd.api.request import ConnectionInfo, Request

MESSAGE = "M"
_FINEST = 15  # trace8
_ESCAPES = {"r": "\r", "n": "\n", "t": "\t"}
_DIGITS = frozenset("0123456789")


class Server(NamedTuple):
    """What the letters may say of the server that logs."""

    name: str  # ServerName, or what stands for it
    name_of: Callable[[Request], str]  # the name that UseCanonicalName gives for a request
    threaded: bool  # whether the MPM has threads: %T is empty if not


class Event(NamedTuple):
    """What there is to be logged, as the letters see it. Texts are escaped already, but for those of the request.

    `level` and `module` are None in the lines that are written once for a connection or a request.
    """

    now: float  # seconds since the epoch
    level: Level | None = None
    module: str | None = None
    message: str = ""  # with its number in front
    errno: int | None = None
    source: str | None = None  # `pipeline.py(64)`
    connection: ConnectionInfo | None = None
    request: Request | None = None
    server: Server | None = None


class Item(NamedTuple):
    """A letter or constant text. `separates` says that a field begins with it: an item that has nothing to say takes
    its field away."""

    letter: str  # "" for constant text, MESSAGE for %M
    argument: str = ""
    separates: bool = False
    required: bool = False
    hyphen: bool = False
    least: int = 0  # the number of the coarsest level of lines that show it


def parse(text: str, *, main: bool = True) -> list[Item]:
    """A format as items; `main` is false for the lines of connections and requests. Raises ValueError as Apache."""
    items: list[Item] = []
    at = 0
    while at < len(text):
        item, at = _item(text, at)
        if item.letter == MESSAGE and not main:
            raise ValueError("%M cannot be used in once-per-request or once-per-connection formats")
        if item.required and main:
            raise ValueError("The '+' flag cannot be used in the main error log format")
        if item.least and not main:
            raise ValueError(
                "The loglevel cannot be used as a condition in once-per-request or once-per-connection formats"
            )
        if item.least > _FINEST:
            raise ValueError("The specified loglevel modifier is out of range")
        items.append(item)
    if main and not any(item.letter == MESSAGE for item in items):
        raise ValueError("main ErrorLogFormat must contain message format string '%M'")
    return items


def _item(text: str, at: int) -> tuple[Item, int]:
    if text[at : at + 1] != "%":
        constant, end = _constant(text, at)
        return Item("", constant, separates=text[at : at + 1] == " "), end
    following = text[at + 1 : at + 2]
    if following == " ":
        item, end = _item(text, at + 2)
        return item._replace(separates=True), end
    if following == "%":
        return Item("", "%"), at + 2
    at += 1
    argument, required, hyphen, least = "", False, False, 0
    while at < len(text):
        char = text[at]
        if char == "{":
            end = text.find("}", at)
            end = len(text) if end < 0 else end
            argument = text[at + 1 : end]
            at = end
        elif char == "+":
            required = True
        elif char == "-":
            hyphen = True
        elif char in _DIGITS:
            end = at
            while text[end : end + 1] in _DIGITS:
                end += 1
            least = value_of(text[at:end])
            at = end - 1
        elif char == MESSAGE or char in LETTERS:
            return Item(char, argument, False, required, hyphen, least), at + 1
        else:
            raise ValueError(f"Unrecognized error log format directive %{char}")
        at += 1
    raise ValueError("Ran off end of error log format parsing args to some directive")


def _constant(text: str, at: int) -> tuple[str, int]:
    """Text up to a letter, or to the space that begins the next field. A backslash makes a space an ordinary one."""
    out: list[str] = []
    leading = True
    while at < len(text) and text[at] != "%" and (text[at] != " " or leading):
        char = text[at]
        at += 1
        if char != "\\":
            leading = leading and char == " "
        elif at < len(text):
            char = _ESCAPES.get(text[at], text[at])
            at += 1
        out.append(char)
    return "".join(out), at


def render(items: Sequence[Item], event: Event) -> str:
    """A line without its newline; empty if it must not be written."""
    parts: list[str] = []
    start = 0  # where the field begins in parts
    skipping = False
    for item in items:
        if item.separates:
            if skipping:
                skipping = False
            else:
                start = len(parts)
        if item.letter == MESSAGE:
            parts.append(event.message)
        elif skipping:
            continue
        elif event.level is not None and item.least > event.level:
            del parts[start:]
            skipping = True
        elif text := LETTERS[item.letter](event, item.argument):
            parts.append(text)
        elif item.required:
            return ""
        elif item.hyphen:
            parts.append("-")
        else:
            del parts[start:]
            skipping = True
    return "".join(parts)


# -- the letters: (event, argument) -> text, empty for nothing


def _constant_text(event: Event, argument: str) -> str:
    return argument


def _client(event: Event, argument: str) -> str:
    connection = event.connection
    return "" if connection is None else f"{connection.client_ip}:{connection.client_port}"


def _local(event: Event, argument: str) -> str:
    connection = event.connection
    return "" if connection is None else f"{connection.local_ip}:{connection.local_port}"


def _variable(event: Event, argument: str) -> str:
    return "" if event.request is None else error_text(variable(event.request.env, argument) or "")


def _field(event: Event, argument: str) -> str:
    return "" if event.request is None else error_item(event.request.headers_in.get(argument) or "")


def _note(event: Event, argument: str) -> str:
    return "" if event.request is None else error_item(event.request.notes.get(argument) or "")


BAD_PATH = 20024
_NOT_THE_SYSTEMS = {  # numbers that APR gives beyond errno
    BAD_PATH: "The given path is misformatted or contained invalid characters",
    70014: "End of file found",
}


def reason(errno: int) -> str:
    """`(13)Permission denied`"""
    return f"({errno}){_NOT_THE_SYSTEMS.get(errno) or os.strerror(errno)}"


def system_error(event: Event, argument: str) -> str:
    return reason(event.errno) if event.errno else ""


def _source(event: Event, argument: str) -> str:
    return event.source or ""


def _kept(event: Event, argument: str) -> str:
    return "" if event.connection is None else str(event.connection.kept)


def _level(event: Event, argument: str) -> str:
    return "" if event.level is None else event.level.name.lower()


def _log_id(event: Event, argument: str) -> str:
    """The request's; `%{c}L` the connection's, `%{C}L` that in lines without a request alone."""
    if argument in ("c", "C"):
        if event.connection is None or (argument == "C" and event.request is not None):
            return ""
        return event.connection.log_id or ""
    if event.request is None:
        return ""
    return (event.request.main or event.request).log_id or ""


def _module(event: Event, argument: str) -> str:
    return event.module or ""


def _process(event: Event, argument: str) -> str:
    return str(os.getpid())


def _thread(event: Event, argument: str) -> str:
    if argument.startswith("g"):
        return str(get_native_id())
    return str(get_ident()) if event.server is not None and event.server.threaded else ""


def timestamp(now: float, options: str = "u") -> str:
    """`Mon Nov 23 13:20:23.340630 2026`, local time. Options: `u` microseconds, `c` compact, `z` offset."""
    t = time.localtime(now)
    micros = f".{int(now % 1 * 1_000_000):06d}" if "u" in options else ""
    clock = f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}{micros}"
    if "c" in options:
        text = f"{t.tm_year:04d}-{t.tm_mon:02d}-{t.tm_mday:02d} {clock}"
    else:
        text = f"{DAYS[t.tm_wday]} {MONTHS[t.tm_mon - 1]} {t.tm_mday:02d} {clock} {t.tm_year}"
    if "z" in options:
        sign, offset = ("-", -t.tm_gmtoff) if t.tm_gmtoff < 0 else ("+", t.tm_gmtoff)
        text += f" {sign}{offset // 3600:02d}{offset % 3600 // 60:02d}"
    return text


def _time(event: Event, argument: str) -> str:
    if "%" in argument:
        return time.strftime(argument, time.localtime(event.now))
    return timestamp(event.now, argument)


def _server(event: Event, argument: str) -> str:
    return "" if event.server is None else error_text(event.server.name)


def _server_by_host(event: Event, argument: str) -> str:
    """The name that UseCanonicalName gives, of requests."""
    return "" if event.request is None or event.server is None else error_text(event.server.name_of(event.request))


LETTERS: dict[str, Callable[[Event, str], str]] = {
    "": _constant_text,
    "a": _client,
    "A": _local,
    "e": _variable,
    "E": system_error,
    "F": _source,
    "i": _field,
    "k": _kept,
    "l": _level,
    "L": _log_id,
    "m": _module,
    "n": _note,
    "P": _process,
    "t": _time,
    "T": _thread,
    "v": _server,
    "V": _server_by_host,
}
