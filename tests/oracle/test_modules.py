"""What the modules answer and log, beside Apache: the same lines, the same requests, the same fields and log items."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import Client
from tests.support.servers import SLOW, Apache, Server, close_all

FILES = {
    "index.html": "hello\n",
    "sub/index.html": "sub\n",
    "sub/deep.txt": "deep\n",
    "errors/404.html": "not here\n",
    "noslash/index.html": "n\n",
    "multi/a.html": "a\n",
    "disabled/index.html": "d\n",
    "elsewhere/index.html": "i\n",
    "fallback/app.txt": "app\n",
    "deny/x.txt": "x\n",
    "local/x.txt": "x\n",
    "inner/index.html": "no\n",
    "mime/a.t": "t\n",
    "a.t": "t\n",
    "b.u": "u\n",
    "c.de.html": "de\n",
    "d.utf8.html": "u\n",
    "e.u.utf8": "u\n",
    "f.html.gz": "g\n",
    "g.unknown": "?\n",
    "h.html.unknown": "x\n",
    "sp ace/index.html": "sp\n",
}
LOG = (
    "%h %a %A %l %u %r %s %>s %b %B %f %H %m %q %U %>U %v %V %R %{Referer}i %{c}C %{X-Out}o %{Content-Type}o "
    "%{Location}o %{VAR}e %{note}n %400,404{Referer}i %!200{Referer}i %{X-Always}o %{local}p %X %k %I"
).replace(" ", "|")
LINES = """
LogFormat "{log}" all
CustomLog logs/all all
CustomLog logs/with "%r %{Referer}i" env=VAR
CustomLog logs/without "%r %{Referer}i" env=!VAR
SetEnv VAR "v\\"a"
Header always set X-Always "a %{VAR}e"
Header set X-Out o
Header append X-Out p
Header add X-Multi 1
Header add X-Multi 2
Header unset ETag
Header set Content-Language xx
Header edit Location ^http: HTTP:
Header echo ^Ech
Header setifempty X-Empty e
Header merge Vary Foo
Header merge Vary foo
Header set X-Percent "%%"
Header note X-Out note
Header set Server other
RequestHeader append Referer more
ErrorDocument 404 /errors/404.html
ErrorDocument 410 "gone text"
Alias /al {docroot}/sub
Alias /alf/ {docroot}/sub/
AliasMatch ^/am/(.*)\\.x$ {docroot}/sub/$1.txt
Redirect /r http://r.example/x
Redirect permanent /rp /rq
Redirect gone /gone
Redirect 307 /r7 http://r.example/?own=1
RedirectMatch ^/rm/(.*)$ http://rm.example/$1?z=$1#f
RedirectMatch 403 /forbid
<Location /lr>
    Redirect 303 http://lr.example/y
</Location>
<Location /la>
    Alias {docroot}/sub/deep.txt
</Location>
<Directory {docroot}/noslash>
    DirectorySlash Off
</Directory>
<Directory {docroot}/multi>
    DirectoryIndex none.html a.html
</Directory>
<Directory {docroot}/disabled>
    DirectoryIndex disabled
</Directory>
<Directory {docroot}/elsewhere>
    DirectoryIndexRedirect On
</Directory>
<Directory {docroot}/fallback>
    FallbackResource /fallback/app.txt
</Directory>
<Directory {docroot}/deny>
    Require all denied
</Directory>
<Directory {docroot}/local>
    <RequireAll>
        Require local
        <RequireNone>
            Require env NOTHING
            Require method DELETE
        </RequireNone>
    </RequireAll>
</Directory>
<Directory {docroot}/inner>
    <Files index.html>
        Require all denied
    </Files>
</Directory>
AddLanguage de .de
AddCharset utf-8 .utf8
AddEncoding gzip .gz
AddType text/x-t .t
AddType "text/x-u; charset=latin1" .u
<Directory {docroot}/mime>
    RemoveType .t
    DefaultLanguage fr
</Directory>
"""
TARGETS = (
    "/", "/index.html", "/sub", "/sub/", "/sub?x=1", "/al", "/al/", "/al/deep.txt", "/alx", "/alf/deep.txt",
    "/am/deep.x", "/r", "/r/a%20b?q=1", "/rx", "/rp/z", "/gone", "/gone/x", "/r7", "/r7?a=b", "/rm/a%20b%3fc",
    "/rm/x?q", "/forbid", "/lr", "/lr/z", "/la", "/la/z", "/noslash", "/noslash/", "/multi/", "/disabled/",
    "/disabled", "/elsewhere/", "/elsewhere/?q=1", "/fallback/x", "/fallback/app.txt", "/fallback/", "/deny/x.txt",
    "/deny/none", "/local/x.txt", "/inner/", "/mime/a.t", "/a.t", "/b.u", "/c.de.html", "/d.utf8.html", "/e.u.utf8",
    "/f.html.gz", "/g.unknown", "/h.html.unknown", "/sp%20ace", "/sp%20ace/", "/none", "/none%22x",
    "/index.html/extra", "//sub//deep.txt", "/index.html?a%22b",
)  # fmt: skip


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = (Apache(files=FILES), OURS(files=FILES))
    for server in pair:
        server.configure(LINES.replace("{log}", LOG).replace("{docroot}", str(server.docroot)))
        server.start()
    yield pair
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


def _ask(server: Server, target: str, referer: str) -> tuple[int, list[tuple[str, str]], str]:
    with Client(server.port) as client:
        answer = client.ask(
            target, Connection="close", Host="h.example", Referer=referer, Echo_Me="yes", Cookie="a=1; c=two"
        )
    compared = sorted((name, value) for name, value in answer.headers if name not in ("Date", "Server"))
    return answer.status, compared, answer.body.decode("latin-1")


@pytest.mark.parametrize("target", TARGETS)
def test_answers(target: str, servers: tuple[Server, Server]) -> None:
    apache, ours = servers
    for server in servers:
        server.expect("AH01630", "AH01276")
    assert _ask(ours, target, 'ref"') == _ask(apache, target, 'ref"')


def test_log_lines(servers: tuple[Server, Server]) -> None:
    """Children write as they finish, so the order of the lines says nothing."""
    written: list[dict[str, list[str]]] = []
    for server in servers:
        server.expect("AH01630", "AH01276")
        for target in TARGETS:
            _ask(server, target, 'logged"')
        server.wait_until(partial(_all_logged, server), SLOW, "a log line for each request")
        written.append({name: _lines(server, name) for name in ("all", "with", "without")})
    apache, ours = written
    for name in apache:
        assert ours[name] == apache[name]


def _all_logged(server: Server) -> bool:
    return len(_lines(server, "all")) == len(_lines(server, "with") + _lines(server, "without")) == len(TARGETS)


def _lines(server: Server, name: str) -> list[str]:
    """The lines of the requests of test_log_lines, in the order of the alphabet."""
    text = (server.root / "logs" / name).read_bytes().decode("latin-1")
    text = text.replace(str(server.root), "{root}").replace(str(server.port), "{port}")
    return sorted(line for line in text.splitlines() if "logged" in line)
