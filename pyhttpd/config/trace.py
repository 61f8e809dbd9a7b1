"""Which line set what: kept while a configuration is read, by those who ask for it (`explain`, `--plan`) and no server.

The notes stand beside the Configuration, by the identity of a scope's values, so that a server's own costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from pyhttpd.config.build import Builder
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.directive import Directive
from pyhttpd.config.line import Line
from pyhttpd.config.nodes import DirectiveNode, Location, Node, SectionNode
from pyhttpd.config.registry import Entry


@dataclass(slots=True, eq=False)
class Note:
    """One line: `raw` is what stands behind its name. `into` is the class that its value went to.

    `fields` are those it set there, each with the keys that it entered (None: the field as a whole). `builds_on` are
    the fields of which it kept what earlier lines of its scope had set.
    """

    name: str
    raw: str
    location: Location
    into: type | None
    section: bool = False
    fields: dict[str, tuple[Any, ...] | None] = field(default_factory=dict)
    builds_on: set[str] = field(default_factory=set)
    added: list[Any] = field(default_factory=list)  # what it has appended to a tuple field

    def __str__(self) -> str:
        return f"{self.name} {self.raw}{'>' if self.section else ''}".rstrip()


@dataclass(slots=True)
class Layer:
    """What one server or section sets itself, before anything is merged into it."""

    values: Mapping[type, Mapping[str, Any]]
    notes: Sequence[Note] = ()


@dataclass(slots=True)
class ServerLayers:
    base: Layer  # of the per_dir classes, outside all sections
    settings: Layer  # of the per_server classes


class Trace:
    """Given to config.read.read; afterwards it tells what stands behind the Configuration that was returned."""

    def __init__(self) -> None:
        self.main: ServerLayers | None = None
        self.vhosts: list[ServerLayers] = []  # as Configuration.vhosts
        self.nodes: Sequence[Node] = ()
        self._notes: dict[int, list[Note]] = {}  # by the id of a scope's values
        self._kept: list[Any] = []  # so that no id is given twice

    def note(self, values: Mapping[type, Any], note: Note) -> None:
        known = self._notes.get(id(values))
        if known is None:
            known = self._notes[id(values)] = []
            self._kept.append(values)
        known.append(note)

    def layer(self, values: Mapping[type, Mapping[str, Any]]) -> Layer:
        """Of a scope's `values`."""
        return Layer(values, self._notes.get(id(values), ()))

    def servers(self, configuration: Configuration) -> list[ServerLayers]:
        """As configuration.servers."""
        assert self.main is not None
        assert len(self.vhosts) == len(configuration.vhosts)
        return [self.main, *self.vhosts]


class TracedLine(Line):
    """A Line that notes what an `apply` function does with it."""

    __slots__ = ("builder",)

    def __init__(self, made: Line, builder: TracingBuilder) -> None:
        super().__init__(*[getattr(made, each.name) for each in fields(Line)])
        self.builder = builder

    def get(self, field: str, default: Any = None) -> Any:
        self.builder.now.builds_on.add(field)
        return Line.get(self, field, default)

    def set(self, field: str, value: Any) -> None:
        keys: tuple[Any, ...] | None = None
        if isinstance(value, Mapping):
            known = Line.get(self, field, None) or {}
            keys = tuple(key for key in value if key not in known or known[key] is not value[key])
        self.builder.now.fields[field] = keys
        Line.set(self, field, value)

    def add(self, field: str, value: Any) -> None:
        self.builder.now.fields[field] = None
        self.builder.now.builds_on.add(field)
        self.builder.now.added.append(value)
        Line.add(self, field, value)

    def put(self, field: str, key: Any, value: Any) -> None:
        now = self.builder.now
        now.fields[field] = (*(now.fields.get(field) or ()), key)
        now.builds_on.add(field)
        Line.put(self, field, key, value)

    def add_main(self, into: type, field: str, value: Any) -> None:
        """What goes to the main server, from whatever scope, is noted there."""
        now = self.builder.now
        self.builder.note_main(Note(now.name, now.raw, now.location, into, now.section, {field: None}, {field}))
        Line.add_main(self, into, field, value)


class TracingBuilder(Builder):
    """The builder, with an eye on each line."""

    def __init__(self, *arguments: Any, trace: Trace, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._trace = trace
        self.now = Note("", "", Location("", 0), None)

    def apply(self, nodes: list[Node]) -> None:
        super().apply(nodes)
        trace = self._trace
        trace.nodes = nodes
        layers = [
            ServerLayers(trace.layer(server.base), trace.layer(server.settings))
            for server in (self._main, *self._vhosts)
        ]
        trace.main, trace.vhosts = layers[0], layers[1:]

    def note_main(self, note: Note) -> None:
        self._trace.note(self._main.settings, note)

    def _begin(self, node: Node, row: Directive, place: Any) -> None:
        self.now = Note(row.name, node.raw, node.location, row.into, section=row.section)
        values = place.values if row.into in self._per_dir else place.server.settings
        self._trace.note(values, self.now)

    def _line(self, node: DirectiveNode, entry: Entry, place: Any) -> None:
        self._begin(node, entry.row, place)
        super()._line(node, entry, place)

    def _container(self, node: SectionNode, entry: Entry, place: Any) -> None:
        self._begin(node, entry.row, place)
        super()._container(node, entry, place)

    def _setting(self, node: Any, entry: Entry, place: Any) -> Line:
        return TracedLine(super()._setting(node, entry, place), self)

    def _store(self, row: Directive, fields: dict[str, Any], values: tuple[Any, ...]) -> None:
        name = row.sets or row.adds
        if name is not None:
            self.now.fields[name] = None
            if row.adds is not None:
                self.now.builds_on.add(name)
        super()._store(row, fields, values)
