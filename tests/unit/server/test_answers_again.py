"""Answers from the memo: the same as without, as long as nothing has changed, and anew as soon as something has."""

from __future__ import annotations

import _thread
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.scoreboard import Status
from pyhttpd.server import again, answer_memo
from pyhttpd.server.answer_memo import INLINE
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.sending import TruncatedFileError
from tests.support.memos import of_memos
from tests.unit.server.serving import Serving, parts, status_of, without_phases

pytestmark = [of_memos, pytest.mark.usefixtures("everything_is_old")]

Make = Callable[..., Serving]

GET = b"GET /a.txt HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
DATE = re.compile(rb"Date: [^\r]*")


@pytest.fixture
def page(make_serving: Make) -> Serving:
    serving = make_serving("LogLevel warn")
    serving.page("a.txt", "hello world\n")
    return serving


@pytest.fixture
def with_and_without(tmp_path: Path) -> Iterator[Callable[[str], list[Serving]]]:
    """Two services that differ in AnswerMemo, each with a directory of its own."""
    made: list[Serving] = []

    def make(text: str) -> list[Serving]:
        for word in ("On", "Off"):
            (tmp_path / word).mkdir()
            made.append(Serving(tmp_path / word, f"LogLevel warn\nAnswerMemo {word}\n{text}"))
        return made

    yield make
    for serving in made:
        serving.close()


def kept(serving: Serving) -> int:
    return len(serving.service.answers)


def same(answer: bytes) -> bytes:
    return DATE.sub(b"Date: now", answer)


def ask(serving: Serving, times: int, data: bytes = GET) -> list[bytes]:
    return [same(serving.ask(data)) for _ in range(times)]


REQUESTS = {
    "a file": GET,
    "HEAD": GET.replace(b"GET", b"HEAD"),
    "304": GET.replace(b"\r\n\r\n", b"\r\nIf-Modified-Since: Thu, 02 Jan 2020 03:04:05 GMT\r\n\r\n"),
    "a range": GET.replace(b"\r\n\r\n", b"\r\nRange: bytes=2-4\r\n\r\n"),
    "ranges": GET.replace(b"\r\n\r\n", b"\r\nRange: bytes=0-1,4-5\r\n\r\n"),
    "an index file": GET.replace(b"a.txt", b""),
    "a redirect": GET.replace(b"a.txt", b"dir"),
    "an error": GET.replace(b"a.txt", b"none"),
    "an error document": GET.replace(b"a.txt", b"documented/none"),
    "a large file": GET.replace(b"a.txt", b"large.bin"),
    "ranges of a large file": GET.replace(b"a.txt", b"large.bin").replace(
        b"\r\n\r\n", b"\r\nRange: bytes=0-20000,30000-59999\r\n\r\n"
    ),
    "the end of the connection": GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    "1.0": b"GET /a.txt HTTP/1.0\r\n\r\n",
    "1.0, kept": b"GET /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    "a virtual host": GET.replace(b"www.example.com", b"two.example.com"),
}
LINES = """\
LogLevel warn
DirectoryIndex none.html index.html
<Location /documented>
    ErrorDocument 404 /a.txt
</Location>
Header set X-All "%{VAR}e"
SetEnv VAR value
<VirtualHost *>
    ServerName www.example.com
    DocumentRoot htdocs
</VirtualHost>
<VirtualHost *>
    ServerName two.example.com
    DocumentRoot htdocs/dir
</VirtualHost>
"""


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_again(make_serving: Make, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    serving = make_serving(LINES)
    for file, content in {"a.txt": "hello world\n", "index.html": "index", "dir/a.txt": "two"}.items():
        serving.page(file, content)
    serving.page("large.bin", os.urandom(INLINE * 4))
    answers = ask(serving, 2, REQUESTS[name])
    assert kept(serving) == 1
    without_phases(serving, monkeypatch)
    answers += ask(serving, 2, REQUESTS[name])
    assert status_of(answers[0]) != 500
    assert set(answers) == {answers[0]}
    assert len(serving.access) == 4
    assert len(set(serving.access)) == 1
    slot = serving.scoreboard.slot(0)
    assert slot["access_count"] == 4
    assert slot["bytes_served"] == 4 * (slot["bytes_served"] // 4)


def test_connections_go_on_as_without_it(with_and_without: Callable[[str], list[Serving]]) -> None:
    with_memo, without = with_and_without("MaxKeepAliveRequests 4")
    asking = GET.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
    seen = []
    for serving in (with_memo, without):
        serving.page("a.txt", "hello world\n")
        ask(serving, 2, asking)
        dialogue = serving.connect()
        answers = [same(dialogue.say(asking)) for _ in range(5)]
        assert dialogue.closed
        seen.append((answers, serving.access))
    assert kept(with_memo) == 1
    assert kept(without) == 0
    assert seen[0] == seen[1]


def test_pipelined(page: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    [expected, _] = ask(page, 2)
    without_phases(page, monkeypatch)
    dialogue = page.connect()
    assert same(dialogue.say(GET * 5 + GET[:20])) == expected * 5
    assert dialogue.slot["status"] == Status.BUSY_READ
    assert same(dialogue.say(GET[20:])) == expected


def test_a_child_that_leaves_says_so(page: Serving) -> None:
    ask(page, 3)
    dialogue = page.connect()
    page.child.leaving = True
    assert parts(dialogue.say(GET))[1]["connection"] == "close"
    assert dialogue.closed


def write(serving: Serving) -> None:
    (serving.root / "htdocs" / "a.txt").write_text("HELLO WORLD\n")


def touch(serving: Serving) -> None:
    os.utime(serving.root / "htdocs" / "a.txt", (1_600_000_000, 1_600_000_000))


def replace(serving: Serving) -> None:
    serving.page("new", "another one\n").replace(serving.root / "htdocs" / "a.txt")


def truncate(serving: Serving) -> None:
    os.truncate(serving.root / "htdocs" / "a.txt", 3)


def remove(serving: Serving) -> None:
    (serving.root / "htdocs" / "a.txt").unlink()


def make_a_directory_of_it(serving: Serving) -> None:
    remove(serving)
    (serving.root / "htdocs" / "a.txt").mkdir()


def point_elsewhere(serving: Serving) -> None:
    remove(serving)
    serving.page("b.txt", "where it points\n")
    (serving.root / "htdocs" / "a.txt").symlink_to("b.txt")


@pytest.mark.parametrize(
    "change",
    [write, touch, replace, truncate, remove, make_a_directory_of_it, point_elsewhere],
    ids=lambda function: function.__name__,
)
def test_a_change_is_answered(
    with_and_without: Callable[[str], list[Serving]], change: Callable[[Serving], None]
) -> None:
    answers = []
    for serving in with_and_without(""):
        serving.page("a.txt", "hello world\n")
        before = ask(serving, 3)[-1]
        change(serving)
        after = ask(serving, 3)
        assert after[0] != before
        answers.append([re.sub(rb"(?:ETag|Last-Modified): [^\r]*", b"", answer) for answer in after])
    assert answers[0] == answers[1]


def test_an_index_file_that_appears_before_the_present_one(make_serving: Make) -> None:
    serving = make_serving("LogLevel warn\nDirectoryIndex first.html second.html")
    serving.page("second.html", "second")
    request = GET.replace(b"a.txt", b"")
    assert [parts(answer)[2] for answer in ask(serving, 3, request)] == [b"second"] * 3
    assert kept(serving) == 1
    serving.page("first.html", "first")
    assert [parts(answer)[2] for answer in ask(serving, 3, request)] == [b"first"] * 3


def test_a_link_that_comes_to_belong_to_another(make_serving: Make) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    serving = make_serving("LogLevel crit\n<Directory />\nOptions SymLinksIfOwnerMatch\n</Directory>")
    serving.page("dir/a.txt", "hello")
    link = serving.root / "htdocs" / "link"
    link.symlink_to("dir")
    request = GET.replace(b"a.txt", b"link/a.txt")
    assert [status_of(answer) for answer in ask(serving, 3, request)] == [200] * 3
    assert kept(serving) == 1
    os.lchown(link, 65534, 65534)
    assert status_of(serving.ask(request)) == 403


NOT_KEPT = {
    "the client's address": ("<Location />\nRequire ip 127.0.0.1\n</Location>", GET),
    "the time": ('Header set X-Time "%t"', GET),
    "how long it took": ('Header set X-Took "%D"', GET),
    "the load": ('Header set X-Load "%l"', GET),
    "an expression": ('Header set X-Time "expr=%{TIME}"', GET),
    "a body": ("", GET.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\nx")),
    "a password": ("", GET.replace(b"\r\n\r\n", b"\r\nAuthorization: Basic eDp5\r\n\r\n")),
    "a line in the error log": ("LogLevel debug", GET.replace(b"a.txt", b"none")),
    "a date to come": ("", GET.replace(b"\r\n\r\n", b"\r\nIf-Modified-Since: Tue, 01 Jan 2999 00:00:00 GMT\r\n\r\n")),
    "no memo": ("AnswerMemo Off", GET),
}


@pytest.mark.parametrize("name", NOT_KEPT)
def test_not_kept(make_serving: Make, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(answer_memo, "_STRONG", 61.0)
    text, request = NOT_KEPT[name]
    serving = make_serving(f"LogLevel warn\n{text}")
    serving.page("a.txt", "hello world\n")
    answers = ask(serving, 3, request)
    assert all(status_of(answer) < 500 for answer in answers)
    assert kept(serving) == 0


def test_what_has_just_changed_is_not_kept(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    serving = make_serving("LogLevel warn")
    serving.page("a.txt", "hello world\n")
    ask(serving, 3)
    assert kept(serving) == 0


def test_a_client_that_goes_away_in_the_middle(make_serving: Make) -> None:
    serving = make_serving("LogLevel warn\nTimeout 1")
    serving.page("a.txt", os.urandom(1 << 24))
    dialogue = serving.connect()
    dialogue.client.close()
    for _ in range(2):
        assert len(serving.ask(GET)) > 1 << 24
    assert kept(serving) == 1
    gone = serving.connect()
    gone.client.sendall(GET)
    gone.client.shutdown(2)
    gone.client.close()
    gone.serve()
    assert gone.closed
    assert serving.access[-1].split("|")[3] == "X"


def test_every_request_has_its_own_times(make_serving: Make) -> None:
    log = "CustomLog logs/times '%D %^FB %{begin:usec}t %{end:usec}t'"
    serving = make_serving(f"LogLevel warn\nLogIOTrackTTFB On\n{log}")
    serving.page("a.txt", "hello world\n")
    ask(serving, 4)
    assert kept(serving) == 1
    text = (serving.root / "logs" / "times").read_text()
    lines = [[int(word) for word in line.split()] for line in text.splitlines()]
    assert all(0 < first_byte <= took and begin < end for took, first_byte, begin, end in lines)
    assert len({begin for _, _, begin, _ in lines}) == 4


def test_nothing_of_a_request_lives_as_long_as_its_answer(page: Serving) -> None:
    ask(page, 2)
    [answer] = page.service.answers.by_head.young.values()
    assert not hasattr(answer.request, "connection")
    assert answer.request.content is None
    assert answer.request.recording is None


def test_what_a_log_hook_opens_is_let_go(make_serving: Make) -> None:
    closed: list[int] = []

    def note(request: Request) -> int:
        assert isinstance(request, ServerRequest)
        request.when_done(lambda: closed.append(1))
        request.env["LOGGED"] = request.notes["LOGGED"] = "yes"
        return DECLINED

    logger = Module("note_module", "mod_note.c", hooks=(on(Phase.LOG_TRANSACTION, note),))
    serving = make_serving("LogLevel warn\nHeader set X-Logged '%{LOGGED}e'", modules=[logger])
    serving.page("a.txt", "hello world\n")
    answers = ask(serving, 4)
    assert kept(serving) == 1
    assert len(closed) == 4
    assert set(answers) == {answers[0]}


@pytest.mark.parametrize("pure", [True, False])
def test_a_module_that_does_not_promise_to_be_pure(make_serving: Make, pure: bool) -> None:
    def fixup(request: Request) -> int:
        return OK

    module = Module("some_module", "mod_some.c", hooks=(on(Phase.FIXUPS, fixup, pure=pure),))
    serving = make_serving("LogLevel warn", modules=[module])
    serving.page("a.txt", "hello world\n")
    ask(serving, 3)
    assert kept(serving) == int(pure)


def test_what_else_happens_in_a_directory_does_not_matter(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk looks at each directory that leads to a file; others are made and removed there all the time."""
    serving = make_serving("LogLevel warn\n<Directory />\nOptions None\n</Directory>\n")
    serving.page("a.txt", "a")
    ask(serving, 2)
    assert kept(serving) == 1
    without_phases(serving, monkeypatch)
    serving.page("another.txt", "b")
    assert status_of(ask(serving, 1)[0]) == 200
    os.chmod(serving.root / "htdocs", 0o750)
    assert status_of(ask(serving, 1)[0]) == 500


def test_a_file_that_becomes_shorter_while_it_is_sent_is_told(page: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    (page.root / "htdocs" / "large").write_bytes(b"x" * (INLINE + 1))
    for _ in range(2):
        assert status_of(page.get("/large")) == 200

    def fail(*arguments: object) -> None:
        raise TruncatedFileError

    monkeypatch.setattr(again, "send_parts", fail)
    dialogue = page.connect()
    answer = dialogue.say(b"GET /large HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    assert parts(answer)[2] == b""
    assert dialogue.closed
    assert "PH00112: " in page.log
    assert page.access[-1].split("|")[2] == "0"


class _Full:
    """A socket that takes nothing at once."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, data: bytes, flags: int) -> int:
        raise BlockingIOError

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


@pytest.mark.parametrize("full", [False, True])
def test_threads_take_turns_but_not_while_a_client_takes_nothing(
    page: Serving, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    expected = ask(page, 4)[0]
    turn = page.child.turn = _thread.allocate_lock()
    held: list[bool] = []
    send_slowly = again._send_slowly

    def note(*arguments: Any) -> int:
        held.append(turn.locked())
        return send_slowly(*arguments)

    monkeypatch.setattr(again, "_send_slowly", note)
    dialogue = page.connect()
    if full:
        dialogue.connection.sock = cast(socket.socket, _Full(dialogue.sock))
    without_phases(page, monkeypatch)
    assert same(dialogue.say(GET)) == expected
    assert held == ([False] if full else [])
    assert not turn.locked()
    assert len(page.access) == 5


def test_a_log_that_raises_ends_the_turn(page: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(page, 4)
    turn = page.child.turn = _thread.allocate_lock()

    def fail(connection: object) -> None:
        assert turn.locked()
        raise RuntimeError("a log that fails")

    answer = next(iter(page.service.answers.by_head.young.values()))
    monkeypatch.setattr(answer, "logs", (fail,))
    assert status_of(page.ask(GET)) == 200
    assert not turn.locked()
    assert "a log that fails" in page.log
