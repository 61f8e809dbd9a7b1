"""One line of a configuration while it is applied: what a directive's `apply` function gets and fills."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

from pyhttpd.config.diagnostics import SYNTAX, Severity
from pyhttpd.config.directive import About, Allowed, Context, Directive, DirectiveOwner
from pyhttpd.config.limited import Methods
from pyhttpd.config.merging import Values
from pyhttpd.config.nodes import Location, Node
from pyhttpd.config.registry import Registry
from pyhttpd.config.report import Report
from pyhttpd.config.suggest import did_you_mean
from pyhttpd.expr import Writer

Settings = dict[type, dict[str, Any]]
"""What a scope sets, while it is read."""


class _Growing(list[Any]):
    """A tuple field while its scope is read: ten thousand lines must not copy it ten thousand times."""


class _Filling(dict[Any, Any]):
    """A mapping field while its scope is read; nobody else has it."""


def growing(fields: dict[str, Any], name: str) -> _Growing:
    known = fields.get(name, ())
    if type(known) is not _Growing:
        known = fields[name] = _Growing(known)
    return known


def freeze(settings: Settings) -> Settings:
    """The scope has been read: its fields become what their classes say they are."""
    for fields in settings.values():
        for name, value in fields.items():
            if type(value) is _Growing:
                fields[name] = tuple(value)
            elif type(value) is _Filling:
                fields[name] = dict(value)
    return settings


@dataclass(slots=True)
class Line:
    """The `Setting` that an `apply` function gets, for as long as it runs."""

    row: Directive
    context: Context
    section: str | None
    server_root: str
    memo: dict[str, Any]
    _fields: dict[str, Any]
    _node: Node
    _report: Report
    _owner: DirectiveOwner
    _registry: Registry
    _main: Settings
    limited: Methods
    apart: Values = field(default_factory=dict)
    allowed: Allowed | None = None

    @property
    def writer(self) -> Writer:
        return Writer.ADMINISTRATOR if self.allowed is None else Writer.HTACCESS

    @property
    def location(self) -> Location:
        return self._node.location

    @property
    def text(self) -> str:
        return self._node.raw

    def get(self, field: str, default: Any = None) -> Any:
        value = self._fields.get(field, default)
        return tuple(value) if type(value) is _Growing else value

    def set(self, field: str, value: Any) -> None:
        self._fields[field] = value

    def add(self, field: str, value: Any) -> None:
        growing(self._fields, field).append(value)

    def put(self, field: str, key: Any, value: Any) -> None:
        known = self._fields.get(field)
        if type(known) is not _Filling:
            known = self._fields[field] = _Filling(known or {})
        known.pop(key, None)
        known[key] = value

    def get_main(self, into: type, field: str, default: Any = None) -> Any:
        value = self._main.get(into, {}).get(field, default)
        return tuple(value) if type(value) is _Growing else value

    def add_main(self, into: type, field: str, value: Any) -> None:
        growing(self._main.setdefault(into, {}), field).append(value)

    def path(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.server_root, name))

    def warn(self, message: str, number: str | None = None, **about: Unpack[About]) -> None:
        self._say(Severity.WARNING, message, number or SYNTAX, about)

    def inform(self, message: str, number: str, **about: Unpack[About]) -> None:
        self._say(Severity.INFO, message, number, about)

    def _say(self, severity: Severity, message: str, number: str, about: About) -> None:
        wrong = about.get("wrong")
        self._report.line_error(
            self.location, message, number=number, severity=severity, reason=about.get("reason"),
            module=about.get("module") or self._owner.name.removesuffix("_module"), level=about.get("level"),
            excerpt=self._report.excerpt_of_word(self._node, wrong),
            hint=did_you_mean(wrong, about.get("choices", ())) if wrong is not None else None,
        )  # fmt: skip

    def providers(self, group: str) -> Mapping[str, Any]:
        return self._registry.providers(group)

    def row_of(self, name: str) -> Directive | None:
        found = self._registry.find(name)
        return found[0].row if found else None

    def names(self) -> Sequence[str]:
        return self._registry.names()

    def modules(self) -> Sequence[str]:
        return [owner.name.removesuffix("_module") for owner in self._registry.owners]

    def module(self, name: str) -> str | None:
        return self._registry.module(name)
