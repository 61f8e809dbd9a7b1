"""The head memo reads what parse_head reads, as that does, the first time and every other time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.http.head import Head, HeadError, Limits, parse_head
from pyhttpd.http.head_memo import LONGEST, HeadMemo

LIMITS = Limits(line=200, fields=6, field_size=100)
HEAD = b"GET /a?b HTTP/1.1\r\nHost: x\r\nUser-Agent:  me \t\r\nX-Empty:\r\n\r\n"

_ODD = st.text(st.characters(codec="latin-1"), max_size=12)
_FIRST = st.sampled_from(["GET / HTTP/1.1", "HEAD /a?b HTTP/1.0", "GET /", "get * HTTP/1.1", "GET / HTTP/2.0"]) | _ODD
_NAMES = st.sampled_from(["Host", "X-A", "x-a", "Connection", "Content-Length", "Authorization", "a", " b"]) | _ODD
_VALUES = st.sampled_from(["x", "", " x ", "close", "0", "a, b", "\t", "\xe9", "x" * 99, "\n", "\r"]) | _ODD
_LINES = st.lists(st.tuples(_NAMES, st.sampled_from([":", ": ", " :", ":\t", ""]), _VALUES).map("".join), max_size=8)
_END = st.sampled_from(["\r\n\r\n"] * 8 + ["\n\n", "\r\n", ""])
_MEMO = HeadMemo()  # lines of other examples are known


def shown(head: Head) -> tuple[object, ...]:
    return (*(getattr(head, name) for name in Head.__slots__ if name != "fields"), list(head.fields))


@given(_FIRST, _LINES, _END, st.booleans())
def test_it_reads_as_parse_head_does(first: str, lines: list[str], end: str, strict: bool) -> None:
    data = ("\r\n".join([first, *lines]) + end).encode("latin-1")
    limits = LIMITS._replace(strict=strict)
    try:
        expected = parse_head(data, limits)
    except HeadError:
        expected = None
    for _ in range(3):
        head = _MEMO.parse(data, limits)
        assert head is None or (expected is not None and shown(head) == shown(expected))


def test_what_is_usual_is_read_here() -> None:
    memo = HeadMemo()
    for _ in range(4):
        head = memo.parse(HEAD, LIMITS)
        assert head is not None
        assert list(head.fields) == [("Host", "x"), ("User-Agent", "me"), ("X-Empty", "")]
    assert len(memo._lines.young) == 3
    assert memo._lines.young[b"Host: x"] == ("host", "Host", "x")


def test_a_head_does_not_see_what_another_did_to_its_fields() -> None:
    memo = HeadMemo()
    for _ in range(4):
        head = memo.parse(HEAD, LIMITS)
        assert head is not None
        assert "X-New" not in head.fields
        head.fields.set("X-New", "1")
        head.fields.set("Host", "y")
        head.fields.unset("User-Agent")


def test_secrets_and_long_lines_are_not_kept() -> None:
    memo = HeadMemo()
    limits = Limits(field_size=8190)
    for line in (b"Authorization: Basic eDp5", b"Proxy-Authorization: x", b"X-Long: " + b"x" * LONGEST):
        for _ in range(4):
            assert memo.parse(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n", limits) is not None
    assert not memo._lines.young


def test_a_flood_of_lines_costs_bounded_memory() -> None:
    memo = HeadMemo(100_000)
    for number in range(3000):
        for _ in range(2):
            assert memo.parse(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: %d\r\n\r\n" % number, LIMITS) is not None
    assert memo._lines.size <= 50_000
    assert len(memo._lines.young) + len(memo._lines.old) < 500
    assert b"Host: x" in memo._lines.young  # what is used stays
    assert len(memo._lines._seen) <= 1024
