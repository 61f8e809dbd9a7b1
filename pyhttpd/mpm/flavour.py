"""What one MPM is: its limits, its way to run a child, and Apache's log numbers for what all of them say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhttpd.mpm.directives import MpmConfig
from pyhttpd.policy import Family, Full, Limits

if TYPE_CHECKING:
    from pyhttpd.mpm.child import ChildProcess

# Exit statuses of a child, as Apache's.
EXIT_OK = 0
EXIT_CHILD_INIT = 3
EXIT_CHILD_SICK = 7  # short of a resource: do not fork faster
EXIT_CHILD_FATAL = 15  # it will be the same for every child: the server stops


@dataclass(frozen=True, slots=True)
class Flavour:
    name: str  # prefork
    threaded: bool
    replaces_killed: bool  # a child that died of a signal is replaced at once, not in the next pass
    family: Family
    defaults: Limits
    config_class: type[MpmConfig]
    run: Callable[[ChildProcess], None]
    numbers: Mapping[str, str]
    full: Mapping[Full, tuple[str, str]]
    busy_hint: str
    graceful_text: str
    run_alone: Callable[[ChildProcess], None] | None = None  # without threads, where `run` starts some

    @property
    def log_name(self) -> str:
        return f"mpm_{self.name}"
