"""What the core's own directives say: per server (CoreServer) and per directory (CoreDir). Modules read them too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, auto
from typing import NamedTuple

from pyhttpd.api.log import Levels
from pyhttpd.config.merging import merged, overlay
from pyhttpd.config.nodes import Location


class Option(Flag):
    """What `Options` switches."""

    NONE = 0
    INDEXES = auto()
    INCLUDES = auto()
    INCLUDES_NOEXEC = auto()  # Includes without the commands that run programs
    EXEC_CGI = auto()
    FOLLOW_SYM_LINKS = auto()
    SYM_LINKS_IF_OWNER_MATCH = auto()
    MULTI_VIEWS = auto()


ALL_OPTIONS = Option.INDEXES | Option.INCLUDES | Option.EXEC_CGI | Option.FOLLOW_SYM_LINKS
"""`Options All`: MultiViews has to be named."""


class Options(NamedTuple):
    """One scope's Options: a whole set (`base`), or what it adds to and takes from the outer scope's (`base` None)."""

    base: Option | None = None
    add: Option = Option.NONE
    remove: Option = Option.NONE

    @property
    def effective(self) -> Option:
        """What is switched on. Outside all scopes FollowSymLinks is."""
        base = Option.FOLLOW_SYM_LINKS if self.base is None else self.base
        return (base & ~self.remove) | self.add

    def plus(self, option: Option) -> Options:
        return Options(self.base, self.add | option, self.remove & ~option)

    def minus(self, option: Option) -> Options:
        return Options(self.base, self.add & ~option, self.remove | option)


def merge_options(outer: Options, inner: Options) -> Options:
    """A whole set replaces; `+` and `-` change what the outer scope says, whichever form that has."""
    if inner.base is not None:
        return inner
    return Options(outer.base, (outer.add & ~inner.remove) | inner.add, (outer.remove & ~inner.add) | inner.remove)


class ErrorDocument(NamedTuple):
    """What is sent for an error. `kind`: text, path (of this server), url, or default (the built-in page)."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ModuleLevels(Levels):
    """`LogLevel ssl:info` without a level of its own: the default is the outer scope's."""


def merge_levels(outer: Levels, inner: Levels) -> Levels:
    if isinstance(inner, ModuleLevels):
        return Levels(outer.default, {**outer.modules, **inner.modules})
    return inner


@dataclass(frozen=True, slots=True)
class CoreServer:
    """Per server. Times are seconds, sizes bytes."""

    server_name: str | None = None  # no port
    server_scheme: str | None = None
    server_port: int = 0  # of ServerName; 0: not given
    server_aliases: tuple[str, ...] = ()
    server_wild_aliases: tuple[str, ...] = ()  # with * or ?
    server_admin: str = "[no address given]"
    server_tokens: str = "Full"
    document_root: str | None = None  # absolute; None: htdocs below ServerRoot
    document_root_location: Location | None = None  # for the message when it is no directory
    error_log: str = "logs/error_log"  # absolute once it was set
    timeout: float = 60.0
    keep_alive: bool = True
    keep_alive_timeout: float = 5.0
    max_keep_alive_requests: int = 100  # 0: no limit
    limit_request_line: int = 8190
    limit_request_fields: int = 100  # 0: no limit
    limit_request_field_size: int = 8190
    extended_status: bool | None = None  # None: On where mod_status is


@dataclass(frozen=True, slots=True)
class CoreDir:
    """Per directory."""

    options: Options = merged(Options(), merge_options)
    error_documents: Mapping[int, ErrorDocument] = merged({}, overlay)
    log_levels: Levels = merged(Levels(), merge_levels)
    handler: str | None = None  # SetHandler; "none" undoes an outer one
    enable_sendfile: bool = True
    accept_path_info: bool | None = None  # None: as the handler likes it
    limit_request_body: int = 1 << 30  # 0: no limit
