"""`<If>`, `<ElseIf>`, `<Else>` and the order in which all sections are merged, beside Apache."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import Client
from tests.support.logs import WORRYING
from tests.support.servers import Apache, Server, close_all

FILES = {
    name: f"{name}\n"
    for name in ("a/x.txt", "a/y.txt", "a/deep/x.txt", "b/x.txt", "index/index.html", "index/other.html", "page.html")
} | {"a/deep/.htaccess": "Header append X-O htaccess\n<If true>\nHeader append X-I htaccess\n</If>\n"}


def says(name: str) -> str:
    return f"Header append X-I {name}\n"


ORDER = f"""
Header append X-O base
<If true>
{says("base")}
</If>
<Location /a>
Header append X-O location
<If true>
{says("location")}
<If "%{{QUERY_STRING}} == 'n'">
{says("location-nested")}
<If true>
{says("location-nested-twice")}
</If>
</If>
<Else>
{says("location-nested-else")}
</Else>
</If>
</Location>
<LocationMatch "^/a/(?<rest>.*)$">
Header append X-O locationmatch
<If "reqenv('MATCH_REST') == 'x.txt'">
{says("match-rest")}
</If>
</LocationMatch>
<FilesMatch "^(?<letter>[xy])\\.">
Header append X-O filesmatch
<If "%{{reqenv:MATCH_LETTER}} == 'y'">
{says("letter-y")}
</If>
<ElseIf "%{{reqenv:MATCH_LETTER}} == 'x'">
{says("letter-x")}
</ElseIf>
</FilesMatch>
<Files x.txt>
Header append X-O files
<If true>
{says("files")}
</If>
</Files>
<DirectoryMatch "/(?<last>[^/]+)/[^/]*$">
Header append X-O directorymatch
<If "%{{reqenv:MATCH_LAST}} == 'deep'">
{says("last-deep")}
</If>
</DirectoryMatch>
<Directory "{{docroot}}/a/deep">
AllowOverride All
Header append X-O deep
<Files *.txt>
Header append X-O deep-files
</Files>
<If true>
{says("deep")}
<Files x.txt>
Header append X-O never
</Files>
</If>
</Directory>
<Directory "{{docroot}}/a">
Header append X-O a
<FilesMatch txt>
Header append X-O a-files
</FilesMatch>
<If true>
{says("a")}
</If>
</Directory>
<Directory "{{docroot}}">
Header append X-O top
</Directory>
<VirtualHost *>
ServerName first.example
</VirtualHost>
<VirtualHost *>
ServerName second.example
Header append X-O vhost
<If true>
{says("vhost")}
</If>
<Files x.txt>
Header append X-O vhost-files
</Files>
<Directory "{{docroot}}/a">
Header append X-O vhost-a
</Directory>
<Location /a>
Header append X-O vhost-location
</Location>
</VirtualHost>
"""

CHAINS = "".join(
    f'<If "%{{QUERY_STRING}} =~ /{first}/">\n{says("if-" + first)}</If>\n'
    f'<ElseIf "%{{QUERY_STRING}} =~ /{second}/">\n{says("elseif-" + second)}</ElseIf>\n'
    f'<ElseIf "%{{QUERY_STRING}} =~ /{third}/">\n{says("elseif2-" + third)}</ElseIf>\n'
    f"<Else>\n{says(f'else-{number}')}</Else>\n"
    for number, (first, second, third) in enumerate(map(tuple, ("abc", "bca", "cab", "aaa", "xbc")))
)

CONDITIONS = {
    "-n %{QUERY_STRING}": "query",
    "%{REQUEST_FILENAME} =~ m#/x\\.txt$#": "filename",
    "%{REQUEST_URI} =~ m#^/a/#": "uri",
    "%{THE_REQUEST} =~ /HTTP.1\\.1$/": "request-line",
    "%{HTTP_HOST} == 'first.example'": "host",
    "%{HTTP_USER_AGENT} == 'tester'": "agent",
    "%{req_novary:User-Agent} == 'tester'": "agent-novary",
    "-R '127.0.0.0/8'": "remote",
    "%{REMOTE_ADDR} -ipmatch '10.0.0.0/8'": "not-remote",
    "%{REQUEST_METHOD} in { 'GET', 'POST' }": "method",
    "-f %{REQUEST_FILENAME}": "is-file",
    "-d %{DOCUMENT_ROOT}": "is-directory",
    "%{IS_SUBREQ} == 'true'": "subrequest",
    "%{REQUEST_URI} =~ m#^/(.)/(.*)$# && $2 == 'x.txt' && $1 == 'a'": "captured",
    "%{HANDLER} == ''": "no-handler",
    "%{CONTENT_TYPE} == ''": "no-type",
    "%{REQUEST_STATUS} -eq 0": "no-status",
    "tolower(%{REQUEST_URI}) == '/b/x.txt'": "lower",
}

# What is named last counts; a URL that has been looked at is not matched again when there is a file.
NAMED = "".join(
    f"<{section}>\n<If \"reqenv('MATCH_N') == '{value}'\">\n{says(f'{section.split()[0]}-{value}')}</If>\n"
    f'Header append X-E "expr=%{{reqenv:MATCH_N}}"\n</{section.split()[0]}>\n'
    for section in ("LocationMatch /(?<n>[xy])", "DirectoryMatch /(?<n>a)/", "FilesMatch ^(?<m>.*)[.]txt$", "Files *")
    for value in ("x", "a", "y")
)

# Before there is a file name, Apache crashes of a subrequest; and in one, the same questions are asked again.
LOOKUPS = {
    "%{IS_SUBREQ} == 'false' && -U '/a/x.txt'": "url",
    "%{IS_SUBREQ} == 'false' && -U '/nowhere'": "not-url",
    "%{IS_SUBREQ} == 'false' && -F '/etc/nowhere'": "not-file",
}

# Whether a subrequest is asked for permission again depends on what Apache remembers of the request that it is for.
DENIED = """
<Location /a>
Require all denied
</Location>
<Directory "{docroot}/b">
Require all denied
</Directory>
""" + "".join(
    f'Header always set X-{number} y "expr={text}"\n'
    for number, text in enumerate((
        "-F '{docroot}/a/x.txt'", "-F '{docroot}/a/y.txt'", "-F 'y.txt'", "-F 'x.txt'", "-F '{docroot}/b/x.txt'",
        "-F '{docroot}/page.html'", "-U '/a/y.txt'", "-U '/b/x.txt'", "-U 'x.txt'", "-A '/page.html'",
    ))
)  # fmt: skip

EFFECTS = """
<If "%{REQUEST_URI} == '/a/y.txt'">
Require all denied
ErrorDocument 403 "not that one"
</If>
<If "%{QUERY_STRING} == 'redirect'">
Redirect /b http://r.example/b
</If>
<If "%{QUERY_STRING} == 'type'">
ForceType text/x-forced
</If>
<If "%{QUERY_STRING} == 'handler'">
SetHandler nothing-there
</If>
<If "%{QUERY_STRING} == 'noindex'">
DirectoryIndex other.html
</If>
<If "%{QUERY_STRING} == 'options'">
Options None
</If>
<If "%{IS_SUBREQ} == 'true'">
Header set X-Sub yes
</If>
"""

# An evaluation that has no value is false and is told, each time that the sections are looked at.
DEEP = "%{tolower:" * 21 + "x" + "}" * 21
ERRORS = f"""
<If "'{DEEP}' == 'x'">
{says("never")}
</If>
<ElseIf true>
{says("elseif")}
</ElseIf>
<Location /b>
<If "'{DEEP}' == 'x'">
{says("never")}
</If>
<Else>
{says("else")}
</Else>
</Location>
<If "%{{REQUEST_URI}} =~ /page/ && '{DEEP}' == 'x'">
{says("never")}
</If>
"""


def _ifs(conditions: dict[str, str]) -> str:
    return "".join(f'<If "{text}">\n{says(name)}</If>\n' for text, name in conditions.items())


SETS = {
    "order": ORDER,
    "chains": CHAINS,
    "conditions": _ifs(CONDITIONS),
    "named": NAMED,
    "denied": DENIED,
    "lookups": f'<Directory "{{docroot}}">\n{_ifs(LOOKUPS)}</Directory>\n',
    "effects": EFFECTS,
    "errors": ERRORS,
}
TARGETS = ("/a/x.txt", "/a/x.txt?n", "/a/y.txt", "/a/deep/x.txt", "/a/deep/", "/a", "/b/x.txt", "/b/x.txt?redirect",
           "/index/", "/index/?noindex", "/page.html?type", "/page.html?handler", "/page.html?options", "/nowhere",
           "/a/x.txt/info", "/?a", "/?b", "/?c", "/?ab", "/?x", "/?none")  # fmt: skip
Seen = tuple[int, list[tuple[str, str]], bytes, list[str]]


def _ask(server: Server, target: str, host: str) -> Seen:
    place = server.error_log.place()
    with Client(server.port) as client:
        answer = client.ask(target, Connection="close", Host=host, User_Agent="tester")
    fields = sorted(
        (name, value) for name, value in answer.headers
        if name.startswith("X-") or name in ("Location", "Vary", "Content-Type")
    )  # fmt: skip
    lines = [line for line in server.error_log.lines(place) if line.level in WORRYING and line.level != "raw"]
    text = [re.sub(r"/\S*httpd\.conf", "FILE", f"{line.level} {line.key} {line.text}") for line in lines]
    body = answer.body.replace(str(server.port).encode(), b"PORT")
    return answer.status, fields, body, [line.replace(str(server.root), "ROOT") for line in text]


@pytest.fixture(scope="module", params=SETS)
def servers(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = (Apache(files=FILES), OURS(files=FILES))
    for server in pair:
        server.expect("-", "AH00039", "AH01630", "AH00037", "PH00404", "AH00523", "AH01276")
        server.configure(SETS[request.param].replace("{docroot}", str(server.docroot)))
        server.start()
    yield pair
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


@pytest.mark.parametrize("host", ["first.example", "second.example"])
def test_sections(host: str, servers: tuple[Server, Server]) -> None:
    apache, ours = servers
    for target in TARGETS:
        assert _ask(ours, target, host) == _ask(apache, target, host), target
