"""The answer memo: what goes into it, what is filled in, what is forgotten."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from pyhttpd.api.body import FileSlice
from pyhttpd.api.recording import Recording
from pyhttpd.http.head import Head
from pyhttpd.http.headers import Headers
from pyhttpd.server import answer_memo
from pyhttpd.server.answer_inputs import question_of
from pyhttpd.server.answer_memo import INLINE, AnswerMemo, KeptAnswer, Key, Part, Wish, read_body
from pyhttpd.server.request import ServerRequest
from tests.support.requests import configure, make_request

ADDRESS = ("127.0.0.1", 80)
DATE = b"Tue, 24 Nov 2026 08:00:00 GMT"
SECOND = 1795507200  # the same
HEAD = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 07:00:00 GMT\r\nServer: s\r\n%bContent-Length: 4\r\n\r\n"
KEEP = b"Keep-Alive: timeout=5, max=100\r\nConnection: Keep-Alive\r\n"


@pytest.fixture(scope="module")
def kept_request(tmp_path_factory: pytest.TempPathFactory) -> ServerRequest:
    request: Any = make_request(configure("KeepAliveTimeout 5", tmp_path_factory.mktemp("memo")))
    request.answer = request
    return cast(ServerRequest, request)


Kept = Callable[..., KeptAnswer]


@pytest.fixture
def kept(kept_request: ServerRequest) -> Kept:
    def make(head: bytes = HEAD % KEEP, body: bytes = b"page") -> KeptAnswer:
        return KeptAnswer(kept_request, (), head, (body, ()), stays=True, idle_time=5.0)

    return make


def key(head: bytes) -> Key:
    return ADDRESS, head


def test_the_date_and_the_requests_that_are_left_are_filled_in(kept: Kept) -> None:
    expected = HEAD.replace(b"Mon, 23 Nov 2026 07:00:00 GMT", DATE) % KEEP.replace(b"100", b"42") + b"page"
    assert kept().message(SECOND, 42) == expected


@pytest.mark.parametrize(
    "field", [b"", b"Keep-Alive: timeout=5\r\nConnection: Keep-Alive\r\n", b"Connection: close\r\n"]
)
def test_without_a_limit_only_the_date_is(kept: Kept, field: bytes) -> None:
    answer = kept(HEAD % field)
    assert answer.message(SECOND, 0) == HEAD.replace(b"Mon, 23 Nov 2026 07:00:00 GMT", DATE) % field + b"page"
    assert answer.inline == 4


def test_heads_are_wanted_the_second_time() -> None:
    memo = AnswerMemo()
    question, other = question_of(ADDRESS, Head()), ("127.0.0.1", 81)
    wishes = [memo.wanted(key(b"GET /"), question_of(ADDRESS, Head())) for _ in range(3)]
    assert wishes == [None, Wish(key(b"GET /"), question), Wish(key(b"GET /"), question)]
    assert memo.wanted(key(b"GET / another"), question_of(ADDRESS, Head())) == Wish(None, question)
    assert memo.wanted((other, b"GET /"), question_of(other, Head())) is None
    long = b"x" * (answer_memo.LARGEST_HEAD + 1)
    assert [memo.wanted(key(long), question_of(ADDRESS, Head())) for _ in range(2)] == [None, None]


def test_a_flood_of_different_heads_is_bounded(kept: Kept) -> None:
    memo = AnswerMemo(limit=100_000)
    for number in range(20_000):
        head = b"GET /%d" % number
        wish = memo.wanted(key(head), question_of(ADDRESS, Head())) or Wish(key(head), None)
        cookie = Head(fields=Headers([("Cookie", str(number))]))
        memo.put(wish, cookie, frozenset(["?", "cookie"]), kept())
        memo.put_for_head(key(head), kept())
    heads = memo.by_head
    assert len(heads._seen) <= answer_memo._SEEN
    size = sum(len(head) + answer.cost for part in (heads.young, heads.old) for (_, head), answer in part.items())
    assert size <= 100_000
    questions = memo._by_question
    assert sum(answers.cost for part in (questions.young, questions.old) for answers in part.values()) <= 200_000
    assert sum(len(answers._by_values) for answers in questions.young.values()) < 30


def test_what_is_used_stays(kept: Kept) -> None:
    memo = AnswerMemo(limit=100_000)
    answer = kept()
    memo.put_for_head(key(b"used"), answer)
    for number in range(1000):
        memo.put_for_head(key(b"GET /%d" % number), kept())
        assert memo.by_head.get(key(b"used")) is answer
    assert memo.by_head.get(key(b"GET /0")) is None


def test_what_is_too_large_is_not_kept(kept: Kept) -> None:
    memo = AnswerMemo(limit=40_000)
    memo.put_for_head(key(b"large"), kept(body=b"x" * 10_000))
    assert memo.by_head.get(key(b"large")) is None


def test_what_is_not_used_is_forgotten(kept: Kept) -> None:
    memo = AnswerMemo()
    memo.age(1000.0)
    for head in (b"used", b"unused"):
        memo.put_for_head(key(head), kept())
    memo.age(1061.0)
    assert memo.by_head.get(key(b"used")) is not None
    memo.age(1122.0)
    assert memo.by_head.get(key(b"unused")) is None
    assert memo.by_head.get(key(b"used")) is not None


def file_slice(path: Path, size: int, recording: Recording) -> FileSlice:
    path.write_bytes(b"x" * size)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    fd = os.open(path, os.O_RDONLY)
    recording.opened(str(path), fd)
    return FileSlice(fd, 0, size)


def test_small_bodies_are_kept_and_large_ones_read_again(tmp_path: Path) -> None:
    recording = Recording(time.time() + 3600)
    small = file_slice(tmp_path / "small", 10, recording)
    large = file_slice(tmp_path / "large", INLINE + 1, recording)
    assert read_body([b"a", small], recording) == (b"a" + b"x" * 10, ())
    body, parts = read_body([b"a", large], recording) or (b"?", ())
    assert body == b""
    assert parts == (b"a", Part(recording.files[large.fd], 0, INLINE + 1))
    (tmp_path / "small").write_bytes(b"y" * 10)
    assert read_body([small], recording) is None
    assert read_body([FileSlice(2**20, 0, 1)], recording) is None
    for piece in (small, large):
        os.close(piece.fd)
