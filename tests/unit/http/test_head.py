"""Heads: what is taken, what is refused and with which number, whatever the pieces in which it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.http.fields import TOO_LONG, TOO_MANY
from pyhttpd.http.head import Head, HeadBuffer, HeadError, Limits, ask_h11, parse_head, parse_request_line

LIMITS = Limits(100, 5, 60)


UNSAFE = LIMITS._replace(strict=False)


def parse(data: bytes, limits: Limits = LIMITS) -> Head:
    buffer = HeadBuffer()
    buffer.feed(data)
    head = buffer.take(limits)
    assert head is not None
    return parse_head(head, limits)


def test_a_plain_head() -> None:
    head = parse(b"GET /a?b HTTP/1.1\r\nHost: x\r\nX-A:  1 \t\r\n\r\n")
    assert (head.line, head.method, head.target, head.version) == ("GET /a?b HTTP/1.1", "GET", "/a?b", (1, 1))
    assert list(head.fields) == [("Host", "x"), ("X-A", "1")]
    assert not head.has_body


@pytest.mark.parametrize(
    ("data", "status", "number"),
    [
        (b"GET /\x01 HTTP/1.1\r\n\r\n", 400, "AH03454"),
        (b"G@T / HTTP/1.1\r\n\r\n", 400, "AH03445"),
        (b" GET / HTTP/1.1\r\n\r\n", 400, "AH03447"),
        (b"GET\t/ HTTP/1.1\r\n\r\n", 400, "AH03447"),
        (b"GET  / HTTP/1.1\r\n\r\n", 400, "AH03448"),
        (b"GET / HTTP/1.1 \r\n\r\n", 400, "AH03448"),
        (b"GET /  \r\n\r\n", 400, "AH03448"),
        (b"HEAD / \r\n\r\n", 400, "AH03444"),
        (b"GET / HTTP/1.1 x\r\n\r\n", 400, "AH03448"),
        (b"GET / http/1.1\r\n\r\n", 400, "AH02418"),
        (b"GET / HTTP/11.1\r\n\r\n", 400, "AH02418"),
        (b"GET / FOO/1.1\r\n\r\n", 400, "AH02418"),
        (b"GET\r\n", 400, "AH03454"),
        (b"POST /\r\n", 400, "AH03444"),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400, "AH00566"),
        (b"GET / HTTP/1.1\r\nHost: x\n\r\n\r\n", 400, None),
        (b"GET /%s HTTP/1.1\r\n\r\n" % (b"a" * 100), 414, "AH00565"),
        (b"GET / HTTP/1.1\r\nX: %s\r\n\r\n" % (b"a" * 70), 400, "AH00561"),
        (b"GET / HTTP/1.1\r\nX: %s\r\n %s\r\n\r\n" % (b"a" * 40, b"b" * 40), 400, "AH00562"),
        (b"GET / HTTP/1.1\r\nX: %s\r\nX: %s\r\n\r\n" % (b"a" * 40, b"b" * 40), 400, "AH00560"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 6 + b"\r\n", 400, "AH00563"),
        (b"GET / HTTP/1.1\r\nfoo\r\n\r\n", 400, "AH02426"),
        (b"GET / HTTP/1.1\r\nX : y\r\n\r\n", 400, "AH02426"),
        (b"GET / HTTP/1.1\r\n: y\r\n\r\n", 400, "AH02426"),
        (b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n", 400, None),
        (b"GET / HTTP/1.1\r\nX: a\x7fb\r\n\r\n", 400, "AH02427"),
        (b"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", 400, "AH02427"),
        (b"GET / HTTP/1.1\r\n X: a\r\n\r\n", 400, "AH03442"),
        (b"GET / HTTP/1.1\r\nX: a\r\n \r\n\r\n", 400, "AH03443"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5x\r\n\r\n", 400, "AH10242"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "AH10242"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "AH10242"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9%s\r\n\r\n" % (b"9" * 19), 400, "AH10242"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", 400, "AH02539"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400, "AH02539"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400, "PH00121"),
        (b"\r\n" * 11 + b"GET / HTTP/1.1\r\n\r\n", 400, "AH03445"),
        (b"GET /#a HTTP/1.1\r\n\r\n", 400, "AH02421"),
        (b"GET http://u@x/ HTTP/1.1\r\n\r\n", 400, "AH02422"),
        (b"GET x HTTP/1.1\r\n\r\n", 400, "AH03450"),
        (b"GET http:///a HTTP/1.1\r\n\r\n", 400, "AH03450"),
        (b"CONNECT x HTTP/1.1\r\n\r\n", 400, "AH03450"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "AH01592"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "AH02539"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", 400, "AH02539"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\x0b\r\n\r\n", 400, "AH02427"),
        (b"GET\t/\x01 HTTP/1.1 x\r\n\r\n", 400, "AH03448"),
        (b"G@T  / HTTP/1.1\x01\r\n\r\n", 400, "AH02418"),
        (b"\nGET / HTTP/1.1\r\n\r\n", 400, "AH00566"),
        (b"GET /%s HTTP/1.1\nX: y\r\n\r\n" % (b"a" * 87), 400, "AH00566"),
        (b"GET /%s HTTP/1.1\nX: y\r\n\r\n" % (b"a" * 88), 414, "AH00565"),
    ],
)
def test_refused(data: bytes, status: int, number: str | None) -> None:
    with pytest.raises(HeadError) as caught:
        parse(data)
    assert (caught.value.status, caught.value.number) == (status, number)


def test_the_client_is_told_what_exceeds_a_limit() -> None:
    with pytest.raises(HeadError) as caught:
        parse(b"GET / HTTP/1.1\r\nX: %s\r\n\r\n" % (b"a" * 70))
    assert caught.value.note == TOO_LONG
    with pytest.raises(HeadError) as caught:
        parse(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 6 + b"\r\n")
    assert caught.value.note == TOO_MANY


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\xe9b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,Chunked\r\n\r\n",
    ],
)
def test_taken_although_h11_alone_would_not_take_it_or_would_differ(data: bytes) -> None:
    assert parse(data).method in {"GET", "POST"}


def test_folded_and_repeated_fields_become_one() -> None:
    head = parse(b"GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\n\t 2\r\nB: 3\r\na: 4\r\n\r\n")
    assert list(head.fields) == [("Host", "x"), ("A", "1 2, 4"), ("B", "3")]


def test_http_09_ends_with_its_line() -> None:
    buffer = HeadBuffer()
    buffer.feed(b"GET /a\r\nwhatever")
    data = buffer.take(LIMITS)
    assert data == b"GET /a\r\n"
    assert parse_head(data, LIMITS).simple


def test_any_pieces_give_the_same_head() -> None:
    data = b"\r\nGET /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\nGET /b"
    for size in range(1, len(data)):
        buffer = HeadBuffer()
        taken: list[bytes] = []
        for at in range(0, len(data), size):
            buffer.feed(data[at : at + size])
            head = buffer.take(LIMITS)
            if head is not None:
                taken.append(head)
        assert taken == [b"GET /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\n"], size
        assert bytes(buffer.data) == b"GET /b"


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"GET /" + b"a" * 200, "AH00565"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 100, "AH00561"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 50, "AH00563"),
        (b"GET / HTTP/1.1\r\nX: a\nY", None),
        (b"GET  / HTTP/1.1\r\nX: a", "AH03448"),
        (b"GET / HTTP/1.1\nY", "AH00566"),
    ],
)
def test_hopeless_heads_are_refused_before_they_end(data: bytes, number: str) -> None:
    for size in (1, 7, len(data)):
        buffer = HeadBuffer()
        with pytest.raises(HeadError) as caught:  # noqa: PT012 - it may be any of the pieces
            for at in range(0, len(data), size):
                buffer.feed(data[at : at + size])
                assert buffer.take(LIMITS) is None
        assert caught.value.number == number, size


def test_a_line_of_just_the_limit_is_taken_whatever_the_pieces() -> None:
    """Half of its end may have come: that CR does not count."""
    limits = Limits(line=30, field_size=20)
    line = b"GET /" + b"a" * (31 - len("GET / HTTP/1.1")) + b" HTTP/1.1"
    data = line + b"\r\nHost: " + b"h" * (21 - len("Host: ")) + b"\r\n\r\n"
    for piece in range(1, len(data) + 1):
        buffer = HeadBuffer()
        taken = None
        for start in range(0, len(data), piece):
            buffer.feed(data[start : start + piece])
            taken = buffer.take(limits)
        assert taken == data
        assert parse_head(data, limits).fields.get("Host") == "h" * 15


def test_a_dripping_head_costs_linear_time() -> None:
    """Each byte is looked at a bounded number of times: no check runs over all that is there for each piece."""
    limits = Limits(8190, 0, 8190)
    buffer = HeadBuffer()
    buffer.feed(b"GET / HTTP/1.1\r\n")
    for _ in range(20000):
        buffer.feed(b"X: aaaaaaaaaaaaaa\r\n")
        assert buffer.take(limits) is None
    assert len(buffer.data) > 300_000


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"GET", ("GET", "/", "HTTP/1.0")),
        (b"G@T /a?b HTTP/1.1", ("G@T", "/a", "HTTP/1.1")),
        (b"POST /a", ("POST", "/a", "HTTP/1.0")),
        (b"GET /" + b"x" * 9000, ("-", "-", "HTTP/1.0")),
        (b"GET /\0 HTTP/1.1", ("-", "-", "HTTP/1.0")),
    ],
)
def test_what_the_log_says_of_a_refused_line(line: bytes, shown: tuple[str, str, str]) -> None:
    with pytest.raises(HeadError) as caught:
        parse_request_line(line, Limits())
    head = caught.value.head
    assert (head.method, head.parts.path, head.protocol) == shown


def test_a_blank_behind_the_target_is_http_09() -> None:
    head = parse_request_line(b"GET /a ", Limits())
    assert (head.line, head.target, head.simple) == ("GET /a", "/a", True)


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"GET / HTTP/1.1\nHost: x\n\n", [("Host", "x")]),
        (b"GET  /  HTTP/1.1\r\nHost: x\n\r\n", [("Host", "x")]),
        (b"GET / http/1.1\nX(: a\x01\n\n", [("X(", "a\x01")]),
        (b"G@T / HTTP/1.1\nX:\r\n Y\r\n\n", [("X", "Y")]),
        (b"\n\nGET / HTTP/1.1 \nX: \n\n", [("X", "")]),
        (b"GET /#a HTTP/1.1\n\n", []),
    ],
)
def test_unsafe_takes(data: bytes, fields: list[tuple[str, str]]) -> None:
    head = parse(data, UNSAFE)
    assert list(head.fields) == fields
    assert head.protocol == "HTTP/1.1"


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (b"GET\t/ HTTP/1.1\n\n", "AH03447"),
        (b"GET / HTTP/1.1 x\n\n", "AH03449"),
        (b"GET / HTTP/1.1\nX\n\n", "AH00564"),
        (b"GET / HTTP/1.1\n: x\n\n", "AH03453"),
        (b"GET / HTTP/1.1\nX : x\n\n", "AH03452"),
        (b"GET / HTTP/1.1\nX: x\x0b\n\n", "AH03451"),
        (b"GET / HTTP/1.1\nX: x\0\n\n", None),
        (b"GET / HTTP/1.1\nContent-Length: +5\n\n", "AH10242"),
    ],
)
def test_unsafe_refuses(data: bytes, number: str | None) -> None:
    with pytest.raises(HeadError) as caught:
        parse(data, UNSAFE)
    assert caught.value.number == number


def test_require_1_0() -> None:
    with pytest.raises(HeadError) as caught:
        parse(b"GET /\r\n", LIMITS._replace(allow_09=False))
    assert (caught.value.status, caught.value.number) == (400, "AH02401")
    assert parse(b"POST /\r\n", UNSAFE).simple


def test_registered_methods() -> None:
    limits = LIMITS._replace(methods=frozenset({"GET", "FOO"}))
    assert parse(b"FOO / HTTP/1.1\r\n\r\n", limits).method == "FOO"
    with pytest.raises(HeadError) as caught:
        parse(b"BAR / HTTP/1.1\r\n\r\n", limits)
    assert (caught.value.status, caught.value.number) == (501, "AH02423")


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (b"X: a\r\nY\r\n\r\n", [("X", "a")]),
        (b"A: %s\r\nA: %s\r\n\r\n" % (b"a" * 40, b"b" * 40), [("A", f"{'a' * 40}, {'b' * 40}")]),
    ],
)
def test_what_stands_before_a_bad_field_is_known(data: bytes, known: list[tuple[str, str]]) -> None:
    with pytest.raises(HeadError) as caught:
        parse(b"GET / HTTP/1.1\r\n" + data)
    assert caught.value.in_fields
    assert list(caught.value.head.fields) == known


def test_fields_that_fold_to_the_limit() -> None:
    """Apache counts the end of the text that it folds into."""
    begin, end = b"GET / HTTP/1.1\r\nX: a\r\n ", b"\r\n\r\n"
    longest = LIMITS.field_size - 2 - len("X: a ")
    assert parse(begin + b"b" * longest + end).fields.get("X") == "a " + "b" * longest
    with pytest.raises(HeadError) as caught:
        parse(begin + b"b" * (longest + 1) + end)
    assert caught.value.number == "AH00562"


_ODD = st.text(st.characters(codec="latin-1"), max_size=12)
_METHODS = st.sampled_from(["GET", "HEAD", "OPTIONS", "get", "X-Y", "M!"]) | _ODD
_TARGETS = st.sampled_from(["/", "/a?b", "*", "http://x/y", "//", "/%41", "/\xe9"]) | _ODD.map("/".__add__)
_VERSIONS = st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 "])
_NAMES = st.sampled_from(["Host", "X-A", "Connection", "Content-Length", "Transfer-Encoding", "Expect", "a"]) | _ODD
_VALUES = st.sampled_from(["x", "", " x ", "close", "0", "00", "chunked", "a, b", "\t", "\xe9", "100-continue"]) | _ODD
_FIELDS = st.lists(st.tuples(_NAMES, st.sampled_from([":", ": ", " :", ":\t", ""]), _VALUES), max_size=5)


@given(_METHODS, _TARGETS, _VERSIONS, _FIELDS)
def test_h11_takes_what_is_taken_without_asking_it(
    method: str, target: str, version: str, fields: list[tuple[str, str, str]]
) -> None:
    lines = [f"{method} {target} {version}", *("".join(field) for field in fields), "", ""]
    data = "\r\n".join(lines).encode("latin-1")
    buffer = HeadBuffer()
    buffer.feed(data)
    try:
        whole = buffer.take(Limits())
        head = None if whole is None else parse_head(whole, Limits())
    except HeadError:
        return
    if head is not None and not head.simple:
        ask_h11(head, len(data), Limits())
