"""One generation: everything that a configuration has become and that its children use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pyhttpd.api.connection import Service
from pyhttpd.api.error_format import reason
from pyhttpd.api.log import ErrorLog, Level
from pyhttpd.mpm.directives import MpmConfig
from pyhttpd.mpm.flavour import Flavour
from pyhttpd.mpm.tuning import Tuning


class Identity(NamedTuple):
    """Whom the children become, if the master is root."""

    user: str
    uid: int
    gid: int
    groups: tuple[int, ...]  # looked up once: a look-up in each child costs it memory, and the directory's time
    chroot: str | None = None  # the directory that is their `/`


@dataclass(slots=True)
class Generation:
    """Prepared by boot, run by the master. `release` closes what only this generation holds open (its logs)."""

    flavour: Flavour
    config: MpmConfig
    service: Service
    error_log: ErrorLog
    identity: Identity | None
    tuning: Tuning
    description: str  # of the server, as in the Server header with ServerTokens Full
    built: str
    command_line: str
    release: Callable[[], None]
    open_files: Callable[[], Sequence[int]]  # descriptors that a daemon must keep
    notes: Sequence[LogLine] = ()  # what is to be said of the configuration when it is taken

    def announcement(self) -> Sequence[LogLine]:
        """The lines that tell that it serves."""
        name, numbers = self.flavour.log_name, self.flavour.numbers
        resuming = f"{self.description} configured -- resuming normal operations"
        return (
            LogLine(Level.NOTICE, name, numbers["resuming"], resuming),
            LogLine(Level.INFO, name, numbers["built"], f"Server built: {self.built}"),
            LogLine(Level.NOTICE, "core", "AH00094", f"Command line: '{self.command_line}'"),
            LogLine(Level.DEBUG, "core", "AH02639", f"Using SO_REUSEPORT: yes ({self.config.buckets})"),
            LogLine(Level.DEBUG, name, numbers["mutex"], "Accept mutex: none (default: none)"),
        )

    def take_stderr(self) -> None:
        """From here on stderr is this generation's error log."""
        stderr = open_stderr(self.error_log)
        os.dup2(stderr, 2)
        os.close(stderr)


def open_stderr(log: ErrorLog) -> int:
    """A descriptor for what programs say of their own accord: the error log, or nothing where that is syslog."""
    if log.is_syslog:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return os.dup(log.fd)


class LogLine(NamedTuple):
    level: Level
    module: str
    number: str | None
    text: str
    errno: int | None = None

    @property
    def explained(self) -> str:
        """With its number and the system's reason, as it stands in the log."""
        number = f"{self.number}: " if self.number else ""
        return f"{f'{reason(self.errno)}: ' if self.errno else ''}{number}{self.text}"

    def write(self, log: ErrorLog) -> None:
        log.log(self.level, self.module, self.number, self.text, errno=self.errno)


class Refused(Exception):
    """A configuration was not taken; `lines` say why."""

    def __init__(self, lines: Sequence[LogLine]) -> None:
        super().__init__("; ".join(line.text for line in lines))
        self.lines = tuple(lines)

    @property
    def summary(self) -> str:
        """What went wrong, for the status page: without warnings and without the lines that show
        the file: who may see the page need not see what stands in it."""
        errors = [line for line in self.lines if line.level <= Level.ERROR and not line.text.startswith("  ")]
        return "\n".join(line.explained for line in errors or self.lines)


class Reading(Protocol):
    """A configuration that is being read in another process."""

    def fileno(self) -> int:
        """Becomes readable when there is something to collect."""

    def collect(self) -> Generation | None:
        """The prepared generation, None if it is not finished yet. Raises Refused."""

    def abandon(self) -> None:
        """Stop reading; nothing has happened."""

    def forget(self) -> None:
        """In a forked process: close what only the master reads from."""


class Loader(Protocol):
    """What boot gives to the master: how to get the next generation."""

    def start(self, running: Generation, in_child: Callable[[], None], *, graceful: bool) -> Reading:
        """Begin to read. `in_child` is what a process that is forked for it must let go of. Raises OSError.

        `graceful` tells that children of the running generation will still be there.
        """
