"""A listing as HTML, as Apache writes it: a table, lines of equal width, or a plain list. Texts are wire text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.modules.autoindex_options import Show, Width
from pyhttpd.modules.autoindex_order import Wish, size_text
from pyhttpd.util.escape import ascii_lower, html, native, url_path

DOCTYPE = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n'
DOCTYPE_XHTML = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"\n'
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)
DATE_FORMAT = "%Y-%m-%d %H:%M"
_TOP = ' valign="top"'
_RIGHT = ' align="right"'


class Entry(NamedTuple):
    """One line of the listing. The name of a directory ends with a slash; that of the parent is its whole path."""

    name: str
    icon: str | None = None
    alt: str | None = None
    description: str | None = None
    size: int = -1  # bytes; -1: none is shown
    modified: int = -1  # seconds since the epoch; -1: none is shown
    in_front: bool = False  # a directory, where FoldersFirst puts these in front


@dataclass(frozen=True, slots=True)
class Look:
    """What the configuration says of a page."""

    style_sheet: str | None
    head_insert: str | None
    default_icon: str | None
    blank_icon: str | None
    icon_width: int
    icon_height: int
    name_width: Width
    description_width: Width
    date_format: str


def preamble(look: Look, show: Show, title: str) -> str:
    if Show.XHTML in show:
        head = f'{DOCTYPE_XHTML}<html xmlns="http://www.w3.org/1999/xhtml">\n <head>\n  '
    else:
        head = f"{DOCTYPE}<html>\n <head>\n  "
    text = f"{head}<title>Index of {title}</title>\n"
    if look.style_sheet is not None:
        end = _end(show)
        text += f'  <link rel="stylesheet" href="{look.style_sheet}" type="text/css"{end}>\n'
    return f"{text}{look.head_insert or ''} </head>\n <body>\n"


def heading(look: Look, title: str) -> str:
    if look.style_sheet is not None:
        return f'  <h1 id="indextitle">Index of {title}</h1>\n'
    return f"<h1>Index of {title}</h1>\n"


def rows(entries: Sequence[Entry], look: Look, wish: Wish) -> Iterator[str]:
    """The listing itself, from its opening tag to its closing one."""
    if Show.HTML_TABLE in wish.show:
        return _Table(look, wish).rows(entries)
    if Show.FANCY_INDEXING in wish.show:
        return _Lines(look, wish).rows(entries)
    return _plain(entries)


def _plain(entries: Sequence[Entry]) -> Iterator[str]:
    yield "<ul>"
    for index, entry in enumerate(entries):
        yield f'<li><a href="{_anchor(entry.name)}"> {html(_shown(index, entry))}</a></li>\n'
    yield "</ul>\n"


def _end(show: Show) -> str:
    return " /" if Show.XHTML in show else ""


def _anchor(name: str) -> str:
    """A name as a link relative to its directory: a colon must not make it a scheme."""
    colon = name.find(":")
    if colon >= 0 and "/" not in name[:colon]:
        name = f"./{name}"
    return html(url_path(native(name)))


def _shown(index: int, entry: Entry) -> str:
    return "Parent Directory" if index == 0 and entry.name.startswith("/") else entry.name


def shortened(text: str, width: int) -> str:
    """A description cut to `width` characters, where a tag counts nothing and an entity one. As in Apache, a `>` stands
    in the place of the last character of one that is cut."""
    at = 0
    left = width
    while at < len(text) and (left > 0 or text[at] == "<"):
        end = text.find(">" if text[at] == "<" else ";", at) if text[at] in "<&" else at
        if end < 0:
            return text  # a tag or an entity that does not end: nothing can be told
        left -= text[at] != "<"
        at = end + 1
    if left > 0 or at == len(text):
        return text
    return f"{text[: at - 1]}>" if at else ""


class _Columns:
    """What table and lines have in common."""

    def __init__(self, look: Look, wish: Wish) -> None:
        self.look = look
        self.wish = wish
        show = wish.show
        self.icons = Show.SUPPRESS_ICON not in show
        self.dates = Show.SUPPRESS_LAST_MODIFIED not in show
        self.sizes = Show.SUPPRESS_SIZE not in show
        self.descriptions = Show.SUPPRESS_DESCRIPTION not in show
        self.rules = Show.SUPPRESS_RULES not in show
        self.end = _end(show)
        self.pixels = ""
        if look.icon_width:
            self.pixels += f' width="{look.icon_width}"'
        if look.icon_height:
            self.pixels += f' height="{look.icon_height}"'
        self.date = _dates(look.date_format)
        self.description_width = look.description_width.characters
        if look.description_width.adjust is None:
            self.description_width += 6 * (not self.icons) + 19 * (not self.dates) + 7 * (not self.sizes)

    def link(self, text: str, column: str) -> str:
        """The head of a column; a link that sorts by it, or by it the other way round."""
        wish = self.wish
        if Show.SUPPRESS_COLUMN_SORTING in wish.show:
            return text
        order = "D" if wish.column == column and wish.ascending else "A"
        return f'<a href="?C={column};O={order}{wish.repeat}">{text}</a>'

    def image(self, source: str, alt: str) -> str:
        return f'<img src="{html(source)}" alt="{alt}"{self.pixels}{self.end}>'

    def icon(self, entry: Entry, without: str) -> str:
        source = self.look.default_icon if entry.icon is None else entry.icon
        if source is None:
            return without
        return self.image(source, f"[{'   ' if entry.alt is None else entry.alt}]")

    def cut(self, name: str, width: int) -> str:
        return name if len(name) <= width else f"{name[: max(width - 3, 0)]}..>"

    def description(self, entry: Entry, otherwise: str, *, whole: bool = False) -> str:
        if entry.description is None:
            return otherwise
        return entry.description if whole else shortened(entry.description, self.description_width)


def _dates(format_: str) -> Callable[[int], str]:
    """Local times as texts. Files that were unpacked together have one time."""
    known: dict[int, str] = {}

    def text(seconds: int) -> str:
        found = known.get(seconds)
        if found is None:
            if len(known) > 1000:
                known.clear()
            try:
                found = time.strftime(format_, time.localtime(seconds))
            except (OverflowError, OSError, ValueError):  # a year that C's int has no room for
                found = ""
            known[seconds] = found
        return found

    return text


class _Table(_Columns):
    """IndexOptions HTMLTable."""

    def _cell(self, tag: str, kind: str, otherwise: str) -> str:
        """The start of a cell: its class where there is a style sheet, else what it looks like."""
        return f'<{tag} class="indexcol{kind}">' if self.look.style_sheet is not None else f"<{tag}{otherwise}>"

    def rows(self, entries: Sequence[Entry]) -> Iterator[str]:
        styled = self.look.style_sheet is not None
        yield '  <table id="indexlist">\n   <tr class="indexhead">' if styled else "  <table>\n   <tr>"
        columns = 1
        if self.icons:
            columns += 1
            blank = self.look.blank_icon
            image = "&nbsp;" if blank is None else self.image(blank, "[ICO]")
            yield f"{self._cell('th', 'icon', _TOP)}{image}</th>"
        yield self._cell("th", "name", "") + self.link("Name", "N")
        for wanted, kind, text, column in (
            (self.dates, "lastmod", "Last modified", "M"),
            (self.sizes, "size", "Size", "S"),
            (self.descriptions, "desc", "Description", "D"),
        ):
            if wanted:
                columns += 1
                yield f"</th>{self._cell('th', kind, '')}{self.link(text, column)}"
        rule = ""
        if self.rules:
            row = ' class="indexbreakrow"' if styled else ""
            rule = f'   <tr{row}><th colspan="{columns}"><hr{self.end}></th></tr>\n'
        yield f"</th></tr>\n{rule}"
        for index, entry in enumerate(entries):
            yield self._row(index, entry)
        yield f"{rule}</table>\n"

    def _row(self, index: int, entry: Entry) -> str:
        anchor = _anchor(entry.name)
        text = self._open(index, entry)
        if self.icons:
            icon = self.icon(entry, "&nbsp;")
            text += self._cell("td", "icon", _TOP)
            text += f'<a href="{anchor}">{icon}</a></td>' if Show.ICONS_ARE_LINKS in self.wish.show else f"{icon}</td>"
        name = _shown(index, entry)
        width = self.look.name_width
        pad = ""
        if not width.adjust:
            name = self.cut(name, width.characters)
            pad = " " * (width.characters - len(name))
        text += f'{self._cell("td", "name", "")}<a href="{anchor}">{html(name)}</a>{pad}'
        if self.dates and entry.modified != -1:
            text += f"</td>{self._cell('td', 'lastmod', _RIGHT)}{self.date(entry.modified)}  "
        elif self.dates:
            text += f"</td>{self._cell('td', 'lastmod', '')}&nbsp;"
        if self.sizes:
            text += f"</td>{self._cell('td', 'size', _RIGHT)}{size_text(entry.size)}"
        if self.descriptions:
            whole = bool(self.look.description_width.adjust)
            text += f"</td>{self._cell('td', 'desc', '')}{self.description(entry, '&nbsp;', whole=whole)}"
        return f"{text}</td></tr>\n"

    def _open(self, index: int, entry: Entry) -> str:
        if self.look.style_sheet is None:
            return "<tr>"
        kind = "odd" if index % 2 else "even"
        if entry.alt is not None and Show.ADD_ALT_CLASS in self.wish.show:
            kind += f"-{ascii_lower(entry.alt)}"
        return f'   <tr class="{kind}">'


class _Lines(_Columns):
    """IndexOptions FancyIndexing: a `<pre>`."""

    def rows(self, entries: Sequence[Entry]) -> Iterator[str]:
        width = self.look.name_width.characters
        if self.look.name_width.adjust:
            width = max([width, *(len(entry.name) for entry in entries)])
        if self.look.description_width.adjust:
            described = (len(entry.description) for entry in entries if entry.description is not None)
            self.description_width = max([self.description_width, *described])
        yield "<pre>"
        if self.icons:
            blank = self.look.blank_icon
            yield "      " if blank is None else f"{self.image(blank, 'Icon ')} "
        yield f"{self.link('Name', 'N')}{' ' * (width - 4)} "
        if self.dates:
            yield f"{self.link('Last modified', 'M')}      "
        if self.sizes:
            yield f"{self.link('Size', 'S')}  "
        if self.descriptions:
            yield self.link("Description", "D")
        yield f"<hr{self.end}>" if self.rules else "\n"
        for index, entry in enumerate(entries):
            yield self._row(index, entry, width)
        yield f"<hr{self.end}></pre>\n" if self.rules else "</pre>\n"

    def _row(self, index: int, entry: Entry, width: int) -> str:
        anchor = _anchor(entry.name)
        text = ""
        if self.icons:
            icon = self.icon(entry, "     ")
            text = f'<a href="{anchor}">{icon}</a> ' if Show.ICONS_ARE_LINKS in self.wish.show else f"{icon} "
        name = self.cut(_shown(index, entry), width)
        text += f'<a href="{anchor}">{html(name)}</a>{" " * (width - len(name))} '
        if self.dates:
            text += f"{self.date(entry.modified)}  " if entry.modified != -1 else " " * 19
        if self.sizes:
            text += f"{size_text(entry.size)}  "
        if self.descriptions:
            text += self.description(entry, "")
        return f"{text}\n"
