"""One .htaccess file: its text becomes a scope, by the same reader as httpd.conf. Runs in a child, for a request.

Everything that reading needs is imported with this file, before the first fork.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from pyhttpd.config.build import Builder
from pyhttpd.config.catalog import Catalog, is_mpm
from pyhttpd.config.configuration import Configuration, Scope
from pyhttpd.config.diagnostics import NOT_TEXT, Diagnostic, Severity
from pyhttpd.config.directive import Allowed, DirectiveOwner
from pyhttpd.config.expand import Expansion, Files
from pyhttpd.config.loading import Modules
from pyhttpd.config.macros import Macros
from pyhttpd.config.nodes import Location
from pyhttpd.config.owners import known_names
from pyhttpd.config.report import Report
from pyhttpd.config.source import Source
from pyhttpd.config.suggest import Suggestions
from pyhttpd.util.regex import load_engine
from pyhttpd.util.regex_defaults import set_regex_defaults

LONGEST_LINE = 8191
"""Bytes of a line, continuation lines joined: httpd.conf has no such limit."""


@dataclass(frozen=True, slots=True, eq=False)
class Htaccess:
    """What a file says, or what is wrong with it: then `scope` is None.

    `messages` are for the log whenever the file is used; `volatile` tells that an equal text may mean something else
    next time, since a condition has looked at the disk.
    """

    scope: Scope | None
    messages: tuple[Diagnostic, ...]
    volatile: bool


class HtaccessReader:
    """Reads files for one generation. Threads may share it: it keeps nothing of a file."""

    def __init__(self, configuration: Configuration, owners: Sequence[DirectiveOwner]) -> None:
        """`owners` are the modules that are loaded."""
        self._server_root = configuration.server_root
        self._defines = configuration.defines
        self._macros = configuration.macros
        mpm = next((owner for owner in owners if is_mpm(owner.name)), owners[0])  # that of a condition is there anyway
        self._catalog = Catalog((), {mpm.name: mpm}, default_mpm=mpm.name)
        self._modules = Modules(self._catalog)
        for owner in owners:
            self._modules.registry.add(owner)
        self.builder: Callable[..., Builder] = Builder  # one that takes notes, for `explain`
        self._main = {cls: _fields_of(value) for cls, value in configuration.main.settings.items()}
        set_regex_defaults(configuration.regex_defaults)
        load_engine()
        known_names()  # reads a file of ours, which the user that children run as may not be able to

    def read(self, path: str, directory: str, content: bytes, allowed: Allowed) -> Htaccess:
        """`directory` ends with a slash. Never raises but for what is wrong with the reader itself."""
        source = Source(path, content.decode("utf-8", "surrogateescape"))
        report = Report()
        expansion = Expansion(
            self._catalog, Files(), report, server_root=self._server_root, defines=(), with_mpm=False
        )  # fmt: skip
        expansion.modules = self._modules
        for name, value in self._defines.items():
            expansion.variables.define(name, value or None)
        expansion.allowed = allowed
        expansion.macros = Macros(self._macros)
        if not _is_text(source, report):
            return Htaccess(None, report.diagnostics, volatile=False)
        expansion.read_source(source)
        registry = self._modules.registry
        suggestions = Suggestions(self._catalog, registry)
        builder = self.builder(
            registry, report, suggestions, server_root=self._server_root, refused=set(), allowed=allowed,
            main=self._main,
        )  # fmt: skip
        scope: Scope | None = None
        if not expansion.stopped:
            scope = builder.apply_htaccess(expansion.nodes, path, directory)
        messages = report.diagnostics
        if any(message.severity is Severity.ERROR for message in messages):
            scope = None
        return Htaccess(scope, messages, expansion.looked_at_files)


def _fields_of(settings: Any) -> dict[str, Any]:
    return {one.name: getattr(settings, one.name) for one in fields(settings)}


def _is_text(source: Source, report: Report) -> bool:
    """No NUL, and no line that is longer than Apache reads one; else says so."""
    at = source.text.find("\0")
    if at >= 0:
        place = Location(source.file, source.text.count("\n", 0, at) + 1)
        report.text_error((), place, "There is a NUL byte here: this is not a text file", number=NOT_TEXT)
        return False
    for index, line in enumerate(source.lines):
        if len(line) > LONGEST_LINE // 4 and len(line.encode("utf-8", "surrogateescape")) > LONGEST_LINE:
            place = Location(source.file, source.last_line(index))
            message = f"Error reading {source.file} at line {place.line}: Line too long"
            report.text_error((), place, message)
            return False
    return True
