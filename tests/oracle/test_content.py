"""mod_setenvif, mod_dir, mod_mime and mod_autoindex beside Apache: each directive in each place where it may stand.

Each case has a virtual host of its own, in which its lines stand where the case says; those of the main server stand
together in the files of a second pair. The same requests, the same answers to the byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import Client
from tests.support.servers import MTIME, Apache, Server, close_all

ODD = "odd/\u00e4 %41?x#y&z"
SITE = {
    "list/a.txt": "a\n",
    "list/b.html": "<html><head><title>The\ntitle</title></head>\n",
    "list/c.tar.gz": "c" * 2000,
    "list/d.png": "d" * 1_500_000,
    "list/e": "no extension\n",
    "list/f.bak": "f\n",
    "list/unread.html": "<title>nobody may read this</title>\n",
    "list/sub/a.txt": "a\n",
    "list/indexed/index.html": "indexed\n",
    "list/HEAD.html": "<h2>head</h2>\n",
    "list/FOOT.txt": "foot <b>&\n",
    f"{ODD}/k\u00f6pf.html": "<p>head\n",
    f"{ODD}/Fu\u00df.txt": "foot\n",
    f"{ODD}/\u00e9 <&>\n.txt": "odd\n",
    f"{ODD}/a:b/x": "odd\n",
    "idx/first.html": "first\n",
    "both/index.html": "index\n",
    "both/first.html": "first\n",
    "fb/page.html": "fallback\n",
    "m/a.txt": "a\n",
    "m/a.tt": "a\n",
    "m/a.html.cc": "a\n",
    "m/a.txt.ee": "a\n",
    "m/a.txt.hh": "a\n",
    "m/a.txt.de": "a\n",
    "m/a.html.rc": "a\n",
    "m/a.txt.re": "a\n",
    "m/a.txt.rh": "a\n",
    "m/a.txt.rl": "a\n",
    "m/a": "a\n",
}
COMMON = """\
ServerSignature Off
LogLevel crit
AddCharset utf-8 .rc
AddEncoding x-r .re
AddHandler none .rh
AddLanguage en .rl
AddEncoding x-gzip .gz
IndexIgnore *.bak
Header always set X-Set "%{{ONE}}e %{{TWO}}e %{{THREE}}e"
RequestHeader set X-Handler "expr=%{{HANDLER}}"
Header echo ^X-Handler$
<Directory "{docroot}">
    Options +Indexes
    AllowOverride All
</Directory>
<VirtualHost *>
    ServerName main.example
    DocumentRoot "{docroot}/site"
</VirtualHost>
"""
LIST = ("/list/", "/list/?C=S;O=D", "/list/?F=2")
MIME = tuple(f"/m/{name.removeprefix('m/')}" for name in SITE if name.startswith("m/"))
AGENT = "Mozilla/5.0 (odd)"

EVERYWHERE = ("vhost", "directory", "location", "files", "if", "htaccess")
SECTIONS = ("directory", "location", "files", "if")


class Lines(NamedTuple):
    """What is written for a directive, and what is asked for to see it act."""

    text: str
    targets: tuple[str, ...]
    places: tuple[str, ...] = EVERYWHERE


DIRECTIVES = {
    "SetEnvIf": Lines("SetEnvIf User-Agent ^(\\w+)/(.) ONE=$1-$2 TWO=\\$1\nSetEnvIf User-Agent odd !TWO", MIME[:1]),
    "SetEnvIfNoCase": Lines("SetEnvIfNoCase user-agent (ODD) ONE=$1\nSetEnvIfNoCase ^X- VALUE TWO", MIME[:1]),
    "SetEnvIfExpr": Lines("SetEnvIfExpr \"%{REQUEST_URI} =~ m#^/(.)#\" ONE=$1 TWO=a\\b", (*MIME[:1], "/none")),
    "BrowserMatch": Lines("BrowserMatch Mozilla ONE=$0\nBrowserMatch ^(M) TWO=$1 !THREE", MIME[:1]),
    "BrowserMatchNoCase": Lines("BrowserMatchNoCase MOZILLA ONE\nBrowserMatchNoCase MOZ.* TWO=$0", MIME[:1]),
    "DirectoryIndex": Lines("DirectoryIndex none.html first.html", ("/idx/", "/both/", "/both/?q=1", "/list/")),
    "DirectoryIndex-disabled": Lines("DirectoryIndex disabled", ("/both/", "/idx/")),
    "DirectoryIndex-path": Lines("DirectoryIndex none.html /fb/page.html", ("/idx/", "/both/?q")),
    "DirectoryIndexRedirect": Lines("DirectoryIndexRedirect permanent", ("/both/", "/both/?q=1", "/idx/")),
    "DirectorySlash": Lines("DirectorySlash Off", ("/both", "/list", "/list/")),
    "DirectoryCheckHandler": Lines("DirectoryCheckHandler On\nSetHandler none", ("/both/", "/both")),
    "FallbackResource": Lines("FallbackResource /fb/page.html", ("/none", "/none/deep?q=1", "/list/none", "/both/")),
    "AddType": Lines('AddType "Text/X-T;v=1" tt .TXT', MIME),
    "AddCharset": Lines("AddCharset UTF-8 .cc", MIME),
    "AddEncoding": Lines("AddEncoding X-Packed .ee", MIME),
    "AddHandler": Lines("AddHandler None-Such .hh", MIME),
    "AddLanguage": Lines("AddLanguage de-CH .de", MIME),
    "DefaultLanguage": Lines("DefaultLanguage fr", MIME),
    "RemoveType": Lines("RemoveType .txt html", MIME),
    "RemoveCharset": Lines("RemoveCharset .rc", MIME),
    "RemoveEncoding": Lines("RemoveEncoding .re", MIME),
    "RemoveHandler": Lines("RemoveHandler .rh", MIME),
    "RemoveLanguage": Lines("RemoveLanguage rl", MIME),
    "ModMimeUsePathInfo": Lines("ModMimeUsePathInfo On\nAcceptPathInfo On", ("/m/a/x.html", "/m/a"), SECTIONS),
    "AddIcon": Lines("AddIcon (TXT,/t.gif) .txt README\nAddIcon /d.gif ^^DIRECTORY^^\n"
                     "AddIcon /b.gif ^^BLANKICON^^", LIST),
    "AddIconByType": Lines("AddIconByType (IMG,/i.gif) image/* text/html", LIST),
    "AddIconByEncoding": Lines("AddIconByEncoding (CMP,/c.gif) X-GZIP x-compress", LIST),
    "AddAlt": Lines('AddAlt "a text" a.txt *.html\nAddIcon /x.gif *\nAddAlt up ..', LIST),
    "AddAltByType": Lines("AddAltByType TXT text/plain\nDefaultIcon /x.gif", LIST),
    "AddAltByEncoding": Lines("AddAltByEncoding CMP x-gzip\nDefaultIcon /x.gif", LIST),
    "AddDescription": Lines('AddDescription "a <b>long</b> &amp; winding description" a.txt *.gz\n'
                            "AddDescription short list/sub /d.png", LIST),
    "DefaultIcon": Lines("DefaultIcon /x.gif", LIST),
    "HeaderName": Lines("HeaderName HEAD.html", LIST),
    "ReadmeName": Lines("ReadmeName FOOT.txt", LIST),
    "HeaderName-odd": Lines('HeaderName "k\u00f6pf.html"\nReadmeName Fu\u00df.txt\n'
                            'AddDescription "\u00e4 <i>" *\u00e9*\nAddIcon "(\u00e9,/\u00e9 x.gif)" .txt',
                            ("/odd/%C3%A4%20%2541%3Fx%23y%26z/", "/odd/")),
    "IndexIgnore": Lines("IndexIgnore *.png .. sub", LIST),
    "IndexIgnoreReset": Lines("IndexIgnoreReset On\nIndexIgnore a*", LIST),
    "IndexHeadInsert": Lines('IndexHeadInsert "<meta name=\\"x\\">"', LIST),
    "IndexStyleSheet": Lines('IndexStyleSheet "/style.css"', LIST),
    "IndexOrderDefault": Lines("IndexOrderDefault Descending Size", LIST),
    "IndexOptions": Lines("IndexOptions IconWidth=9 +VersionSort -SuppressSize +HTMLTable +FancyIndexing", LIST),
}  # fmt: skip
OPTIONS = (
    "FancyIndexing", "HTMLTable", "FoldersFirst", "IconsAreLinks", "IgnoreCase", "IgnoreClient", "ScanHTMLTitles",
    "SuppressColumnSorting", "SuppressDescription", "SuppressHTMLPreamble", "SuppressIcon", "SuppressLastModified",
    "SuppressSize", "SuppressRules", "TrackModified", "VersionSort", "XHTML", "ShowForbidden", "AddAltClass",
    "IconWidth", "IconHeight=11", "NameWidth=*", "NameWidth=8", "DescriptionWidth=*", "DescriptionWidth=12",
    "Type=text/plain", "Charset=UTF-8", "Charset=", "UseOldDateFormat",
)  # fmt: skip
"""Each in a directory, once in lines and once in a table."""
TOGETHER = {
    "default-handler": Lines("SetHandler default-handler", ("/list/", "/both/")),
    "digest": Lines("IndexOptions TrackModified\nFileETag Digest", LIST),
    "no-tag": Lines("IndexOptions TrackModified\nFileETag None", LIST),
    "error-document": Lines("ErrorDocument 404 /list/\nErrorDocument 403 /idx/\n"
                            "<Files f.bak>\nRequire all denied\n</Files>", ("/none", "/list/f.bak")),
    "env-in-require": Lines("SetEnvIf User-Agent odd LET_IN\nRequire env LET_IN", ("/list/", "/idx/")),
    "env-not-in-require": Lines("SetEnvIf User-Agent even LET_IN\nRequire env LET_IN", ("/list/", "/idx/")),
    "index-is-directory": Lines("DirectoryIndex /list/ sub/", ("/idx/", "/list/")),
}  # fmt: skip
"""These modules with others, in a directory."""
AROUND = (
    "IndexStyleSheet /style.css\nAddAlt Txt a.txt\nAddIcon /x.gif *\nHeaderName HEAD.html\nReadmeName FOOT.txt\n"
    'AddDescription "a <b>long</b> &amp; winding description" a.txt\n<Files e>\nRequire all denied\n</Files>'
)


class Case(NamedTuple):
    name: str
    text: str
    place: str
    targets: tuple[str, ...]

    @property
    def host(self) -> str:
        return f"{self.name.lower().replace('=', '-').replace('*', 'star').replace('/', '-')}.example"


def _cases() -> Iterator[Case]:
    for name, lines in DIRECTIVES.items():
        for place in lines.places:
            yield Case(f"{name}-{place}", lines.text, place, lines.targets)
    for name, lines in TOGETHER.items():
        yield Case(name, lines.text, "directory", lines.targets)
    for kind in ("FancyIndexing", "FancyIndexing HTMLTable"):
        for option in OPTIONS:
            text = f"{AROUND}\nIndexOptions {kind} {option}"
            yield Case(f"option-{option}-{len(kind)}", text, "directory", LIST)


CASES = list(_cases())


def _host(case: Case, docroot: Path) -> str:
    root = docroot / "htaccess" / case.host if case.place == "htaccess" else docroot / "site"
    opening = {
        "directory": f'<Directory "{docroot}/site">',
        "location": "<Location />",
        "files": '<Files "*">',
        "if": '<If "true">',
    }.get(case.place)
    text = "" if case.place == "htaccess" else case.text
    if opening is not None:
        text = f"{opening}\n{text}\n</{opening[1:].split()[0].rstrip('>')}>"
    return f'<VirtualHost *>\nServerName {case.host}\nDocumentRoot "{root}"\n{text}\n</VirtualHost>\n'


def _build(docroot: Path) -> None:
    """A whole site for each .htaccess file, as links to the files of the first."""
    (docroot / "site/list/unread.html").chmod(0)
    for case in CASES:
        if case.place == "htaccess":
            root = docroot / "htaccess" / case.host
            for name in SITE:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                os.link(docroot / "site" / name, root / name)
            (root / ".htaccess").write_text(case.text + "\n")
    for directory, _, _ in os.walk(docroot):
        os.utime(directory, (MTIME, MTIME))


def _start(factory: type[Server], lines: str) -> Server:
    server = factory(files={f"site/{name}": text for name, text in SITE.items()})
    _build(server.docroot)
    server.configure(lines.format(docroot=server.docroot, hosts="".join(_host(case, server.docroot) for case in CASES)))
    return server.start()


def _pair(lines: str) -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = tuple(_start(factory, lines) for factory in (Apache, OURS))
    yield pair[0], pair[1]
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Server, Server]]:
    yield from _pair(COMMON + "{hosts}")


@pytest.fixture(scope="module")
def together() -> Iterator[tuple[Server, Server]]:
    """All lines outside all sections, but for those that would hide others."""
    left_out = ("DirectoryCheckHandler", "ModMimeUsePathInfo")
    texts = [lines.text for name, lines in DIRECTIVES.items() if name.isalpha() and name not in left_out]
    # in Apache a `+` outside all sections counts if a section has a line of the module
    section = "<Directory /nowhere>\nIndexOrderDefault Ascending Name\n</Directory>\n<Location />\nDefaultIcon /y.gif\n"
    lines = "\n".join(texts).replace("{", "{{").replace("}", "}}")
    yield from _pair(f"{COMMON}{lines}\n{section}</Location>\n")


def _ask(server: Server, host: str, target: str) -> tuple[int, list[tuple[str, str]], str]:
    with Client(server.port) as client:
        answer = client.ask(target, Connection="close", Host=host, User_Agent=AGENT, X_Any="value")
    fields = [(name, value) for name, value in answer.headers if name not in ("Date", "Server")]
    text = answer.body.decode("latin-1")
    return answer.status, [(name, value.replace(str(server.port), "PORT")) for name, value in fields], text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_in_its_place(case: Case, hosts: tuple[Server, Server]) -> None:
    apache, ours = hosts
    for target in case.targets:
        assert _ask(ours, case.host, target) == _ask(apache, case.host, target), target


@pytest.mark.parametrize(
    "target", sorted({target for lines in DIRECTIVES.values() for target in lines.targets}), ids=str
)
def test_outside_all_sections(target: str, together: tuple[Server, Server]) -> None:
    apache, ours = together
    assert _ask(ours, "main.example", target) == _ask(apache, "main.example", target)


@pytest.mark.parametrize("name", [name for name in DIRECTIVES if name.isalpha()])
def test_each_case_shows_that_its_line_acts(name: str, hosts: tuple[Server, Server]) -> None:
    """Some place changes some answer of Apache's: otherwise the case tells nothing."""
    apache, _ = hosts
    lines = DIRECTIVES[name]
    plain = [_ask(apache, "main.example", target)[1:] for target in lines.targets]
    asked = [case for case in CASES if case.name.rpartition("-")[0] == name]
    assert any([_ask(apache, case.host, target)[1:] for target in lines.targets] != plain for case in asked)
