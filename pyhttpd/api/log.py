"""The error log: levels, the line format, and a writer that never raises."""

from __future__ import annotations

import os
import re
import time
from _thread import get_native_id
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from pyhttpd.util.append import Appender


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


_ESCAPED = tuple(
    {0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0B: "\\v", 0x0D: "\\r", 0x5C: "\\\\"}.get(byte)
    or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
    for byte in range(256)
)
_PLAIN = re.compile(r"[ -\[\]-~]*")


def escape(text: str) -> str:
    """A text as one piece of a log line: whatever is not printable ASCII, and backslashes, as Apache escapes them."""
    if _PLAIN.fullmatch(text):
        return text
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a pair that came from no file name
        data = text.encode("utf-8", "backslashreplace")
    return "".join([_ESCAPED[byte] for byte in data])


def timestamp(now: float) -> str:
    """`Mon Nov 23 13:20:23.340630 2026`, local time."""
    broken_down = time.localtime(now)
    micros = int(now % 1 * 1_000_000)
    return f"{time.strftime('%a %b %d %H:%M:%S', broken_down)}.{micros:06d} {broken_down.tm_year}"


def _prefix(module: str, level: Level) -> str:
    now = timestamp(time.time())
    return f"[{now}] [{module}:{level.name.lower()}] [pid {os.getpid()}:tid {get_native_id()}] "


class ErrorLog(Appender):
    """Writes lines to one descriptor. Nothing here raises: a log that cannot be written must not cost a request.

    How many lines were lost is said once, when writing works again.
    """

    def __init__(self, fd: int, levels: Levels | None = None, path: str | None = None) -> None:
        super().__init__(fd)
        self.path = path
        self.levels = levels or Levels()

    def log(
        self,
        level: Level,
        module: str,
        number: str | None,
        message: str,
        *,
        errno: int | None = None,
        client: str | None = None,
        source: str | None = None,
        levels: Levels | None = None,
        details: Iterable[str] = (),
    ) -> None:
        """One line, if LogLevel wants it. `source` (`prefork.c(970)`) is shown at debug and finer, as Apache does.

        `details` are lines that follow in the same write, indented (a traceback).
        """
        if not (levels or self.levels).wants(level, module):
            return
        parts = [_prefix(module, level)]
        if source is not None and (levels or self.levels).wants(Level.DEBUG, module):
            parts.append(f"{source}: ")
        if errno is not None:
            parts.append(f"({errno}){os.strerror(errno)}: ")
        if client is not None:
            parts.append(f"[client {client}] ")
        if number is not None:
            parts.append(f"{number}: ")
        parts.append(escape(message))
        parts.append("\n")
        parts.extend(f"    {escape(detail)}\n" for detail in details)
        self.write("".join(parts).encode("utf-8", "surrogateescape"))

    def write(self, line: bytes) -> None:
        """A finished line, or several (a traceback)."""
        lost = self.lost
        if lost:
            prefix = _prefix("core", Level.ERROR)
            line = f"{prefix}PH00101: {lost} lines were lost: the error log could not be written\n".encode() + line
        if self.append(line):
            self.lost = 0
