"""Every letter of LogFormat and of ErrorLogFormat, of both servers: the same requests, the same lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import LIMIT, Client
from tests.support.logs import LogFile
from tests.support.servers import Apache, Server, close_all

FILES = {
    "index.html": "hello\n",
    "a.txt": "0123456789",
    "sub/index.html": "sub\n",
    "denied/x.txt": "x\n",
    "tracked/x.txt": "x\n",
    "quiet/x.txt": "x\n",
    "loud/x.txt": "x\n",
    "errors/404.html": "not here\n",
    'q"uote\\.txt': "q\n",
}
# What a letter shows is the same for both servers, or has the same form: then it is replaced by its pattern.
_SAME = (
    "%% %a %{c}a %A %B %b %{k}C %{B}C %{ws}C %{none}C %{VAR}e %{EMPTY}e %{none}e %f %h %{c}h %H %{Referer}i "
    "%{X-Twice}i %{x-case}i %{User-Agent}i %i %k %l %m %{note}n %{none}n %{X-Out}o %{X-Multi}o %{Set-Cookie}o "
    "%{Content-Type}o %{Content-Length}o %{Location}o %{Connection}o %{Keep-Alive}o %{ETag}o %{Last-Modified}o "
    "%{Vary}o %{Allow}o %{Content-Range}o %{Accept-Ranges}o %{Transfer-Encoding}o %{Date}o %{Server}o "
    "%p %{canonical}p %{local}p %{CANONICAL}p %{bogus}p %{bogus}P %{bogus}T %q %r %>r %<r %R %>R %s %>s %<s %u %<u "
    "%U %>U %v %V %X %I %404{Referer}i %!404{Referer}i %200,301,304s %!200,304>s %!!200s %400,501{X-Multi}o "
    "%{X-Trailer}^ti %{X}^to %{begin%%Y}t %<m %>m %>H %<f %!f %,r %{REDIRECT_STATUS}e %{REDIRECT_URL}>e"
)
SAME = _SAME.split()
FORMS = {
    "%D": r"\d{1,7}", "%{us}T": r"\d{1,7}", "%{ms}T": r"\d{1,4}", "%T": r"\d", "%{s}T": r"\d", "%{S}T": r"\d",
    "%O": r"\d+", "%S": r"\d+",  # the Server field differs
    "%P": r"\d+", "%{pid}P": r"\d+", "%{tid}P": r"\d{6,}", "%{hextid}P": r"[0-9a-f]{6,}",
    "%{remote}p": r"\d+",
    "%t": r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]", "%{begin}t": r"\[\d\d/[^]]*\]",
    "%{begin:}t": r"\[\d\d/[^]]*\]", "%{end}t": r"\[\d\d/[^]]*\]", "%{end:}t": r"\[\d\d/[^]]*\]",
    "%{%F %T}t": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "%{begin:%H:%M}t": r"\d\d:\d\d", "%{end:%H}t": r"\d\d",
    "%{end%H}t": r"end\d\d", "%{%S.msec_frac}t": r"\d\d\.msec_frac", "%{usec_frac%S}t": r"usec_frac\d\d",
    "%{sec}t": r"\d{10}", "%{msec}t": r"\d{13}", "%{usec}t": r"\d{16}", "%{msec_frac}t": r"\d{3}",
    "%{usec_frac}t": r"\d{6}", "%{begin:sec}t": r"\d{10}", "%{end:usec}t": r"\d{16}", "%{end:msec_frac}t": r"\d{3}",
    "%{beginmsec}t": r"\d{13}", "%{endsec}t": r"\d{10}",
    "%L": r"[\w+/]{11}", "%{c}L": r"[\w+/]{11}", "%^FB": r"\d{1,7}",
}  # fmt: skip
LETTERS = [*SAME, *FORMS]
SEPARATOR = " ~ "
LINES = """
LogFormat "{letters}" all
LogFormat "\\\\t\\\\n\\\\\\\\ \\\\x \\"%s\\" \\xe9" constants
LogFormat "%>s %U"
CustomLog logs/all all
CustomLog logs/constants constants
TransferLog logs/transfer
CustomLog logs/clf CLF
CustomLog logs/bad "%U" "expr=%{REQUEST_STATUS} >= 400 && %{REQUEST_METHOD} == 'GET'"
CustomLog logs/with "%r" env=VAR2
CustomLog logs/without "%r" ENV=!VAR2
LogFormat "main %v" shared
GlobalLog logs/named shared
GlobalLog logs/global "%v %U" "expr=! ( %{REQUEST_URI} =~ m#txt$# )"
SetEnv VAR "v\\"a"
SetEnv EMPTY ""
Header always set X-Multi "one"
Header add X-Multi two
Header always add Set-Cookie "a=1; path=/"
Header add Set-Cookie b=2
Header note X-Out note
Header set X-Out "out\\xe9"
ErrorDocument 404 /errors/404.html
Redirect /away http://away.example/x
LogIOTrackTTFB Off
<Location /denied>
    Require all denied
</Location>
<Location /refused>
    Require all denied
    ErrorDocument 403 /no-such-document
</Location>
<Location /limited>
    LimitRequestBody 10
    ErrorDocument 413 /no-such-document
    ErrorDocument 400 /a.txt
</Location>
<Location /tracked>
    LogIOTrackTTFB On
</Location>
<Location /a.txt>
    SetEnv VAR2 yes
</Location>
<VirtualHost *>
    ServerName one.example:8443
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    CustomLog logs/two "two %U %v"
    LogFormat "two %v" shared
    CustomLog logs/own shared
</VirtualHost>
"""


def _get(target: str, *fields: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    head = [f"{method} {target} HTTP/{version}", "Host: one.example", *fields, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


REQUESTS = {
    "a page": _get("/"),
    "a file": _get('/a.txt?q=1&x=%20"', 'Referer: http://r.example/"\\\xe9', "User-Agent: a\tb"),
    "head": _get("/a.txt", method="HEAD"),
    "not modified": _get("/a.txt", "If-Modified-Since: Sun, 06 Nov 2033 08:49:37 GMT"),
    "range": _get("/a.txt", "Range: bytes=2-4"),
    "unsatisfiable": _get("/a.txt", "Range: bytes=20-"),
    "no document for 403": _get("/refused"),
    "no document for 403, HEAD": _get("/refused", method="HEAD"),
    "no document for 413": _get("/limited", "Content-Length: 11", method="POST", body=b"12345678901"),
    "cookies": _get("/", "Cookie: k=v1; =b=2;ws =  a b \t; K=other; none"),
    "cookie without value": _get("/", "Cookie: k=; B;ws= ;b=x=y"),
    "two cookie fields": _get("/", "Cookie: a=1", "Cookie: k=2"),
    "fields twice": _get("/", "X-Twice: 1", "X-Twice: 2", "X-CASE: c"),
    "not found": _get("/none", "Referer: r"),
    "not found with query": _get("/none?a=b", method="POST", body=b""),
    "denied": _get("/denied/x.txt"),
    "redirect": _get("/away/y?z"),
    "slash": _get("/sub"),
    "directory": _get("/sub/"),
    "tracked": _get("/tracked/x.txt"),
    "tracked and lost": _get("/tracked/none"),
    "quote in path": _get("/q%22uote%5c.txt"),
    "8-bit path": _get("/caf\xe9"),
    "encoded 8-bit path": _get("/caf%C3%A9%e9%01"),
    "post": _get("/a.txt", "Content-Length: 3", method="POST", body=b"abc"),
    "chunked": _get("/", "Transfer-Encoding: chunked", method="GET", body=b'3\r\nabc\r\n0\r\nX-Trailer: t"\r\n\r\n'),
    "options": _get("/a.txt", method="OPTIONS"),
    "trace": _get("/a.txt", method="TRACE"),
    "unknown method": _get("/a.txt", method="BREW"),
    "lower case method": _get("/a.txt", method="get"),
    "bad method": _get("/a.txt", method='G"T'),
    "1.0": _get("/a.txt", version="1.0"),
    "1.0 kept": _get("/a.txt", "Connection: keep-alive", version="1.0"),
    "kept": _get("/a.txt", "Connection: keep-alive"),
    "closed": _get("/a.txt", "Connection: close"),
    "absolute": b"GET http://two.example:99/a.txt HTTP/1.1\r\nHost: other\r\n\r\n",
    "user in url": b"GET http://joe:secret@two.example/a.txt HTTP/1.1\r\nHost: other\r\n\r\n",
    "host with port": b"GET / HTTP/1.1\r\nHost: TWO.example:77\r\n\r\n",
    "unknown host": b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "garbage": b'\x16\x03\x01 \xff"\\\r\n\r\n',
    "0.9": b"GET /\r\n",
    "long line": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "bad field": b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
}


# (request, letter) where the servers differ, and why.
UNEQUAL = {
    ("bad method", "%I"): "Apache stops reading behind a line that it refuses, so the rest was never received",
    ("user in url", "%I"): "the same",
    ("long line", "%I"): "the same",
}


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = (Apache(files=FILES, log_level="warn"), OURS(files=FILES, log_level="warn"))
    for server in pair:
        server.configure(LINES.replace("{letters}", SEPARATOR.join(LETTERS).replace('"', '\\"')))
        server.start()
    before = request.session.testsfailed
    yield pair
    for server in pair:
        server.expect(*(line.number for line in server.error_log.lines() if line.number))
    failed = request.session.testsfailed > before
    problems = close_all(pair, keep=failed)
    if failed:
        print("\n".join(problems))
    elif problems:
        pytest.fail("\n".join(problems), pytrace=False)


def _send(server: Server, data: bytes) -> None:
    """Send, read one answer, and then to the server's end, which comes after ours. Both log before that."""
    with Client(server.port) as client:
        client.send(data)
        client.ended(LIMIT)
        client.end()
        client.rest()


def _lines(server: Server, data: bytes, name: str = "all") -> list[str]:
    """What a piece of requests adds to a log."""
    log = LogFile(server.root / "logs" / name)
    before = len(log.lines())
    _send(server, data)
    return [line.replace(str(server.root), "ROOT") for line in log.lines()[before:]]


def _items(server: Server, line: str) -> dict[str, str]:
    values = line.split(SEPARATOR)
    assert len(values) == len(LETTERS), line
    shown: dict[str, str] = {}
    for letter, value in zip(LETTERS, values, strict=True):
        form = FORMS.get(letter)
        if letter == "%{Allow}o":  # Apache's order is that of a hash table with a random seed
            shown[letter] = ",".join(sorted(value.split(",")))
        elif form is None:
            shown[letter] = re.sub(rf"\b{server.port}\b", "PORT", value)
        else:
            shown[letter] = form if re.fullmatch(form, value) else value
    return shown


@pytest.mark.parametrize("name", REQUESTS)
def test_access_log_lines(servers: tuple[Server, Server], name: str) -> None:
    theirs, ours = ([_items(server, line) for line in _lines(server, REQUESTS[name])] for server in servers)
    assert len(theirs) == len(ours), (theirs, ours)
    differing = [
        f"{index} {letter}: apache2 {first[letter]!r}, pyhttpd {second[letter]!r}"
        for index, (first, second) in enumerate(zip(theirs, ours, strict=True))
        for letter in LETTERS
        if first[letter] != second[letter] and (name, letter) not in UNEQUAL
    ]
    assert not differing, "\n".join(differing)


OTHERS = ("constants", "transfer", "clf", "bad", "with", "without", "global", "two", "named", "own")


@pytest.mark.parametrize("name", OTHERS)
def test_other_logs(servers: tuple[Server, Server], name: str) -> None:
    """Which requests a log is for, and what it makes of its format."""
    names = ("a page", "a file", "not found", "denied", "absolute", "host with port", "garbage")
    data = [REQUESTS[key] for key in names]
    theirs, ours = ([_lines(server, piece, name) for piece in data] for server in servers)
    if name == "clf":
        theirs, ours = ([[re.sub(r"\[.*?\]", "[]", line) for line in lines] for lines in log] for log in (theirs, ours))
    assert theirs == ours
    assert any(theirs)
