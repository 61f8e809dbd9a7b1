"""Which modules there are: those that are always there, and those that a LoadModule line brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyhttpd.config.directive import Directive, DirectiveOwner


@dataclass(frozen=True)
class Catalog:
    """The modules that a configuration may use. `loadable` maps identifiers (`rewrite_module`), MPMs among them."""

    compiled_in: tuple[DirectiveOwner, ...]
    loadable: Mapping[str, DirectiveOwner]
    default_mpm: str = "mpm_worker_module"

    def find(self, identifier: str) -> DirectiveOwner | None:
        """The module of that identifier, whether it is compiled in or not."""
        for owner in self.compiled_in:
            if owner.name == identifier:
                return owner
        return self.loadable.get(identifier)


_OF_ALL_MPMS = frozenset({
    "CoreDumpDirectory", "EnableExceptionHook", "MaxConnectionsPerChild", "MaxMemFree", "MaxRequestsPerChild",
    "PidFile", "ScoreBoardFile", "ThreadStackSize",
})  # fmt: skip


def rows_of(owner: DirectiveOwner, owners: Iterable[DirectiveOwner]) -> tuple[Directive, ...]:
    """The directives that Apache lists as those of a module: what all MPMs have is the core's there."""
    if owner.source == "core.c":
        mpms = [other for other in owners if is_mpm(other.name)]
        return (*owner.directives, *(row for mpm in mpms for row in mpm.directives if row.name in _OF_ALL_MPMS))
    if is_mpm(owner.name):
        return tuple(row for row in owner.directives if row.name not in _OF_ALL_MPMS)
    return owner.directives


def is_mpm(identifier: str) -> bool:
    """Does the identifier (`mpm_worker_module`) name an MPM?"""
    return identifier.startswith("mpm_") and identifier.endswith("_module")


def mpm_name(identifier: str) -> str:
    """`mpm_worker_module` -> `worker`"""
    return identifier.removeprefix("mpm_").removesuffix("_module")
