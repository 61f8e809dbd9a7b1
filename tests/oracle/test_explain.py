"""`pyhttpd explain` says what the server then does: the virtual host, the status, the file, the handler, the type and
the place that is redirected to are those in the access logs of the running pyhttpd and of Apache."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import pytest

from pyhttpd import boot
from pyhttpd.cli.explain import document
from pyhttpd.cli.explain_command import parser, request_head
from pyhttpd.cli.rehearsal import rehearse
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.trace import Trace
from tests.conftest import OURS
from tests.support.clients import BrokenError, Client
from tests.support.logs import LogFile
from tests.support.servers import APACHE, APACHE_MODULES, PAGES, SLOW, Apache, Server, close_all

FILES = {
    **PAGES,
    "dir/index.html": "dir\n",
    "dir/x.txt": "x\n",
    "dir/page.css": "css\n",
    "noindex/x.txt": "x\n",
    "other/second.html": "second\n",
    "sp ace/x y.txt": "space\n",
    "sub/deep/er/z.txt": "z\n",
    "caf\xe9.txt": "8-bit\n",
    "plus+and&.txt": "plus\n",
    "two/index.html": "two\n",
    "two/only-two.txt": "two\n",
    "aliased/a.txt": "a\n",
    "aliased/dir/index.html": "a\n",
    "lost.html": "lost\n",
    "front.html": "front\n",
    "secret/a.txt": "secret\n",
    "forbidden/a.txt": "a\n",
    "ht/.htaccess": "DirectoryIndex second.html\nForceType text/css\nRedirect 302 /ht/old /dir/x.txt\n",
    "ht/second.html": "second\n",
    "ht/a.txt": "a\n",
    "ht/closed/.htaccess": "Require all denied\n",
    "ht/closed/a.txt": "a\n",
    "ht/broken/.htaccess": "Foo\n",
    "ht/broken/a.txt": "a\n",
    "ht/if/.htaccess": "<If \"%{QUERY_STRING} == 'no'\">\nRequire all denied\n</If>\n"
    "<Files b.txt>\nErrorDocument 404 no\n</Files>\n",
    "ht/if/a.txt": "a\n",
    ".htpasswd": "x\n",
    "noslash/x.txt": "x\n",
    "status.odd": "odd\n",
    "nopath/a.txt": "a\n",
}
LINES = """\
LogLevel crit
LogFormat "%{{X-Id}}i|%v|%s|%f|%<f|%R|%{{Content-Type}}o" explain
CustomLog logs/explain explain
AddType text/x-odd .odd
<Files ".ht*">
    Require all denied
</Files>
<Directory "{docroot}">
    Options FollowSymLinks
</Directory>
<Directory "{docroot}/ht">
    AllowOverride All
</Directory>
<Directory "{docroot}/other">
    DirectoryIndex none.html second.html
</Directory>
<Directory "{docroot}/noslash">
    DirectorySlash Off
</Directory>
<Directory "{docroot}/nopath">
    AcceptPathInfo On
</Directory>
<Location /secret>
    <RequireAny>
        Require method POST
        Require expr "%{{HTTP:X-Key}} == 'open'"
    </RequireAny>
    ErrorDocument 403 /lost.html
</Location>
<Location /forbidden>
    Require all denied
</Location>
<LocationMatch "^/f[o0]+bar">
    Require all denied
</LocationMatch>
<If "%{{REQUEST_URI}} =~ m#^/if/#">
    Redirect 303 /if/ http://elsewhere.example/
</If>
<If "%{{HTTP_HOST}} == 'if.example'">
    Require all denied
</If>
<Location /odd-handler>
    SetHandler nobody-has-it
</Location>
<Location /deny-post>
    <Limit POST>
        Require all denied
    </Limit>
</Location>
Alias /alias/ "{docroot}/aliased/"
Alias /plain "{docroot}/a.txt"
AliasMatch "^/match/(.*)\\.gif$" "{docroot}/dir/$1.css"
Redirect permanent /perm http://example.com/p
Redirect /old /dir/
Redirect gone /gone
Redirect 404 /nowhere
Redirect seeother /see http://example.com/s?a=b
RedirectMatch 301 "^/rm/([^/]*)/(.*)$" "http://example.com/$2/$1"
<Location /rloc>
    Redirect 307 /dir/x.txt
</Location>
<VirtualHost *>
    ServerName one.example
    ServerAlias www.one.example
    DocumentRoot "{docroot}"
</VirtualHost>
<VirtualHost *>
    ServerName two.example
    ServerAlias *.two.example t?o.other
    DocumentRoot "{docroot}/two"
    ErrorDocument 404 /index.html
    DirectoryIndex index.html
    Alias /back "{docroot}"
</VirtualHost>
<VirtualHost *>
    ServerName three.example
    ServerPath /three
    DocumentRoot "{docroot}"
    AllowEncodedSlashes NoDecode
    FallbackResource /front.html
    RedirectMatch 302 "^/three/(.*)" "/$1"
</VirtualHost>
<VirtualHost *>
    ServerName four.example
    DocumentRoot "{docroot}"
    AllowEncodedSlashes On
    MergeSlashes Off
    UseCanonicalName On
    ErrorDocument 404 "nothing here"
    ErrorDocument 403 http://example.com/forbidden
    DirectoryIndex disabled
</VirtualHost>
<VirtualHost 127.0.0.9>
    ServerName never.example
</VirtualHost>
"""
HOSTS = (
    "one.example", "WWW.One.Example:8080", "unknown.example", "two.example", "a.b.two.example", "two.example.",
    "tXo.other", "three.example", "four.example", "if.example", "127.0.0.1", "[::1]", "never.example",
)  # fmt: skip
PATHS = (
    "/", "/index.html", "/a.txt", "/a.txt?q=1", "/a.txt/more", "/none", "/none/", "/dir", "/dir/", "/dir?x=y",
    "/dir/x.txt", "/dir/x.txt/", "/dir//x.txt", "//dir/x.txt", "/dir/./x.txt", "/dir/../a.txt", "/../a.txt",
    "/dir/..", "/dir/%2e%2e/a.txt", "/%64ir/x%2Etxt", "/dir%2Fx.txt", "/dir%2fx.txt/", "/dir/%00", "/dir/%zz",
    "/dir/%", "/sp%20ace/x%20y.txt", "/sp%20ace", "/caf%E9.txt", "/caf%C3%A9.txt", "/plus+and&.txt",
    "/plus%2Band%26.txt", "/noindex", "/noindex/", "/other/", "/other", "/noslash", "/noslash/", "/nopath/a.txt/x/y",
    "/alias", "/alias/", "/alias/a.txt", "/alias/dir", "/alias/dir/", "/alias//a.txt", "/alias/../a.txt", "/plain",
    "/plainer", "/match/page.gif", "/match/none.gif", "/match/page.png", "/perm", "/perm/a b".replace(" ", "%20"),
    "/perm?q", "/permanent", "/old", "/old/x.txt", "/gone", "/gone/x", "/nowhere", "/see", "/see?c", "/rm/a/b",
    "/rm/a/b%20c?d", "/rloc", "/rloc/more", "/secret/a.txt", "/secret/", "/secret/none", "/forbidden/a.txt",
    "/forbidden", "/foobar", "/f00bar/x", "/fbar", "/if/x", "/if/%20", "/odd-handler", "/odd-handler/x", "/deny-post",
    "/ht/", "/ht/a.txt", "/ht/old", "/ht/old/x", "/ht/closed/a.txt", "/ht/closed", "/ht/broken/a.txt", "/ht/if/a.txt",
    "/ht/if/a.txt?no", "/ht/if/b.txt", "/.htpasswd", "/ht/.htaccess", "/status.odd", "/server-status",
    "/server-status?auto", "/server-status/x", "/three", "/three/dir/x.txt", "/threefold", "/back/a.txt", "/back",
    "/back/", "/only-two.txt", "/sub/deep", "/sub/deep/er/z.txt", "/sub/deep/er/z.txt/..",
    "/sub/./deep//er/../er/z.txt", "/big.bin", "/" + "a" * 300, "/" + "x/" * 60, "/dir/x.txt;a=b", "/~user",
    "/a.txt%20", "/A.TXT", "*", "/dir/%5Cx", "/?", "/??",
)  # fmt: skip
METHODS = ("POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "BREW", "get")
PIECES = (
    "dir", "ht", "alias", "old", "two", "secret", "closed", "if", "x.txt", "a.txt", "index.html", "none", "..", ".",
    "", "%2e", "%2F", "sub", "deep", "back", "three", "perm", "%20", "noindex", "forbidden", "rloc",
)  # fmt: skip


class Seen(NamedTuple):
    """What became of a request."""

    host: str
    status: int
    file: str
    handler: str
    kind: str
    location: str


class Site:
    """One server, and what explain says of its configuration."""

    def __init__(self, server: Server) -> None:
        self.server = server
        (server.docroot / "link").symlink_to("dir")
        server.configure(LINES.format(docroot=server.docroot))
        server.start()
        server.expect("-", *(line.key for line in server.error_log.lines()))
        self.log = LogFile(server.root / "logs" / "explain")
        self.count = 0
        self.answered: dict[int, tuple[int, str]] = {}

    def ask(self, requests: list[Request]) -> list[Seen]:
        """Each on a connection of its own; found in the log by a number that it carries."""
        first = self.count
        for request in requests:
            self.count += 1
            with Client(self.server.port) as client:
                fields = (
                    f"X-Id: {self.count}\r\nConnection: close\r\n{request.field}\r\n"
                    if request.field
                    else (f"X-Id: {self.count}\r\nConnection: close\r\n")
                )
                line = f"{request.method} {request.target} HTTP/1.1\r\nHost: {request.host}\r\n{fields}\r\n"
                client.send(line.encode())
                try:
                    answer = client.answer(head_only=request.method == "HEAD")
                    self.answered[self.count] = answer.status, answer.header("Location") or "-"
                except BrokenError as error:
                    raise AssertionError(f"no answer to {request}") from error
        found = self.server.wait_until(lambda: self._lines(first), SLOW, "all requests in the log")
        return [found[number] for number in range(first + 1, self.count + 1)]

    def _lines(self, first: int) -> dict[int, Seen] | None:
        found = {}
        root, port = str(self.server.root), str(self.server.port)
        for line in self.log.lines()[-(self.count - first) * 2 - 50 :]:
            number, host, failed, file, original, handler, kind = line.split("|")
            if number.isdigit() and int(number) in self.answered:
                status, location = self.answered[int(number)]
                shown = (original if int(failed) >= 400 else file).replace(root, "ROOT")
                found[int(number)] = Seen(host, status, shown, handler, kind, location.replace(port, "PORT"))
        return found if all(number in found for number in range(first + 1, self.count + 1)) else None


class Request(NamedTuple):
    host: str
    target: str
    method: str = "GET"
    field: str = ""


class Explainer:
    """`pyhttpd explain` with a server's configuration, which is read once."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.trace = Trace()
        options = ReadOptions(str(server.config), str(server.root))
        self.configuration: Configuration = boot.read_here(options, skip_document_root_check=True, trace=self.trace)

    def document(self, request: Request) -> dict[str, Any]:
        words = [request.target, "--host", request.host, "--method", request.method]
        given = parser().parse_args([*words, *(["--header", request.field] if request.field else [])])
        head, _ = request_head(given, self.configuration)
        local = ("127.0.0.1", self.server.port)
        return document(rehearse(self.configuration, self.trace, head, local, ("127.0.0.1", 1)), self.trace)

    def ask(self, request: Request) -> Seen:
        found = self.document(request)
        host, status = found["virtual_host"]["name"], found["status"]
        if "refused" in found:
            return Seen(host, status, "", "", "", "")
        file = _logged(found["file"]).replace(str(self.server.root), "ROOT")
        location = (found["location"] or "-").replace(str(self.server.port), "PORT")
        kind = (found["content_type"] or "-").partition(";")[0]
        return Seen(host, status, file, found["handler"] or "-", kind, location)


def _logged(text: str | None) -> str:
    """As the access log shows it."""
    if text is None:
        return "-"
    data = text.encode("utf-8", "surrogateescape").replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in data)


def differing(said: Seen, seen: Seen) -> list[str]:
    """In what explain is wrong."""
    wrong = [name for name in ("host", "status") if getattr(said, name) != getattr(seen, name)]
    if said.handler == "":
        return wrong  # the head was refused, before there was a file
    if said.file != seen.file:
        wrong.append("file")
    if said.location != seen.location:
        wrong.append("location")
    if seen.status == 200:
        handler = "-" if said.handler == "default-handler" else said.handler
        if seen.handler != handler and said.handler != "-":
            wrong.append("handler")
        if said.kind != seen.kind and said.kind != "-":
            wrong.append("kind")
    return wrong


@pytest.fixture(scope="module")
def sites() -> Iterator[list[Site]]:
    there = APACHE is not None and (APACHE_MODULES / "mod_mpm_prefork.so").exists()
    servers = [OURS(files=FILES)] + ([Apache(files=FILES)] if there else [])
    try:
        yield [Site(server) for server in servers]
    finally:
        for server in servers:  # what a request provokes is not of interest here
            server.expect("-", *(line.key for line in server.error_log.lines()))
        problems = close_all(servers, keep=False)
    assert problems == [], "\n".join(problems)


def compare(sites: list[Site], requests: list[Request]) -> None:
    explainer = Explainer(sites[0].server)
    said = [explainer.ask(request) for request in requests]
    wrong = []
    for site in sites:
        for request, mine, seen in zip(requests, said, site.ask(requests), strict=True):
            names = differing(mine, seen)
            if names:
                wrong.append(f"{request}: {' '.join(names)}\n  explain: {mine}\n  {site.server.program}: {seen}")
    assert wrong == [], "\n".join([f"{len(wrong)} of {len(requests)}", *wrong[:40]])


@pytest.mark.parametrize("host", HOSTS)
def test_every_path(host: str, sites: list[Site]) -> None:
    compare(sites, [Request(host, path) for path in PATHS if path != "*"])


@pytest.mark.parametrize("method", METHODS)
def test_methods(method: str, sites: list[Site]) -> None:
    hosts = ("one.example", "two.example", "four.example")
    paths = ("/a.txt", "/dir", "/dir/", "/none", "/perm", "/secret/a.txt", "/server-status", "/deny-post", "/*")
    compare(sites, [Request(host, path, method) for host, path in product(hosts, paths)])


def test_fields(sites: list[Site]) -> None:
    fields = ("X-Key: open", "Expect: nonsense", "Range: bytes=0-0", "Accept: text/html", "X-Key:")
    pairs = list(product(HOSTS[:4], ("/secret/a.txt", "/")))
    compare(sites, [Request(*pair, field=field) for field in fields for pair in pairs])


@pytest.mark.parametrize("seed", range(6))
def test_paths_that_nobody_has_thought_of(seed: int, sites: list[Site]) -> None:
    made = random.Random(seed)
    requests = []
    for _ in range(60):
        path = "".join(f"/{made.choice(PIECES)}" for _ in range(made.randint(1, 5)))
        requests.append(Request(made.choice(HOSTS), path + made.choice(("", "", "/", "?q", "?no"))))
    compare(sites, requests)
