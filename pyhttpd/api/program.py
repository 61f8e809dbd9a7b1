"""Programs that the master runs beside its children, and what those who prepare a generation may ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pyhttpd.util.line_pipe import LinePipe


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A program that reads lines from a pipe of ours until its end, as messages and exec see it."""

    text: str
    argv: tuple[str, ...]
    directory: str
    pipe: LinePipe
    failure: tuple[str, str]  # what is said if it cannot be started: number and text
    main: bool = False  # the main error log: its standard error is the server's standard output, and it ends last


class Programs(Protocol):
    """The master's other children."""

    def add(self, program: Program) -> None:
        """It is started when the generation that is being prepared is taken, or shortly before. Raises OSError where it
        cannot be executed."""

    def retire(self, program: Program) -> None:
        """Its generation is over, or will never be. When the last process that may write to it has gone it comes to the
        end of its input, and its pipe is closed."""
