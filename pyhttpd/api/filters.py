"""Filters: functions that a body goes through. Output filters stand between a handler and its client, input filters
between the client's body and the handler that reads it.

A module offers them among its providers, under a name for SetOutputFilter, AddOutputFilter, FilterProvider and others:

    def shout(request: Request, pieces: Body) -> Body:
        for piece in loaded(pieces):
            yield piece.upper() if isinstance(piece, bytes) else piece

    MODULE = Module("shout_module", "mod_shout.c", providers=(output_filter("SHOUT", shout, pure=True),))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Flag, IntEnum, auto
from typing import TYPE_CHECKING

from pyhttpd.api.body import Body, FileSlice, Piece
from pyhttpd.api.log import Level
from pyhttpd.api.module import Provider
from pyhttpd.util.escape import wire

if TYPE_CHECKING:
    from pyhttpd.api.request import Request
    from pyhttpd.config.directive import Setting

OUTPUT = "output_filter"
INPUT = "input_filter"
"""Groups of providers, with names in lower case: for names of filters case does not count."""

ELSEWHERE = {
    "brotli_compress": "mod_brotli", "buffer": "mod_buffer", "deflate": "mod_deflate", "includes": "mod_include",
    "inflate": "mod_deflate", "proxy-html": "mod_proxy_html", "rate_limit": "mod_ratelimit", "sed": "mod_sed",
    "substitute": "mod_substitute", "xml2enc": "mod_xml2enc",
}  # fmt: skip
"""Filters of Apache's modules that are not here, for messages."""

_LOADED = 65536  # bytes of a file at once


class Kind(IntEnum):
    """Where a filter stands (Apache's AP_FTYPE_*), from the handler to the network; equal ones as they were added."""

    RESOURCE = 10  # what a URL has for content; an error page has none of these
    CONTENT_SET = 20  # the answer's form, as compression; likewise
    PROTOCOL = 30  # the bytes that are sent of the content: ranges are cut, the head is made
    TRANSCODE = 40
    CONNECTION = 50  # the bytes on the connection, head and chunk sizes with them
    NETWORK = 60


class Effect(Flag):
    """What a filter does to its answer, so that the fields are right without its doing. The words of FilterProtocol."""

    NONE = 0
    CHANGE = auto()  # change=1:1: the content is another one, so it has no ETag and no Content-MD5
    CHANGE_LENGTH = auto()  # change=yes, together with CHANGE
    NO_BYTERANGE = auto()  # byteranges=no: Accept-Ranges is none, and of a filter's own a Range does not count
    NO_PROXY = auto()  # proxy=no: does not run on what a proxy has fetched
    TRANSFORM = auto()  # proxy=transform: does not run on what a proxy has fetched with `no-transform`
    NO_CACHE = auto()  # cache=no: what it gives is different each time; of a filter's own no condition counts, either


FilterFunction = Callable[["Request", Body], Body]
"""Gets the request and the body's pieces, gives the pieces to go on with: `pieces` itself, if it has nothing to do.

Mostly a generator. It runs as the client takes the answer, so nothing is ever whole in memory. An output filter begins
when the first piece is there, and each when the one before it has given its first; until it has given its own, it may
change fields, content_type and status. What it raises before that is a 500; later, it ends the connection.
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter. `init` runs before the handler; what is not OK is the request's status.

    An answer's Content-Length is dropped when a filter begins, and found anew where the whole body is soon there. One
    that knows better sets `request.content_length`; one that `keeps_length` leaves it as it is. `pure` promises as a
    hook's does that nothing but the pieces and what is read through Request counts, so that the answer may be kept.
    """

    name: str
    function: FilterFunction
    kind: Kind = Kind.RESOURCE
    effects: Effect = Effect.NONE
    init: Callable[[Request], int] | None = None
    keeps_length: bool = False
    pure: bool = False


def output_filter(
    name: str,
    function: FilterFunction,
    kind: Kind = Kind.RESOURCE,
    *,
    effects: Effect = Effect.NONE,
    init: Callable[[Request], int] | None = None,
    keeps_length: bool = False,
    pure: bool = False,
) -> Provider:
    """A row for `Module.providers`."""
    return Provider(OUTPUT, name.lower(), Filter(name, function, kind, effects, init, keeps_length, pure))


def input_filter(
    name: str, function: FilterFunction, kind: Kind = Kind.RESOURCE, *, init: Callable[[Request], int] | None = None
) -> Provider:
    """A row for `Module.providers`. The pieces are the decoded body, as bytes; a request without one is not filtered.

    Those of one kind see the body in the opposite order of their adding: the first stands next to the handler. What it
    raises comes out of the handler's `read`.
    """
    if kind > Kind.CONTENT_SET:
        raise ValueError(f"{name}: an input filter is of kind RESOURCE or CONTENT_SET, not {kind.name}")
    return Provider(INPUT, name.lower(), Filter(name, function, kind, init=init))


def unchanged(_: Request, pieces: Body) -> Body:
    """The function of filters that the server does without: what they are for it does by itself, named or not."""
    return pieces


def warn_of_name(setting: Setting, group: str, name: str) -> None:
    """Say it of a name in a line that it will have no effect, where that is so."""
    found: Filter | None = setting.providers(group).get(name.lower())
    if found is None:
        owner = ELSEWHERE.get(name.lower())
        why = "there is no filter of that name" + (f", it is one of {owner}" if owner is not None else "")
    elif found.function is unchanged:
        why = "what it is for the server does by itself"
    else:
        return
    setting.warn(f"{setting.row.name} {name} has no effect: {why}", "PH00404")


def add_output_filter(request: Request, added: str | Filter) -> None:
    """Send the answer through a filter, given by name or as itself. For hooks up to insert_filter."""
    found = _found(request, OUTPUT, added)
    if found is not None:
        request.output_filters = _inserted(request.output_filters, found)


def add_input_filter(request: Request, added: str | Filter) -> None:
    """Let the handler read the body through a filter, given by name or as itself. For hooks up to insert_filter."""
    found = _found(request, INPUT, added)
    if found is not None:
        request.input_filters = _inserted(request.input_filters, found)


def _found(request: Request, group: str, added: str | Filter) -> Filter | None:
    if isinstance(added, Filter):
        return added
    found: Filter | None = request.services.providers(group).get(added.lower())
    if found is None:
        request.log(Level.ERROR, "core", "AH00082", f"an unknown filter was not added: {added}")
    return found


def _inserted(filters: tuple[Filter, ...], added: Filter) -> tuple[Filter, ...]:
    at = sum(1 for each in filters if each.kind <= added.kind)
    return (*filters[:at], added, *filters[at:])


def may_run(effects: Effect, request: Request) -> bool:
    """Whether a filter with these effects may work on what a proxy has fetched. On all else it may."""
    if not request.proxied:
        return True
    if effects & Effect.NO_PROXY:
        return False
    directives = (request.headers_out.joined("Cache-Control") or "").lower()
    return not effects & Effect.TRANSFORM or "no-transform" not in directives


def begin(each: Filter, request: Request, pieces: Body) -> Body:
    """Let an output filter have the pieces, and make the fields right for it. Gives `pieces` back if it does."""
    fields, effects = request.headers_out, each.effects
    if not may_run(effects, request):
        return pieces
    if not each.pure:
        request.do_not_keep()
    if request.proxied and effects & Effect.TRANSFORM:
        fields.add("Warning", f"214 {wire(request.hostname or '')} Transformation applied")
    if effects & Effect.CHANGE:
        fields.unset("Content-MD5")
        fields.unset("ETag")
    if effects & Effect.NO_CACHE:
        fields.unset("Last-Modified")
        fields.add("Cache-Control", "no-cache")
    if effects & Effect.NO_BYTERANGE:
        fields.set("Accept-Ranges", "none")
    if each.keeps_length and not effects & Effect.CHANGE_LENGTH:
        return each.function(request, pieces)
    length, field = request.content_length, fields.get("Content-Length")
    request.content_length = None
    fields.unset("Content-Length")
    result = each.function(request, pieces)
    if result is pieces and request.content_length is None:
        request.content_length = length
        if field is not None:
            fields.set("Content-Length", field)
    return result


def loaded(pieces: Body, size: int = _LOADED) -> Iterator[Piece]:
    """The pieces with the bytes of files in their place, at most `size` at once: bytes and FLUSH."""
    for piece in pieces:
        if not isinstance(piece, FileSlice):
            yield piece
            continue
        fd, offset, left = piece
        while left:
            data = os.pread(fd, min(size, left), offset)
            if not data:
                raise EOFError("a file became shorter while it was filtered")
            offset += len(data)
            left -= len(data)
            yield data
