"""`-L`: every directive of the loaded modules, its help, and where it may stand, in Apache's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyhttpd.config.catalog import rows_of
from pyhttpd.config.directive import RSRC, SECTIONS, Context, Directive, DirectiveOwner, Override

# In the order in which Apache names them.
CLASSES = (
    (Override.AUTHCONFIG, "AuthConfig"),
    (Override.LIMIT, "Limit"),
    (Override.OPTIONS, "Options"),
    (Override.FILEINFO, "FileInfo"),
    (Override.INDEXES, "Indexes"),
)
ALL_CLASSES = Override.AUTHCONFIG | Override.LIMIT | Override.OPTIONS | Override.FILEINFO | Override.INDEXES


def dump(owners: Iterable[DirectiveOwner]) -> str:
    lines: list[str] = []
    known = list(owners)
    for owner in known:
        for row in rows_of(owner, known):
            lines += describe(row, owner)
    return "".join(f"{line}\n" for line in lines)


def describe(row: Directive, owner: DirectiveOwner) -> Iterator[str]:
    yield f"{row.name} ({owner.source})"
    if row.help:
        yield f"\t{row.help}"
    outside = bool(row.contexts & RSRC)
    inside = bool(row.contexts & (SECTIONS | Context.HTACCESS))
    if outside and inside:
        where = "anywhere"
    elif outside:
        where = "only outside <Directory>, <Files>, <Location>, or <If>"
    else:
        where = "only inside <Directory>, <Files>, <Location>, or <If>"
    if inside and owner.per_dir is None:
        where += " [no per-dir config]"
    if Context.HTACCESS in row.contexts:
        yield f"\tAllowed in *.conf {where} and in .htaccess"
        yield f"\twhen AllowOverride {overrides(row.override)}"
    else:
        yield f"\tAllowed in *.conf {where}"


def overrides(classes: Override) -> str:
    """A directive of no class is allowed as soon as .htaccess files are read at all."""
    if classes == Override.NONE or classes == ALL_CLASSES:
        return "isn't None"
    return "includes " + " or ".join(name for flag, name in CLASSES if classes & flag)
