"""Raw requests to both servers under one configuration: the files of tests/oracle/requests, one case each.

A file begins with comment lines (`# what it is about`, `# head: 2`: the second request is a HEAD); the rest is what is
sent. A line end is CRLF; `\\` at the end of a line takes it away; `\\n`, `\\r`, `\\xNN` are bytes; `{a*300}` repeats.
After it, in the same piece, goes one more request that asks to close: whether it is answered tells whether the
connection was kept, and its end is the end of what there is to compare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import OURS, require_apache
from tests.oracle.differences import DIFFERENCES
from tests.support.clients import Answer, BrokenError, Client
from tests.support.logs import WORRYING
from tests.support.servers import PAGES, Apache, Server, close_all

CASES = sorted((Path(__file__).parent / "requests").glob("*.http"))
LAST = b"GET /last.txt HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
LAST_BODY = b"the last one\n"

FILES = {
    **PAGES,
    "last.txt": LAST_BODY.decode(),
    "empty.txt": "",
    "file.unknown": "unknown\n",
    "file.odd": "odd\n",
    "plain": "plain\n",
    "sp ace.txt": "space\n",
    ".htpasswd": "secret\n",
    "unreadable.txt": "unreadable\n",
    "dir/index.html": "<p>dir</p>\n",
    "dir/x.txt": "x\n",
    "noindex/x.txt": "x\n",
    "secret/a.txt": "secret\n",
    "sub/dir/deep.txt": "deep\n",
    "ip/x.txt": "x\n",
    "thisip/x.txt": "x\n",
    "notip/x.txt": "x\n",
    "place/x.txt": "x\n",
    "two/index.html": "<p>two</p>\n",
    "two/gone.html": "<p>two has lost it</p>\n",
    "errors/404.html": "<p>not here</p>\n",
}
LINES = """\
Timeout 5
KeepAliveTimeout 4
MaxKeepAliveRequests 5
LimitRequestLine 2000
LimitRequestFieldSize 1000
LimitRequestFields 20
AddType text/x-odd .odd
SetEnv UNUSED yes
Header set X-All yes
Header always set X-Always yes
<FilesMatch "\\.odd$">
    Header set X-Odd "an odd one"
</FilesMatch>
<Files ~ "^\\.ht">
    Require all denied
</Files>
<LocationMatch "^/dir/x">
    Header set X-Location matched
</LocationMatch>
<Location /secret>
    Require all denied
</Location>
<Directory "{docroot}/ip">
    Require ip 10.0.0.0/8 192.168.1
</Directory>
<Directory "{docroot}/thisip">
    Require ip 10.0.0.0/8 127.0.0
</Directory>
<Directory "{docroot}/notip">
    <RequireAll>
        Require all granted
        Require not ip 127.0.0.1
    </RequireAll>
</Directory>
Alias /aliased/ "{docroot}/sub/"
Alias /plainalias "{docroot}/a.txt"
AliasMatch ^/match/(.*)\\.gif$ "{docroot}/$1.txt"
Redirect /old /new
Redirect permanent /perm http://example.com/p
Redirect seeother /see http://example.com/s
Redirect gone /gone
Redirect 404 /nowhere
RedirectMatch 301 ^/rm/([^/]*)/(.*)$ http://example.com/$2/$1
Redirect 418 /teapot
Redirect 299 /new-success
Redirect 999 /no-status
<Location /teapot-in-section>
    Redirect 418
</Location>
<LocationMatch "^/named/(?<word>[a-z]+)(?<missing>[0-9])?">
    Header always set X-Word "%{MATCH_WORD}e|%{MATCH_MISSING}e"
</LocationMatch>
<DirectoryMatch "/htdocs/(?<place>pla[a-z]+)/">
    Header set X-Place "%{MATCH_PLACE}e"
</DirectoryMatch>
<FilesMatch "^(?<stem>deep)\\.(?<ending>txt)$">
    Header set X-File "%{MATCH_STEM}e %{MATCH_ENDING}e"
</FilesMatch>
<Location /limited>
    LimitRequestBody 10
</Location>
<Location /typeless>
    Header always unset Content-Type
</Location>
<Location /text-error>
    Require all denied
    ErrorDocument 403 "Not for <you>"
</Location>
<Location /docs>
    ErrorDocument 404 /errors/404.html
</Location>
<Location /url-error>
    ErrorDocument 404 http://example.com/lost
</Location>
<Location /no-doc>
    ErrorDocument 404 /errors/none.html
</Location>
<VirtualHost *>
    ServerName one.example
    DocumentRoot "{docroot}"
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    ServerAlias www.two.example *.wild.example
    DocumentRoot "{docroot}/two"
    ErrorDocument 404 /gone.html
</VirtualHost>
"""


class Outcome(NamedTuple):
    """What one server made of a case."""

    status: list[str]
    headers: list[list[tuple[str, str]]]
    body: list[bytes]
    kept: bool  # whether the connection was still there for the last request
    log: list[str]  # numbers of the warnings and errors


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = (Apache(files=FILES, log_level="warn"), OURS(files=FILES, log_level="warn"))
    for server in pair:
        (server.docroot / "unreadable.txt").chmod(0)
        server.configure(LINES.replace("{docroot}", str(server.docroot)))
        server.log_level = "notice"
        server.configure()
        server.start()
    failed_before = request.session.testsfailed
    yield pair
    for server in pair:  # what a case provokes is compared case by case
        server.expect(*(line.number for line in server.error_log.lines() if line.number))
    failed = request.session.testsfailed > failed_before
    problems = close_all(pair, keep=failed)
    if failed:
        print("\n".join(problems))
    elif problems:
        pytest.fail("\n".join(problems), pytrace=False)


def parse_case(text: str) -> tuple[bytes, frozenset[int]]:
    """The bytes to send, and which of the requests (from 1) are HEADs."""
    heads: set[int] = set()
    lines = text.split("\n")
    while lines[0].startswith("#"):
        name, _, value = lines.pop(0).removeprefix("# ").partition(": ")
        if name == "head":
            heads.update(int(word) for word in value.split())
    body = "\n".join(lines)
    body = re.sub(r"\{(.)\*(\d+)\}", lambda match: match[1] * int(match[2]), body)
    body = re.sub(r"(?<!\\)\\$\n?", "", body, flags=re.MULTILINE) if "\\" in body else body
    escapes = {"n": "\n", "r": "\r", "\\": "\\"}
    pieces = []
    for piece in re.split(r"(\\x[0-9a-f]{2}|\\[nr\\])", body):
        if piece.startswith("\\x"):
            pieces.append(chr(int(piece[2:], 16)))
        elif piece.startswith("\\"):
            pieces.append(escapes[piece[1]])
        else:
            pieces.append(piece.replace("\n", "\r\n"))
    return "".join(pieces).encode("latin-1"), frozenset(heads)


def _read(client: Client, heads: frozenset[int]) -> list[Answer]:
    answers: list[Answer] = []
    while not client.ended(10):
        try:
            number = sum(1 for answer in answers if answer.status >= 200) + 1
            answers.append(client.answer(head_only=number in heads))
        except (BrokenError, ValueError) as error:  # cut short, or no head (HTTP/0.9)
            client.rest()
            answers.append(Answer(0, type(error).__name__, "", [], client.raw))
    return answers


def _run(server: Server, data: bytes, heads: frozenset[int]) -> Outcome:
    place = server.error_log.place()
    with Client(server.port) as client:
        client.send(data + LAST)
        answers = _read(client, heads)
    kept = bool(answers) and answers[-1].body == LAST_BODY
    if kept:
        answers.pop()
    own = re.compile(rf":{server.port}\b")

    def neutral(name: str, value: str) -> str:
        if name == "Allow":  # Apache's order is that of a hash table with a random seed
            return ",".join(sorted(value.split(",")))
        return "" if name in ("Date", "Server") else own.sub(":PORT", value)

    return Outcome(
        [f"{answer.version} {answer.status} {answer.reason}" for answer in answers],
        [[(name, neutral(name, value)) for name, value in answer.headers] for answer in answers],
        [own.sub(":PORT", answer.body.decode("latin-1")).encode("latin-1") for answer in answers],
        kept,
        [
            line.number
            for line in server.error_log.lines(place)
            if line.number and line.number.startswith("AH") and line.level in WORRYING
        ],
    )


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) < 1500 else f"{text[:1500]}... ({len(text)})"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_same_answer(servers: tuple[Server, Server], path: Path) -> None:
    data, heads = parse_case(path.read_text())
    theirs, ours = (_run(server, data, heads) for server in servers)
    assert theirs.status or not theirs.kept, "the case tells nothing"
    known = DIFFERENCES.get(path.stem)
    differing = {part for part in Outcome._fields if getattr(theirs, part) != getattr(ours, part)}
    report = "".join(
        f"\n{part}:\n  apache2 {_shortened(getattr(theirs, part))}\n  pyhttpd {_shortened(getattr(ours, part))}"
        for part in sorted(differing)
    )
    if known is None:
        assert not differing, report
    else:
        assert differing == known.parts, f"{known.reason}{report}"


def test_every_difference_has_its_case() -> None:
    assert set(DIFFERENCES) <= {path.stem for path in CASES}
