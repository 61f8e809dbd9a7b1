"""server-status: ?auto has the same names in the same order on both servers, and our page all that Apache's has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from tests.conftest import OURS, Start, require_apache
from tests.support.clients import Client
from tests.support.servers import SLOW, Apache, Server, close_all

# Only where the value is not zero, so a matter of the second in which one asks.
SOMETIMES = {"CPULoad"}
# As many children as there may be, so that there is never one more.
LIMITS = {
    "prefork": "StartServers 3\nMinSpareServers 1\nMaxSpareServers 3\nServerLimit 3\nMaxRequestWorkers 3",
    "worker": "StartServers 2\nThreadLimit 4\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 12\nServerLimit 2\n"
    "MaxRequestWorkers 8",
}
PAGE = "/server-status"
HEADS = "Srv PID Acc M CPU SS Req Dur Conn Child Slot Client Protocol VHost Request"
COLUMNS = 15


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Server, Server]]:
    """Apache and ours, for tests that change nothing."""
    require_apache()
    servers = (Apache(limits=LIMITS["prefork"]), OURS(limits=LIMITS["prefork"]))
    try:
        for server in servers:
            server.expect("AH00128", "AH00131")
            server.start()
        yield servers
    finally:
        problems = close_all(servers, keep=False)
    assert not problems


def _shape(value: str) -> str:
    """A value with each number replaced, so that what is left is its form."""
    return re.sub(r"\d+", "9", re.sub(r"\.\d+", "", value))


def _ask(server: Server) -> dict[str, str]:
    server.get("/")
    server.get("/a.txt")

    def settled() -> dict[str, str] | None:
        """ReqPerSec and BytesPerSec are there once the server has been up for a second. Nobody but the one that asks
        is busy once the connections of before have been closed, and all threads have started."""
        auto = server.auto()
        up = int(auto.get("ServerUptimeSeconds", "0")) >= 1
        return auto if up and auto["BusyWorkers"] == "1" and "S" not in auto["Scoreboard"] else None

    return server.wait_until(settled, SLOW, "an uptime, and nobody busy")


@pytest.mark.parametrize("extended", ["On", "Off"])
def test_names_in_order(pyhttpd: Start, apache: Start, mpm: str, extended: str) -> None:
    lines = f"ExtendedStatus {extended}"
    theirs, ours = (_ask(start(lines, mpm=mpm, limits=LIMITS[mpm])) for start in (apache, pyhttpd))
    assert [name for name in ours if name not in SOMETIMES] == [name for name in theirs if name not in SOMETIMES]
    for name in ("name", "ServerMPM", "ParentServerConfigGeneration", "ParentServerMPMGeneration", "GracefulWorkers"):
        assert ours[name] == theirs[name], name
    for name in ("CurrentTime", "RestartTime"):
        form = r"[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d UTC"
        assert re.fullmatch(form, theirs[name]), name
        assert re.fullmatch(form, ours[name]), name
    assert _shape(ours["ServerUptime"]).rstrip("s") == _shape(theirs["ServerUptime"]).rstrip("s")
    assert len(ours["Scoreboard"]) == len(theirs["Scoreboard"])
    assert (ours["BusyWorkers"], ours["IdleWorkers"]) == (theirs["BusyWorkers"], theirs["IdleWorkers"])
    assert ours["Scoreboard"].count("W") == int(ours["BusyWorkers"])
    assert ours["Scoreboard"].count("_") == int(ours["IdleWorkers"])
    if extended == "On":
        # the status requests before this one are counted, and this one is not; how many there were is a matter of time
        assert int(ours["Total Accesses"]) >= 2
        assert float(ours["BytesPerReq"]) >= 0


def test_content_type_and_generations(pyhttpd: Start, apache: Start) -> None:
    for start in (apache, pyhttpd):
        server = start(mpm="prefork")
        answer = server.get("/server-status?auto")
        assert answer.header("Content-Type") == "text/plain; charset=ISO-8859-1", server.program
        server.reload("USR1")
        server.reload("HUP")
        auto = server.auto()
        assert (auto["ParentServerConfigGeneration"], auto["ParentServerMPMGeneration"]) == ("3", "2"), server.program
        refreshed = server.get("/server-status?refresh=7&auto")
        assert refreshed.header("Refresh") == "7", server.program
        page = server.get("/server-status")
        assert page.header("Content-Type") == "text/html; charset=ISO-8859-1", server.program
        assert b"<title>Apache Status</title>" in page.body, server.program


def test_what_a_restart_forgets(pyhttpd: Start, apache: Start, mpm: str) -> None:
    """A graceful one nothing; after another one all is counted anew."""
    for start in (apache, pyhttpd):
        server = start(mpm=mpm, limits=LIMITS[mpm])
        for _ in range(9):
            server.get("/")
        before = _ask(server)
        assert int(before["Total Accesses"]) >= 9, server.program
        server.reload("USR1")
        after = server.auto()
        assert after["RestartTime"] == before["RestartTime"], server.program
        assert int(after["Total Accesses"]) >= int(before["Total Accesses"]), server.program
        server.reload("HUP")
        after = server.auto()
        assert int(after["Total Accesses"]) < 9, server.program
        assert after["RestartTime"] != before["RestartTime"], server.program


# -- the page


class Lines(HTMLParser):
    """What is seen of a page, as lines of text, and the rows of its tables."""

    BLOCKS = frozenset(
        ("title", "h1", "h2", "p", "dl", "dt", "br", "table", "pre", "hr", "address", "div", "li", "ul", "ol")
    )

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self.rows: list[list[str]] = []
        self._preformatted = False
        self.feed(html)
        self.close()
        self.lines = [line for line in (" ".join(line.split()) for line in self.lines) if line]
        self.rows = [[" ".join(cell.split()) for cell in row] for row in self.rows]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.BLOCKS or tag == "tr":
            self.lines.append("")
        if tag == "pre":
            self._preformatted = True
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.lines[-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        if tag in self.BLOCKS:
            self.lines.append("")
        if tag == "pre":
            self._preformatted = False

    def handle_data(self, data: str) -> None:
        first, *more = data.split("\n") if self._preformatted else [data]
        self.lines[-1] += first
        self.lines += more
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


NUMBER = r"\d*\.?\d+(?:e[+-]\d+)?"
SLOT = re.compile(r"Server 9-9 \(9\): 9\|9\|9 \[\w+\] u9 s9 cu9 cs9 9 9 9\(9 U\|9 U\|9 U\)")
SLOT_ENDS = re.compile(r" ?ADDRESS \{GET \S+ HTTP/9\} \(http/9\) \[ADDRESS:9\]")


def _plain(line: str) -> str:
    """A line without what differs from server to server and from second to second."""
    line = re.sub(r"(?:Apache|pyhttpd)/[\d.]+ \(\w+\)", "VERSION", line)
    line = re.sub(r"[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d UTC", "TIME", line)
    if re.fullmatch("[_SRWKDCLGI.]+", line):
        return f"{len(line)} letters"
    line = re.sub(r"(\d+\.){3}\d+", "ADDRESS", line)
    line = re.sub(rf"(?<![.\w]){NUMBER}", "9", line)
    line = re.sub(rf"\b(u|s|cu|cs){NUMBER}", r"\g<1>9", line)
    line = re.sub(r"9 ([kMG]?B)\b", "9 U", line).replace(" - 9% CPU load", "")
    line = re.sub(r"(?<=HTTP/|http/)[\d.]+", "9", line)
    line = re.sub("uptime: .*", "uptime: some", line)
    return re.sub(r"\d+-\d+(?:-\d+T[\d:]+)?", "9-9", line)


def _page(server: Server, query: str) -> Lines:
    _ask(server)
    answer = server.get(f"{PAGE}?{query}")
    assert answer.header("Content-Type") == "text/html; charset=ISO-8859-1"
    return Lines(answer.body.decode("latin-1"))


def _own(page: Lines) -> list[str]:
    """The lines that are there whatever the slots do."""
    plain = [_plain(line) for line in page.lines]
    whole = [line for line in plain if line.count("|") < COLUMNS or "Srv" in line]
    # which slot is in which state is a matter of who was asked
    whole = [re.sub(r"9 in state: \S ?", "9 in state: X ", line).strip() for line in whole]
    return [line for line in whole if not line.startswith("Server 9-9 (9)") and not SLOT_ENDS.fullmatch(line)]


def _missing(wanted: list[str], there: list[str]) -> list[str]:
    """What is not there in this order."""
    left = iter(there)
    return [line for line in wanted if line not in left]


@pytest.mark.parametrize(("extended", "query"), [("On", ""), ("On", "notable"), ("Off", ""), ("Off", "notable")])
def test_our_page_has_all_that_apaches_has(pyhttpd: Start, apache: Start, mpm: str, extended: str, query: str) -> None:
    lines = f"ExtendedStatus {extended}\nServerSignature On"
    theirs, ours = (_page(start(lines, mpm=mpm, limits=LIMITS[mpm]), query) for start in (apache, pyhttpd))
    wanted = _own(theirs)
    assert len(wanted) >= 20
    assert "VERSION Server at ADDRESS Port 9" in wanted
    assert ("Server Details" in wanted) == (extended == "On" and query == "notable")
    assert ("To obtain a full report" in " ".join(wanted)) == (extended == "Off")
    assert _missing(wanted, _own(ours)) == [], "\n".join(_own(ours))


def test_rows_of_slots(pyhttpd: Start, apache: Start, mpm: str) -> None:
    for start in (apache, pyhttpd):
        server = start(mpm=mpm, limits=LIMITS[mpm])
        heads, *rows = [row for row in _page(server, "").rows if len(row) == COLUMNS]
        assert " ".join(heads) == HEADS, server.program
        assert rows, server.program
        working = 0
        for row in rows:
            forms = [r"\d+-0", r"\d+", r"\d+/\d+/\d+", "[_WKCLR]", r"\d+\.\d\d", r"\d+", r"\d+", r"\d+", r"\d+\.\d",
                     r"\d+\.\d\d", r"\d+\.\d\d", r"127\.0\.0\.1", r"http/1\.1", r"127\.0\.0\.1:\d+",
                     r"GET /\S* HTTP/1\.1"]  # fmt: skip
            for form, cell in zip(forms, row, strict=True):
                assert re.fullmatch(form, cell), (server.program, row)
            assert int(row[1]) in server.children(), server.program
            working += row[3] == "W" and row[14] == f"GET {PAGE}? HTTP/1.1"
        assert working == 1, server.program
        listed = [_plain(line) for line in _page(server, "notable").lines]
        slots = [line for line in listed if line.startswith("Server 9-9 (9)")]
        assert slots, server.program
        for slot in slots:
            assert re.fullmatch(SLOT.pattern + SLOT_ENDS.pattern, slot), (server.program, slot)


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("refresh", "10"), ("refresh=5", "5"), ("refresh=+5", "5"), ("refresh=-5", "10"), ("refresh=0", "10"),
        ("refresh=5x", "5"), ("notable&refresh=5", "5"), ("refresh=5&notable", "5"), ("xrefreshx", "10"),
        ("refresh&refresh=5", "10"), ("refresh=%205", "10"), ("refresh=9999999999999999999", "9223372036854775807"),
        ("Refresh=5", None), ("auto&refresh=7", "7"), ("", None),
    ],
)  # fmt: skip
def test_refresh_is_read_as_apache_reads_it(shared: tuple[Server, Server], query: str, seconds: str | None) -> None:
    for server in shared:
        assert server.get(f"{PAGE}?{query}").header("Refresh") == seconds, server.program


@pytest.mark.parametrize(
    ("query", "auto", "notable"),
    [
        ("auto", True, False), ("notauto", True, False), ("auto=0", True, False), ("notable&auto", True, False),
        ("notable", False, True), ("xnotablex", False, True), ("AUTO", False, False), ("%61uto", False, False),
        ("auto&notable&refresh=2", True, False), ("x", False, False),
    ],
)  # fmt: skip
def test_options_stand_anywhere(shared: tuple[Server, Server], query: str, auto: bool, notable: bool) -> None:
    for server in shared:
        answer = server.get(f"{PAGE}?{query}")
        assert (answer.header("Content-Type") == "text/plain; charset=ISO-8859-1") is auto, server.program
        assert (b"Server Details" in answer.body) is notable, server.program
        assert (b"<th>Srv</th>" in answer.body) is (not auto and not notable), server.program


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")


@pytest.mark.parametrize("method", METHODS)
def test_methods(shared: tuple[Server, Server], method: str) -> None:
    def of(server: Server) -> tuple[int, set[str] | None, bool]:
        with Client(server.port) as client:
            answer = client.ask(PAGE, method=method, Connection="close")
        allow = answer.header("Allow")
        return answer.status, set(allow.split(",")) if allow else None, bool(answer.body)

    theirs, ours = map(of, shared)
    assert ours == theirs


CACHING = ("Cache-Control", "Expires", "Pragma", "Last-Modified", "ETag", "Age", "Vary", "Accept-Ranges")


def test_fields_of_caches(shared: tuple[Server, Server]) -> None:
    for server in shared:
        for query in ("", "?auto", "?notable"):
            for method in ("GET", "HEAD"):
                with Client(server.port) as client:
                    answer = client.ask(PAGE + query, method=method, Connection="close", Range="bytes=0-9")
                assert answer.status in (200, 206), server.program
                assert [name for name in CACHING if answer.header(name) is not None] == [], server.program
        again = server.get(PAGE, If_Modified_Since="Tue, 24 Nov 2026 00:00:00 GMT", If_None_Match="*")
        assert (again.status, bool(again.body)) == (200, True), server.program


CONTEXTS = """
Alias /files "{root}"
<Directory "{root}">
  AllowOverride All
  Require all granted
</Directory>
<Files "by-file">
  SetHandler server-status
</Files>
<Directory "{root}/by-directory">
  SetHandler server-status
</Directory>
<LocationMatch "^/by-match">
  SetHandler application/x-httpd-status
</LocationMatch>
<If "%{{REQUEST_URI}} == '/by-if'">
  SetHandler server-status
</If>
AddHandler server-status .st
AddType application/x-httpd-status .magic
<Location /by-location>
  SetHandler server-status
</Location>
<Location /by-location/none>
  SetHandler None
</Location>
"""
PLACES = (
    ("/by-file", True), ("/by-directory/", True), ("/by-directory/any", True), ("/by-match", True), ("/by-if", True),
    ("/a.st", True), ("/b.magic", True), ("/by-htaccess/", True), ("/by-location", True), ("/by-location/x?auto", True),
    ("/by-location/none", False), ("/a.txt", False), ("/virtual", True),
)  # fmt: skip
FILES = {
    "by-file": "x", "by-directory/any": "x", "a.st": "x", "b.magic": "x", "a.txt": "a\n",
    "by-htaccess/.htaccess": "SetHandler server-status\n",
}  # fmt: skip


def test_the_handler_in_every_context(pyhttpd: Start, apache: Start) -> None:
    seen: list[list[tuple[str, int, bool]]] = []
    for start in (apache, pyhttpd):
        server = start(mpm="prefork", files=FILES, start=False)
        hosts = (
            "<VirtualHost *>\n  ServerName other\n  SetHandler server-status\n</VirtualHost>\n"
            f'<VirtualHost *>\n  ServerName 127.0.0.2\n  DocumentRoot "{server.docroot}"\n</VirtualHost>\n'
        )
        server.configure(CONTEXTS.format(root=server.docroot) + hosts)
        server.start()
        told: list[tuple[str, int, bool]] = []
        for place, shows in PLACES:
            answer = server.get(place, Host="other" if place == "/virtual" else "127.0.0.2")
            is_page = b"<title>Apache Status</title>" in answer.body or b"\nScoreboard: " in answer.body
            assert is_page is shows, (server.program, place)
            told.append((place, answer.status, is_page))
        seen.append(told)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("tail", ["On", "Off"])
def test_see_request_tail(pyhttpd: Start, apache: Start, tail: str) -> None:
    """Apache keeps 63 bytes of a request line, we keep 128; what is cut is the same."""
    target = "/?" + "x" * 300
    for start in (apache, pyhttpd):
        server = start(f"SeeRequestTail {tail}", mpm="prefork", limits=LIMITS["prefork"])
        with Client(server.port) as client:
            client.ask(target)  # and the connection stays, so that another slot answers
            rows = [row for row in Lines(server.get(PAGE).body.decode("latin-1")).rows if len(row) == COLUMNS]
            (line,) = [row[14] for row in rows if "xxx" in row[14]]
        form = r"x+ HTTP/1\.1" if tail == "On" else r"GET /\?x+"
        assert re.fullmatch(form, line), (server.program, line)
