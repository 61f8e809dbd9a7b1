"""The error log: levels, lines, and a writer that never raises."""

from __future__ import annotations

import os
import sys
import time
from _thread import get_ident, get_native_id
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import FrameType
from typing import TYPE_CHECKING, Protocol, cast

from pyhttpd.api.error_format import Event, Item, Server, render, system_error, timestamp
from pyhttpd.util.append import Appender
from pyhttpd.util.escape import error_item, error_text

if TYPE_CHECKING:
    from pyhttpd.api.request import ConnectionInfo, Request


class Level(IntEnum):
    """syslog's levels and Apache's traces: the lower, the worse."""

    EMERG = 0
    ALERT = 1
    CRIT = 2
    ERROR = 3
    WARN = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7
    TRACE1 = 8
    TRACE2 = 9
    TRACE3 = 10
    TRACE4 = 11
    TRACE5 = 12
    TRACE6 = 13
    TRACE7 = 14
    TRACE8 = 15


LEVEL_NAMES = {level.name.lower(): level for level in Level}


@dataclass(frozen=True, slots=True)
class Levels:
    """What a LogLevel line says: a level for all modules, and others for single ones (short names: `mpm_prefork`)."""

    default: Level = Level.WARN
    modules: Mapping[str, Level] = field(default_factory=dict)

    def wants(self, level: Level, module: str) -> bool:
        """Notices are always wanted, as in Apache: they tell of starts and ends."""
        return level is Level.NOTICE or level <= self.modules.get(module, self.default)

    def includes(self, level: Level, module: str) -> bool:
        """Without the exception for notices: syslog gets none that is not asked for."""
        return level <= self.modules.get(module, self.default)


_LONGEST = 8190  # bytes of a line without its newline, as in Apache; what is longer is cut off
_PLUMBING = frozenset({"log", "write", "log_exception", "log_traceback"})  # functions that log for their caller


class Sink(Protocol):
    """Where finished lines go. Nothing here raises."""

    lost: int

    @property
    def fd(self) -> int: ...
    def append(self, line: bytes) -> bool:
        """Write a line, or several together. False if it is lost, which has been counted in `lost`."""


class Syslog(Sink, Protocol):
    """A sink with a time and levels of its own: `syslog` is true."""

    def append(self, line: bytes, level: int = ...) -> bool: ...


@dataclass(frozen=True, slots=True)
class Formats:
    """What the ErrorLogFormat lines of a server say: of its messages (None: Apache's default), and what is written
    once, before the first message of a connection or of a request."""

    message: tuple[Item, ...] | None = None
    connection: tuple[tuple[Item, ...], ...] = ()
    request: tuple[tuple[Item, ...], ...] = ()


class ErrorLog:
    """The error log as one server uses it; servers may share a sink. Nothing here raises: a log that cannot be written
    must not cost a request.

    How many lines were lost is said once, when writing works again.
    """

    def __init__(
        self,
        sink: Sink | int,
        levels: Levels | None = None,
        formats: Formats | None = None,
        server: Server | None = None,
    ) -> None:
        """`sink` may be a descriptor. `server` is what %v, %V and %T tell of."""
        self.sink: Sink = Appender(sink) if isinstance(sink, int) else sink
        self.levels = levels or Levels()
        self.formats = formats or Formats()
        self.server = server
        shown = self.formats.message
        self._always_source = shown is not None and any(item.letter == "F" for item in shown)
        self._syslog = cast(Syslog, self.sink) if getattr(self.sink, "syslog", False) else None

    def of_server(self, levels: Levels, formats: Formats, server: Server) -> ErrorLog:
        """The same sink as another server uses it."""
        return ErrorLog(self.sink, levels, formats, server)

    @property
    def fd(self) -> int:
        return self.sink.fd

    @property
    def is_syslog(self) -> bool:
        """Whether the lines go to the system's log daemon, so that `fd` is nothing to write text to."""
        return self._syslog is not None

    def log(
        self,
        level: Level,
        module: str,
        number: str | None,
        message: str,
        *,
        errno: int | None = None,
        source: str | None = None,
        levels: Levels | None = None,
        details: Iterable[str] = (),
        connection: ConnectionInfo | None = None,
        request: Request | None = None,
    ) -> None:
        """One line, if LogLevel wants it.

        `request`, or `connection` outside any, is what the line is about. `source` (`pipeline.py(64)`) is the caller's
        place if it is not given; it is shown in lines of debug and finer. `details` are lines that follow in the same
        write, indented (a traceback).
        """
        wanted = levels or self.levels
        if not (wanted.wants(level, module) if self._syslog is None else wanted.includes(level, module)):
            return
        if source is None and (self._always_source or level >= Level.DEBUG):
            source = _caller(sys._getframe(1))
        text = error_text(message if number is None else f"{number}: {message}")
        if request is not None:
            connection = request.connection
        event = Event(time.time(), level, module, text, errno, source, connection, request, self.server)
        if connection is not None:
            self._introduce(event)
        shown = self.formats.message
        line = self._default(event) if shown is None else render(shown, event)
        if line:
            rest = "".join([f"    {error_text(detail)}\n" for detail in details])
            self._write(f"{line[:_LONGEST]}\n{rest}", level)

    def _introduce(self, event: Event) -> None:
        """What is written once for a connection and for a request, and gives them their ids (%L)."""
        connection, request = event.connection, event.request
        assert connection is not None
        if connection.log_id is None:
            connection.log_id = _log_id(event.now)
            for items in self.formats.connection:
                self._once(items, event._replace(request=None))
        main = request if request is None or request.main is None else request.main
        if main is not None and main.log_id is None:
            main.log_id = _log_id(main.arrived or event.now)
            for items in self.formats.request:
                self._once(items, event._replace(request=main))

    def _once(self, items: Sequence[Item], event: Event) -> None:
        assert event.level is not None
        line = render(items, event._replace(level=None, module=None, message="", errno=None, source=None))
        if line:
            self._write(f"{line[:_LONGEST]}\n", event.level)

    def _default(self, event: Event) -> str:
        """A line in the format that Apache has where no ErrorLogFormat is given."""
        parts = [] if self._syslog is not None else [f"[{timestamp(event.now)}] "]
        assert event.level is not None
        name = event.level.name.lower()
        parts.append(f"[{event.module}:{name}] [pid {os.getpid()}:tid {get_native_id()}] ")
        if event.source is not None and event.level >= Level.DEBUG:
            parts.append(f"{event.source}: ")
        if event.errno:
            parts.append(f"{system_error(event, '')}: ")
        if event.connection is not None:
            parts.append(f"[client {event.connection.client_ip}:{event.connection.client_port}] ")
        parts.append(event.message)
        referer = None if event.request is None else event.request.headers_in.get("Referer")
        if referer:
            parts.append(f", referer: {error_item(referer)}")
        return "".join(parts)

    def _write(self, text: str, level: Level) -> None:
        """Finished lines, as one."""
        line = text.encode("utf-8", "surrogateescape")
        lost = self.sink.lost
        if lost:
            message = f"PH00101: {lost} lines were lost: the error log could not be written"
            event = Event(time.time(), Level.ERROR, "core", message, server=self.server)
            shown = self.formats.message
            told = self._default(event) if shown is None else render(shown, event)
            line = told.encode("utf-8", "surrogateescape") + b"\n" + line
        written = self.sink.append(line) if self._syslog is None else self._syslog.append(line, level)
        if written and lost:  # what other threads lost since then is forgotten: that lines are missing has been told
            self.sink.lost = 0


def _caller(frame: FrameType | None) -> str:
    """The place that wants to log, as Apache names one: `pipeline.py(64)`."""
    while frame is not None and frame.f_code.co_name in _PLUMBING:
        frame = frame.f_back
    return "" if frame is None else f"{os.path.basename(frame.f_code.co_filename)}({frame.f_lineno})"


def _log_id(when: float) -> str:
    """Eleven characters that tell a connection or a request from all others: the time in microseconds, with the
    process and the thread mixed in."""
    number = int(when * 1_000_000) ^ os.getpid() << 40 ^ get_ident() << 32
    return b2a_base64((number & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little"), newline=False)[:-1].decode()
