"""The error log and the access log of a server under test, read line by line while it runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

WORRYING = frozenset({"emerg", "alert", "crit", "error", "warn", "raw"})

_LINE = re.compile(
    r"\[(?P<time>[^\]]+)\] "
    r"\[(?P<module>[\w-]*):(?P<level>\w+)\] \[pid (?P<pid>\d+)(?::tid (?P<tid>\d+))?\] (?P<rest>.*)"
)
_REST = re.compile(
    r"(?:\S+\.[a-z]+\(\d+\): )?(?P<errno>\(\d+\)[^:]+: )?(?:\[(?:client|remote) [^\]]+\] )?"
    r"(?:(?P<number>(?:AH|PH)\d{5}): )?(?P<text>.*)"
)


class ErrorLine(NamedTuple):
    """One line. What is no log line (a traceback, the output of a program) has the level `raw`."""

    level: str
    module: str
    number: str | None
    text: str  # without the number
    pid: int
    line: str

    @property
    def key(self) -> str:
        return self.number or "-"


def parse_error_line(line: str) -> ErrorLine:
    match = _LINE.fullmatch(line)
    if match is None:
        return ErrorLine("raw", "", None, line, 0, line)
    rest = _REST.fullmatch(match["rest"])
    assert rest is not None  # its last group takes anything
    text = (rest["errno"] or "") + rest["text"]
    return ErrorLine(match["level"], match["module"], rest["number"], text, int(match["pid"]), line)


class LogFile:
    """A growing file. `lines()` gives the complete lines so far; a half-written last one waits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0
        self._tail = b""
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        try:
            with self.path.open("rb") as file:
                file.seek(self._at)
                data = file.read()
        except FileNotFoundError:
            return list(self._lines)
        self._at += len(data)
        *complete, self._tail = (self._tail + data).split(b"\n")
        self._lines += [line.decode("utf-8", "replace") for line in complete]
        return list(self._lines)


class ErrorLog:
    """The error log, parsed. A place in it is a number of lines: take it before an action, look after it."""

    def __init__(self, path: Path) -> None:
        self._file = LogFile(path)
        self._parsed: list[ErrorLine] = []

    def lines(self, after: int = 0) -> list[ErrorLine]:
        raw = self._file.lines()
        self._parsed += [parse_error_line(line) for line in raw[len(self._parsed) :]]
        return self._parsed[after:]

    def place(self) -> int:
        return len(self.lines())

    def find(self, number: str, after: int = 0) -> list[ErrorLine]:
        return [line for line in self.lines(after) if line.number == number]

    def numbers(self, after: int = 0) -> list[str]:
        """The numbers of the lines, in their order; lines without one are left out."""
        return [line.number for line in self.lines(after) if line.number is not None]

    def unexpected(self, expected: frozenset[str]) -> list[ErrorLine]:
        """Lines of level warn or worse whose number nobody expects.

        Raw lines belong to the log line before them (a traceback), and lines without a number to the one of the same
        process and level (an excerpt), so they are as expected as it is; but below a line that nobody worries about
        such a line is somebody's stray output.
        """
        found = []
        excused: ErrorLine | None = None
        for line in self.lines():
            if line.level not in WORRYING:
                excused = None
            elif line.level != "raw" and line.key in expected:
                excused = line
            elif excused is None or not (line.level == "raw" or (*line[:3], line.pid) == _continues(excused)):
                excused = None
                found.append(line)
        return found


def _continues(line: ErrorLine) -> tuple[str, str, None, int]:
    """Level, module, number and process of a line that goes on with this one."""
    return line.level, line.module, None, line.pid


class AccessLine(NamedTuple):
    """As the tests' LogFormat `%P %k %>s %D "%r"` writes it."""

    pid: int
    nth: int  # of its connection, from 0
    status: int
    microseconds: int
    request: str


class AccessLog:
    """The access log, in the tests' format."""

    _LINE = re.compile(r'(\d+) (\d+) (\d+) (\d+) "(.*)"')

    def __init__(self, path: Path) -> None:
        self._file = LogFile(path)

    def lines(self) -> list[AccessLine]:
        result = []
        for line in self._file.lines():
            match = self._LINE.fullmatch(line)
            assert match is not None, f"torn or unknown access log line: {line!r}"
            pid, nth, status, microseconds, request = match.groups()
            result.append(AccessLine(int(pid), int(nth), int(status), int(microseconds), request))
        return result
