"""`pyhttpdctl status` and `fullstatus`: the server's status page as text."""

from __future__ import annotations

import http.client
import os
import sys
from html.parser import HTMLParser
from urllib.parse import SplitResult, urlsplit

from pyhttpd import boot
from pyhttpd.cli import messages
from pyhttpd.cli.commands import reading_of
from pyhttpd.cli.options import Options
from pyhttpd.config.diagnostics import ConfigurationError

PROGRAM = "pyhttpdctl"
TIMEOUT = 10.0  # seconds

ROW = 64  # slots of the scoreboard in a line

KEY = """\
Scoreboard Key:
"_" Waiting for Connection, "S" Starting up, "R" Reading Request,
"W" Sending Reply, "K" Keepalive (read), "D" DNS Lookup,
"C" Closing connection, "L" Logging, "G" Gracefully finishing,
"I" Idle cleanup of worker, "." Open slot with no current process
"""


class StatusError(Exception):
    """There is no status page to be had; the text says why and what to do."""


def print_status(options: Options, *, full: bool) -> int:
    """Print the page that STATUSURL names, or that of the server that the configuration describes."""
    try:
        url = os.environ.get("STATUSURL") or status_url(options)
        if full:
            sys.stdout.write(page_as_text(fetch(url, "")))
        else:
            sys.stdout.write(summary(fetch(url, "auto")))
    except StatusError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return 1
    return 0


def status_url(options: Options) -> str:
    """`http://localhost:PORT/server-status`, the port being that of the first Listen line."""
    try:
        configuration = boot.read(reading_of(options))
    except ConfigurationError as error:
        messages.show(error.diagnostics, options.startup_level)
        raise StatusError("the port is not known, because the configuration is broken; set STATUSURL") from None
    listens = configuration.mpm.listens
    if not listens or listens[0].port == 0:
        raise StatusError("the port is not known, because the kernel chose it; set STATUSURL")
    host, port = listens[0].host, listens[0].port
    if host in (None, "127.0.0.1", "::1", "0.0.0.0", "::"):
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/server-status"


def fetch(url: str, query: str) -> str:
    """The body of `url?query`. Raises StatusError."""
    parts = urlsplit(url)
    try:
        connection = connect(parts)
        connection.request("GET", f"{parts.path or '/'}?{query}" if query else parts.path or "/")
        response = connection.getresponse()
        body = response.read()
        connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise StatusError(f"{url}: {reason}") from None
    if response.status != 200:
        raise StatusError(f"{url}: {response.status} {response.reason}{advice(response.status)}")
    return body.decode("latin-1")


def connect(parts: SplitResult) -> http.client.HTTPConnection:
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("STATUSURL is no http URL")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=TIMEOUT)


def advice(status: int) -> str:
    if status == 404:
        return ": no <Location> there has SetHandler server-status"
    if status == 403:
        return ": the Require lines of that <Location> keep this machine out"
    return ""


def summary(auto: str) -> str:
    """`?auto` for people: the facts in a column, the scoreboard in rows, and its key."""
    name, *lines = auto.splitlines() or [""]
    facts = [line.split(": ", 1) for line in lines if ": " in line]
    scoreboard = next((value for key, value in facts if key == "Scoreboard"), "")
    width = max((len(key) for key, _ in facts), default=0) + 1
    text = [f"Server Status for {name}", ""]
    text += [f"{key + ':':<{width}} {value}" for key, value in facts if key != "Scoreboard"]
    text += ["", *(scoreboard[start : start + ROW] for start in range(0, len(scoreboard), ROW)), ""]
    return "\n".join(text) + "\n" + KEY


class _Text(HTMLParser):
    """HTML to lines: a block or a row of a table is a line, cells are apart, <pre> stays as it is."""

    PARAGRAPHS = frozenset(("h1", "h2", "h3", "p", "dl", "ul", "ol", "table", "pre", "hr"))
    LINES = frozenset(("dt", "dd", "li", "tr", "br", "address", "div"))
    HIDDEN = frozenset(("title", "style", "script", "label"))  # what is there for browsers alone

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self._preformatted = False
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.HIDDEN:
            self._hidden += 1
        elif tag in ("td", "th") and self.lines[-1]:
            self.lines[-1] += "  "
        elif tag == "pre":
            self._preformatted = True
        self._new_line(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.HIDDEN:
            self._hidden -= 1
        elif tag == "pre":
            self._preformatted = False
        self._new_line(tag)

    def _new_line(self, tag: str) -> None:
        if tag in self.PARAGRAPHS:
            self.lines += ["", ""]
        elif tag in self.LINES and self.lines[-1]:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._preformatted:
            first, *more = data.split("\n")
            self.lines[-1] += first
            self.lines += more
        else:
            words, line = " ".join(data.split()), self.lines[-1]
            before = " " if data[:1].isspace() and line and not line.endswith(" ") else ""
            self.lines[-1] += before + words + (" " if data[-1:].isspace() and words else "")


def page_as_text(html: str) -> str:
    """The page as text, at most one blank line in a row."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    text: list[str] = []
    for line in (line.rstrip() for line in reader.lines):
        if line or (text and text[-1]):
            text.append(line)
    return "\n".join(text).strip("\n") + "\n"
