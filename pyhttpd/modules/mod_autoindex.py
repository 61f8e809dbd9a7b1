"""mod_autoindex: listings of directories, plain, fancy or as tables, with icons, descriptions, header and readme."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.api.body import FLUSH, Piece, length_of
from pyhttpd.api.core_config import CoreDir, Option
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import DIRECTORY_TYPE, Request
from pyhttpd.api.signature import server_signature
from pyhttpd.config.directive import ANYWHERE, Args, Context, Directive, Override, Setting, SettingError, setting_error
from pyhttpd.config.merging import inner_first, merged
from pyhttpd.modules.autoindex_entries import Description, Item, Lists, entries_of, find_item, item_of
from pyhttpd.modules.autoindex_options import Line, Options, Show, Width, inner_width, merge_options, read_options
from pyhttpd.modules.autoindex_order import KEYS, Wish, read_query
from pyhttpd.modules.autoindex_page import DATE_FORMAT, Entry, Look, heading, preamble, rows
from pyhttpd.util.escape import html, wire
from pyhttpd.util.wildcard import compile_wildcard, is_wild

_TOGETHER = 8000  # bytes: a page up to this size has a length, a longer one is sent in chunks
_READ = 8192


class Ignored(NamedTuple):
    """One scope's IndexIgnore lines; `reset` (IndexIgnoreReset) leaves out those of the outer scopes."""

    items: tuple[Item, ...] = ()
    reset: bool = False


def merge_ignored(outer: Ignored, inner: Ignored) -> Ignored:
    """By hand, as one directive says whether another's lines are inherited."""
    return Ignored(inner.items if inner.reset else inner.items + outer.items)


def inner_size(outer: int, inner: int) -> int:
    """0 says nothing, and so does `-IconWidth`."""
    return inner or outer


@dataclass(frozen=True, slots=True)
class AutoindexConfig:
    options: Options = merged(Options(), merge_options)
    name_width: Width = merged(Width(), inner_width)
    description_width: Width = merged(Width(), inner_width)
    icon_width: int = merged(0, inner_size)
    icon_height: int = merged(0, inner_size)
    type: str | None = None
    charset: str | None = None
    date_format: str | None = None
    icons: tuple[Item, ...] = merged((), inner_first)
    alts: tuple[Item, ...] = merged((), inner_first)
    descriptions: tuple[Description, ...] = merged((), inner_first)
    ignored: Ignored = merged(Ignored(), merge_ignored)
    default_icon: str | None = None
    style_sheet: str | None = None
    head_insert: str | None = None
    header: str | None = None
    readme: str | None = None
    order_column: str = "N"
    order_ascending: bool = True


# --- the lines


def _path(setting: Setting) -> str:
    """What the paths of files must begin with for a line: its directory, or as in Apache the argument of whatever
    section it stands in, also where that is no path of a file."""
    section = setting.section or ""
    if Context.DIRECTORY in setting.context and section.startswith("/"):
        section = f"{os.path.normpath(section).rstrip('/')}/"
    return wire(section)


def _add_items(setting: Setting, field: str, kind: str, data: str, names: tuple[str, ...]) -> None:
    for name in names:
        if kind == "path" and name == "**DIRECTORY**":
            name = "^^DIRECTORY^^"
        setting.add(field, item_of(kind, wire(name), _path(setting), wire(data)))


def _adder(field: str, kind: str) -> Callable[..., None]:
    """AddAlt and its like; AddIcon too, whose icon may be `(ALT,URL)`."""

    def add(setting: Setting, data: str, *names: str) -> None:
        if field == "icons" and data.startswith("("):
            if ")" not in data:
                raise SettingError("missing closing paren", wrong=data)
            alt, _, url = data[1:].partition(",")
            if ")" not in alt:
                url = url.lstrip(",").partition(")")[0]
            _add_items(setting, "alts", kind, alt.partition(")")[0], names)
            data = url.lstrip(",")
        _add_items(setting, field, kind, data, names)

    return add


def add_description(setting: Setting, text: str, *names: str) -> None:
    for name in map(wire, names):
        pattern = None
        full_path = "/" in name
        if full_path or is_wild(name):
            pattern = compile_wildcard(f"{'*/' if full_path else '*'}{name}*")
        setting.add("descriptions", Description(name, pattern, full_path, wire(text)))


def index_ignore(setting: Setting, *names: str) -> None:
    known: Ignored = setting.get("ignored", Ignored())
    items = tuple([item_of("name", wire(name).rpartition("/")[2], _path(setting), "") for name in names])
    setting.set("ignored", known._replace(items=known.items + items))


def index_ignore_reset(setting: Setting, reset: bool) -> None:
    known: Ignored = setting.get("ignored", Ignored())
    setting.set("ignored", known._replace(reset=reset))


def index_options(setting: Setting, *given: str) -> None:
    outermost = setting.section is None and Context.SERVER in setting.context
    usual = Line(Options(outermost=outermost))
    before = Line(*[setting.get(field, getattr(usual, field)) for field in Line._fields])
    try:
        line = read_options(before, given)
    except ValueError as error:
        raise setting_error(error) from None
    for field in Line._fields:
        if field == "options" or getattr(line, field) != getattr(before, field):
            setting.set(field, getattr(line, field))


def index_order_default(setting: Setting, direction: str, column: str) -> None:
    if direction.lower() not in ("ascending", "descending"):
        choices = ("Ascending", "Descending")
        raise SettingError("First keyword must be 'Ascending' or 'Descending'", wrong=direction, choices=choices)
    if column.lower() not in KEYS:
        message = "Second keyword must be 'Name', 'Date', 'Size', or 'Description'"
        raise SettingError(message, wrong=column, choices=("Name", "Date", "Size", "Description"))
    setting.set("order_ascending", direction.lower() == "ascending")
    setting.set("order_column", KEYS[column.lower()])


def fancy_indexing(setting: Setting, line: str) -> None:
    raise SettingError("The FancyIndexing directive is no longer supported. Use IndexOptions FancyIndexing.")


def _items_row(name: str, field: str, kind: str, help_text: str) -> Directive:
    return Directive(name, Args.take(str, str, most=None), ANYWHERE, override=Override.INDEXES, into=AutoindexConfig,
                     apply=_adder(field, kind), help=help_text)  # fmt: skip


def _text_row(name: str, field: str, help_text: str) -> Directive:
    return Directive(name, Args.take(wire), ANYWHERE, override=Override.INDEXES, into=AutoindexConfig, sets=field,
                     help=help_text)  # fmt: skip


def _row(name: str, args: Args, apply: Callable[..., None], help_text: str) -> Directive:
    return Directive(name, args, ANYWHERE, override=Override.INDEXES, into=AutoindexConfig, apply=apply,
                     help=help_text)  # fmt: skip


_ALL = Override.OPTIONS | Override.FILEINFO | Override.AUTHCONFIG | Override.LIMIT | Override.INDEXES
DIRECTIVES = (
    _items_row("AddIcon", "icons", "path", "an icon URL followed by one or more filenames"),
    _items_row("AddIconByType", "icons", "type", "an icon URL followed by one or more MIME types"),
    _items_row("AddIconByEncoding", "icons", "encoding", "an icon URL followed by one or more content encodings"),
    _items_row("AddAlt", "alts", "path", "alternate descriptive text followed by one or more filenames"),
    _items_row("AddAltByType", "alts", "type", "alternate descriptive text followed by one or more MIME types"),
    _items_row("AddAltByEncoding", "alts", "encoding",
               "alternate descriptive text followed by one or more content encodings"),
    _row("IndexOptions", Args.argv(), index_options, "one or more index options [+|-][]"),
    _row("IndexOrderDefault", Args.take(str, str), index_order_default,
         "{Ascending,Descending} {Name,Size,Description,Date}"),
    _row("IndexIgnore", Args.take(str, most=None), index_ignore, "one or more file extensions"),
    _row("IndexIgnoreReset", Args.flag(), index_ignore_reset, "Reset the inherited list of IndexIgnore filenames"),
    _row("AddDescription", Args.take(str, str, most=None), add_description,
         "Descriptive text followed by one or more filenames"),
    _text_row("HeaderName", "header", "a filename"),
    _text_row("ReadmeName", "readme", "a filename"),
    Directive("FancyIndexing", Args.raw(), ANYWHERE, override=_ALL, into=AutoindexConfig, apply=fancy_indexing,
              help="The FancyIndexing directive is no longer supported. Use IndexOptions FancyIndexing."),
    _text_row("DefaultIcon", "default_icon", "an icon URL"),
    _text_row("IndexStyleSheet", "style_sheet", "URL to style sheet"),
    _text_row("IndexHeadInsert", "head_insert", "String to insert in HTML HEAD section"),
)  # fmt: skip


# --- the requests


def handle_directory(request: Request) -> int:
    if request.handler not in (DIRECTORY_TYPE, "") or request.finfo is None:
        return DECLINED
    if not stat.S_ISDIR(request.finfo.st_mode) or request.method not in ("GET", "HEAD") or request.filename is None:
        return DECLINED
    if Option.INDEXES not in request.config(CoreDir).options.effective:
        names = request.notes.get("dir-index-names", "none")
        message = (
            f"Cannot serve directory {request.filename}: No matching DirectoryIndex ({names}) found, and "
            "server-generated directory index forbidden by Options directive"
        )
        request.log(Level.ERROR, "autoindex", "AH01276", message)
        return 403
    refused = request.services.discard_body(request)
    if refused != OK:
        return refused
    if not request.filename.endswith("/"):
        request.filename += "/"
    return list_directory(request)


def list_directory(request: Request) -> int:
    config = request.config(AutoindexConfig)
    show = config.options.effective
    assert request.filename is not None
    assert request.finfo is not None
    request.do_not_keep()  # what is in a directory is not recorded
    try:
        directory = os.scandir(os.fsencode(request.filename))
    except OSError as error:
        message = f"Can't open directory for index: {request.filename}"
        request.log(Level.ERROR, "autoindex", "AH01275", message, errno=error.errno)
        return 403
    with directory:
        charset = "ISO-8859-1" if config.charset is None else config.charset
        kind = "text/html" if config.type is None else config.type
        request.content_type = wire(f"{kind};charset={charset}" if charset else kind)
        if Show.TRACK_MODIFIED in show:
            request.services.set_validators(request, -1, request.finfo)
        if request.header_only:
            return OK
        wish = _wish(request, config, show)
        lists = Lists(config.icons, config.alts, config.descriptions, config.ignored.items)
        header = _header(request, config.header)  # which is looked for before the entries are
        entries = entries_of(request, lists, wish, directory)
    request.content = _whole_if_short(_page(request, config, wish, header, entries))
    return OK


def _header(request: Request, name: str | None) -> Request | None:
    if name is None:
        return None
    given = request.headers_in
    request.headers_in = given.copy()
    request.headers_in.set("Accept", "text/html, text/plain")
    request.headers_in.unset("Accept-Encoding")
    found = _found(request, name if request.args is None else f"{name}?{request.args}")
    request.headers_in = given
    return found


def _wish(request: Request, config: AutoindexConfig, show: Show) -> Wish:
    usual = Wish(config.order_column, config.order_ascending, show)
    if Show.IGNORE_CLIENT in show:
        return usual._replace(show=show | Show.SUPPRESS_COLUMN_SORTING)
    return read_query(request.args or "", usual)


def _page(
    request: Request, config: AutoindexConfig, wish: Wish, header: Request | None, entries: list[Entry]
) -> Iterator[Piece]:
    look = Look(
        config.style_sheet, config.head_insert, config.default_icon, find_item(config.icons, "^^BLANKICON^^"),
        config.icon_width, config.icon_height, config.name_width, config.description_width,
        config.date_format or DATE_FORMAT,
    )  # fmt: skip
    title = html(wire(request.uri))
    title = title.rstrip("/") or title[:1]
    amble = _Amble(request, look, wish.show, title)
    yield from amble.begin(header)
    waiting: list[str] = []
    size = 0
    for row in rows(entries, look, wish):
        waiting.append(row)
        size += len(row)
        if size >= _TOGETHER:
            yield "".join(waiting).encode("latin-1")
            waiting, size = [], 0
    yield "".join(waiting).encode("latin-1")
    yield from amble.finish(config.readme)


class _Amble:
    """What stands before the listing and behind it: from files, if the configuration names some that are there."""

    def __init__(self, request: Request, look: Look, show: Show, title: str) -> None:
        self.request = request
        self.preamble = preamble(look, show, title).encode("latin-1")
        self.heading = heading(look, title).encode("latin-1")
        self.suppressed = Show.SUPPRESS_HTML_PREAMBLE in show

    def begin(self, found: Request | None) -> Iterator[Piece]:
        """Preamble and heading. A file that is HTML stands in the place of the heading, and with SuppressHTMLPreamble
        in that of both; any other text is quoted."""
        if found is not None and _is_html(found):
            if not self.suppressed:
                yield self.preamble
            if self.request.services.run_subrequest(found) == OK:
                yield from _content(found)
                return
            if not self.suppressed:
                yield self.heading
                return
        elif found is not None and (fd := _open_text(found)) is not None:
            yield self.preamble
            yield from _quoted(fd)
            return
        yield self.preamble
        yield self.heading

    def finish(self, name: str | None) -> Iterator[Piece]:
        request = self.request
        found = None if name is None else _found(request, name)
        signed = ended = True
        if found is not None and _is_html(found):
            if request.services.run_subrequest(found) == OK:
                yield from _content(found)
                signed, ended = False, not self.suppressed
        elif found is not None and (fd := _open_text(found)) is not None:
            yield from _quoted(fd)
            signed = False
        text = server_signature(request) if signed else ""
        yield (f"{text}</body></html>\n" if ended else text).encode("utf-8", "surrogateescape")


def _found(request: Request, name: str) -> Request | None:
    """A file that may be shown to this client; `name` is a URL, mostly relative to the directory."""
    found = request.services.lookup_uri(request, name)
    usable = found.status == 200 and found.filename is not None and found.finfo is not None
    return found if usable and found.finfo is not None and stat.S_ISREG(found.finfo.st_mode) else None


def _is_html(found: Request) -> bool:
    kind = (found.content_type or "").partition(";")[0].strip()
    return kind.lower() in ("text/html", "application/xhtml+xml")


def _content(found: Request) -> Iterator[Piece]:
    """What a subrequest gave. As in Apache it is sent on at once, so that the page has no length."""
    yield from found.content or ()
    yield FLUSH


def _open_text(found: Request) -> int | None:
    if found.filename is None or not (found.content_type or "").lower().startswith("text/"):
        return None
    try:
        return found.open(found.filename)
    except OSError:
        return None


_NUL = re.compile(rb"\0[^<>&]*")


def _quoted(fd: int) -> Iterator[Piece]:
    """A file as text. As in Apache what follows a NUL is left out, up to the next character that is escaped."""
    try:
        yield b"<pre>\n"
        while data := os.read(fd, _READ):
            text = _NUL.sub(b"", data)
            yield text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    except OSError:
        pass  # what could be read is shown
    finally:
        os.close(fd)
    yield b"</pre>\n"


def _whole_if_short(pieces: Iterator[Piece]) -> list[Piece] | Iterator[Piece]:
    """A short page whole, so that it has a length and ranges; else what there is so far and the rest."""
    first: list[Piece] = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += length_of(piece)
        if size > _TOGETHER or piece is FLUSH:
            return _chain(first, pieces)
    return first


def _chain(first: list[Piece], rest: Iterator[Piece]) -> Iterator[Piece]:
    yield from first
    first.clear()
    yield from rest


MODULE = Module(
    "autoindex_module",
    "mod_autoindex.c",
    per_dir=AutoindexConfig,
    directives=DIRECTIVES,
    hooks=(on(Phase.HANDLER, handle_directory, pure=True),),
)
