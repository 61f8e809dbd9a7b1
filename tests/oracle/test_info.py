"""server-info beside Apache's: the same pages, but for what is ours: a style sheet, links, who takes part in what."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import Client
from tests.support.memos import of_lines
from tests.support.servers import APACHE_MODULES, Apache, Server, close_all

LINES = """\
LoadModule info_module {modules}/mod_info.so
LoadModule macro_module {modules}/mod_macro.so
AddModuleInfo mod_alias.c 'See <a href="x">x</a>'
AddModuleInfo mod_alias.c "not the second"
AddModuleInfo mod_none.c nobody
addmoduleinfo mod_env.c
<IfModule !mod_env.c>
    SetEnv NOT shown
</IfModule>
<Location /info>
    SetHandler server-info
    ServerSignature Off
</Location>
<Location /signed>
    SetHandler server-info
    ServerSignature On
</Location>
<Location /empty>
</Location>
<Directory "/tmp/<a & b>">
    <Files "*.x">
        Require all granted
        AddType text/x \\
            .x
        <If "%{{REQUEST_URI}} =~ /\\"x/">
            Header set X-A "a\\"b<c>"
        </If>
    </Files>
    Options None
    <FilesMatch "none">
    </FilesMatch>
</Directory>
    setenv   Name    "value  of it"
Include conf/part*.conf
<VirtualHost 127.0.0.9:1>
    ServerName v.example
    timeout 10
    Include conf/deep.conf
    Alias /v /tmp
</VirtualHost>
"""
FILES = {
    "part1.conf": "<Location /part>\n  Include conf/deep.conf\n  SetEnv P 1\n</Location>\nSetEnv Q 2\n",
    "part2.conf": "Define VALUE x\nSetEnv R ${VALUE}\n\n\n# nothing\nSetEnv R2 \\\n\\\n a\n",
    "deep.conf": "SetEnv D 1\n\nUnsetEnv E\n",
}
QUERIES = ("config", "CONFIG", "list", "List", "mod_alias.c", "MOD_ENV.C", "mod_headers.c", "mod_mime.c", "mod_info.c",
           "mod_so.c", "mod_unixd.c", "mod_version.c", "mod_dir.c", "mod_authz_core.c", "mod_watchdog.c", "core.c",
           "prefork.c")  # fmt: skip


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    require_apache()
    pair = (Apache(), OURS())
    for server in pair:
        server.configure(LINES.format(modules=APACHE_MODULES).replace("addmoduleinfo mod_env.c", ""))
        for name, text in FILES.items():
            (server.config.parent / name).write_text(text)
        server.start()
    yield pair
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


def _page(server: Server, query: str, where: str = "/info") -> str:
    answer = server.get(f"{where}?{query}" if query else where)
    assert answer.status == 200
    assert answer.header("Content-Type") == "text/html; charset=ISO-8859-1"
    assert answer.header("Last-Modified") is answer.header("ETag") is None
    html = answer.body.decode("latin-1").replace(str(server.root), "ROOT")
    html = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:PORT", html)
    return re.sub(r"(?<=Listen <i>)127\.0\.0\.1:\w+", "127.0.0.1:PORT", html)


def _as_apache(html: str) -> str:
    """Without what only our page has."""
    html = re.sub(r"  <meta name=.*?</style>\n", "", html, flags=re.DOTALL)
    html = re.sub(r'<a href="\?config#l[0-9]+">(.*?)</a>', r"\1", html)
    return re.sub(r'<dd id="l[0-9]+">', "<dd>", html)


def _without_phases(html: str) -> str:
    """Without who takes part in what, which is each program's own, and in no order of directives."""
    html = re.sub(r"<dt><strong>Configuration Phase.*?</dt><dt>", "<dt>", html, flags=re.DOTALL)
    html = re.sub(r"<dt><strong>Request Phase.*?</dt>\n", "", html, flags=re.DOTALL)
    return re.sub(r"<dd><tt>(?:\w+|&lt;\w+&gt;) - <i>.*?</i></tt></dd>\n", "", html)


@of_lines
@pytest.mark.parametrize("query", QUERIES)
def test_same_page(servers: tuple[Server, Server], query: str) -> None:
    theirs, ours = (_page(server, query) for server in servers)
    ours = _as_apache(ours)
    if query.lower() == "list":
        listed = [set(re.findall(r"<dd>(.*?)</dd>", page)) for page in (theirs, ours)]
        assert listed[0] <= listed[1]
        theirs, ours = (re.sub(r"<dd>.*</dd>", "", page) for page in (theirs, ours))
    assert _without_phases(ours) == _without_phases(theirs)


def test_the_directives_of_modules(servers: tuple[Server, Server]) -> None:
    """Those of Apache's modules that we have, with what they are for, which may be said in other words."""
    for name in (
        "mod_so.c",
        "mod_unixd.c",
        "mod_version.c",
        "mod_watchdog.c",
        "mod_info.c",
        "mod_alias.c",
        "mod_dir.c",
    ):
        listed = [re.findall(r"<dd><tt>(\w+|&lt;\w+&gt;) - <i>.*</i>", _page(server, name)) for server in servers]
        assert sorted(listed[1]) == sorted(listed[0]), name


@of_lines
def test_everything_in_its_order(servers: tuple[Server, Server]) -> None:
    theirs, ours = (_as_apache(_page(server, "")) for server in servers)
    headings = [re.findall(r"<h[12][^>]*>.*?</h[12]>", page) for page in (theirs, ours)]
    assert headings[1] == headings[0]
    for part in ("Subpages", "Sections"):
        found = [re.search(rf"<dl><dt><tt>{part}:.*?</dl>", page) for page in (theirs, ours)]
        assert found[0]
        assert found[1]
        assert found[1][0] == found[0][0]
    labels = [
        re.findall(r"<dt><strong>([^<]*):</strong>", page.partition("Module Name:")[0]) for page in (theirs, ours)
    ]
    own = {"Post-Directory Configuration", "Force Authentication"}  # hooks that Apache has and does not list
    assert [label for label in labels[1] if label not in own and "Version" not in label] == [
        label for label in labels[0] if "Version" not in label
    ]
    modules = [re.findall(r'<a name="([\w.]+)"><strong>Module Name', page) for page in (theirs, ours)]
    assert modules[1] == sorted(modules[1])
    assert set(modules[0]) <= set(modules[1])
    lines = [
        dict(re.findall(r'<a name="([\w.]+)"><strong>Module.*?Current Configuration:</strong></dt>\n(.*?)</dl>',
                        re.sub(r"Module Directives:</strong> <tt>none.*?</dl>", "", page), re.DOTALL))
        for page in (theirs, ours)
    ]  # fmt: skip
    for name in set(lines[0]) & set(lines[1]):
        assert lines[1][name] == lines[0][name], name


def test_facts(servers: tuple[Server, Server]) -> None:
    theirs, ours = (
        dict(re.findall(r"<dt><strong>([^<]*):</strong> (?:<font[^>]*>)?<tt>(.*?)</tt>", _page(server, "server")))
        for server in servers
    )
    for name in ("Module Magic Number", "Hostname/port", "Timeouts", "MPM Name", "MPM Information",
                 "Server Architecture", "Server Root", "Config File"):  # fmt: skip
        assert ours[name] == theirs[name], name


def test_who_asks_otherwise(servers: tuple[Server, Server]) -> None:
    for server in servers:
        assert "<address>" in _page(server, "list", "/signed")
        assert "<address>" not in _page(server, "list")
        assert server.get("/info/more?list").status == 200
    theirs, ours = (_as_apache(_page(server, "nobody.c")) for server in servers)
    # Apache has these words, too, and a mistake that keeps them back
    assert ours.replace("<p><b>No such module</b></p>\n", "") == theirs


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "PUT", "DELETE"])
def test_other_methods(servers: tuple[Server, Server], method: str) -> None:
    answers = []
    for server in servers:
        with Client(server.port) as client:
            answers.append(client.ask("/info?list", method=method))
    theirs, ours = answers
    assert ours.status == theirs.status
    for name in ("Content-Type", "Allow", "Last-Modified", "ETag", "Accept-Ranges"):
        fields = [sorted((answer.header(name) or "").split(",")) for answer in answers]
        assert fields[1] == fields[0], name
