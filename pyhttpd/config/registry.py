"""Directive rows by name: what the modules that are loaded so far bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pyhttpd.config.directive import Directive, DirectiveOwner


class Entry(NamedTuple):
    """A row and the module that it belongs to. `contexts` are the row's as bits: an enum's `&` costs a microsecond.

    `values` remembers what its lines were converted to: of most directives a file has many equal lines.
    """

    row: Directive
    owner: DirectiveOwner
    contexts: int
    values: dict[str, tuple[Any, ...]]


class Registry:
    """Names are compared without case. More than one module may have a directive; then each gets its lines, the one
    that was added last first."""

    def __init__(self, owners: Iterable[DirectiveOwner] = ()) -> None:
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._as_written: dict[str, tuple[Entry, ...]] = {}
        self._providers: dict[str, dict[str, Any]] = {}
        self.owners: list[DirectiveOwner] = []
        for owner in owners:
            self.add(owner)

    def add(self, owner: DirectiveOwner, at: int | None = None) -> None:
        """`at`: its place among the modules, if it is not the last."""
        self.owners.insert(len(self.owners) if at is None else at, owner)
        self._enter(owner)

    def move_behind(self, owner: DirectiveOwner) -> None:
        """As if it had been added last."""
        self.owners.remove(owner)
        self.owners.append(owner)
        for row in owner.directives:
            key = row.name.lower()
            self._entries[key] = tuple(entry for entry in self._entries[key] if entry.owner is not owner)
        self._enter(owner)

    def _enter(self, owner: DirectiveOwner) -> None:
        self._as_written.clear()
        self._providers.clear()
        for row in owner.directives:
            key = row.name.lower()
            self._entries[key] = (Entry(row, owner, row.contexts.value, {}), *self._entries.get(key, ()))

    def find(self, name: str) -> tuple[Entry, ...]:
        """The rows of a name (`Listen`, `<Directory`), the newest first; none if it is not known."""
        found = self._as_written.get(name)
        if found is None:
            found = self._as_written[name] = self._entries.get(name.lower(), ())
        return found

    def names(self) -> list[str]:
        return [entries[0].row.name for entries in self._entries.values()]

    def providers(self, group: str) -> Mapping[str, Any]:
        """What the modules offer under `group`, by name."""
        found = self._providers.get(group)
        if found is None:
            offers = (offer for owner in self.owners for offer in owner.providers if offer.group == group)
            found = self._providers[group] = {offer.name: offer.value for offer in offers}
        return found

    def module(self, name: str) -> str | None:
        """The identifier of a loaded module, by identifier, source file or short name; with their case."""
        for known in (name, f"{name}_module"):
            for owner in self.owners:
                if known in (owner.name, owner.source):
                    return owner.name
        return None

    def has_module(self, name: str) -> bool:
        """Is a module loaded, by its identifier (`alias_module`) or its source file (`mod_alias.c`)?"""
        return any(name in (owner.name, owner.source) for owner in self.owners)
