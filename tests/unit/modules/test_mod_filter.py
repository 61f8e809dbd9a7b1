"""mod_filter: its lines, how chains of scopes are merged, and who is chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.api.body import FLUSH, Body
from pyhttpd.api.filters import OUTPUT, Effect, Filter, Kind
from pyhttpd.api.log import Level
from pyhttpd.api.request import Request
from pyhttpd.modules.mod_filter import Chain, FilterConfig, insert, merge_chains, since_reset
from tests.support.requests import FakeRequest, configure, fields, make_request, refusals


def mark(_: Request, pieces: Body) -> Body:
    return [*(piece for piece in pieces if isinstance(piece, bytes)), b"!"]


def forbid(_: Request) -> int:
    return 403


FILTERS = {
    "mark": Filter("MARK", mark),
    "late": Filter("LATE", mark, Kind.CONTENT_SET, effects=Effect.CHANGE),
    "forbidding": Filter("FORBIDDING", mark, init=forbid),
    "chunk": Filter("CHUNK", mark),
}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeRequest]:
    """A request under some lines, whose providers name the core's filters: they are FILTERS when it runs."""

    def make_one(lines: str, uri: str = "/", **attributes: Any) -> FakeRequest:
        request = make_request(configure(lines, tmp_path), uri, **attributes)
        monkeypatch.setattr(request.services, "providers", lambda group: FILTERS if group == OUTPUT else {})
        insert(request)
        return request

    return make_one


def run(request: FakeRequest) -> list[Any]:
    pieces: Body = [b"x"]
    for each in request.output_filters:
        pieces = each.function(request, pieces)
    return list(pieces)


# -- the lines


def test_lines(tmp_path: Path) -> None:
    config = make_request(
        configure(
            "FilterDeclare one content_set\nFilterDeclare two Transcode\nFilterDeclare three NETWORK\n"
            'FilterProvider one CHUNK "true"\nFilterProvider one byterange "true"\nFilterProvider four chunk "true"\n'
            "FilterTrace one 1\nFilterTrace two 2\nFilterProtocol one change=yes,cache=no\n"
            'FilterProtocol one chunk "Change=1:1; byteranges=no proxy=no"\n',
            tmp_path,
        )
    ).config(FilterConfig)
    assert {name: smart.kind for name, smart in config.filters.items()} == {
        "one": Kind.CONTENT_SET, "two": Kind.RESOURCE, "three": Kind.NETWORK, "four": Kind.RESOURCE,
    }  # fmt: skip
    one = config.filters["one"]
    assert [provider.name for provider in one.providers] == ["byterange", "chunk"]  # that of the last line first
    assert one.traced
    assert not config.filters["two"].traced
    assert one.effects == Effect.CHANGE | Effect.CHANGE_LENGTH | Effect.NO_CACHE
    assert [provider.effects for provider in one.providers] == [
        None, Effect.CHANGE | Effect.NO_BYTERANGE | Effect.NO_PROXY,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "chain"),
    [
        ("a b", ("a", "b")),
        ("+a @b c", ("b", "a", "c")),
        ("a !", (None,)),
        ("a !more b", (None, "b")),
        ("a =b c", (None, "b", "c")),
        ("=a @b", ("b", None, "a")),
        ("a b -A", ("b",)),
        ("a b c b -b", ("a", "c")),
        ("a b -b", ("a",)),
        ("a a -a", ("a",)),
        ("! -a", (None,)),
        ("-a", ()),
        ("a -c", ("a",)),
    ],
)
def test_signs(words: str, chain: Chain, tmp_path: Path) -> None:
    assert make_request(configure(f"FilterChain {words}\n", tmp_path)).config(FilterConfig).chain == chain


@pytest.mark.parametrize(
    ("outer", "inner", "effective"),
    [
        (("a",), ("b",), ("a", "b")),
        (("a",), (None,), ()),
        (("a",), (None, "b"), ("b",)),
        (("a",), ("c", None, "b"), ("b",)),
        ((None, "a"), ("b",), ("a", "b")),
        ((), ("b", None), ()),
        (("a", "b"), (), ("a", "b")),
    ],
)
def test_scopes(outer: Chain, inner: Chain, effective: Chain) -> None:
    assert tuple(name for name in since_reset(merge_chains(outer, inner)) if name is not None) == effective


def test_by_type(tmp_path: Path) -> None:
    lines = "AddOutputFilterByType chunk;;BYTERANGE text/a text/b\nAddOutputFilterByType chunk text/c\n"
    config = make_request(configure(lines, tmp_path)).config(FilterConfig)
    assert config.chain == ("BYTYPE:chunk", "BYTYPE:BYTERANGE")
    assert [provider.types for provider in config.filters["BYTYPE:chunk"].providers] == [
        ("text/c",), ("text/a", "text/b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("FilterProvider a NOBODY true", "Unknown filter provider NOBODY"),
        ('FilterProvider a CHUNK "%{"', "Error parsing FilterProvider expression:"),
        ("AddOutputFilterByType CHUNK", "AddOutputFilterByType requires at least two arguments"),
        ("AddOutputFilterByType CHUNK;DEFLATE text/plain", "Unknown filter provider DEFLATE"),
        ("FilterProtocol a change=yes", "FilterProtocol: No such filter"),
        ("FilterDeclare a\nFilterProtocol a chunk change=yes", "FilterProtocol: No such provider for this filter"),
        ("FilterTrace a 1", "Undeclared smart filter a"),
        ("FilterDeclare a\n<Location />\nFilterTrace a 1\n</Location>", "Undeclared smart filter a"),
    ],
)
def test_what_is_wrong(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(line + "\n", tmp_path)[-1].startswith(message)


def test_what_has_no_effect_is_told(tmp_path: Path) -> None:
    lines = 'FilterProvider a chunk "true"\nFilterProtocol a "chnage=yes change=no"\n'
    assert [diagnostic.message for diagnostic in configure(lines, tmp_path).diagnostics] == [
        "FilterProvider chunk has no effect: what it is for the server does by itself",
        "FilterProtocol chnage=yes has no effect",
    ]


# -- the requests

CHAIN = 'FilterProvider a CHUNK "{}"\nFilterChain a\n'


@pytest.mark.parametrize(
    ("lines", "attributes", "result"),
    [
        (CHAIN.format("true"), {}, [b"x", b"!"]),
        (CHAIN.format("false"), {}, [b"x"]),
        (CHAIN.format("true") + "FilterChain a a", {}, [b"x", b"!", b"!", b"!"]),
        (CHAIN.format("true"), {"status": 404}, [b"x"]),
        (CHAIN.format("true"), {"status": 404, "env": {"filter-errordocs": ""}}, [b"x", b"!"]),
        (CHAIN.format("%{CONTENT_TYPE} == 'text/a'"), {"content_type": "text/a"}, [b"x", b"!"]),
        ("AddOutputFilterByType CHUNK text/a", {"content_type": "text/a; charset=x"}, [b"x", b"!"]),
        ("AddOutputFilterByType CHUNK text/a", {"content_type": "text/a\tx"}, [b"x", b"!"]),
        ("AddOutputFilterByType CHUNK text/a", {"content_type": "text/A"}, [b"x"]),
        ("AddOutputFilterByType CHUNK text/a", {"content_type": "text/ab"}, [b"x"]),
        ("AddOutputFilterByType CHUNK text/a", {}, [b"x"]),
        ("AddOutputFilterByType CHUNK text/b text/a", {"content_type": "text/a"}, [b"x", b"!"]),
        (CHAIN.format("true") + "FilterProtocol a proxy=no", {"proxied": True}, [b"x"]),
        (CHAIN.format("true") + "FilterProtocol a chunk proxy=no", {"proxied": True}, [b"x"]),
        (CHAIN.format("true") + "FilterProtocol a proxy=transform", {"proxied": True}, [b"x", b"!"]),
        ("FilterDeclare a\nFilterChain a", {}, [b"x"]),
    ],
)
def test_who_is_chosen(
    lines: str, attributes: dict[str, Any], result: list[bytes], make: Callable[..., FakeRequest]
) -> None:
    assert run(make(f"{lines}\n", **attributes)) == result


def test_the_next_provider_that_may_is_chosen(
    make: Callable[..., FakeRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        'FilterProvider a CHUNK "true"\nFilterProvider a byterange "true"\n'
        "FilterProtocol a byterange proxy=no\nFilterChain a\n"
    )
    monkeypatch.setitem(FILTERS, "byterange", Filter("BYTERANGE", lambda request, pieces: [b"?"]))
    assert run(make(lines)) == [b"?"]
    assert run(make(lines, proxied=True)) == [b"x", b"!"]


def test_what_is_not_declared_is_told(make: Callable[..., FakeRequest]) -> None:
    request = make("FilterChain nobody CHUNK\n")
    assert request.output_filters == ()
    assert request.lines == [
        (Level.WARN, "AH01380", "Unknown filter nobody not added"),
        (Level.WARN, "AH01380", "Unknown filter CHUNK not added"),
    ]


def test_the_kind_is_the_declared_one_else_the_providers(make: Callable[..., FakeRequest]) -> None:
    request = make(
        'FilterDeclare b CONTENT_SET\nFilterProvider b CHUNK "true"\nFilterProvider a CHUNK "true"\nFilterChain b a\n'
    )
    assert [(each.name, each.kind) for each in request.output_filters] == [
        ("a", Kind.RESOURCE), ("b", Kind.CONTENT_SET),
    ]  # fmt: skip


def test_every_provider_has_its_init(make: Callable[..., FakeRequest], monkeypatch: pytest.MonkeyPatch) -> None:
    request = make(CHAIN.format("false"))
    (each,) = request.output_filters
    assert each.init is not None
    assert each.init(request) == 0
    monkeypatch.setitem(FILTERS, "chunk", FILTERS["forbidding"])
    assert each.init(request) == 403
    assert request.lines[-1] == (Level.ERROR, "AH01378", "filter_init for chunk failed")


@pytest.mark.parametrize(
    ("protocol", "before", "after"),
    [
        ("", "bytes=1-", "bytes=1-"),
        ("FilterProtocol a change=1:1", "bytes=1-", "bytes=1-"),
        ("FilterProtocol a change=yes", None, "bytes=1-"),
        ("FilterProtocol a byteranges=no", None, "bytes=1-"),
        ("FilterProtocol a byteranges=no\nFilterProtocol a chunk byteranges=no", None, None),
        ("FilterProtocol a chunk byteranges=no", "bytes=1-", "bytes=1-"),
    ],
)
def test_ranges_are_put_aside(
    protocol: str, before: str | None, after: str | None, make: Callable[..., FakeRequest], tmp_path: Path
) -> None:
    request = make_request(configure("", tmp_path))
    headers = request.headers_in
    headers.set("Range", "bytes=1-")
    request = make(f"{CHAIN.format('true')}{protocol}\n", headers_in=headers)
    assert headers.get("Range") == before
    run(request)
    assert headers.get("Range") == after


def test_fields_of_a_provider(make: Callable[..., FakeRequest]) -> None:
    request = make(CHAIN.format("true") + "FilterProtocol a chunk change=1:1\n")
    request.headers_out.set("ETag", "e")
    run(request)
    assert fields(request.headers_out) == []
    request = make(CHAIN.format("true") + "FilterProtocol a change=yes\n")
    request.headers_out.set("ETag", "e")
    run(request)
    assert fields(request.headers_out) == [("ETag", "e")]  # the filter's own words are about ranges and proxies


def test_an_expression_that_fails_does_not_match(make: Callable[..., FakeRequest]) -> None:
    request = make(CHAIN.format("file('/not/there') == ''"))
    assert run(request) == [b"x"]
    message = "Error evaluating filter dispatch condition: Cannot open file /not/there"
    assert (Level.ERROR, "AH01379", message) in request.lines


def test_trace(make: Callable[..., FakeRequest]) -> None:
    request = make(CHAIN.format("true") + "FilterTrace a 1\n")
    (each,) = request.output_filters
    assert list(each.function(request, iter((b"abc", FLUSH)))) == [b"abc", b"!"]
    told = [(number, message) for level, number, message in request.lines if level is Level.DEBUG]
    assert told == [
        ("AH01375", "a"),
        ("AH01376", "a: type: HEAP, length: 3"),
        ("AH01376", "a: type: FLUSH, length: 0"),
        ("AH01376", "a: type: EOS, length: 0"),
    ]
