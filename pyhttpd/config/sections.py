"""For a request: which sections apply, merged in Apache's order, each combination only once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pyhttpd.config.configuration import Scope, ScopeKind, ServerRecord
from pyhttpd.config.merging import Values, merge_values
from pyhttpd.expr import Condition
from pyhttpd.util.regex import Match, Regex
from pyhttpd.util.wildcard import compile_wildcard

K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")


Env = dict[str, str] | None
"""A request's variables, where named groups are wanted."""


class _Made(dict[type, Any]):
    """Complete instances by their class, each made when it is first asked for."""

    __slots__ = ("_values",)

    def __init__(self, values: Values) -> None:
        self._values = values

    def __missing__(self, config_class: type[Any]) -> Any:
        settings: Mapping[str, Any] = self._values.get(config_class, {})
        made = self[config_class] = config_class(**settings)
        return made


class PerDir:
    """Merged settings of all modules. `config` gives a complete instance, defaults filled in, made when first asked.

    `files` and `ifs` are the `<Files>` and the `<If>` sections that what was merged has brought, in its order.
    """

    __slots__ = ("_made", "_tests", "files", "ifs", "outer", "passing", "scopes", "values")

    def __init__(
        self,
        values: Values,
        outer: PerDir | None = None,
        scopes: tuple[Scope, ...] = (),
        files: tuple[Scope, ...] = (),
        ifs: tuple[Scope, ...] = (),
    ) -> None:
        """`outer` and `scopes` are what was merged, in this order: they tell where a value comes from."""
        self.values = values
        self.outer = outer
        self.scopes = scopes
        self.files = files
        self.ifs = ifs
        # an .htaccess file, which may change, has a part in it
        self.passing: bool = outer is not None and (outer.passing or scopes[0].kind is ScopeKind.HTACCESS)
        self._made = _Made(values)
        self._tests: tuple[_Test, ...] | None = None

    def config(self, config_class: type[T]) -> T:
        made: T = self._made[config_class]
        return made

    @property
    def file_tests(self) -> tuple[_Test, ...]:
        if self._tests is None:
            self._tests = tuple(_Test(scope, _name_test(scope)) for scope in self.files)
        return self._tests


_SLASHES = re.compile("/{2,}")
_MOST = 4096
"""Entries of a memo. Each belongs to a path or to a combination of sections; a full one is emptied."""
_MOST_PASSING = 512
"""The same for what .htaccess files have a part in: a file that changes is another one each time."""


class Sections:
    """The sections of one server, for a request. Every combination of them is merged once.

    Pure: no file is looked at. The memos are plain dicts that are read and written whole, right without the GIL; at
    worst two threads make the same thing.
    """

    def __init__(self, server: ServerRecord) -> None:
        self.base = PerDir(server.base, files=server.files, ifs=server.ifs)
        self._locations = tuple(_Test(scope, _location_test(scope)) for scope in server.locations)
        # `<If>` sections that hold before there is a file name; what they log they log then too
        self.has_early_ifs = bool(server.ifs) or any(scope.ifs for scope in server.locations)
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
        self._above: dict[str, PerDir] = {}
        self._merged: dict[tuple[PerDir, tuple[int, ...]], PerDir] = {}
        self._passing: dict[tuple[PerDir, tuple[int, ...]], PerDir] = {}

    def directory(self, path: str, env: Env = None) -> PerDir:
        """For an absolute path, of a file or (with a slash at the end) of a directory: base, `<Directory>` from the
        shortest to the longest, then the regular expressions in the order of the file.

        Here and below, `env` gets the groups that a regular expression names: MATCH_NAME for `(?<name>...)`.
        """
        return self.patterns(self.above(path[: path.rfind("/") + 1] or "/"), path, env)

    def above(self, directory: str) -> PerDir:
        """For a directory (with a slash at the end) and those above it, without regular expressions."""
        found = self._above.get(directory)
        return found if found is not None else self._find_above(directory)

    def _find_above(self, directory: str) -> PerDir:
        found = self.base
        end = -1
        while (end := directory.find("/", end + 1)) >= 0:
            part = directory[: end + 1]
            known = self._above.get(part)
            if known is None:
                known = self.level(found, part)
                self._above = _bounded(self._above, _MOST)
                self._above[part] = known
            found = known
        return found

    def entered(self, path: str) -> PerDir:
        """For a file that is there: Apache looks at its name as at a directory's, too."""
        name = f"{path}/"
        return self.above(name if self._wild or name in self._exact else path[: path.rfind("/") + 1])

    def level(self, outer: PerDir, directory: str) -> PerDir:
        """`<Directory>` for exactly this directory."""
        exact = self._exact.get(directory)
        if not self._wild:
            return self._in_turn(outer, exact) if exact else outer
        scopes = [*(exact or ()), *(scope for scope, matches in self._wild if matches(directory))]
        scopes.sort(key=lambda scope: self._order[id(scope)])
        return self._in_turn(outer, scopes)

    def patterns(self, outer: PerDir, path: str, env: Env = None) -> PerDir:
        """`<DirectoryMatch>` and `<Directory ~ ...>`, in the order of the file."""
        return self._in_turn(outer, self._matching(self._regex, path, env)) if self._regex else outer

    def htaccess(self, outer: PerDir, file: Scope) -> PerDir:
        """What an .htaccess file sets."""
        return self._merge(outer, [file])

    def files(self, outer: PerDir, name: str, env: Env = None) -> PerDir:
        """`<Files>` and `<FilesMatch>`: the server's, then those of the sections and .htaccess files in `outer`."""
        return self._inside(outer, outer.file_tests, name, env) if outer.files else outer

    def conditions(self, outer: PerDir, holds: Callable[[Condition], bool]) -> PerDir:
        """`<If>`, `<ElseIf>` and `<Else>` of all that is in `outer`, and then those inside of those that apply."""
        result = outer
        ifs = outer.ifs
        while ifs:
            scopes = []
            before = False  # whether the chain has been decided
            for scope in ifs:
                if before and scope.kind is not ScopeKind.IF:
                    continue
                before = scope.condition is not None and holds(scope.condition)
                if before or scope.condition is None:
                    scopes.append(scope)
            result = self._merge(result, scopes)
            ifs = tuple([inner for scope in scopes for inner in scope.ifs])
        return result

    def location(self, outer: PerDir, uri: str, env: Env = None) -> PerDir:
        """`<Location>` and `<LocationMatch>`, in the order of the file. `uri` is decoded. For the first, slashes that
        stand together count as one; the second sees them (MergeSlashes Off)."""
        return self._merge(outer, self.located(uri, env))

    def located(self, uri: str, env: Env = None) -> list[Scope]:
        """The sections that `location` merges."""
        return self._matching(self._locations, uri, env) if self._locations else []

    def merged(self, outer: PerDir, scopes: list[Scope]) -> PerDir:
        """What `located` has found, merged into `outer`."""
        return self._merge(outer, scopes)

    def _inside(self, outer: PerDir, tests: Sequence[_Test], text: str, env: Env) -> PerDir:
        return self._merge(outer, self._matching(tests, text, env))

    def _matching(self, tests: Sequence[_Test], text: str, env: Env) -> list[Scope]:
        merged = _SLASHES.sub("/", text) if "//" in text else text
        scopes = []
        for scope, matches in tests:
            found = matches(merged if scope.regex is None else text)
            if found:
                scopes.append(scope)
                if env is not None and scope.regex is not None and scope.regex.groupindex:
                    _note_groups(scope.regex, found, env)
        return scopes

    def _in_turn(self, outer: PerDir, scopes: list[Scope]) -> PerDir:
        """Directories, each into what those before have made; see _merge below for the others."""
        for scope in scopes:
            outer = self._merge(outer, [scope])
        return outer

    def _merge(self, outer: PerDir, scopes: list[Scope]) -> PerDir:
        """Each combination once. The ids are of scopes that live as long as what was made of them."""
        if not scopes:
            return outer
        key = (outer, tuple(map(id, scopes)))
        passing = outer.passing or scopes[0].kind is ScopeKind.HTACCESS
        found = (self._passing if passing else self._merged).get(key)
        if found is None:
            found = _merge(outer, scopes)
            if passing:
                self._passing = _bounded(self._passing, _MOST_PASSING)
                self._passing[key] = found
            else:
                self._merged = _bounded(self._merged, _MOST)
                self._merged[key] = found
        return found


class _Test(NamedTuple):
    scope: Scope
    matches: Callable[[str], Any]


def _note_groups(regex: Regex, found: Match, env: dict[str, str]) -> None:
    for name in regex.groupindex:
        if found[name] is not None:
            env[f"MATCH_{name.upper()}"] = found[name]


def _bounded(memo: dict[K, V], most: int) -> dict[K, V]:
    return memo if len(memo) < most else {}


def _merge(outer: PerDir, scopes: Sequence[Scope]) -> PerDir:
    """The scopes with each other first, and then into `outer`, as Apache does: AuthMerging makes a difference of it."""
    values, files, ifs = scopes[0].values, outer.files, outer.ifs
    for scope in scopes[1:]:
        values = merge_values(values, scope.values)
    for scope in scopes:
        files += scope.files
        ifs += scope.ifs
    return PerDir(merge_values(outer.values, values), outer, tuple(scopes), files, ifs)


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
