"""What a listing lists: the entries of a directory that this client may see, each with icon, text and times.

Each one is looked up as a request of its own, as in Apache: what Require, IndexIgnore or a link's rules keep from the
client is not shown. Texts are wire text.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pyhttpd.api.request import Request
from pyhttpd.http.status import is_redirect, is_success
from pyhttpd.modules.autoindex_options import Show
from pyhttpd.modules.autoindex_order import Wish, name_key, natural
from pyhttpd.modules.autoindex_page import Entry
from pyhttpd.util.escape import ascii_lower, native, wire
from pyhttpd.util.wildcard import compile_wildcard

_TITLE_WITHIN = 8191  # bytes at the beginning of a file, in which its title is looked for


class Item(NamedTuple):
    """One name of an AddIcon, AddAlt or IndexIgnore line. Paths have to match `below`, too; None: all do. `exact` is
    the pattern for `^^DIRECTORY^^` and its like, where capitals count, as in paths."""

    kind: str  # path, type, encoding, name
    pattern: re.Pattern[str]
    exact: re.Pattern[str]
    below: re.Pattern[str] | None
    data: str
    suffix: str | None = None  # what the pattern comes to: texts that end so


class Description(NamedTuple):
    """One name of an AddDescription line; `pattern` None: a part of the file's name."""

    name: str
    pattern: re.Pattern[str] | None
    full_path: bool
    text: str


class Lists(NamedTuple):
    """What the configuration says of names."""

    icons: Sequence[Item]
    alts: Sequence[Item]
    descriptions: Sequence[Description]
    ignored: Sequence[Item]


_NOT_WILD_HERE = re.compile(r"([\[\\])")


def _stars(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern in which `*` and `?` are all that is special (ap_strcmp_match)."""
    return compile_wildcard(_NOT_WILD_HERE.sub(r"\\\1", pattern), ignore_case=ignore_case)


def item_of(kind: str, name: str, path: str, data: str) -> Item:
    """`path` is where paths have to begin. A name without a wildcard is the end of a path."""
    below = _stars(f"{path}*") if path else None
    if kind == "path" and "*" not in name and "?" not in name:
        pattern = _stars(f"*{name}")
        return Item(kind, pattern, pattern, below, data, name)
    if kind == "encoding":
        name = ascii_lower(name)
    exact = _stars(name)
    pattern = _stars(name, ignore_case=True) if kind in ("type", "encoding") else exact
    return Item(kind, pattern, exact, below, data)


def find_item(
    items: Sequence[Item], path: str, content_type: str | None = None, encoding: str | None = None
) -> str | None:
    """The first that fits a path, or a type, or (of what has one) an encoding. `^^DIRECTORY^^` and `^^BLANKICON^^` are
    compared with all patterns, wherever they stand."""
    special = path.startswith("^")
    for kind, pattern, exact, below, data, suffix in items:
        if not special and below is not None and below.fullmatch(path) is None:
            continue
        if suffix is not None:
            if path.endswith(suffix):
                return data
        elif not pattern.pattern:
            return data
        elif kind == "path" or special:
            if exact.fullmatch(path) is not None:
                return data
        elif kind == "type":
            if encoding is None and content_type is not None and pattern.fullmatch(content_type) is not None:
                return data
        elif encoding is not None and pattern.fullmatch(encoding) is not None:
            return data
    return None


def find_description(descriptions: Sequence[Description], path: str) -> str | None:
    name = path.rpartition("/")[2]
    for text, pattern, full_path, description in descriptions:
        if pattern is None:
            if text in name:
                return description
        elif pattern.fullmatch(path if full_path else name) is not None:
            return description
    return None


def is_ignored(items: Sequence[Item], path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(
        item.pattern.fullmatch(name) is not None and (item.below is None or item.below.fullmatch(path) is not None)
        for item in items
    )


# --- the entries


def entries_of(request: Request, lists: Lists, wish: Wish, directory: Iterable[os.DirEntry[bytes]]) -> list[Entry]:
    """In their order, the parent first. What has vanished meanwhile, and links that lead nowhere, are left out."""
    path = wire(request.filename or "/")
    show = wish.show
    shown = _name_filter(wish.pattern)
    found: list[Entry] = []
    for item in _read(directory):
        name = item.name.decode("latin-1")
        if not shown(name) or is_ignored(lists.ignored, path + name):
            continue
        is_directory = _is_directory(item)
        if is_directory is None:
            continue
        entry = _entry(request, lists, show, name, is_directory=is_directory)
        if entry is not None:
            found.append(entry)
    found.sort(key=_sort_key(wish), reverse=not wish.ascending)
    if Show.FOLDERS_FIRST in show:
        found.sort(key=lambda entry: not entry.in_front)
    parent = _parent(request, lists, show, path)
    return found if parent is None else [parent, *found]


def _read(directory: Iterable[os.DirEntry[bytes]]) -> Iterator[os.DirEntry[bytes]]:
    """The entries as far as they can be read."""
    try:
        yield from directory
    except OSError:
        return


def _is_directory(item: os.DirEntry[bytes]) -> bool | None:
    """What an entry is, or what its link leads to; None for what is neither a directory nor a regular file, and for
    what is not there."""
    try:
        if item.is_dir():
            return True
        return False if item.is_file() else None
    except OSError:
        return None


def _name_filter(pattern: str | None) -> Callable[[str], Any]:
    """The client's pattern. It is compiled each time, so that no client can fill the memo of patterns."""
    if pattern is None:
        return lambda name: True
    compiled = compile_wildcard.__wrapped__(pattern.replace("\\", "\\\\"), period=True)
    return lambda name: compiled.fullmatch(name) is not None


def _parent(request: Request, lists: Lists, show: Show, path: str) -> Entry | None:
    """The way up. IndexIgnore, icons and descriptions know it as `..` in this directory."""
    uri = wire(request.uri)
    name = f"{uri.removesuffix('/').rpartition('/')[0]}/" if uri.endswith("/") else f"{uri.rpartition('/')[0]}/"
    here = f"{path}.."
    if uri == "/" or is_ignored(lists.ignored, here):
        return None
    if Show.FANCY_INDEXING not in show:
        return Entry(name)
    icon = _first(find_item(lists.icons, here), find_item(lists.icons, "^^DIRECTORY^^"))
    alt = _first(find_item(lists.alts, here), find_item(lists.alts, "^^DIRECTORY^^"), "PARENTDIR")
    return Entry(name, icon, alt, find_description(lists.descriptions, here))


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value is not None), None)


def _entry(request: Request, lists: Lists, show: Show, name: str, *, is_directory: bool) -> Entry | None:
    found = request.services.lookup_entry(request, native(name), is_directory=is_directory)
    if found.finfo is None or not (stat.S_ISREG(found.finfo.st_mode) or stat.S_ISDIR(found.finfo.st_mode)):
        return None
    if not (is_success(found.status) or is_redirect(found.status)) and not (
        Show.SHOW_FORBIDDEN in show and found.status in (401, 403)
    ):
        return None
    shown = f"{name}/" if is_directory else name
    if not show & (Show.FANCY_INDEXING | Show.HTML_TABLE):
        return Entry(shown, modified=0)
    path = wire(found.filename or "")
    if is_directory:
        path = path.rpartition("/")[0]  # of the directory itself, also where its index was found
        icon = _first(find_item(lists.icons, path), find_item(lists.icons, "^^DIRECTORY^^"))
        alt = _first(find_item(lists.alts, path), find_item(lists.alts, "^^DIRECTORY^^"), "DIR")
        size = -1
    else:
        kind = None if found.content_type is None else found.content_type.partition(";")[0].rstrip()
        icon = find_item(lists.icons, path, kind, found.content_encoding)
        alt = find_item(lists.alts, path, kind, found.content_encoding)
        size = found.finfo.st_size
    description = find_description(lists.descriptions, path)
    if description is None and not is_directory and Show.SCAN_HTML_TITLES in show:
        description = _title_of(found)
    modified = found.finfo.st_mtime_ns // 1_000_000_000
    return Entry(shown, icon, alt, description, size, modified, is_directory and Show.FOLDERS_FIRST in show)


def _sort_key(wish: Wish) -> Callable[[Entry], Any]:
    by_name = name_key(wish.show)
    if wish.column == "M":
        return lambda entry: (entry.modified, by_name(entry.name))
    if wish.column == "S":
        return lambda entry: (entry.size, by_name(entry.name))
    if wish.column == "D":
        version = natural if Show.VERSION_SORT in wish.show else str
        return lambda entry: (version(entry.description or ""), by_name(entry.name))
    return lambda entry: by_name(entry.name)


# --- titles


def _title_of(found: Request) -> str | None:
    """What an HTML file calls itself (ScanHTMLTitles)."""
    kind = (found.content_type or "").partition(";")[0].strip().lower()
    if found.status != 200 or found.content_encoding is not None or found.filename is None:
        return None
    if kind not in ("text/html", "application/xhtml+xml", "text/x-server-parsed-html"):
        return None
    try:
        fd = found.open(found.filename)
    except OSError:
        return None
    try:
        return title_in(os.read(fd, _TITLE_WITHIN).partition(b"\0")[0].decode("latin-1"))
    except OSError:
        return None
    finally:
        os.close(fd)


def title_in(text: str) -> str | None:
    """The text behind the first `<title>`, up to the next tag, in one line."""
    tag = "<title>"
    at = text.find("<")
    while at >= 0:
        given = text[at : at + len(tag)].lower()
        if given == tag:
            title = text[at + len(tag) :].partition("<")[0].lstrip("\r\n")
            return title.replace("\r", " ").replace("\n", " ")
        # as in Apache, the character that does not fit is passed over, even if it is a `<`
        fitting = next((n for n, (a, b) in enumerate(zip(given, tag, strict=False)) if a != b), len(given))
        at = text.find("<", at + fitting + 1)
    return None
