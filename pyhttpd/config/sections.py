"""For a request: which sections apply, merged in Apache's order, each combination only once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from pyhttpd.config.configuration import Scope, ServerRecord
from pyhttpd.config.merging import Values, merge_values
from pyhttpd.util.wildcard import compile_wildcard

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")


Env = dict[str, str] | None
"""A request's variables, where named groups are wanted."""


class PerDir:
    """Merged settings of all modules. `config` gives a complete instance, defaults filled in, made when first asked."""

    __slots__ = ("_made", "values")

    def __init__(self, values: Values) -> None:
        self.values = values
        self._made: dict[type, Any] = {}

    def config(self, config_class: type[T]) -> T:
        made = self._made.get(config_class)
        if made is None:
            settings: Mapping[str, Any] = self.values.get(config_class, {})
            made = self._made[config_class] = config_class(**settings)
        return cast(T, made)


_SLASHES = re.compile("/{2,}")
_MOST = 4096
"""Entries of a memo. Each belongs to a path or to a combination of sections; a full one is emptied."""


class Sections:
    """The sections of one server, for a request. Every combination of them is merged once.

    Pure: no file is looked at. The memos are plain dicts that are read and written whole, right without the GIL; at
    worst two threads make the same thing.
    """

    def __init__(self, server: ServerRecord) -> None:
        self.base = PerDir(server.base)
        self._locations = tuple(_Test(scope, _location_test(scope)) for scope in server.locations)
        self._files = tuple(_Test(scope, _name_test(scope)) for scope in server.files)
        self._exact: dict[str, list[Scope]] = {}
        self._wild: list[tuple[Scope, Callable[[str], Any]]] = []
        self._regex: list[_Test] = []
        self._order = {id(scope): index for index, scope in enumerate(server.directories)}
        for scope in server.directories:
            if scope.regex is not None:
                self._regex.append(_Test(scope, scope.regex.search))
            elif scope.wild:
                self._wild.append((scope, compile_wildcard(scope.pattern, pathname=True).fullmatch))
            else:
                self._exact.setdefault(scope.pattern, []).append(scope)
        self._any_named = any(
            _names(scope)
            for outer in (*server.locations, *server.files, *server.directories)
            for scope in (outer, *outer.files)
        )
        self._any_files = bool(server.files) or any(scope.files for scope in server.directories)
        self._matched: dict[str, tuple[Scope, ...]] = {}
        self._merged: dict[tuple[int, ...], PerDir] = {}
        self._inner: dict[tuple[PerDir, tuple[int, ...]], PerDir] = {}
        self._tests: dict[int, tuple[_Test, ...]] = {
            id(scope): tuple(_Test(inner, _name_test(inner)) for inner in scope.files) for scope in server.directories
        }

    def directory(self, path: str, env: Env = None) -> PerDir:
        """For an absolute path, of a file or (with a slash at the end) of a directory: base, `<Directory>` from the
        shortest to the longest, then the regular expressions in the order of the file.

        Here and below, `env` gets the groups that a regular expression names: MATCH_NAME for `(?<name>...)`.
        """
        if self._any_named:
            _note_groups(self._regex, path, env)
        scopes = self._scopes(path)
        if not scopes:
            return self.base
        key = tuple(map(id, scopes))
        found = self._merged.get(key)
        if found is None:
            found = _merge(self.base, scopes)
            self._merged = _bounded(self._merged)
            self._merged[key] = found
        return found

    def files(self, outer: PerDir, directory: str, name: str, env: Env = None) -> PerDir:
        """`<Files>` of the server, then those inside the `<Directory>` sections that hold for the file."""
        if not self._any_files:
            return outer
        directory = directory if directory.endswith("/") else f"{directory}/"
        tests = list(self._files)
        for scope in self._scopes(directory + name):
            tests += self._tests[id(scope)]
        return self._inside(outer, tests, name, env)

    def location(self, outer: PerDir, uri: str, env: Env = None) -> PerDir:
        """`<Location>` and `<LocationMatch>`, in the order of the file. `uri` is decoded. For the first, slashes that
        stand together count as one; the second sees them (MergeSlashes Off)."""
        return self._inside(outer, self._locations, uri, env) if self._locations else outer

    def _inside(self, outer: PerDir, tests: Sequence[_Test], text: str, env: Env) -> PerDir:
        if self._any_named:
            _note_groups(tests, text, env)
        if "//" in text:
            merged = _SLASHES.sub("/", text)
            scopes = [t.scope for t in tests if t.matches(merged if t.scope.regex is None else text)]
        else:
            scopes = [test.scope for test in tests if test.matches(text)]
        if not scopes:
            return outer
        key = (outer, tuple(map(id, scopes)))
        found = self._inner.get(key)
        if found is None:
            found = _merge(outer, scopes)
            self._inner = _bounded(self._inner)
            self._inner[key] = found
        return found

    def _scopes(self, path: str) -> tuple[Scope, ...]:
        """The Directory sections that hold for a path."""
        directory = path[: path.rfind("/") + 1] or "/"
        scopes = self._matched.get(directory)
        if scopes is None:
            scopes = self._match(directory)
            self._matched = _bounded(self._matched)
            self._matched[directory] = scopes
        if self._regex:
            scopes += tuple(test.scope for test in self._regex if test.matches(path))
        return scopes

    def _match(self, directory: str) -> tuple[Scope, ...]:
        found: list[Scope] = []
        at = 0
        while at >= 0 and (end := directory.find("/", at)) >= 0:
            part = directory[: end + 1]
            found += self._exact.get(part, ())
            found += (scope for scope, matches in self._wild if matches(part))
            at = end + 1
        return tuple(sorted(found, key=lambda scope: self._order[id(scope)]))


class _Test(NamedTuple):
    scope: Scope
    matches: Callable[[str], Any]


def _names(scope: Scope) -> tuple[tuple[str, str], ...]:
    """The named groups of a section's regular expression, each with the variable that it becomes."""
    return tuple((name, f"MATCH_{name.upper()}") for name in (scope.regex.groupindex if scope.regex else ()))


def _note_groups(tests: Iterable[_Test], text: str, env: Env) -> None:
    if env is None:
        return
    for test in tests:
        names = _names(test.scope)
        match = test.matches(text) if names else None
        if match:
            env.update({variable: match[name] for name, variable in names if match[name] is not None})


def _bounded(memo: dict[K, V]) -> dict[K, V]:
    return memo if len(memo) < _MOST else {}


def _merge(outer: PerDir, scopes: Iterable[Scope]) -> PerDir:
    values = outer.values
    for scope in scopes:
        values = merge_values(values, scope.values)
    return PerDir(values)


def _name_test(scope: Scope) -> Callable[[str], Any]:
    if scope.regex is not None:
        return scope.regex.search
    if scope.wild:
        return compile_wildcard(scope.pattern, pathname=True).fullmatch
    return scope.pattern.__eq__


def _location_test(scope: Scope) -> Callable[[str], Any]:
    """`/a` holds for `/a` and what is below it, not for `/ab`; `/a/` for what is below it."""
    if scope.regex is not None or scope.wild:
        return _name_test(scope)
    pattern = scope.pattern
    below = pattern if pattern.endswith("/") or not pattern else f"{pattern}/"
    return lambda uri: uri == pattern or uri.startswith(below)
