"""The rows of filters, where one stands among the others, and what it does to the fields."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyhttpd.api.body import FLUSH, Body, FileSlice, Piece
from pyhttpd.api.filters import (
    INPUT,
    OUTPUT,
    Effect,
    Filter,
    Kind,
    add_input_filter,
    add_output_filter,
    begin,
    input_filter,
    loaded,
    may_run,
    output_filter,
)
from pyhttpd.api.log import Level
from pyhttpd.api.recording import Recording
from pyhttpd.api.request import Request
from tests.support.requests import configure, fields, make_request


def through(_: Request, pieces: Body) -> Body:
    yield from pieces


def nothing(_: Request, pieces: Body) -> Body:
    return pieces


def test_rows() -> None:
    row = output_filter("ShOuT", through, Kind.CONTENT_SET, pure=True)
    assert (row.group, row.name) == (OUTPUT, "shout")
    assert row.value == Filter("ShOuT", through, Kind.CONTENT_SET, pure=True)
    assert input_filter("IN", through).group == INPUT


def test_an_input_filter_stands_above_the_protocol() -> None:
    with pytest.raises(ValueError, match="IN: an input filter is of kind RESOURCE or CONTENT_SET, not PROTOCOL"):
        input_filter("IN", through, Kind.PROTOCOL)


def test_their_order_is_by_kind_then_as_they_were_added(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path))
    for number, kind in enumerate((40, 20, 10, 50, 20, 10, 30)):
        add_output_filter(request, Filter(f"{number}", through, Kind(kind)))
        add_input_filter(request, Filter(f"{number}", through, Kind(kind)))
    assert [each.name for each in request.output_filters] == ["2", "5", "1", "4", "6", "0", "3"]
    assert request.input_filters == request.output_filters


def test_names(tmp_path: Path) -> None:
    """The core has some, which do nothing."""
    request = make_request(configure("", tmp_path))
    for name in ("chunk", "Byterange", "nobody"):
        add_output_filter(request, name)
    add_input_filter(request, "CHUNK")
    assert [each.name for each in request.output_filters] == ["CHUNK", "BYTERANGE"]
    assert request.input_filters == ()
    assert request.lines == [
        (Level.ERROR, "AH00082", "an unknown filter was not added: nobody"),
        (Level.ERROR, "AH00082", "an unknown filter was not added: CHUNK"),
    ]


VALIDATORS = [("ETag", '"e"'), ("Last-Modified", "then"), ("Content-MD5", "x"), ("Content-Length", "3"),
              ("Accept-Ranges", "bytes")]  # fmt: skip


@pytest.mark.parametrize(
    ("each", "gone", "added"),
    [
        (Filter("f", through), {"Content-Length"}, {}),
        (Filter("f", through, keeps_length=True), set(), {}),
        (Filter("f", through, effects=Effect.CHANGE, keeps_length=True), {"ETag", "Content-MD5"}, {}),
        (Filter("f", through, effects=Effect.CHANGE_LENGTH, keeps_length=True), {"Content-Length"}, {}),
        (Filter("f", nothing), set(), {}),
        (Filter("f", through, effects=Effect.NO_CACHE, keeps_length=True), {"Last-Modified"},
         {"Cache-Control": "no-cache"}),
        (Filter("f", through, effects=Effect.NO_BYTERANGE, keeps_length=True), set(), {"Accept-Ranges": "none"}),
        (Filter("f", through, effects=Effect.NO_PROXY | Effect.TRANSFORM, keeps_length=True), set(), {}),
    ],
)  # fmt: skip
def test_what_goes_and_what_comes(each: Filter, gone: set[str], added: dict[str, str], tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path), content_length=3)
    for name, value in VALIDATORS:
        request.headers_out.add(name, value)
    begin(each, request, iter(()))
    wanted = {name: value for name, value in VALIDATORS if name not in gone} | added
    assert dict(fields(request.headers_out)) == wanted
    assert request.content_length == (None if "Content-Length" in gone else 3)


@pytest.mark.parametrize(("pure", "keepable"), [(True, True), (False, False)])
def test_what_is_not_pure_is_not_kept(pure: bool, keepable: bool, tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path), recording=Recording(1000.0))
    begin(Filter("f", through, pure=pure), request, ())
    assert request.recording is not None
    assert request.recording.keepable is keepable


@pytest.mark.parametrize(
    ("effects", "cache_control", "runs"),
    [
        (Effect.NONE, None, True),
        (Effect.NO_PROXY, None, False),
        (Effect.TRANSFORM, None, True),
        (Effect.TRANSFORM, "private, No-Transform", False),
        (Effect.CHANGE, "no-transform", True),
    ],
)
def test_what_comes_from_a_proxy(effects: Effect, cache_control: str | None, runs: bool, tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path), proxied=True, hostname="h.example")
    if cache_control is not None:
        request.headers_out.set("Cache-Control", cache_control)
    assert may_run(effects, request) is runs
    pieces = iter((b"x",))
    assert (begin(Filter("f", through, effects=effects), request, pieces) is not pieces) is runs
    warned = "214 h.example Transformation applied" if runs and effects & Effect.TRANSFORM else None
    assert request.headers_out.get("Warning") == warned
    request.proxied = False
    assert may_run(effects, request)


def test_the_bytes_of_files_are_loaded_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    fd = os.open(path, os.O_RDONLY)
    try:
        pieces: list[Piece] = [b"a", FileSlice(fd, 2, 7), FLUSH, FileSlice(fd, 0, 0), FileSlice(fd, 9, 1)]
        assert list(loaded(pieces, 3)) == [b"a", b"234", b"567", b"8", FLUSH, b"9"]
        with pytest.raises(EOFError):
            list(loaded([FileSlice(fd, 5, 6)], 3))
    finally:
        os.close(fd)
