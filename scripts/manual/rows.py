"""Directive rows as the manual shows them: syntax, default, context, override. Nothing of Sphinx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from pyhttpd.api.module import Module
from pyhttpd.boot import catalog
from pyhttpd.config.directive import Context, Directive, Form, Override, number
from pyhttpd.mpm import prefork, worker

MPM_COMMON = "mpm_common"
"""The page of what both MPMs have."""

_MPMS = (prefork.MODULE, worker.MODULE)
_PAGES = {"core_module": "core", "http_module": "http_core"}
_CLASSES = (
    (Override.AUTHCONFIG, "AuthConfig"), (Override.FILEINFO, "FileInfo"), (Override.INDEXES, "Indexes"),
    (Override.LIMIT, "Limit"), (Override.OPTIONS, "Options"),
)  # fmt: skip
_OUTSIDE = ((Context.SERVER, "server config"), (Context.VHOST, "virtual host"))
_SECTIONS = (
    (Context.DIRECTORY, "<Directory>"), (Context.LOCATION, "<Location>"), (Context.FILES, "<Files>"),
)  # fmt: skip
_ALL_SECTIONS = Context.DIRECTORY | Context.LOCATION | Context.FILES


@dataclass(frozen=True, slots=True)
class Entry:
    """One directive of the manual. `name` is as written in a file, sections in brackets (`<Directory>`); `modules` are
    those that have it, more than one for what the MPMs share; `page` is the page that it stands on (`mod_dir`)."""

    name: str
    row: Directive
    modules: tuple[Module, ...]
    page: str


def page_of(module: Module) -> str:
    """`mod_dir` for mod_dir.c; `core`, `http_core`, `mpm_prefork` for what has another kind of name."""
    if module in _MPMS:
        return module.name.removesuffix("_module")
    return _PAGES.get(module.name, module.source.removesuffix(".c"))


@cache
def modules() -> tuple[Module, ...]:
    """All that pyhttpd has: first those that are compiled in, then those that a LoadModule line brings."""
    found = (*catalog().compiled_in, *catalog().loadable.values())
    return tuple(module for module in found if isinstance(module, Module))


@cache
def entries() -> dict[str, Entry]:
    """Every directive by its name in lower case, brackets included."""
    found: dict[str, Entry] = {}
    for module in modules():
        for row in module.directives:
            name = f"{row.name}>" if row.name.startswith("<") else row.name
            key = name.lower()
            others = found[key].modules if key in found else ()
            page = MPM_COMMON if others else page_of(module)
            found[key] = Entry(name, row, (*others, module), page)
    return found


def entries_of(page: str) -> list[Entry]:
    """Those that stand on a page, by name."""
    return sorted((entry for entry in entries().values() if entry.page == page), key=sort_key)


def sort_key(entry: Entry) -> str:
    return entry.name.strip("<>").lower()


def anchor(name: str) -> str:
    """The part of an address behind `#`: `directoryindex`, and `directory-section` for `<Directory>`."""
    bare = name.strip("<>").lower()
    return f"{bare}-section" if name.startswith("<") else bare


def syntax(entry: Entry, arguments: Iterable[str] | None) -> Iterator[str]:
    """The lines that show how it is written. `arguments` are those of the manual's source; where it gives none (None)
    they are told from the row. Raises ValueError if they cannot be."""
    for words in (_arguments(entry.row),) if arguments is None else arguments:
        if entry.name.startswith("<"):
            opened = f"<{f'{entry.name[1:-1]} {words}'.strip()}>"
            yield f"{opened} ... </{entry.name[1:-1]}>"
        else:
            yield f"{entry.name} {words}".strip()


def _arguments(row: Directive) -> str:
    args = row.args
    if args.form is Form.FLAG:
        return "On|Off"
    if args.form is Form.WORDS and args.types == (number,):
        return "number"
    raise ValueError(f"the syntax of {row.name} cannot be told from its row: give it with :syntax:")


def derived_default(row: Directive) -> str | None:
    """What holds without a line, where the row names a field whose default is a switch, a number or a word."""
    if row.sets is None or row.into is None or row.args.form not in (Form.FLAG, Form.WORDS):
        return None
    default: Any = next(field.default for field in fields(row.into) if field.name == row.sets)
    if isinstance(default, bool):
        return f"{row.name} {'On' if default else 'Off'}"
    if isinstance(default, int):
        return f"{row.name} {default}"
    if isinstance(default, str) and default and " " not in default and row.args.form is Form.WORDS:
        return f"{row.name} {default}"
    return None


def context(row: Directive) -> str:
    """`server config, virtual host, directory, .htaccess`, in Apache's words. Directory stands for all three kinds of
    sections; where not all of them are allowed, those that are are named."""
    words = [word for flag, word in _OUTSIDE if flag in row.contexts]
    if _ALL_SECTIONS in row.contexts:
        words.append("directory")
    else:
        words += [word for flag, word in _SECTIONS if flag in row.contexts]
    if Context.HTACCESS in row.contexts:
        words.append(".htaccess")
    return ", ".join(words)


def letters(row: Directive) -> str:
    """The same in four letters, as Apache's quick reference has it: `svdh`."""
    places = {"s": Context.SERVER, "v": Context.VHOST, "d": _ALL_SECTIONS, "h": Context.HTACCESS}
    return "".join(letter for letter, places_meant in places.items() if row.contexts & places_meant)


def override(row: Directive) -> str | None:
    """What AllowOverride has to say before .htaccess files may use it; None where they never may."""
    if Context.HTACCESS not in row.contexts:
        return None
    names = [name for flag, name in _CLASSES if flag in row.override]
    return "any class" if len(names) in (0, len(_CLASSES)) else " or ".join(names)


def status(module: Module) -> str:
    """How the server comes to have it."""
    if module in catalog().compiled_in:
        return "compiled in"
    if module is worker.MODULE:
        return "there unless another MPM is loaded"
    return f"there after LoadModule {module.name} modules/mod_{page_of(module).removeprefix('mod_')}.so"
