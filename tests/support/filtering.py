"""A module with filters that Apache has too, by name and by what they do, and with some that break.

`LoadModule filtering_module tests.support.filtering`. It stands in for mod_case_filter, mod_case_filter_in, mod_data,
mod_reflector, mod_sed and mod_substitute, as far as the oracle's cases need them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyhttpd.api.body import FLUSH, Body, Piece
from pyhttpd.api.filters import Effect, Kind, add_output_filter, input_filter, loaded, output_filter
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import BodyError, Request
from pyhttpd.config.directive import ANYWHERE, SECTIONS, Args, Directive, Override, Setting
from pyhttpd.http.dates import format_date


@dataclass(frozen=True, slots=True)
class FilteringConfig:
    on_errors: str | None = None
    output_sed: str | None = None
    input_sed: tuple[bytes, bytes] | None = None
    substitutions: tuple[tuple[bytes, bytes], ...] = ()


def _sed(setting: Setting, command: str) -> None:
    """`s/$/ TEXT/` of output, `s/OLD/NEW/` of input."""
    _, old, new, _ = command.split("/")
    if setting.row.name == "OutputSed":
        setting.set("output_sed", new)
    else:
        setting.set("input_sed", (old.encode(), new.encode()))


def _substitute(setting: Setting, command: str) -> None:
    """`s/OLD/NEW/n`"""
    _, old, new, _ = command.split("/")
    setting.add("substitutions", (old.encode(), new.encode()))


def case_filter(request: Request, pieces: Body) -> Body:
    """mod_case_filter's: letters become capitals."""
    for piece in loaded(pieces):
        yield piece.upper() if isinstance(piece, bytes) else piece


def _each_line(mark: str, pieces: Body) -> Body:
    """Each line, and what stands behind the last, gets a mark."""
    end, rest = mark.encode(), b""
    for piece in loaded(pieces):
        if not isinstance(piece, bytes):
            yield piece
            continue
        *lines, rest = (rest + piece).split(b"\n")
        yield b"".join(line + end + b"\n" for line in lines)
    if rest:
        yield rest + end


def mark_a(request: Request, pieces: Body) -> Body:
    return _each_line(" a", pieces)


def mark_b(request: Request, pieces: Body) -> Body:
    return _each_line(" b", pieces)


def substitute(request: Request, pieces: Body) -> Body:
    """mod_substitute's, which sends what it has before it knows whether more will come."""
    for piece in loaded(pieces):
        if isinstance(piece, bytes):
            for old, new in request.config(FilteringConfig).substitutions:
                piece = piece.replace(old, new)
        yield piece
        yield FLUSH


def output_sed(request: Request, pieces: Body) -> Body:
    return _each_line(request.config(FilteringConfig).output_sed or "", pieces)


def input_sed(request: Request, pieces: Body) -> Body:
    """The first in each line."""
    old, new = request.config(FilteringConfig).input_sed or (b"", b"")
    whole = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    yield b"\n".join(line.replace(old, new, 1) for line in whole.split(b"\n"))


def data(request: Request, pieces: Body) -> Body:
    """mod_data's: the content as a `data:` URL, of what was asked for itself."""
    return pieces if request.prev is not None or request.main is not None else _data_url(request, pieces)


def _data_url(request: Request, pieces: Body) -> Body:
    begin = f"data:{request.content_type or ''};base64,".encode()
    request.content_type = "text/plain"
    if request.content_length is not None:
        request.content_length = len(begin) + (request.content_length + 2) // 3 * 4
    for piece in loaded(pieces, 6000):
        yield begin + base64.b64encode(piece) if isinstance(piece, bytes) else piece
        yield FLUSH
        begin = b""
    yield begin


def nothing_to_do(request: Request, pieces: Body) -> Body:
    return pieces


def through(request: Request, pieces: Body) -> Body:
    """Changes nothing, piece by piece."""
    yield from pieces


def doubled(request: Request, pieces: Body) -> Body:
    for piece in pieces:
        yield piece
        yield piece


def streamed(request: Request, pieces: Body) -> Body:
    """All that there is now, and then the rest."""
    for piece in loaded(pieces, 4000):
        yield piece
        yield FLUSH


def watched(request: Request, pieces: Body) -> Body:
    """Tells when it is closed, and makes trouble then."""
    try:
        yield from pieces
    except GeneratorExit:
        request.log(Level.NOTICE, "filtering", None, "a filter was closed")
        raise RuntimeError("in the way") from None


def at_once(request: Request, pieces: Body) -> Body:
    raise RuntimeError("raised before anything")


def in_the_middle(request: Request, pieces: Body) -> Iterator[Piece]:
    yield b"x" * 20_000
    yield FLUSH
    raise RuntimeError("raised in the middle")


def cut_short(request: Request, pieces: Body) -> Body:
    """A body's filter that fails behind its first piece."""
    for piece in pieces:
        yield piece
        raise RuntimeError("the body is no good")


def refuse(request: Request) -> int:
    return 403


def typed(request: Request, pieces: Body) -> Body:
    """Another type and a field, before its first piece."""
    request.content_type = "text/x-typed"
    request.headers_out.set("X-Typed", request.content_type)
    yield from pieces


def lettered(request: Request, pieces: Body) -> Body:
    """What goes over the connection, with the head, in capitals."""
    for piece in loaded(pieces):
        yield piece.upper() if isinstance(piece, bytes) else piece


def reflector(request: Request) -> int:
    """mod_reflector's handler: the request's body is the answer's. A length that is announced is the answer's, too."""
    if request.handler != "reflector":
        return DECLINED
    try:
        body = b"" if request.body is None else request.body.read()
    except BodyError as error:
        return error.status or 400
    length = request.headers_in.get("Content-Length")
    fields = request.headers_out
    fields.set("Last-Modified", format_date(request.request_time))
    fields.set("Accept-Ranges", "bytes")
    if length is not None:
        request.content_length = int(length)
        fields.set("Content-Length", length)
    request.content_type = request.headers_in.get("Content-Type", request.content_type)
    request.content = [body] if length is not None else iter((body, FLUSH))
    return OK


def text(request: Request, pieces: Body) -> Any:
    """What is no body."""
    yield "text"


def add_b(request: Request) -> None:
    add_output_filter(request, "B")


def on_errors(request: Request) -> None:
    name = request.config(FilteringConfig).on_errors
    if name is not None:
        add_output_filter(request, name)


MODULE = Module(
    "filtering_module",
    "mod_filtering.c",
    per_dir=FilteringConfig,
    directives=(
        Directive("FilterErrors", Args.take(str), ANYWHERE, "a filter of error pages",
                  into=FilteringConfig, sets="on_errors"),
        Directive("OutputSed", Args.take(str), SECTIONS, "a command", into=FilteringConfig, apply=_sed),
        Directive("InputSed", Args.take(str), SECTIONS, "a command", into=FilteringConfig, apply=_sed),
        Directive("Substitute", Args.take(str), ANYWHERE, "a command", into=FilteringConfig, apply=_substitute,
                  override=Override.FILEINFO),
    ),
    hooks=(on(Phase.HANDLER, reflector, pure=True), on(Phase.INSERT_ERROR_FILTER, on_errors, pure=True)),
    providers=(
        output_filter("CaseFilter", case_filter, keeps_length=True, pure=True),
        input_filter("CaseFilterIn", case_filter),
        output_filter("a", mark_a, pure=True),
        output_filter("b", mark_b, pure=True),
        output_filter("set", mark_a, Kind.CONTENT_SET, pure=True),
        input_filter("in-a", mark_a),
        input_filter("in-b", mark_b),
        output_filter("SUBSTITUTE", substitute, pure=True),
        output_filter("Sed", output_sed, pure=True),
        input_filter("Sed", input_sed),
        output_filter("DATA", data, keeps_length=True, pure=True),
        output_filter("nothing", nothing_to_do, pure=True),
        output_filter("through", through, pure=True),
        output_filter("impure", through),
        output_filter("doubled", doubled, keeps_length=True),
        output_filter("streamed", streamed, keeps_length=True),
        output_filter("changed", through, effects=Effect.CHANGE | Effect.NO_CACHE | Effect.NO_BYTERANGE, pure=True),
        output_filter("typed", typed, pure=True),
        output_filter("text", text, keeps_length=True),
        input_filter("text", text),
        output_filter("watched", watched, keeps_length=True),
        output_filter("at-once", at_once),
        output_filter("in-the-middle", in_the_middle),
        output_filter("refuse", through, init=refuse),
        output_filter("protocol", case_filter, Kind.PROTOCOL),
        output_filter("transcode", case_filter, Kind.TRANSCODE),
        output_filter("connection", lettered, Kind.CONNECTION),
        input_filter("cut-short", cut_short),
    ),
)  # fmt: skip
