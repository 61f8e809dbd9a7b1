"""Conversations by chance, with the memos and without them: the same answers, log lines, counts and ends."""

from __future__ import annotations

import os
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyhttpd.api.connection import CLOSE, For, Woken
from pyhttpd.api.recording import Recording
from pyhttpd.http.head import Head
from pyhttpd.scoreboard import SlotView
from pyhttpd.server import exchange
from pyhttpd.server.answer_memo import record
from tests.unit.server.serving import MARK, Serving

pytestmark = pytest.mark.usefixtures("everything_is_old")

TIMES = re.compile(rb"Date: [^\r]*|took=\d+")
COUNTS = ("access_count", "my_access_count", "conn_count", "bytes_served", "my_bytes_served", "conn_bytes")

BASE = """\
LogLevel warn
DirectoryIndex nothing.html index.html
KeepAliveTimeout 7
<VirtualHost *>
    ServerName one.example
    DocumentRoot htdocs
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    DocumentRoot htdocs/dir
    MaxKeepAliveRequests 2
</VirtualHost>
"""
BLOCKS = (
    'LogFormat "%r %q %U %m %H %s %>s %B %b %X %k %I %O %S %h %a %A %u" every\nCustomLog logs/access every',
    'CustomLog logs/access "%v %V %p %f %R %q"',
    'LogFormat "%{Cookie}i %{a}C %{X}e %{n}n %{Vary}o %{Content-Type}o" asking\nCustomLog logs/access asking',
    'CustomLog logs/access "old %r" env=X\nCustomLog logs/access "new %r" env=!X',
    'CustomLog logs/access "asked %r" "expr=%{HTTP_COOKIE} =~ /a=1/"',
    'CustomLog logs/access "%!200,304{User-Agent}i %400,404{Referer}i %{X-In}i %{X-Merged}i"',
    'GlobalLog logs/access "global %v %r took=%D"',
    'LogFormat "uri=%U line=%r agent=%{User-Agent}i" fields json\nCustomLog logs/access fields',
    "SetEnvIf User-Agent Old X=old\nHeader set X-Old yes env=X",
    "SetEnvIf ^Ref[a-z]*$ one X=referred\nHeader append Vary Referer",
    "SetEnvIf Request_URI dir X=dir",
    "SetEnvIf Cookie a=(.) X=$1\nHeader always set X-Cookie %{X}e",
    "RequestHeader set X-In set",
    "RequestHeader merge X-Merged more",
    "RequestHeader append X-In appended",
    "RequestHeader unset Cookie",
    "RequestHeader edit Referer one two",
    'RequestHeader set X-In "expr=%{QUERY_STRING}"',
    'Header set X-Query "expr=%{QUERY_STRING}"',
    'Header set X-Line "expr=%{THE_REQUEST}"',
    'Header set X-Agent "expr=%{HTTP_USER_AGENT}"',
    "Header echo ^X-In",
    'Header set X-If yes "expr=%{QUERY_STRING} == \'a\'"',
    '<If "%{HTTP_REFERER} =~ /one/">\nHeader set X-Section one\n</If>\n'
    '<ElseIf "-n req(\'Cookie\')">\nHeader set X-Section two\n</ElseIf>',
    '<If "%{QUERY_STRING} =~ /b/">\nRequire all denied\n</If>',
    '<Location /dir>\nRequire expr "%{HTTP_USER_AGENT} != \'Old\'"\n</Location>',
    "<Location /none>\nErrorDocument 404 /a.txt\n</Location>",
    "ErrorDocument 404 /none/again?q",
    "ErrorDocument 403 \"no",
    "Redirect /moved /elsewhere",
    "RedirectMatch ^/gone/(.*) http://other.example/$1",
    "AliasMatch ^/other/(.*) ${ROOT}/htdocs/$1",
    "<Directory htdocs>\nFallbackResource /index.html\n</Directory>",
    "<Directory htdocs>\nAllowOverride All\n</Directory>",
    "KeepAlive Off",
    "MaxKeepAliveRequests 3",
    "HostnameLookups On",
    "HttpProtocolOptions Unsafe",
    "LimitRequestFields 9",
    "LimitRequestFieldSize 60",
    "UseCanonicalName On",
    "UseCanonicalName DNS",
    "ExtendedStatus On",
    "ExtendedStatus Off",
    "SendBufferSize 2048",
    "EnableSendfile On\nEnableMMAP Off",
    "FileETag None",
    "ContentDigest On",
    "Options +MultiViews",
    "TraceEnable Off",
)  # fmt: skip
METHODS = ("GET",) * 8 + ("HEAD", "POST", "OPTIONS", "TRACE", "get")
PATHS = ("/a.txt", "/a.txt", "/", "/dir", "/dir/", "/none", "/none/x", "/moved/x", "/gone/x", "/other/a.txt",
         "/big.txt", "/large.txt", "/changes.txt", "/a%2etxt", "//a.txt", "/a.txt/extra", "/dir/../a.txt",
         "http://two.example/a.txt", "http://u:p@one.example/a.txt", "*", "/a.txt#x", "/a<b", "/\xe9", '/"',
         "/a\\b")  # fmt: skip
QUERIES = ("", "", "", "?", "?a", "?b", "??", '?"', "?<", "?\\", "?%00", "?\xe9", "?#", "?{")
PROTOCOLS = (*("HTTP/1.1",) * 6, *("HTTP/1.0",) * 2, "http/1.1", "HTTP/1.2", "HTTP/2.0", "", "HTTP/1.1 ", "HTTP/1.1 x")
FIELDS = {
    "Host": ("one.example",) * 5 + ("two.example", "ONE.example:80", "two.example.", "", "bad host", "[::1]"),
    "User-Agent": ("New", "Old", "Old\xe9", 'quo"te', "back\\slash"),
    "Cookie": ("a=1", "a=2", "b=1; a=3", "a=1 ", "\ta=1"),
    "Referer": ("one", "two", "one\ttwo"),
    "Connection": ("keep-alive", "close", "Close, x", "keep-alive, close", "c", "upgrade"),
    "If-None-Match": ("*", '"x"'),
    "If-Modified-Since": ("Thu, 02 Jan 2020 03:04:05 GMT", "Thu, 02 Jan 1990 03:04:05 GMT", "nonsense"),
    "If-Match": ('"x"',),
    "Range": ("bytes=0-1", "bytes=2-", "bytes=0-0,2-2", "bytes=99999-", "lines=1"),
    "If-Range": ('"x"', "Thu, 02 Jan 2020 03:04:05 GMT"),
    "X-In": ("in", "in2", "x" * 70),
    "X-Merged": ("m",),
    "Accept-Encoding": ("gzip", "br"),
    "Accept": ("text/html", "*/*"),
    "Authorization": ("Basic eDp5",),
    "Expect": ("100-continue", "more"),
    "Content-Length": ("0", "x"),
    "Odd Name": ("x",),
}
ACCESS = ("Header set X-Access 1\n", "Require all denied\n", "ForceType text/x\n", "nonsense\n")
FILES = {
    "a.txt": "hello world\n", "index.html": "index", "dir/a.txt": "two", "dir/index.html": "index of two",
    "big.txt": "0123456789" * 600, "large.txt": "0123456789" * 3000, "changes.txt": "0",
}  # fmt: skip


class Pair:
    """Two servers of the same files: with the memos, and without any."""

    def __init__(self, root: Path, lines: str) -> None:
        self.servings: list[Serving] = []
        for word in ("On", "Off"):
            directory = root / word
            directory.mkdir()
            if self.servings:
                os.symlink(self.servings[0].root / "htdocs", directory / "htdocs")
            text = lines.replace("${ROOT}", str(directory))
            self.servings.append(Serving(directory, f"AnswerMemo {word}\nHeadMemo {word}\n{text}"))
        for name, content in FILES.items():
            self.servings[0].page(name, content)

    def close(self) -> None:
        for serving in self.servings:
            serving.close()

    def change(self, choice: random.Random) -> None:
        htdocs = self.servings[0].root / "htdocs"
        match choice.randrange(4):
            case 0:
                self.servings[0].page("changes.txt", "x" * choice.randrange(9))
            case 1:
                (htdocs / "changes.txt").unlink(missing_ok=True)
            case 2:
                line = choice.choice(ACCESS)
                self.servings[0].page(f"{choice.choice(('', 'dir/'))}.htaccess", line)
            case 3:
                for name in (".htaccess", "dir/.htaccess"):
                    (htdocs / name).unlink(missing_ok=True)

    def check(self, segments: list[bytes], *, begins: bool) -> None:
        told = [converse(serving, segments, begins=begins) for serving in self.servings]
        assert told[0][0] == told[1][0], (segments, told[0][0], told[1][0])
        assert told[0][1:] == told[1][1:], (segments, told[0][1:], told[1][1:])

    def check_logs(self) -> None:
        lines = []
        for serving in self.servings:
            log = TIMES.sub(b"time", (serving.root / "logs" / "access").read_bytes())
            port = str(serving.listener.getsockname()[1]).encode()
            lines.append(log.replace(str(serving.root).encode(), b"ROOT").replace(port, b"PORT").splitlines())
        for line, other in zip(*lines, strict=True):
            assert line == other, (line, other)


def converse(serving: Serving, segments: list[bytes], *, begins: bool) -> tuple[bytes, For, dict[str, int], SlotView]:
    """Say these on one connection; whether an MPM that begins asks for the first answer at once."""
    dialogue = serving.connect()
    received: list[bytes] = []
    thread = threading.Thread(target=dialogue._receive, args=(received,))
    thread.start()
    dialogue.slot.begin_connection()
    for index, segment in enumerate(segments):
        dialogue.client.sendall(segment)
        if not index and begins and dialogue.connection.begin():
            dialogue.wait = CLOSE
        else:
            dialogue.serve()
        if dialogue.closed:
            break
    reason = For.CLOSE if dialogue.closed else dialogue.wait.reason
    view = serving.scoreboard.view(0)
    if dialogue.closed:
        dialogue.connection.close()
    else:
        dialogue.sock.settimeout(20)
        dialogue.sock.sendall(MARK)
    thread.join(20)
    assert not thread.is_alive()
    dialogue.close()
    serving._open.remove(dialogue)
    port = str(serving.listener.getsockname()[1])
    answer = TIMES.sub(b"time", b"".join(received).removesuffix(MARK)).replace(port.encode(), b"PORT")
    view.strings["vhost"] = view.strings["vhost"].replace(port, "PORT")
    return answer, reason, {name: view.words[name] for name in COUNTS}, view._replace(words={})


def heads(choice: random.Random) -> Callable[[], bytes]:
    """Heads by chance, of few kinds, so that some come again."""
    paths, queries = choice.sample(PATHS, 5), choice.sample(QUERIES, 4)
    names = ["Host", "Connection", *choice.sample(sorted(FIELDS), 5)]
    odd = choice.random() < 0.3

    def head() -> bytes:
        method, protocol = (choice.choice(METHODS), choice.choice(PROTOCOLS)) if odd else ("GET", "HTTP/1.1")
        path = choice.choice(paths)
        fields = []
        for name in names:
            share = {"Host": 0.97, "Connection": 0.4}.get(name, 0.6)
            if choice.random() < share:
                fields.append(f"{name}: {choice.choice(FIELDS[name])}")
                if choice.random() < 0.03:
                    fields.append(f"{name.lower()}: {choice.choice(FIELDS[name])}")
        if choice.random() < 0.1:
            choice.shuffle(fields)
        fields.append(f"X-Never: {choice.randrange(5)}")
        line = f"{method} {path}{choice.choice(queries)} {protocol}"
        return "\r\n".join([line, *fields, "", ""]).encode("latin-1")

    return head


def segments_of(head: Callable[[], bytes], choice: random.Random) -> list[bytes]:
    whole = [head() for _ in range(choice.choice((1, 1, 1, 2, 3, 5)))]
    match choice.randrange(8):
        case 0:
            return [b"".join(whole)]
        case 1:
            data = b"".join(whole)
            at = sorted(choice.randrange(1, len(data)) for _ in range(2))
            return [part for part in (data[: at[0]], data[at[0] : at[1]], data[at[1] :]) if part]
        case 2:
            return [b"\r\n" + whole[0], *whole[1:]]
        case _:
            return whole


def run(root: Path, seed: int, conversations: int) -> None:
    choice = random.Random(seed)
    blocks = choice.sample(BLOCKS, choice.randrange(2, 9))
    pair = Pair(root, "\n".join([*blocks[:-1], BASE, blocks[-1]]))
    try:
        head = heads(choice)
        for _ in range(conversations):
            if choice.random() < 0.02:
                pair.change(choice)
            pair.check(segments_of(head, choice), begins=choice.random() < 0.5)
        pair.check_logs()
    finally:
        pair.close()




@pytest.mark.parametrize("seed", range(12))
def test_conversations_are_those_without_a_memo(tmp_path: Path, seed: int) -> None:
    run(tmp_path, seed, 100)


@pytest.fixture
def make_pair(tmp_path: Path) -> Iterator[Callable[[str], Pair]]:
    made: list[Pair] = []

    def make(lines: str) -> Pair:
        made.append(Pair(tmp_path, f"{lines}\n{BASE}"))
        return made[-1]

    yield make
    for pair in made:
        pair.close()


def get(target: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: one.example", *fields, "", ""]).encode()


@pytest.mark.parametrize("action", ["merge", "append"])
def test_fields_that_were_added_to_are_logged_so(make_pair: Callable[[str], Pair], action: str) -> None:
    pair = make_pair(f'RequestHeader {action} X-In more\nCustomLog logs/access "%{{X-In}}i"')
    for value in "aaaab":
        for number in range(3):
            pair.check([get("/a.txt", f"X-In: {value}", f"Cookie: {number}")], begins=False)
    pair.check_logs()


def test_the_slot_tells_the_line_of_the_last_head(make_pair: Callable[[str], Pair]) -> None:
    pair = make_pair("ExtendedStatus On")
    first, second = get("/a.txt?first", "Cookie: 1"), get("/a.txt?second", "Cookie: 2")
    for _ in range(2):
        pair.check([first], begins=False)
    pair.check([first, second], begins=False)
    pair.check([first, first, second, first], begins=False)


def test_an_error_below_an_htaccess_file_is_answered_and_logged_each_time(make_pair: Callable[[str], Pair]) -> None:
    pair = make_pair("<Directory htdocs>\nAllowOverride All\n</Directory>")
    for number in range(4):  # read anew, and closed, for an answer that comes from no file
        pair.servings[0].page("dir/.htaccess", f"Require all denied\n# {number}\n")
        pair.check([get("/dir/a.txt")], begins=False)
        pair.check([get("/dir/a.txt")], begins=False)
    pair.check_logs()


@pytest.mark.parametrize("line", ['Header set X "expr=%{QUERY_STRING}"', "RequestHeader set X yes",
                                  'Header set X "expr=%{HTTP_COOKIE}"'])  # fmt: skip
def test_answers_that_are_kept_in_vain_are_seldom_recorded(
    make_pair: Callable[[str], Pair], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = make_pair(line).servings[0]
    recorded = []

    def counted(head: Head, now: float) -> Recording | None:
        recorded.append(head)
        return record(head, now)

    monkeypatch.setattr(exchange, "record", counted)
    for number in range(200):
        converse(serving, [get(f"/a.txt?{number}", f"Cookie: {number}")], begins=False)
    assert 32 <= len(recorded) < 50


def test_threads_that_share_the_memo_answer_as_one_does(make_pair: Callable[[str], Pair]) -> None:
    serving = make_pair(
        "SetEnvIf User-Agent Old X=old\nHeader set X-Old yes env=X\n"
        'CustomLog logs/access "%r %{User-Agent}i %{X-A}i %{X-B}i %{X-C}i"'
    ).servings[0]
    wrong: list[bytes] = []

    def ask(seed: int) -> None:
        choice = random.Random(seed)
        for number in range(100):
            agent, path = choice.choice(("New", "Old")), choice.choice(("/a.txt", "/none", "/dir/a.txt"))
            extra = f"X-{choice.choice('ABC')}: {choice.randrange(3)}"
            data = get(f"{path}?{seed}.{number}", f"User-Agent: {agent}", extra, "Connection: close")
            client, sock = socket.socketpair()
            with client, sock:
                client.sendall(data)
                connection = serving.service.open(sock, ("127.0.0.1", 1), serving.scoreboard.slot(0))
                if not connection.begin():
                    connection.serve(Woken.NEW)
                connection.close()
                answer = client.recv(1 << 16)
            good = answer.startswith(b"HTTP/1.1 404" if path == "/none" else b"HTTP/1.1 200")
            if not good or (b"X-Old: yes" in answer) != (agent == "Old" and path != "/none"):
                wrong.append(data + answer)
            asked.append(f"GET {path}?{seed}.{number} HTTP/1.1 {agent} " + " ".join(
                extra[5:] if extra[2] == letter else "-" for letter in "ABC"))

    asked: list[str] = []
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sorted(line for line in serving.access if "|" not in line) == sorted(asked)


@pytest.mark.parametrize("line", ["GET /large.txt HTTP/1.0", "GET /large.txt HTTP/1.1\r\nConnection: close"])
def test_a_line_end_behind_the_request_does_not_cost_a_large_answer(
    make_pair: Callable[[str], Pair], line: str
) -> None:
    for serving in make_pair("").servings:
        serving.page("large.txt", "x" * 300_000)
        for _ in range(3):
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(serving.listener.getsockname())
                sock, peer = serving.listener.accept()
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
                connection = serving.service.open(sock, peer, serving.scoreboard.slot(0))
                client.sendall(f"{line}\r\nHost: one.example\r\n\r\n".encode())
                assert connection.serve(Woken.NEW).reason is For.LINGER
                client.sendall(b"\r\n")
                assert connection.serve(Woken.READY).reason is For.LINGER
                received = b"".join(iter(lambda: client.recv(1 << 16), b""))
                assert len(received.partition(b"\r\n\r\n")[2]) == 300_000
                connection.close()


@pytest.mark.parametrize(("lines", "begins"), [("", True), ("SendBufferSize 2048", False)])
def test_an_answer_is_begun_only_where_there_is_room_for_it(
    make_pair: Callable[[str], Pair], lines: str, begins: bool
) -> None:
    serving = make_pair(lines).servings[0]
    serving.page("some.txt", "x" * 3000)
    if lines:
        serving.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    data = get("/some.txt", "Connection: close")
    for _ in range(4):
        serving.ask(data)
    dialogue = serving.connect()
    dialogue.client.sendall(data)
    assert dialogue.connection.begin() is begins
