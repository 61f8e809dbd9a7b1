"""A module: one value that says what it is called, what it configures and where it hooks in."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyhttpd.api.log import Level
from pyhttpd.api.phases import Hook
from pyhttpd.api.program import Program, Programs
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic
from pyhttpd.config.directive import Directive


@dataclass(frozen=True, slots=True)
class Provider:
    """Something that modules offer to each other by group and name: `("authz", "ip", check)`."""

    group: str
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the server.

    `check_config` runs when a configuration has been read and before anything changes; an error among the diagnostics
    that it returns refuses the configuration. `prepare` runs after it in the master, still as root, and opens what the
    generation needs (log files); it may raise OSError or PrepareError, and everything that was prepared is undone.
    """

    name: str  # dir_module
    source: str  # mod_dir.c
    per_dir: type | None = None
    per_server: type | None = None
    directives: tuple[Directive, ...] = ()
    hooks: tuple[Hook, ...] = ()
    providers: tuple[Provider, ...] = ()
    check_config: Callable[[Configuration], Sequence[Diagnostic]] | None = None
    prepare: Callable[[Configuration, Preparation], None] | None = None
    prepare_only_reads: bool = False  # `prepare` opens and starts nothing, so that `explain` may run it, too


KEPT = "kept"
"""The resource whose `fd` is what the generation was made from (config/kept.py); None without memory files."""


class PrepareError(Exception):
    """A generation cannot be prepared (a log that cannot be opened). Number, text, module (by its short name) and level
    as they go to the log."""

    def __init__(
        self,
        number: str | None,
        message: str,
        errno: int | None = None,
        *,
        module: str = "core",
        level: Level = Level.ERROR,
    ) -> None:
        super().__init__(message)
        self.number = number
        self.errno = errno
        self.module = module
        self.level = level


class Preparation:
    """What a generation holds open, and how it is let go. Undone in reverse if preparing fails later."""

    def __init__(self, directory: str = "/", programs: Programs | None = None) -> None:
        """`directory` is where programs run: ServerRoot. `programs` are the master's other children."""
        self._undo: list[Callable[[], None]] = []
        self._programs = programs
        self.directory = directory
        self.descriptors: list[int] = []
        self.resources: dict[Any, Any] = {}
        self.farewells: list[Callable[[], object]] = []

    def keep(self, key: Any, resource: Any, close: Callable[[], None] | None = None) -> None:
        """Register something that was opened. Services.resource(key) finds it in the children.

        A resource with a `fd`, or with `descriptors`, says which descriptors a daemon must not close.
        """
        self.resources[key] = resource
        if hasattr(resource, "descriptors"):
            self.descriptors.extend(resource.descriptors)
        elif hasattr(resource, "fd"):
            self.descriptors.append(resource.fd)
        if close is not None:
            self._undo.append(close)

    def at_child_exit(self, function: Callable[[], object]) -> None:
        """Have each child of the generation call this when it ends, also when TERM or HUP ends it in the middle of a
        request. It runs in the main thread, perhaps between any two steps of another function there. Children with
        something to do at their end are given more time for it before they are killed."""
        self.farewells.append(function)

    def run(self, key: Any, program: Program) -> None:
        """Have a program run for this generation; its pipe is what is kept. Raises OSError, and has closed the pipe."""
        if self._programs is None:
            program.pipe.close()
            raise OSError(errno.ENOSYS, "nobody runs programs here")
        try:
            self._programs.add(program)
        except OSError:
            program.pipe.close()
            raise
        self.keep(key, program.pipe, partial(self._programs.retire, program))

    def close(self) -> None:
        while self._undo:
            self._undo.pop()()
