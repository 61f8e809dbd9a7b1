"""What is wrong with a configuration: one value each, with its place, its number and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from pyhttpd.config.nodes import Location

if TYPE_CHECKING:
    from pyhttpd.config.configuration import IncludedFile

SYNTAX = "AH00526"
"""The number of what is wrong with a directive. What is wrong with the text itself has none in Apache."""

UNCLOSED_QUOTE = "PH00401"
NOT_TEXT = "PH00402"
BROKEN_MODULE = "PH00403"
NO_EFFECT = "PH00404"
TOO_MANY = "PH00405"
MISSING_MODULES = "PH00406"

COMMAND_LINE = "-c/-C directives"
"""The name of the file that the lines of -C and -c seem to come from."""


class Severity(Enum):
    ERROR = "error"
    WARNING = "warn"
    INFO = "info"


class Excerpt(NamedTuple):
    """The line itself, as it stands in the file. `line` differs from the message's where a line is continued."""

    line: int
    column: int  # from 1
    text: str
    width: int = 1  # how many characters the caret underlines
    file: str | None = None  # where it is not the message's: a macro's lines stand where it is defined


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message.

    `number` is Apache's (`AH00526`) where Apache has one, `PHnnnnn` where the message is ours, None where Apache
    prints `httpd: Syntax error on line ...` without one. `chain` holds the places of the Include lines that led to
    `location`, outermost first, `uses` those of the macro uses, if it stands in a macro. `hint` says what to do; it is
    printed after Apache's own lines. A message without a place (`AH00184: WARNING: StartServers of 0 not allowed`) has
    `location` None. `module` is the short name that stands in the error log (`core`, `mpm_prefork`). `excerpt` shows
    the line; without it the file is looked at again. `errno` is the system's reason, which Apache puts in front:
    `(2)No such file or directory: `; `reason` is one that has no errno: `(EAI 2)Name or service not known`.
    `level` is that of its line in the log (`crit`) where Apache's is not the severity's name, which tells what becomes
    of the configuration. `in_log` is the number and the message there, where the terminal is told in other words.
    """

    severity: Severity
    number: str | None
    message: str
    location: Location | None = None
    chain: tuple[Location, ...] = ()
    hint: str | None = None
    module: str = "core"
    excerpt: Excerpt | None = None
    errno: int | None = None
    uses: tuple[Location, ...] = ()
    reason: str | None = None
    level: str | None = None
    in_log: tuple[str, str] | None = None

    @property
    def log_level(self) -> str:
        """`error`, `warn`, `info`, or what else Apache has: `notice`."""
        return self.level or self.severity.value

    @property
    def for_log(self) -> Diagnostic:
        """As the error log has it."""
        if self.in_log is None:
            return self
        number, message = self.in_log
        return replace(self, number=number, message=message)


class ConfigurationError(Exception):
    """The configuration cannot be used. Carries every diagnostic that was found, errors and warnings, and the files
    that were read."""

    def __init__(self, diagnostics: Sequence[Diagnostic], included: Sequence[IncludedFile] = ()) -> None:
        self.diagnostics = tuple(diagnostics)
        self.included = tuple(included)
        super().__init__("; ".join(d.message for d in self.diagnostics))

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[tuple[Diagnostic, ...], tuple[IncludedFile, ...]]]:
        return ConfigurationError, (self.diagnostics, self.included)
