"""A small catalog for the tests of the language: rows with Apache's texts, and modules that are nobody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyhttpd.config.catalog import Catalog
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import ConfigurationError, Diagnostic
from pyhttpd.config.directive import (
    ACCESS,
    ANYWHERE,
    GLOBAL,
    RSRC,
    SECTIONS,
    Args,
    Directive,
    Setting,
    SettingError,
    number,
    one_of,
)
from pyhttpd.config.language import LANGUAGE, MACRO_DIRECTIVES, SO_DIRECTIVES, VERSION_DIRECTIVES
from pyhttpd.config.merging import inner_last, merged, overlay
from pyhttpd.config.read import ReadOptions, read
from pyhttpd.config.render import apache_lines, terminal

_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Server:
    name: str | None = None
    admin: str = "nobody"
    keep_alive: bool = True
    timeout: int = 60
    listens: tuple[str, ...] = ()
    aliases: tuple[str, ...] = merged((), inner_last)
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Dir:
    index: tuple[str, ...] = ("index.html",)
    documents: Mapping[str, str] = merged(_NOTHING, overlay)
    handler: str | None = None
    pair: tuple[str, str] | None = None
    rules: tuple[str, ...] = merged((), inner_last)
    case: str | None = None


@dataclass(frozen=True)
class Owner:
    name: str
    source: str
    directives: tuple[Directive, ...] = ()
    per_dir: type | None = None
    per_server: type | None = None
    providers: tuple[Any, ...] = ()


def error_document(setting: Setting, code: str, text: str) -> None:
    setting.put("documents", code, text)


def rule(setting: Setting, *words: str) -> None:
    if words == ("break",):
        raise KeyError("a mistake")
    if words == ("odd",):
        setting.warn("An odd rule", "AH09999")
    if words == ("wrong",):
        raise SettingError("Unknown Authz provider: wrong", hint="There is none of that name")
    setting.set("rules", (*setting.get("rules", ()), f"{setting.section or '-'} {' '.join(words)}"))


def open_group(setting: Setting, rest: str) -> None:
    if rest:
        raise SettingError(f"{setting.row.name}> directive doesn't take additional arguments")
    setting.set("rules", (*setting.get("rules", ()), "("))


def close_group(setting: Setting) -> None:
    setting.set("rules", (*setting.get("rules", ()), ")"))


def path_of_log(setting: Setting, name: str) -> None:
    setting.set("log", setting.path(name))


CORE = Owner(
    "core_module", "core.c",
    (
        *LANGUAGE,
        Directive("KeepAlive", Args.flag(), RSRC, "", into=Server, sets="keep_alive"),
        Directive("ServerAdmin", Args.take(str), RSRC, "The email address of the server administrator",
                  into=Server, sets="admin"),
        Directive("ServerName", Args.take(str), RSRC, "The hostname and port of the server", into=Server, sets="name"),
        Directive("ServerAlias", Args.iterate(str), RSRC, "A name", into=Server, adds="aliases"),
        Directive("Timeout", Args.take(number), RSRC, "Timeout duration (sec)", into=Server, sets="timeout"),
        Directive("ErrorLog", Args.take(str), RSRC, "The filename of the error log", into=Server, apply=path_of_log),
        Directive("Listen", Args.take(str), GLOBAL, "An address", into=Server, adds="listens"),
        Directive("AllowOverride", Args.iterate(str), SECTIONS, "Groups of directives", into=Dir, sets="index"),
        Directive("ErrorDocument", Args.take(str, str), ANYWHERE, "Change responses for HTTP errors",
                  into=Dir, apply=error_document),
        Directive("SetHandler", Args.take(str), ANYWHERE, "a handler name that overrides any other configured handler",
                  into=Dir, sets="handler"),
    ),
    per_dir=Dir, per_server=Server,
)  # fmt: skip
SO = Owner("so_module", "mod_so.c", SO_DIRECTIVES)
VERSION = Owner("version_module", "mod_version.c", VERSION_DIRECTIVES)
DIR = Owner(
    "dir_module", "mod_dir.c",
    (
        Directive("DirectoryIndex", Args.iterate(str), ANYWHERE, "a list of file names", into=Dir, sets="index"),
        Directive("Pair", Args.take(str, str), ACCESS, "two words", into=Dir, sets="pair"),
        Directive("Case", Args.take(one_of("Lower", "Upper")), ANYWHERE, "one of two", into=Dir, sets="case"),
        Directive("Rule", Args.take(str, most=None), SECTIONS, "some words", into=Dir, apply=rule),
        Directive("Nothing", Args.none(), ANYWHERE, "no words", into=Dir, apply=rule),
        Directive("<RuleAll", Args.raw(), SECTIONS, "a group of rules", into=Dir, apply=open_group, close=close_group,
                  section=True),
    ),
)  # fmt: skip
PREFORK = Owner(
    "mpm_prefork_module", "prefork.c",
    (Directive("MinSpareServers", Args.take(number), GLOBAL, "idle children", into=Server, sets="timeout"),),
)  # fmt: skip
WORKER = Owner(
    "mpm_worker_module", "worker.c",
    (Directive("ThreadsPerChild", Args.take(number), GLOBAL, "threads", into=Server, sets="timeout"),),
)  # fmt: skip
MACRO = Owner("macro_module", "mod_macro.c", MACRO_DIRECTIVES)
EXTRA = Owner("extra_module", "mod_extra.c", (Directive("Extra", Args.take(str), RSRC, "x", into=Server, sets="name"),))

CATALOG = Catalog(
    compiled_in=(CORE, SO, VERSION, DIR),
    loadable={owner.name: owner for owner in (PREFORK, WORKER, EXTRA, MACRO)},
)


def read_text(directory: Path, text: str, **options: Any) -> Configuration:
    """Read a text as the main file `httpd.conf` of a ServerRoot."""
    (directory / "httpd.conf").write_bytes(text.encode("utf-8", "surrogateescape"))
    return read(ReadOptions("httpd.conf", str(directory), **options), CATALOG)


def diagnostics_of(directory: Path, text: str, **options: Any) -> tuple[Diagnostic, ...]:
    """What reading a text says, whether it fails or not."""
    try:
        return read_text(directory, text, **options).diagnostics
    except ConfigurationError as error:
        return error.diagnostics


def first_lines_of(directory: Path, text: str, **options: Any) -> list[str]:
    """Of each message the lines that Apache prints, too."""
    found = diagnostics_of(directory, text, **options)
    return [line.replace(str(directory), "ROOT") for diagnostic in found for line in apache_lines(diagnostic)]


def output_of(directory: Path, text: str, **options: Any) -> str:
    """The same as it is printed, with the directory's name replaced."""
    lines = [terminal(diagnostic) for diagnostic in diagnostics_of(directory, text, **options)]
    return "".join(f"{line}\n" for line in lines).replace(str(directory), "ROOT")
