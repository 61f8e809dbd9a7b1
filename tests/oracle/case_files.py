"""The files of tests/oracle/cases: what they say, and the servers that are made of them.

A case is a file, cases/MODULE/NAME.case. It begins with comment lines: what it is about, and options, `# name: value`.
What follows, up to the first line that begins with `== `, are lines of configuration; they are tried in each of the
places where they may stand, each with a virtual host of its own and with a directory of its own. The blocks after that:

    == get            one request a line: TARGET, or METHOD TARGET, then fields as ` | Name: value`
    == request        the bytes of one request, as in tests/oracle/requests
    == vhost          lines in the virtual host of the case, before the lines above
    == server         lines outside all sections, before the lines above
    == htaccess DIR   a .htaccess file in this directory below the case's (none: in the case's own)
    == file NAME      a file below the case's directory, which has FILES anyway
    == compare NAME   a file below ServerRoot whose lines are compared, in any order; NAME(errors): an error log
    == wrong          lines that are refused: one each, or a section; what `-t` says of each is compared

The options: `places`, some of PLACES, where not all are meant. `pair`: a name, for cases whose lines outside all
sections would disturb others; they have servers of their own, shared with cases of the same name. `modules`: what is
loaded besides. `no effect`: why the lines change nothing that a client or the error log tells.

In all texts `{base}` is the URL path of the case's directory, `{root}` its name in the file system, `{host}` the name
of the virtual host, `{docroot}` and `{serverroot}` are what they say, `{name}` is the name of the case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pyhttpd.modules import COMPILED_IN, LOADABLE
from tests.oracle.exchange import LAST_BODY, LOG_LEVEL, LOG_LINES, parse_case
from tests.support.servers import APACHE_MODULES, MODULES, MTIME, Server

DIRECTORY = Path(__file__).parent / "cases"
FILES = {
    "index.html": "<p>index</p>\n",
    "page.html": "<p>page</p>\n",
    "x.txt": "x\n",
    "sub/y.txt": "y\n",
    "sub/deep/z.txt": "z\n",
}
"""In the directory of each case."""

PLACES = {
    "server": None,
    "vhost": None,
    "directory": '<Directory "{root}">',
    "location": '<Location "{base}">',
    "files": '<Files "*">',
    "if": '<If "true">',
    "htaccess": None,
}
"""Where lines may stand, and the section that they stand in there."""

LIMITS = {
    "prefork": "StartServers 2\nMinSpareServers 1\nMaxSpareServers 12\nMaxRequestWorkers 12",
    "worker": "StartServers 1\nThreadsPerChild 6\nMinSpareThreads 1\nMaxSpareThreads 12\nMaxRequestWorkers 12",
}
"""Nobody is ever one too many: a child that is told to end closes its connection."""

ENVIRONMENT = {"PYHTTPD_TEST_ONE": 'one "quoted"', "PYHTTPD_TEST_EMPTY": "", "PYHTTPD_TEST_TWO": "two"}
"""Variables that the servers have."""

TOGETHER = frozenset(("alias", "autoindex", "env", "logio", "mime", "setenvif", "so", "unixd", "version", "watchdog"))
"""Modules whose lines outside all sections share servers, as they do not disturb each other; others have their own."""

_BLOCKS = frozenset(("get", "request", "vhost", "server", "htaccess", "file", "compare", "wrong"))
_OPTIONS = frozenset(("places", "pair", "modules", "no effect"))
_RANGES = re.compile(rb"^Range: [^\r]*,", re.MULTILINE | re.IGNORECASE)


class Block(NamedTuple):
    kind: str
    argument: str
    text: str


class Case(NamedTuple):
    """A file."""

    name: str  # headers/actions
    lines: str
    blocks: tuple[Block, ...]
    options: dict[str, str]

    def texts(self, *kinds: str) -> str:
        return "\n".join(block.text for block in self.blocks if block.kind in kinds)

    @property
    def places(self) -> tuple[str, ...]:
        """Of its lines; none, if there are only blocks."""
        return tuple(self.options.get("places", " ".join(PLACES)).split()) if self.lines.strip() else ()

    def wrong(self) -> Iterator[str]:
        """Each line that is to be refused; a section is one with what is in it."""
        depth, found = 0, ""
        for line in self.texts("wrong").splitlines():
            depth += line.startswith("<") - 2 * line.startswith("</")
            found += f"{line}\n"
            if depth == 0:
                yield found
                found = ""
        assert not found.strip(), f"{self.name}: {found}"


def parse(name: str, text: str) -> Case:
    options: dict[str, str] = {}
    lines = text.split("\n")
    while lines and lines[0].startswith("# "):
        option, colon, value = lines.pop(0)[2:].partition(": ")
        if colon and option in _OPTIONS:
            options[option] = value
    first, *rest = re.split(r"^== ", "\n".join(lines), flags=re.MULTILINE)
    blocks = []
    for block in rest:
        head, _, body = block.partition("\n")
        kind, _, argument = head.partition(" ")
        assert kind in _BLOCKS, f"{name}: == {head}"
        blocks.append(Block(kind, argument.strip(), body if kind in ("file", "request") else body.strip("\n")))
    assert set(options.get("places", "").split()) <= set(PLACES), name
    return Case(name, first.strip("\n"), tuple(blocks), options)


def all_cases() -> list[Case]:
    paths = sorted(DIRECTORY.glob("*/*.case"))
    return [parse(str(path.relative_to(DIRECTORY).with_suffix("")), path.read_text("utf-8")) for path in paths]


class Run(NamedTuple):
    """A case in one of its places."""

    case: Case
    place: str  # empty if it has no lines, but only blocks

    @property
    def name(self) -> str:
        return f"{self.case.name}-{self.place}" if self.place else self.case.name

    @property
    def base(self) -> str:
        return f"/{self.name.replace('/', '-')}"

    @property
    def host(self) -> str:
        return f"{self.name.replace('/', '-').replace('_', '-').lower()}.example"

    @property
    def pair(self) -> str:
        """The servers that it is tried with. Lines outside all sections act on all the cases that share them."""
        lines = self.place == "server" or any(block.kind == "server" for block in self.case.blocks)
        hosts = self.place not in ("", "server") or any(block.kind == "vhost" for block in self.case.blocks)
        kind = "hosts" if not lines else "both" if hosts else "main"
        module = self.case.name.partition("/")[0]
        name = self.case.options.get("pair", "" if kind == "hosts" or module in TOGETHER else module)
        return f"{kind} {name} {self.case.options.get('modules', '')}"

    def fill(self, text: str, server: Server) -> str:
        """The text with the names of this run in it."""
        names = {
            "base": self.base, "host": self.host, "name": self.base[1:], "docroot": str(server.docroot),
            "root": f"{server.docroot}{self.base}", "serverroot": str(server.root),
        }  # fmt: skip
        return re.sub(r"\{(base|host|name|docroot|root|serverroot)\}", lambda match: names[match[1]], text)

    def server_lines(self, server: Server) -> str:
        own = self.case.lines if self.place == "server" else ""
        return self.fill(f"{self.case.texts('server')}\n{own}\n", server)

    def host_lines(self, server: Server) -> str:
        """The virtual host, if it has one: also without lines of its own, beside others."""
        if self.pair.startswith("main"):
            return ""
        lines = self.case.lines if self.place not in ("", "server", "htaccess") else ""
        opening = PLACES.get(self.place)
        if opening is not None:
            lines = f"{opening}\n{lines}\n</{opening[1:].split()[0]}>"
        text = f"{self.case.texts('vhost')}\n{lines}"
        if re.search(r"^\s*(CustomLog|TransferLog)\b", text, re.MULTILINE | re.IGNORECASE):
            text += "\nCustomLog logs/oracle oracle"
        return self.fill(
            f'<VirtualHost *>\nServerName {{host}}\nDocumentRoot "{{docroot}}"\n{text}\n</VirtualHost>\n', server
        )

    def build(self, server: Server) -> None:
        """Its files."""
        base = self.base[1:]
        for name in FILES:
            path = server.docroot / base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(server.docroot / "files" / name, path)
        for block in self.case.blocks:
            if block.kind == "file":
                (server.docroot / base / block.argument).unlink(missing_ok=True)  # it may be a link to that of all
                server.write(f"{base}/{block.argument}", self.fill(block.text, server))
        texts: dict[str, str] = {"": self.case.lines} if self.place == "htaccess" else {}
        for block in self.case.blocks:
            if block.kind == "htaccess":
                texts[block.argument] = "\n".join(filter(None, (texts.get(block.argument), block.text)))
        for directory, text in texts.items():
            server.write(f"{base}/{directory}/.htaccess", self.fill(text, server) + "\n")

    def requests(self, server: Server) -> Iterator[tuple[bytes, bool]]:
        """The bytes of each, and whether it is a HEAD."""
        for block in self.case.blocks:
            if block.kind == "request":
                data, _ = parse_case(self.fill(block.text, server))
                yield data, data.startswith(b"HEAD ")
            elif block.kind == "get":
                for line in filter(None, block.text.splitlines()):
                    yield _request(self.fill(line, server), self.host)

    def asks_for_ranges(self, server: Server) -> bool:
        """Whether an answer may have several parts."""
        return any(_RANGES.search(data) for data, _ in self.requests(server))

    def compared(self, server: Server) -> list[tuple[Path, bool]]:
        """The files that are, and whether they are error logs."""
        names = [self.fill(block.argument, server) for block in self.case.blocks if block.kind == "compare"]
        return [(server.root / name.removesuffix("(errors)"), name.endswith("(errors)")) for name in names]


def _request(line: str, host: str) -> tuple[bytes, bool]:
    target, *fields = line.split(" | ")
    method, space, rest = target.partition(" ")
    if not space:
        method, rest = "GET", target
    named = fields if any(field.lower().startswith("host:") for field in fields) else [f"Host: {host}", *fields]
    head = "".join(f"{field}\r\n" for field in named)
    return f"{method} {rest} HTTP/1.1\r\n{head}\r\n".encode("latin-1"), method == "HEAD"


def all_runs() -> list[Run]:
    return [Run(case, place) for case in all_cases() for place in case.places or ("",) if _has_requests(case)]


def _has_requests(case: Case) -> bool:
    return any(block.kind in ("get", "request") for block in case.blocks)


def loaded_modules(more: str = "") -> str:
    """Those that pyhttpd has and that Apache, as Debian builds it, loads from files; but for what tests load anyway."""
    ours = [name.rpartition(".mod_")[2] for name in (*COMPILED_IN, *LOADABLE)]
    names = [name for name in (*ours, *more.split()) if name not in MODULES]
    files = {name: APACHE_MODULES / f"mod_{name}.so" for name in names}
    return "".join(f"LoadModule {name}_module {file}\n" for name, file in files.items() if file.exists())


STAND_INS = frozenset(("case_filter", "case_filter_in", "data", "reflector", "sed", "substitute"))
"""Modules of Apache that pyhttpd does not have, and in whose place it loads tests.support.filtering."""


def _loaded_by(server: Server, more: str) -> str:
    names = set(more.split())
    if server.program != "pyhttpd" or not names & STAND_INS:
        return loaded_modules(more)
    return f"{loaded_modules(' '.join(names - STAND_INS))}LoadModule filtering_module tests.support.filtering\n"


def configure(server: Server, pair: str, runs: Iterable[Run], *, bare: bool = False) -> None:
    """Write the files and the configuration of these runs. `bare`: none of their lines."""
    kind, _, modules = pair.split(" ", 2)
    for name, text in FILES.items():
        server.write(f"files/{name}", text)
    server.write("last.txt", LAST_BODY.decode())
    for run in runs:
        run.build(server)
    for directory, _, _ in os.walk(server.docroot):
        os.utime(directory, (MTIME, MTIME))
    allowed = "None" if bare else "All"
    loaded = _loaded_by(server, modules)
    lines = f'{loaded}{LOG_LINES}<Directory "{server.docroot}">\n    AllowOverride {allowed}\n</Directory>\n'
    if not bare:
        lines += "".join(run.server_lines(server) for run in runs)
        if kind != "main":
            lines += f'<VirtualHost *>\nServerName plain.example\nDocumentRoot "{server.docroot}"\n</VirtualHost>\n'
            lines += "".join(run.host_lines(server) for run in runs)
    server.log_level = LOG_LEVEL
    server.environment.update(ENVIRONMENT)
    server.configure(lines, limits=LIMITS[server.mpm])
