"""Targets, paths and hosts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.http.url import UrlError, decode_path, parse_host, split_target, target_host


@pytest.mark.parametrize(
    ("target", "method", "expected"),
    [
        ("/a?b?c", "GET", (None, None, None, "/a", "b?c")),
        ("/a?", "GET", (None, None, None, "/a", "")),
        ("//a//b", "GET", (None, None, None, "/a//b", None)),
        ("http://X.example:81/a?b", "GET", ("http", "X.example", 81, "/a", "b")),
        ("http://x", "GET", ("http", "x", None, "/", None)),
        ("http://x", "OPTIONS", ("http", "x", None, "*", None)),
        ("http://[::1]:8/a", "GET", ("http", "::1", 8, "/a", None)),
        ("*", "OPTIONS", (None, None, None, "*", None)),
        ("x.example:443", "CONNECT", (None, "x.example", 443, "/", None)),
        ("?a", "GET", (None, None, None, "/", "a")),
        ("http:/a", "GET", ("http", None, None, "/a", None)),
        ("http://u:p@x/", "GET", ("http", "x", None, "/", None)),
        ("/a?b#c", "GET", (None, None, None, "/a", "b")),
    ],
)
def test_split(target: str, method: str, expected: tuple[object, ...]) -> None:
    assert split_target(target, method)[:5] == expected


@pytest.mark.parametrize(
    ("target", "method"),
    [
        ("foo", "GET"),
        ("*", "GET"),
        ("http://x:99999/", "GET"),
        ("http:///a", "GET"),
        ("http://[::1/", "GET"),
        ("http://x:0/", "GET"),
        ("http://x:8o/", "GET"),
        ("://x", "GET"),
        ("mailto:x", "GET"),
        ("x.example", "CONNECT"),
        ("/", "CONNECT"),
    ],
)
def test_split_refuses(target: str, method: str) -> None:
    with pytest.raises(UrlError) as caught:
        split_target(target, method)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/", "/"),
        ("/a/./b/../c", "/a/c"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/a//b///c", "/a/b/c"),
        ("/%41%2d%7e", "/A-~"),
        ("/a%20b", "/a b"),
        ("/a%c3%a9", "/a\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("/a\xe9", "/a\udce9"),
        ("/%2e/a", "/a"),
        ("/a/%2e%2e/b", "/b"),
        ("/a/.%2E/b", "/b"),
        ("/..a/...", "/..a/..."),
        ("/a%252e", "/a%2e"),
        ("*", "*"),
    ],
)
def test_decode(raw: str, path: str) -> None:
    assert decode_path(raw) == path


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("/..", 400),
        ("/a/../../b", 400),
        ("/%2e%2e/b", 400),
        ("/a/%2e%2e/%2e./b", 400),
        ("/a%", 400),
        ("/a%4", 400),
        ("/a%zz", 400),
        ("/a%2fb", 404),
        ("/a%00", 404),
    ],
)
def test_decode_refuses(raw: str, status: int) -> None:
    with pytest.raises(UrlError) as caught:
        decode_path(raw)
    assert caught.value.status == status


@given(st.text(alphabet="/.%2eEfF5cC0aA\\\xff", max_size=40))
def test_no_path_leaves_the_root(text: str) -> None:
    try:
        path = decode_path(f"/{text}")
    except UrlError:
        return
    assert path.startswith("/")
    assert ".." not in path.split("/")
    assert "." not in path.split("/")
    assert "//" not in path
    assert "\0" not in path


@pytest.mark.parametrize(
    ("field", "name", "port"),
    [
        ("X.Example:8080", "x.example", 8080),
        ("a_b.c", "a_b.c", None),
        ("a.b.", "a.b", None),
        ("127.0.0.1", "127.0.0.1", None),
        ("[::1]:80", "::1", 80),
        ("-", "-", None),
    ],
)
def test_hosts(field: str, name: str, port: int | None) -> None:
    assert parse_host(field) == (name, port)


@pytest.mark.parametrize(
    "field",
    ["x:", "x:abc", "x:99999", "x:0", "a/b", "a\\b", "a..b", "123", "127.0.1", "01.2.3.4", "a.1b", "a$b", "a, b",
     "[::1", "[x]", "[fe80::1%1]", ":80"],
)  # fmt: skip
def test_malformed_hosts(field: str) -> None:
    with pytest.raises(UrlError):
        parse_host(field)


def test_what_else_a_target_holds() -> None:
    parts = split_target("http://u:p@x/a#b", "GET")
    assert (parts.fragment, parts.user) == ("b", True)


@pytest.mark.parametrize(
    ("target", "name"),
    [("http://X.Example./", "x.example"), ("http://[::A]/", "::a"), ("http://x:81/", "x"), ("/a", None)],
)
def test_the_host_of_a_target(target: str, name: str | None) -> None:
    host = target_host(split_target(target, "GET"))
    assert (None if host is None else host.name) == name


@pytest.mark.parametrize("target", ["http://1/", "http://a..b/", "http://a$b/", "http://[::g]/"])
def test_the_host_of_a_target_is_held_to_the_same_rules(target: str) -> None:
    parts = split_target(target, "GET")
    with pytest.raises(UrlError):
        target_host(parts)


@pytest.mark.parametrize(
    ("field", "first"),
    [
        ("a$b", "[strict] Invalid host name 'a$b', problem near: $b"),
        ("1.2.3", "[strict] Invalid host name '1.2.3'"),
        ("a.1b", "[strict] Invalid host name 'a.1b', problem near: .1b"),
    ],
)
def test_where_a_host_is_wrong(field: str, first: str) -> None:
    with pytest.raises(UrlError) as caught:
        parse_host(field)
    assert caught.value.number == "AH00550"
    assert caught.value.first == ("AH02415", first)


@pytest.mark.parametrize(("field", "name"), [("123", "123"), ("a$b", "a$b"), ("a, b", "a, b"), ("x:", "x:")])
def test_unsafe_takes_what_cannot_leave_a_directory(field: str, name: str) -> None:
    host = parse_host(field, strict=False)
    assert host is not None
    assert host.name == name


@pytest.mark.parametrize("field", ["a/b", "a\\b", "a..b", ":80", "[x]"])
def test_unsafe_still_refuses(field: str) -> None:
    with pytest.raises(UrlError):
        parse_host(field, strict=False)


def test_an_empty_host_names_nobody() -> None:
    assert parse_host("") is None
