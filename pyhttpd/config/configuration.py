"""The Configuration: what httpd.conf says, read, checked and built whole. A value; it can be pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pyhttpd.config.diagnostics import Diagnostic
from pyhttpd.config.merging import Values
from pyhttpd.config.nodes import Location
from pyhttpd.expr import Condition
from pyhttpd.util.pickled import quickly_pickled
from pyhttpd.util.regex import Regex
from pyhttpd.util.regex_defaults import STANDARD

if TYPE_CHECKING:
    from pyhttpd.config.macros import Macro

T = TypeVar("T")


class ScopeKind(Enum):
    DIRECTORY = "Directory"
    DIRECTORY_MATCH = "DirectoryMatch"
    FILES = "Files"
    FILES_MATCH = "FilesMatch"
    LOCATION = "Location"
    LOCATION_MATCH = "LocationMatch"
    IF = "If"
    ELSE_IF = "ElseIf"
    ELSE = "Else"
    HTACCESS = ".htaccess"  # a file; `pattern` is its directory, `location` its name and line 0


@quickly_pickled
@dataclass(frozen=True, slots=True)
class Scope:
    """One section and what it sets. `<Directory ~ x>` has kind DIRECTORY and a regex.

    `pattern` is normalised: a Directory's ends with `/`. `wild` tells that it holds `*`, `?` or `[`.
    `files` and `ifs` are the `<Files>` and the `<If>`, `<ElseIf>`, `<Else>` sections inside it. `condition` is that of
    an `<If>` or `<ElseIf>`, whose `pattern` is its text.
    """

    kind: ScopeKind
    pattern: str
    regex: Regex | None
    wild: bool
    values: Values
    location: Location
    files: tuple[Scope, ...] = ()
    ifs: tuple[Scope, ...] = ()
    condition: Condition | None = None


class VhostAddress(NamedTuple):
    """One address of a `<VirtualHost>`. `host` is a literal address, or `*`; port 0 is `*`."""

    host: str
    port: int


@quickly_pickled
@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The main server (`location` None, no addresses) or a virtual host.

    `settings` holds a complete instance of every module's per_server class, the main server's merged in. `base` is what
    is set outside all sections, likewise merged. The scope lists hold the main server's, then the virtual host's,
    directories in the order of their number of components, as Apache works through them.
    """

    location: Location | None
    addresses: tuple[VhostAddress, ...]
    settings: Mapping[type, Any]
    base: Values
    directories: tuple[Scope, ...]
    files: tuple[Scope, ...]
    locations: tuple[Scope, ...]
    ifs: tuple[Scope, ...] = ()  # in the order of the files

    def config(self, config_class: type[T]) -> T:
        """The per-server configuration of a module, defaults filled in."""
        config: T = self.settings[config_class]
        return config


class LoadedModule(NamedTuple):
    name: str  # dir_module
    source: str  # mod_dir.c
    static: bool  # compiled in, and no LoadModule line has named it
    implementation: str  # pyhttpd.modules.mod_dir


class IncludedFile(NamedTuple):
    """One configuration file that was read: `depth` 0 is the main one, `line` the Include line that named it."""

    depth: int
    line: int
    path: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that the files, `-C`, `-c`, `-d` and `-D` said."""

    path: str  # the main file
    server_root: str
    modules: tuple[LoadedModule, ...]
    main: ServerRecord
    vhosts: tuple[ServerRecord, ...]
    defines: Mapping[str, str]
    included: tuple[IncludedFile, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    local_name: str = "127.0.0.1"  # of the machine, for servers without a ServerName; boot fills it in
    runtime_dir: str = ""  # DefaultRuntimeDir, else logs below ServerRoot
    mpm_name: str = ""  # prefork, worker
    regex_defaults: frozenset[str] = STANDARD  # RegexDefaultOptions, for what .htaccess files say
    macros: Mapping[str, Macro] | None = None  # what .htaccess files may use; None: no macro was ever defined
    libraries: tuple[str, ...] = ()  # of LoadFile, which the modules may need
    mpm: Any = None  # PreforkConfig or WorkerConfig, clamped; boot fills it in
    kept: bytes = b""  # config.kept's form of the tree, on its way to the master

    @property
    def servers(self) -> tuple[ServerRecord, ...]:
        return (self.main, *self.vhosts)
