"""The error log of both servers at debug: Apache's own format, and ErrorLogFormat with every letter and modifier."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import OURS, require_apache
from tests.oracle.test_logs import FILES, REQUESTS
from tests.support.clients import LIMIT, Client
from tests.support.logs import LogFile
from tests.support.servers import SLOW, Apache, Server, close_all

FORMATS = r"""
ErrorLogFormat "%% [%t] [%{u}t] [%{c}t] [%{cu}t] [%{cuz}t] [%{%F}t] [%-m:%-l] [pid %P:tid %T] [gtid %{g}T] %E: %7F: a=%a
 ca=%{c}a A=%A k=%k L=%L cL=%{c}L CL=%-{C}L %M% ,\ referer\ %{Referer}i ua=%{User-Agent}i %-{X-None}i e=%{VAR}e
 n=%-{none}n x%{none}nx none=%-{none}e 5%5m 6%6m 8%8{X}i v=%v V=%V \t\\\"% %-L%%% end"
ErrorLogFormat connection "C %{cu}t %{c}L %L connection from\ %a to %A %k %l %m %v %V %E %F"
ErrorLogFormat connection "never %+{Referer}i"
ErrorLogFormat Request "R %{cu}t %L UA:'%+{User-Agent}i' %{C}L %{c}L %l %v %V"
ErrorLogFormat request "R %L Referer:'%+{Referer}i' %k %F"
""".replace("\n ", " ").replace("\t", "\\t")
LINES = """
SetEnv VAR "v\\"\\\\a"
ErrorDocument 404 /errors/404.html
Redirect /away http://away.example/x
<Location /denied>
    Require all denied
</Location>
<Location /quiet>
    LogLevel crit
    Require all denied
</Location>
<Directory {docroot}/loud>
    LogLevel error authz_core:trace8
</Directory>
<Files none>
    LogLevel core:error
</Files>
<VirtualHost *>
    ServerName one.example:8443
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    LogLevel info authz_core:trace1
    {formats}
</VirtualHost>
<VirtualHost *>
    ServerName three.example
    LogLevel authz_core:warn
</VirtualHost>
"""
OF_TWO = 'ErrorLogFormat "two %L %M"\nErrorLogFormat request "R2 %L %m"'
MORE = {
    "quiet": b"GET /quiet/x.txt HTTP/1.1\r\nHost: one.example\r\n\r\n",
    "loud": b"GET /loud/x.txt HTTP/1.1\r\nHost: one.example\r\n\r\n",
    "loud and lost": b"GET /loud/lost HTTP/1.1\r\nHost: one.example\r\n\r\n",
    "third host": b"GET /denied/x.txt HTTP/1.1\r\nHost: three.example\r\n\r\n",
    "third host, lost": b'GET /lost HTTP/1.1\r\nHost: three.example\r\nReferer: "\\\xe9\r\n\r\n',
    "bad value": b'GET /x\xe9 HTTP/1.1\r\nHost: one.example\r\nReferer: \x01"\\\xe9\r\n\r\n',
    "8-bit method": b"PUT /\xe9?\xe9 HTTP/1.1\r\nHost: one.example\r\n\r\n",
    "8-bit expectation": b"GET /x HTTP/1.1\r\nHost: one.example\r\nExpect: \xe9\r\n\r\n",
    "8-bit host": b"GET http://one.example/\xe9 HTTP/1.1\r\nHost: two\r\n\r\n",
    "two requests": b"GET /x HTTP/1.1\r\nHost: one.example\r\n\r\nGET /y HTTP/1.1\r\nHost: two.example\r\n\r\n",
    "agent": b'GET /x HTTP/1.1\r\nHost: one.example\r\nUser-Agent: a "b"\\\r\nReferer: r\r\n\r\n',
}
CASES = {**REQUESTS, **MORE}
PATTERNS = (
    (re.compile(r"  Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "  Date: NOW"),
    (re.compile(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d{6} \d{4}"), "TIME-u"),
    (re.compile(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d \d{4}"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})? \+0000"), r"TIME-cz"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"), "TIME-cu"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "TIME-c"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"),
    (re.compile(r"\[pid \d+"), "[pid PID"),
    (re.compile(r":tid \d{8,}"), ":tid THREAD"),
    (re.compile(r":tid \d+"), ":tid TID"),
    (re.compile(r"\[gtid \d+\]"), "[gtid TID]"),
    (re.compile(r"\b\w+\.(c|py)\(\d+\)"), "SOURCE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
)  # fmt: skip
# What each server has of its own: how it sends, its name, and the order of methods (in Apache a random one).
OWN = ("[core:trace6]", "  Server: ", "  Allow: ")
ID = re.compile(r"(?<![\w/+])[\w/+]{10}[AEIMQUYcgkosw048](?![\w/+])")


class Observed(NamedTuple):
    """A running server and the log to compare."""

    server: Server
    log: LogFile


@pytest.fixture(scope="module", params=["debug", "trace8", "prefork", "worker"])
def observed(request: pytest.FixtureRequest) -> Iterator[list[Observed]]:
    """Apache's own format at two levels; the other one with each MPM, in a file that nothing else reads."""
    require_apache()
    own = request.param in ("debug", "trace8")
    mpm, level = ("prefork", request.param) if own else (request.param, "debug")
    servers = [Apache(files=FILES, mpm=mpm, log_level=level), OURS(files=FILES, mpm=mpm, log_level=level)]
    pair: list[Observed] = []
    for server in servers:
        lines = LINES.replace("{docroot}", str(server.docroot)).replace("{formats}", "" if own else OF_TWO)
        server.configure(lines)
        server.start()
        if not own:
            server.configure(f"ErrorLog logs/formatted\n{FORMATS}\n{lines}")
            server.signal("HUP")
        log = LogFile(server.root / "logs" / ("error_log" if own else "formatted"))
        _await_start(server, log)
        pair.append(Observed(server, log))
    before = request.session.testsfailed
    yield pair
    for server in servers:
        server.expect(*(line.key for line in server.error_log.lines()))
    failed = request.session.testsfailed > before
    problems = close_all(servers, keep=failed)
    if failed:
        print("\n".join(problems))
    elif problems:
        pytest.fail("\n".join(problems), pytrace=False)


def _await_start(server: Server, log: LogFile) -> None:
    """Until the last line of a start is there."""
    server.wait_until(lambda: any("Accept mutex: " in line for line in log.lines()), SLOW, "the end of a start")


def _lines(observed: Observed, data: bytes) -> list[str]:
    """What a piece of requests adds to the error log, without what must differ. Ids become numbers, in their order."""
    server, log = observed
    place = len(log.lines())
    with Client(server.port) as client:
        client.send(data)
        client.ended(LIMIT)
        client.end()
        client.rest()
    ids: dict[str, str] = {}
    found = []
    for line in log.lines()[place:]:
        if any(word in line for word in OWN):
            continue
        text = line.replace(str(server.root), "ROOT")
        for pattern, shown in PATTERNS:
            text = pattern.sub(shown, text)
        found.append(ID.sub(lambda match: ids.setdefault(match[0], f"<id {len(ids) + 1}>"), text))
    return found


@pytest.mark.parametrize("name", CASES)
def test_error_log_lines(observed: list[Observed], name: str) -> None:
    theirs, ours = (_lines(one, CASES[name]) for one in observed)
    assert theirs == ours
