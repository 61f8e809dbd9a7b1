"""Which lines hold in the end: the layers of a request in their merge order, and what each line took from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyhttpd.config.merging import merge_fields
from pyhttpd.config.trace import Layer, Note

_Field = tuple[type, str]


@dataclass(slots=True)
class Held:
    """A directive that holds: its lines (several, where each adds to the others), outermost first, and those that do
    not count any more, each with the line that overrode it."""

    name: str
    lines: list[Note] = field(default_factory=list)
    overridden: list[tuple[Note, Note]] = field(default_factory=list)


def resolve(layers: Iterable[Layer]) -> list[Held]:
    """Work through the layers, outermost first, as the merge does. Directives in the order of their names."""
    active: dict[_Field, list[Note]] = {}
    values: dict[_Field, Any] = {}
    overridden: list[tuple[Note, Note]] = []
    for layer in layers:
        for key, notes in _own(layer, overridden).items():
            config_class, name = key
            inner = layer.values.get(config_class, {}).get(name)
            known = active.get(key)
            if known is None or key not in values:
                active[key], values[key] = notes, inner
                continue
            merged = merge_fields(config_class, {name: values[key]}, {name: inner})[name]
            kept = _kept(known, inner, merged)
            overridden += [(note, notes[-1]) for note in known if note not in kept]
            active[key], values[key] = kept + notes, merged
    return _by_name(active, overridden)


def _own(layer: Layer, overridden: list[tuple[Note, Note]]) -> dict[_Field, list[Note]]:
    """The lines of one layer that hold in it, by what they set."""
    own: dict[_Field, list[Note]] = {}
    for note in layer.notes:
        for name, keys in note.fields.items():
            if note.into is None:
                continue
            known = own.setdefault((note.into, name), [])
            kept = known if name in note.builds_on else []
            if keys is not None:
                kept = [each for each in known if not _covers(keys, each.fields.get(name))]
            overridden += [(each, note) for each in known if each not in kept]
            known[:] = [*kept, note]
    return own


def _kept(known: list[Note], inner: Any, merged: Any) -> list[Note]:
    """The outer lines of which something is left."""
    if isinstance(inner, Mapping) and isinstance(merged, Mapping) and merged != inner:
        keyed = {id(note): keys for note in known for keys in note.fields.values() if keys is not None}
        return [note for note in known if not _covers(tuple(inner), keyed.get(id(note)))]
    return [] if merged is inner or merged == inner else list(known)


def _covers(keys: Iterable[Any], others: tuple[Any, ...] | None) -> bool:
    return others is not None and set(others) <= set(keys)


def _by_name(active: dict[_Field, list[Note]], overridden: list[tuple[Note, Note]]) -> list[Held]:
    found: dict[str, Held] = {}
    holding = {id(note) for notes in active.values() for note in notes}
    for notes in active.values():
        for note in notes:
            held = found.setdefault(note.name, Held(note.name))
            if note not in held.lines:
                held.lines.append(note)
    said: set[int] = set()
    for note, by in overridden:
        if id(note) in holding or id(note) in said:
            continue  # it holds for another of the things that it sets
        said.add(id(note))
        found.setdefault(note.name, Held(note.name)).overridden.append((note, by))
    return sorted(found.values(), key=lambda held: held.name.lower().lstrip("<"))
