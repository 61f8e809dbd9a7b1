"""What to do about a name that is not known: the name that was meant, or the module that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pyhttpd.config.catalog import Catalog, is_mpm, mpm_name
from pyhttpd.config.foreign import foreign_identifier, foreign_module
from pyhttpd.config.owners import known_modules, known_names, owner_of
from pyhttpd.config.registry import Registry

_MOST = 40
"""So many names are looked for. A file with more that are unknown is no configuration, and the search is slow."""


_BUILDS = {
    "cgimapextension": "on NetWare", "gprofdir": "with profiling", "scriptinterpretersource": "on Windows",
    "unclist": "on Windows", "startthreads": "on NetWare", "maxthreads": "on NetWare",
}  # fmt: skip
"""Directives that other builds of Apache have; on Linux they are unknown to it."""


_OWNERS = {"core": "Apache's core", "event": "the event MPM"}


class Suggestions:
    """Hints for one reading. Each name is looked for once."""

    def __init__(self, catalog: Catalog, registry: Registry) -> None:
        self._catalog = catalog
        self._registry = registry
        self._loaded = {owner.name for owner in registry.owners}
        self._hints: dict[str, str | None] = {}
        self.needed: set[str] = set()  # modules whose directives are there, and pyhttpd has not got

    def for_directive(self, name: str) -> str | None:
        """`name` is a directive, or a section with its `<`, that no loaded module has."""
        if name not in self._hints:
            self._hints[name] = self._find(name)
        return self._hints[name]

    def _find(self, name: str) -> str | None:
        if name == "<":
            return "No blank may stand between the bracket and the name"
        label = f"{name}>" if name.startswith("<") else name
        if name.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
            return "The file begins with a byte order mark: save it as UTF-8 without one"
        loadable = self._loadable(name, label)
        if loadable is not None:
            return loadable
        module = owner_of(name)
        if module is not None:
            build = _BUILDS.get(name.lower())
            if build is not None:
                return f"{label} is a directive of Apache {build} alone: take it out"
            self._need(module)
            return f"{label} is a directive of {_OWNERS.get(module, module)} that pyhttpd does not have yet"
        foreign = foreign_module(name)
        if foreign is not None:
            self.needed.add(foreign)
            return (
                f"{label} belongs to {foreign}, which is not one of Apache's own modules and cannot be loaded here: "
                f"put it inside <IfModule {foreign}.c>"
            )
        return self._close(name)

    def _close(self, name: str) -> str | None:
        if len(self._hints) >= _MOST or not 2 < len(name) < 60:
            return None
        known = [each for each in known_names() if each.lower() not in _BUILDS]
        found = closest(name, [*known, *self._registry.names()])
        if found is None:
            return None
        label = f"{found}>" if found.startswith("<") else found
        if self._registry.find(found):
            return f"Did you mean {label}?"
        loadable = self._loadable(found, label)
        if loadable is not None:
            return f"Did you mean {label}? {loadable}"
        module = owner_of(found) or ""
        self._need(module)
        return (
            f"Did you mean {label}? It is a directive of {_OWNERS.get(module, module)}, which pyhttpd does not have yet"
        )

    def _loadable(self, name: str, label: str) -> str | None:
        """What to write for a directive of a module that is there and not loaded."""
        for identifier, owner in self._catalog.loadable.items():
            if identifier in self._loaded or all(row.name.lower() != name.lower() for row in owner.directives):
                continue
            if not is_mpm(identifier):
                file = owner.source.removesuffix(".c")
                return f"{label} belongs to {file}: LoadModule {identifier} modules/{file}.so"
            running = " and ".join(mpm_name(loaded) for loaded in self._loaded if is_mpm(loaded)) or "another one"
            return (
                f"{label} belongs to the {mpm_name(identifier)} MPM, but {running} is loaded: "
                f"put it inside <IfModule {identifier}>"
            )
        return None

    def _need(self, module: str) -> None:
        if module != "core" and self._catalog.find(f"{module.removeprefix('mod_')}_module") is None:
            self.needed.add("mpm_event" if module == "event" else module)


def for_module(identifier: str, catalog: Catalog) -> str:
    """A hint for LoadModule of an identifier that is not there."""
    source = f"mod_{identifier.removesuffix('_module')}"
    if source in known_modules():
        return (
            f"pyhttpd does not have {source} yet. Remove this line, and put only the directives that need it inside "
            f"<IfModule {source}.c>"
        )
    foreign = foreign_identifier(identifier)
    if foreign is not None:
        return (
            f"{foreign} is not one of Apache's own modules and cannot be loaded here. Remove this line, and put only "
            f"the directives that need it inside <IfModule {foreign}.c>"
        )
    known = [*catalog.loadable, *(owner.name for owner in catalog.compiled_in)]
    close = closest(identifier.removesuffix("_module"), [name.removesuffix("_module") for name in known])
    meant = f"Did you mean {close}_module? " if close is not None else ""
    return f"{meant}A module of your own is loaded by its Python name: LoadModule {identifier} my_package.my_module"


_SYNONYMS = {"yes": "on", "true": "on", "1": "on", "enable": "on", "enabled": "on", "no": "off", "false": "off",
             "0": "off", "disable": "off", "disabled": "off"}  # fmt: skip


def did_you_mean(word: str | None, choices: Iterable[str]) -> str | None:
    """The hint for a word that is none of the choices; none where a choice is only written in another case."""
    known = tuple(choices)
    if not word or not known:
        return None
    meant = _SYNONYMS.get(word.lower())
    found = next((each for each in known if each.lower() == meant), None) or closest(word, known)
    return f"Did you mean {found}?" if found is not None and found.lower() != word.lower() else None


def closest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like a name, whatever its case; None if none is."""
    by_lower = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
    if not found and 1 < len(name) < 8:
        slips = [each for each in by_lower if _one_slip(name.lower(), each)]
        found = sorted(slips, key=lambda each: sorted(each) != sorted(name.lower()))[:1]
    return by_lower[found[0]] if found else None


def _one_slip(one: str, other: str) -> bool:
    """Whether short words differ by one letter more, less or other, or by two that have changed places."""
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < 2:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    left, right = one[start:], other[start:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[1::-1] == right[:2] and left[2:] == right[2:])
    )
