"""Sections in sections in virtual hosts and .htaccess files, at random, beside Apache: the same lines apply to a
request, in the same order.

No request for a directory's index is among them: when Apache looks at the same sections a second time it may leave out
`<If>` sections that stand inside others, because it takes the end of a walk that it remembers for the whole of it.
"""

from __future__ import annotations

import random

import pytest

from tests.conftest import Start
from tests.support.clients import Client
from tests.support.servers import Server

HOSTS = 20
DIRECTORIES = ("a", "a/b", "a/b/c", "d")
FILES = {f"{directory}/{name}": "x\n" for directory in DIRECTORIES for name in ("x.txt", "y.txt", "x.html")}
TARGETS = ("/a/x.txt", "/a/b/y.txt?q", "/a/b/c/x.txt", "/d/x.html", "/a/b", "/a/none", "/a/x.txt/info?q", "/a//b/x.txt")
CONDITIONS = (
    "true", "false", "%{QUERY_STRING} =~ /q/", "-n reqenv('MATCH_N')", "%{REQUEST_URI} =~ m#/a/#",
    "%{REQUEST_FILENAME} =~ m#htdocs/.*b/#", "-z %{QUERY_STRING}", "%{REQUEST_FILENAME} =~ /x[.]txt$/",
    "reqenv('MATCH_N') == 'x'",
)  # fmt: skip
NAMES = {
    "Directory": ("", "a", "a/b", "d", "*", "a/*", "*/b", "a/x.txt"),
    "DirectoryMatch": ("/a", "/b/$", "/(?<n>[a-d])/[^/]*$", "htdocs/?$", "/x"),
    "Directory ~": ("/a/b", "/c"),
    "Location": ("/", "/a", "/a/", "/a/b", "/a/*", "/a//b", "/d/x.txt", "/*/x.txt"),
    "LocationMatch": ("^/a", "x", "/(?<n>x)", "/$"),
    "Location ~": ("b", "txt"),
    "Files": ("x.txt", "*.txt", "?.*", "b"),
    "FilesMatch": ("^x", "txt$", "^(?<n>.)[.]", "b"),
}
FILE_SECTIONS = ("Files", "FilesMatch", "If")
INSIDE = {"Directory": FILE_SECTIONS, "DirectoryMatch": FILE_SECTIONS, "Directory ~": FILE_SECTIONS}


class Writer:
    """Makes lines, each with a number of its own."""

    conditions: tuple[str, ...] = CONDITIONS

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.number = 0

    def line(self) -> str:
        self.number += 1
        forms = (
            *["Header append X-Order {}"] * 15, "Header set X-Last {}", "Header set X-Other {}", "SetEnv V {}",
            'ErrorDocument 404 "error {}"', "ForceType text/x-{}",
        )  # fmt: skip
        return f"{self.random.choice(forms).format(self.number)}\n"

    def body(self, kinds: tuple[str, ...], depth: int) -> str:
        return "".join(
            self.section(kinds, depth) if depth < 3 and self.random.random() < 0.5 else self.line()
            for _ in range(self.random.randint(1, 3))
        )

    def section(self, kinds: tuple[str, ...], depth: int = 0) -> str:
        kind = self.random.choice(kinds)
        if kind == "If":
            return self.chain(depth)
        name = self.random.choice(NAMES[kind])
        where = f"{{docroot}}/{name}" if kind == "Directory" else name
        inner = self.body(INSIDE.get(kind, ("If",)), depth + 1)
        return f'<{kind} "{where}">\n{inner}</{kind.split()[0]}>\n'

    def chain(self, depth: int) -> str:
        tags = ["If"]
        while self.random.random() < 0.4:
            tags.append("ElseIf")
        text = "".join(
            f'<{tag} "{self.random.choice(self.conditions)}">\n{self.body(("If",), depth + 1)}</{tag}>\n'
            for tag in tags
        )
        return text if self.random.random() < 0.5 else f"{text}<Else>\n{self.body(('If',), depth + 1)}</Else>\n"

    def sections(self, count: int) -> str:
        return "".join(self.section((*NAMES, "If")) for _ in range(count))

    def configuration(self) -> str:
        text = f'<Directory "{{docroot}}">\nAllowOverride All\n</Directory>\n{self.sections(6)}'
        for number in range(HOSTS):
            own = self.sections(self.random.randint(1, 8))
            text += f"<VirtualHost *>\nServerName h{number}.example\n{own}{self.outside()}</VirtualHost>\n"
        return text

    def outside(self) -> str:
        """What a host has outside of sections."""
        return self.line()

    def files(self) -> dict[str, str]:
        found = {
            f"{directory}/.htaccess": "".join(self.body(FILE_SECTIONS, 1) for _ in range(2))
            for directory in DIRECTORIES
            if self.random.random() < 0.6
        }
        return FILES | found


Seen = tuple[int, list[tuple[str, str]], bytes]


def ask(server: Server, target: str, host: str) -> Seen:
    with Client(server.port) as client:
        answer = client.ask(target, Connection="close", Host=host)
    shown = sorted(field for field in answer.headers if field[0].startswith("X-") or field[0] == "Content-Type")
    return answer.status, shown, answer.body


@pytest.mark.parametrize("seed", range(4))
def test_the_same_lines_apply(seed: int, apache: Start, pyhttpd: Start) -> None:
    writer = Writer(seed)
    lines, files = writer.configuration(), writer.files()
    servers: list[Server] = []
    for start in (apache, pyhttpd):
        server = start(start=False, files=files, log_level="notice")
        server.configure(lines.replace("{docroot}", str(server.docroot)))
        server.expect("-", "AH01276", "AH00128", "PH00404")
        server.start()
        servers.append(server)
    theirs, ours = servers
    for number in range(HOSTS):
        for target in TARGETS:
            host = f"h{number}.example"
            assert ask(ours, target, host) == ask(theirs, target, host), (host, target)
