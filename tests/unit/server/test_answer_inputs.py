"""Answers to heads that differ: the same as without any memo, whatever of the head the answer has asked for."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyhttpd.http.head import Head, parse_head
from pyhttpd.http.head import Limits as HeadLimits
from pyhttpd.server.answer_inputs import question_of
from tests.unit.server.serving import Serving, status_of, without_phases

DATE = re.compile(rb"Date: [^\r]*")
LINES = """\
LogLevel warn
LogFormat "%r|%q|%>s|%B|%X|%k|%I|%O|%{User-Agent}i|COOKIES%{X}e" test
DirectoryIndex index.html
Redirect /moved /elsewhere
SetEnvIf User-Agent Old X=old
Header set X-Old yes env=X
Header append Vary User-Agent
<Location /documented>
    ErrorDocument 404 /a.txt
</Location>
<VirtualHost *>
    ServerName one.example
    DocumentRoot htdocs
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    DocumentRoot htdocs/dir
</VirtualHost>
"""
CHOICES = {
    "method": ("GET", "GET", "GET", "HEAD", "POST"),
    "path": ("/a.txt", "/a.txt", "/", "/dir", "/none", "/moved", "/moved/x", "/documented/none", "http://two.example/a.txt"),
    "query": ("", "", "?a", "?b"),
    "protocol": ("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"),
    "Host": ("one.example", "one.example", "two.example", "ONE.example:80", None),
    "User-Agent": ("New", "Old", None),
    "Cookie": ("a=1", "a=2", "a=3", None),
    "Connection": ("keep-alive", "close", None, None),
    "If-None-Match": (None, None, "*", '"x"'),
    "If-Modified-Since": (None, None, "Thu, 02 Jan 2020 03:04:05 GMT", "Thu, 02 Jan 1990 03:04:05 GMT"),
    "Range": (None, None, "bytes=0-1", "bytes=2-"),
    "Authorization": (None, None, None, None, "Basic eDp5"),
    "Accept-Encoding": ("gzip", "br", None),
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("everything_is_old")


@pytest.fixture(params=["%{Cookie}i|", ""], ids=["cookies-logged", "cookies-not-logged"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Serving]]:
    """With both memos, and with none. The files are the same: one inode each, one time."""
    made: list[Serving] = []
    lines = LINES.replace("COOKIES", request.param)
    for word in ("On", "Off"):
        root = tmp_path / word
        root.mkdir()
        if made:
            os.symlink(made[0].root / "htdocs", root / "htdocs")
        made.append(Serving(root, f"AnswerMemo {word}\nHeadMemo {word}\n{lines}"))
    for file, content in {"a.txt": "hello world\n", "index.html": "index", "dir/a.txt": "two"}.items():
        made[0].page(file, content)
    yield made
    for serving in made:
        serving.close()


def request(choice: random.Random) -> bytes:
    picked = {name: choice.choice(values) for name, values in CHOICES.items()}
    first = f"{picked.pop('method')} {picked.pop('path')}{picked.pop('query')} {picked.pop('protocol')}"
    fields = [f"{name}: {value}" for name, value in picked.items() if value is not None]
    return "\r\n".join([first, *fields, "", ""]).encode()


def get(target: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: one.example", *fields, "", ""]).encode()


@pytest.mark.parametrize("seed", range(8))
def test_answers_and_logs_are_those_without_a_memo(services: list[Serving], seed: int) -> None:
    choice = random.Random(seed)
    for _ in range(150):
        data = request(choice)
        answers = [DATE.sub(b"Date: now", serving.ask(data)) for serving in services]
        assert answers[0] == answers[1], data
    assert services[0].access == services[1].access
    assert len(services[0].service.answers._by_question.young) > 1


def test_what_nobody_asks_for_does_not_matter(services: list[Serving], monkeypatch: pytest.MonkeyPatch) -> None:
    serving = services[0]
    for number in range(2):
        serving.ask(get("/a.txt", f"Cookie: {number}"))
    without_phases(serving, monkeypatch)
    for number in range(3):
        assert status_of(serving.ask(get(f"/a.txt?{number}", f"Cookie: n{number}", "Accept: x"))) == 200
    assert [line.split("|")[1] for line in serving.access[2:]] == ["?0", "?1", "?2"]
    if len(serving.access[2].split("|")) == 11:
        assert [line.split("|")[9] for line in serving.access[2:]] == ["n0", "n1", "n2"]
    assert status_of(serving.ask(get("/a.txt", "User-Agent: Old"))) == 500  # which SetEnvIf asks for
    assert status_of(serving.ask(get("/a.txt", "Authorization: Basic eDp5"))) == 500


def test_a_head_that_comes_again_is_known_by_itself(services: list[Serving], monkeypatch: pytest.MonkeyPatch) -> None:
    serving = services[0]
    for number in range(2):
        serving.ask(get("/a.txt", f"Cookie: {number}"))
    for _ in range(2):
        serving.ask(get("/a.txt?q", "Cookie: mine"))
    monkeypatch.setattr(serving.service.answers, "find", lambda question, head: None)
    without_phases(serving, monkeypatch)
    assert status_of(serving.ask(get("/a.txt?q", "Cookie: mine"))) == 200
    assert serving.access[-1] == serving.access[-2] == serving.access[-3]


def test_what_has_changed_is_answered_as_it_is(services: list[Serving]) -> None:
    serving = services[0]
    for number in range(3):
        serving.ask(get("/a.txt", f"Cookie: {number}"))
    (serving.root / "htdocs" / "a.txt").write_text("another\n")
    assert serving.ask(get("/a.txt", "Cookie: x")).endswith(b"another\n")
    for number in range(3):
        serving.ask(get("/a.txt", f"Cookie: {number}"))
    (serving.root / "htdocs" / "a.txt").unlink()
    assert status_of(serving.ask(get("/a.txt", "Cookie: y"))) == 404


def test_absolute_uris_ask_no_question() -> None:
    def head(target: str) -> Head:
        return parse_head(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), HeadLimits())

    assert question_of(("::1", 80), head("http://x/a?b")) is None
    assert question_of(("::1", 80), head("/a?b")) == (("::1", 80), "GET", "/a", "HTTP/1.1")
