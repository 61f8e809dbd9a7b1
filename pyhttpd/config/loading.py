"""LoadModule: which module an identifier brings, or why it brings none."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from pyhttpd.config.arguments import ArgumentError
from pyhttpd.config.catalog import Catalog, is_mpm
from pyhttpd.config.configuration import LoadedModule
from pyhttpd.config.directive import DirectiveOwner
from pyhttpd.config.foreign import foreign_identifier
from pyhttpd.config.nodes import Location
from pyhttpd.config.registry import Registry
from pyhttpd.config.suggest import for_module
from pyhttpd.util.shared_library import open_library

_PYTHON_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_SHARED_OBJECTS = (".so", ".dll", ".la", ".dylib")
_ALWAYS_STATIC = frozenset({"core_module", "http_module", "so_module"})
"""What no build of Apache has as a file that could be loaded."""


class LoadError(Exception):
    """A module that cannot be had."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(slots=True)
class Modules:
    """The modules of one reading: what is compiled in, then what LoadModule lines bring, in their order.

    A line for a module that is compiled in moves it behind the others, as if the line had brought it: where hooks have
    equal places, Apache runs them in the order of these lines.
    """

    catalog: Catalog
    registry: Registry = field(default_factory=Registry)
    loaded: list[LoadedModule] = field(default_factory=list)
    mpms: list[tuple[str, Location | None]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)  # mod_rewrite: its directives are not reported one by one
    libraries: list[str] = field(default_factory=list)  # that LoadFile lines have opened, as they were found
    _lines: set[str] = field(default_factory=set)

    @property
    def default_mpm(self) -> DirectiveOwner:
        return self.catalog.loadable[self.catalog.default_mpm]

    def compiled_in(self, *, with_mpm: bool) -> None:
        """What is there before the first line; `with_mpm`: no line will load one."""
        for owner in self.catalog.compiled_in:
            self._add(owner, static=True)
        if with_mpm:
            identifier = self.catalog.default_mpm
            self._add(self.catalog.loadable[identifier], static=True)
            self.mpms.append((identifier, None))

    def assume_default_mpm(self) -> None:
        """No line has loaded an MPM, and none has asked for one: as if it had been there from the beginning."""
        owner = self.default_mpm
        count = sum(module.static for module in self.loaded)
        self.registry.add(owner, at=count)
        self.loaded.insert(count, LoadedModule(owner.name, owner.source, True, _implementation(owner)))
        self.mpms.append((owner.name, None))

    def load(self, identifier: str, path: str, location: Location) -> bool:
        """Returns False if the module is there already, by a line above. Raises LoadError."""
        if identifier in self._lines:
            return False
        if identifier in _ALWAYS_STATIC:
            raise LoadError(f"module {identifier} is built-in and can't be loaded", "Remove this line")
        self._lines.add(identifier)
        owner = self.catalog.find(identifier)
        if owner is None:
            self._add(self._missing(identifier, path, location), static=False, implementation=path)
        elif is_mpm(identifier):
            self.mpms.append((identifier, location))
            if len(self.mpms) == 1:
                self._add(owner, static=False)
        elif owner in self.registry.owners:
            self.registry.move_behind(owner)
            self.loaded = [module for module in self.loaded if module.name != owner.name]
            self.loaded.append(LoadedModule(owner.name, owner.source, False, _implementation(owner)))
        else:
            self._add(owner, static=False)
        return True

    def load_files(self, names: Iterable[str], server_root: str) -> None:
        """Open shared libraries, for the modules that are loaded after them. One without a slash is looked for where
        the system has its libraries, if ServerRoot has none of this name. Raises ArgumentError."""
        for index, name in enumerate(names):
            paths = [os.path.normpath(os.path.join(server_root, name)), *([] if "/" in name else [name])]
            for path in paths:
                try:
                    open_library(path)
                except (OSError, ValueError) as error:
                    if path == paths[-1]:
                        raise ArgumentError(f"Cannot load {name} into server: {error}", index) from None
                else:
                    self.libraries.append(path)
                    break

    def _add(self, owner: DirectiveOwner, *, static: bool, implementation: str | None = None) -> None:
        self.registry.add(owner)
        self.loaded.append(LoadedModule(owner.name, owner.source, static, implementation or _implementation(owner)))

    def _missing(self, identifier: str, path: str, location: Location) -> DirectiveOwner:
        """A user's module, if the path is a Python name."""
        if is_mpm(identifier):
            substitute = self.catalog.default_mpm
            if not self.mpms:  # so that its directives are known, and only this line is wrong
                self.mpms.append((substitute, location))
                self._add(self.catalog.loadable[substitute], static=False)
            raise LoadError(
                f"Cannot load {path} into server: pyhttpd does not have {identifier}",
                f"Use the worker MPM, whose directives are the same: LoadModule {substitute} modules/mod_mpm_worker.so",
            )
        if _PYTHON_NAME.fullmatch(path) and not path.endswith(_SHARED_OBJECTS):
            return _import(identifier, path)
        self.refused.add(foreign_identifier(identifier) or f"mod_{identifier.removesuffix('_module')}")
        raise LoadError(
            f"Cannot load {path} into server: pyhttpd does not have {identifier}", for_module(identifier, self.catalog)
        )


def _implementation(owner: DirectiveOwner) -> str:
    """The Python module of one that is ours."""
    package = "mpm" if is_mpm(owner.name) else "modules"
    return f"pyhttpd.{package}.{owner.source.removesuffix('.c')}"


def _import(identifier: str, path: str) -> DirectiveOwner:
    """A module of the user's own: anything may go wrong in it, and nothing of that may end the server."""
    try:
        python_module = importlib.import_module(path)
    except Exception as error:
        raise LoadError(f"Cannot load {path} into server: {type(error).__name__}: {error}") from error
    owner = getattr(python_module, "MODULE", None)
    if owner is None:
        raise LoadError(f"Can't locate API module structure `MODULE' in {path}")
    if not all(hasattr(owner, name) for name in ("name", "source", "directives", "per_dir", "per_server")):
        raise LoadError(f"MODULE of {path} is no pyhttpd.api.module.Module")
    if owner.name != identifier:
        raise LoadError(
            f"Can't locate API module structure `{identifier}' in {path}: its MODULE is {owner.name}",
            f"LoadModule {owner.name} {path}",
        )
    return cast(DirectiveOwner, owner)
