"""Outlines: which heads have one, when two have the same, and that what is kept by it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.http.head import Limits, parse_head
from pyhttpd.server import answer_memo
from pyhttpd.server.answer_memo import AnswerMemo, KeptAnswer
from pyhttpd.server.outlines import LONGEST, Outlines
from pyhttpd.util.escape import log_item
from tests.support.memos import of_memos
from tests.unit.server.serving import Serving, status_of, without_phases

pytestmark = of_memos

ADDRESS = ("127.0.0.1", 80)
NAMES = frozenset({"host", "range"})


def head(target: str, *fields: str, method: str = "GET", protocol: str = "HTTP/1.1") -> bytes:
    return "\r\n".join([f"{method} {target} {protocol}", "Host: x", *fields, "", ""]).encode("latin-1")


def outlines() -> Outlines:
    return Outlines(NAMES, 1 << 20)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (head("/a"), head("/a?b"), True),
        (head("/a", "Cookie: 1"), head("/a?", "Cookie: 2"), True),
        (head("/a", "Cookie: 1"), head("/a", "Accept: 2"), True),
        (head("/a", "Cookie: 1"), head("/a"), False),
        (head("/a"), head("/b"), False),
        (head("/a"), head("/a", method="HEAD"), False),
        (head("/a"), head("/a", protocol="HTTP/1.0"), False),
        (head("/a", "Range: bytes=0-1"), head("/a", "Range: bytes=0-2"), False),
        (head("/a", "range: bytes=0-1"), head("/a", "Cookie: bytes=0-1"), False),
        (head("/a", "Host: y"), head("/a", "Host: z"), False),
    ],
)
def test_equal_outlines(one: bytes, other: bytes, equal: bool) -> None:
    known = outlines()
    for _ in range(3):  # unknown lines, such as come a second time, known ones
        first, second = known.of(ADDRESS, one), known.of(ADDRESS, other)
        assert first is not None
        assert second is not None
        assert (first[1] == second[1]) is equal


@pytest.mark.parametrize(
    "data",
    [
        head("/", "Content-Length: 1"),
        head("/", "transfer-encoding: chunked"),
        head("/", "Authorization: Basic eDp5"),
        head("/", "Proxy-Authorization: x"),
        head("/", "Expect: 100-continue"),
        head("/", "X: a", " folded"),
        head("/", "no field"),
        head("/", "X : a"),
        head("/", "X: a\0b"),
        head("/", "X: a\nY: b"),
        head("/", method="POST"),
        head("/", protocol="HTTP/2.0"),
        head("/", protocol="http/1.1"),
        head('/"'),
        head("/\\"),
        head("/?\xe9"),
        head("/#a"),
        head("/a b"),
        head("http://x/"),
        head("*", method="OPTIONS"),
        head("/") + b"G",
        head("/") + head("/"),
        b"\r\n" + head("/"),
        b"GET /\r\n\r\n",
        head("/")[:-1],
        head("/", "X: " + "x" * LONGEST),
    ],
)
def test_what_has_no_outline(data: bytes) -> None:
    known = outlines()
    for _ in range(3):
        assert known.of(ADDRESS, data) is None


_ODD = st.text(st.characters(codec="latin-1"), max_size=9)
_TARGETS = (
    st.sampled_from(["/", "/a?b", "/%", "//a", "*", "/a/../b"]) | _ODD.map("/{}".format) | _ODD.map("/?{}".format)
)
_FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["Host", "Cookie", "Range", "Content-Length", "x", " y"]) | _ODD,
        st.sampled_from([":", ": ", " :", ""]),
        st.sampled_from(["x", "", " x\t", "0", "\n", "\r"]) | _ODD,
    ).map("".join),
    max_size=5,
)
_KNOWN = outlines()  # lines of other examples are known


@given(_TARGETS, _FIELDS, st.sampled_from(["\r\n\r\n", "\r\n\r\n", "\n\n", "\r\n"]))
def test_only_what_can_be_read_has_one(target: str, fields: list[str], end: str) -> None:
    data = ("\r\n".join([f"GET {target} HTTP/1.1", *fields]) + end).encode("latin-1")
    for _ in range(3):
        found = _KNOWN.of(ADDRESS, data)
        if found is not None:
            read = parse_head(data, Limits())
            assert found[0] == read.line == log_item(read.line)
            assert read.target.partition("?")[0] == read.parts.path
            assert not read.has_body
            told = [line.split(b":")[0].lower().decode() for line in found[1][3] if line]
            assert told == [name.lower() for name in (line.split(":")[0] for line in fields) if name.lower() in NAMES]


def test_a_flood_of_lines_costs_bounded_memory() -> None:
    known = outlines()
    for number in range(3000):
        for _ in range(2):
            assert known.of(ADDRESS, head("/", f"Cookie: {number}")) is not None
    assert len(known._lines) < 400
    assert len(known._lines._seen) <= 1024


def test_what_is_asked_for_later_makes_new_outlines() -> None:
    memo = AnswerMemo()
    kept: Any = KeptAnswer.__new__(KeptAnswer)
    kept.names = frozenset({"host"})
    kept.before_date = kept.tail = b""
    kept.before_left = None
    before = memo.outlines
    data = head("/", "Referer: y")
    found = before.of(ADDRESS, data)
    assert found is not None
    memo.put_by_outline(before, found[1], kept, frozenset({"referer"}))
    assert memo.outlines is not before
    assert before.find(ADDRESS, data)[0] is None  # this outline does not tell the Referer
    memo.put_by_outline(before, found[1], kept, frozenset({"referer"}))  # as a thread may that is late
    assert before.find(ADDRESS, data)[0] is None
    later = memo.outlines.of(ADDRESS, data)
    assert later is not None
    memo.put_by_outline(memo.outlines, later[1], kept, frozenset({"referer"}))
    assert memo.outlines.find(ADDRESS, data) == (kept, "GET / HTTP/1.1")
    for names in (frozenset({"?"}), None):
        memo.put_by_outline(memo.outlines, later[1], kept, names)
        assert memo.outlines.tell(frozenset({"host", "referer"}))


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serving:
    monkeypatch.setattr(answer_memo, "YOUNG", -3600.0)
    serving = Serving(tmp_path, 'LogLevel warn\nLogFormat "%h %r %q %>s %O %{Referer}i" test')
    serving.page("a.txt", "hello")
    return serving


def test_heads_with_a_known_outline_are_not_read(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(number: int) -> bytes:
        return serving.ask(head(f"/a.txt?{number}", f"Cookie: {number}", "Referer: r"))

    before = [ask(number) for number in range(8)]
    without_phases(serving, monkeypatch)
    monkeypatch.setattr(serving.service.answers, "find", lambda question, head: None)
    after = [ask(number) for number in range(8, 12)]
    assert {status_of(answer) for answer in before + after} == {200}
    assert serving.access == [
        f"127.0.0.1 GET /a.txt?{number} HTTP/1.1 ?{number} 200 {len(answer)} r"
        for number, answer in enumerate(before + after)
    ]
    assert status_of(serving.ask(head("/a.txt?x", "Cookie: x", "Referer: another"))) == 500, "the log asks for it"
    serving.close()


def test_a_head_that_comes_often_gets_a_place_of_its_own(serving: Serving) -> None:
    for number in range(8):
        serving.ask(head("/a.txt", f"Cookie: {number}"))
    dialogue = serving.connect()
    for _ in range(20):
        assert status_of(dialogue.say(head("/a.txt", "Cookie: mine"))) == 200
    assert any(b"Cookie: mine" in data for _, data in serving.service.answers.by_head.young)
    serving.close()


def test_a_file_that_has_changed_is_told_anew(serving: Serving) -> None:
    for number in range(8):
        serving.ask(head("/a.txt", f"Cookie: {number}"))
    (serving.root / "htdocs" / "a.txt").write_text("another")
    assert serving.ask(head("/a.txt", "Cookie: n")).endswith(b"another")
    (serving.root / "htdocs" / "a.txt").unlink()
    assert status_of(serving.ask(head("/a.txt", "Cookie: m"))) == 404
    serving.close()
