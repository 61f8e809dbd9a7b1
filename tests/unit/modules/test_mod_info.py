"""mod_info: its pages from a configuration that is kept as the master keeps it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd import boot
from pyhttpd.api.log import Level
from pyhttpd.api.module import KEPT
from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.kept import KeptLine, pack
from pyhttpd.config.nodes import Node
from pyhttpd.config.read import ReadOptions
from pyhttpd.modules import mod_info
from pyhttpd.modules.info_config import configuration_lines
from pyhttpd.modules.info_hooks import OTHER, REQUEST, STARTUP
from pyhttpd.modules.info_secrets import HIDDEN, without_secrets
from pyhttpd.mpm.kept import KeptFile
from pyhttpd.scoreboard import Scoreboard
from tests.support.requests import FakeRequest, make_request

TEXT = """\
LoadModule info_module modules/mod_info.so
LoadModule mpm_worker_module modules/mod_mpm_worker.so
LoadModule macro_module modules/mod_macro.so
Listen 127.0.0.1:0
ServerName www.example
ErrorLog /dev/null
PidFile httpd.pid
ServerSignature On
AddModuleInfo mod_alias.c '<b>of all</b>'
Alias /a "/tmp/<&>"
<Directory "/tmp/x">
    <Files "*.y">
        Options None
        ForceType text/x
    </Files>
    DirectoryIndex caf\u00e9-\u20ac-\udce9.html
</Directory>
<Macro one $x>
    Alias /$x /tmp/one
</Macro>
Use one b
<VirtualHost *:8080>
    ServerName other.example
    AddModuleInfo mod_alias.c "of the host"
    Alias /c /tmp
</VirtualHost>
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Configuration, KeptFile, Path]]:
    directory = tmp_path_factory.mktemp("info")
    path = directory / "httpd.conf"
    path.write_text(TEXT, encoding="utf-8", errors="surrogateescape")
    options = ReadOptions(str(path), str(directory))
    tree: list[Node] = []
    configuration = boot.read_here(options, skip_document_root_check=True, tree=tree)
    kept = KeptFile(pack(options, configuration, tree))
    yield configuration, kept, path
    kept.close()


def ask(
    site: tuple[Configuration, KeptFile, Path], query: str | None, *, host: int | None = None, **given: Any
) -> FakeRequest:
    configuration, kept, _ = site
    attributes = {"handler": "server-info", "args": query, "resources": {KEPT: kept}, **given}
    request = make_request(configuration, "/server-info", host=host, **attributes)
    request.services.modules = tuple(boot.modules_of(configuration))
    request.services.scoreboard = Scoreboard(2, 2)
    return request


def page(site: tuple[Configuration, KeptFile, Path], query: str | None, **given: Any) -> str:
    request = ask(site, query, **given)
    assert mod_info.handle_info(request) == OK
    assert request.content_type == "text/html; charset=ISO-8859-1"
    assert request.content is not None
    data = b"".join(bytes(piece) for piece in request.content)  # type: ignore[arg-type]  # it gives nothing but bytes
    assert request.content_length in (None, len(data))
    assert request.lines == []
    return data.decode("latin-1")


def texts(html: str) -> list[str]:
    """The lines of a page as one sees them."""
    body = html.partition("</style>")[2].replace("</dd>", "</dd>\n")
    shown = re.sub(r"<[^>]*>", "", body).replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">")
    return [line for line in shown.replace("&quot;", '"').replace("&amp;", "&").splitlines() if line.strip()]


def test_whose_it_is(site: tuple[Configuration, KeptFile, Path]) -> None:
    assert mod_info.handle_info(ask(site, None, handler="server-status")) == DECLINED
    assert mod_info.handle_info(ask(site, None, handler=None)) == DECLINED
    assert mod_info.handle_info(ask(site, None, method="POST")) == DECLINED
    assert mod_info.handle_info(ask(site, "list", method="HEAD")) == OK


def test_the_whole_configuration(site: tuple[Configuration, KeptFile, Path]) -> None:
    path = site[2]
    html = page(site, "CONFIG")
    assert texts(html)[2:] == [
        f"In file: {path}",
        "   4: Listen 127.0.0.1:0",
        "   5: ServerName www.example",
        "   6: ErrorLog /dev/null",
        "   7: PidFile httpd.pid",
        "   8: ServerSignature On",
        "   9: AddModuleInfo mod_alias.c '<b>of all</b>'",
        '  10: Alias /a "/tmp/<&>"',
        '  11: <Directory "/tmp/x">',
        '  12:   <Files "*.y">',
        "  13:     Options None",
        "  14:     ForceType text/x",
        "    :   </Files>",
        "  16:   DirectoryIndex caf\u00e9-&#8364;-\u00e9.html",
        "    : </Directory>",
        f'In file: macro \'one\' (defined on line 18 of "{path}") used on line 21 of "{path}"',
        "   1: Alias /b /tmp/one",
        f"In file: {path}",
        "  22: <VirtualHost *:8080>",
        "  23:   ServerName other.example",
        '  24:   AddModuleInfo mod_alias.c "of the host"',
        "  25:   Alias /c /tmp",
        "    : </VirtualHost>",
        "pyhttpd/0.1.0 (Unix) Server at www.example Port 80",
    ]
    assert "<&>" not in html
    ids = re.findall(r' id="(l\d+)"', html)
    assert len(ids) == len(set(ids)) == 17


def test_one_module(site: tuple[Configuration, KeptFile, Path]) -> None:
    path = site[2]
    html = page(site, "mod_ALIAS.c")
    shown = texts(html)
    assert shown[shown.index("Current Configuration:") :][:12] == [
        "Current Configuration:",
        f"In file: {path}",
        '  10: Alias /a "/tmp/<&>"',
        f'In file: macro \'one\' (defined on line 18 of "{path}") used on line 21 of "{path}"',
        "   1: Alias /b /tmp/one",
        f"In file: {path}",
        "  22: <VirtualHost *:8080>",
        "  25:   Alias /c /tmp",
        "    : </VirtualHost>",
        "Additional Information:",
        "of all",
        "pyhttpd/0.1.0 (Unix) Server at www.example Port 80",
    ]
    whole = page(site, "config")
    for number, name in re.findall(r'<a href="\?config#(l\d+)">.*?</a>:(?:&nbsp;)+(\S+)', html):
        assert re.search(rf'<dd id="{number}"><tt>.*?:(?:&nbsp;)+{re.escape(name)} ', whole), number
    assert "<dd><b>of all</b></dd>" in html  # it is meant to be HTML


def test_a_module_without_lines_and_one_without_directives(site: tuple[Configuration, KeptFile, Path]) -> None:
    assert texts(page(site, "mod_env.c"))[-2:] == [
        "Current Configuration:", "pyhttpd/0.1.0 (Unix) Server at www.example Port 80"
    ]  # fmt: skip
    assert "Module Directives: none" in texts(page(site, "mod_status.c"))[-2]


def test_what_all_mpms_have_is_the_cores(site: tuple[Configuration, KeptFile, Path]) -> None:
    assert "   7: PidFile httpd.pid" in texts(page(site, "core.c"))
    assert not any("PidFile" in line for line in texts(page(site, "worker.c")))


def test_the_hosts_own_information_comes_first(site: tuple[Configuration, KeptFile, Path]) -> None:
    assert "of the host" in texts(page(site, "mod_alias.c", host=0))
    assert "of all" not in texts(page(site, "mod_alias.c", host=0))


def test_everything(site: tuple[Configuration, KeptFile, Path]) -> None:
    html = page(site, None)
    titles = ["Loaded Modules", "Server Settings", "Startup Hooks", "Request Hooks", "Other Hooks", "Providers"]
    assert re.findall(r'<h2><a name="\w+">(.*?)</a></h2>', html) == titles
    assert html.index("Subpages:") < html.index("Sections:") < html.index("<h2>")
    names = re.findall(r'<a name="([\w.]+)"><strong>Module Name:', html)
    assert names == sorted(names)
    assert len(names) == len(site[0].modules)
    for query, title in (("hooks", "Startup Hooks"), ("providers", "Providers"), ("server", "Server Settings")):
        part = page(site, query).partition("</h1>\n")[2].partition("<address>")[0]
        assert part.startswith("<h2>")
        assert part.replace('href="?', 'href="#') in html.replace('href="?', 'href="#')
        assert title in part
    for link in set(re.findall(r'href="#([\w.]+)"', html)):
        assert f'name="{link}"' in html, link
    assert "Threaded: yes" in page(site, "server")


def test_the_list(site: tuple[Configuration, KeptFile, Path]) -> None:
    listed = texts(page(site, "LIST"))
    assert listed[1] == "Server Module Listcore.c"
    assert len(listed) == len(site[0].modules) + 2


def test_what_is_no_page(site: tuple[Configuration, KeptFile, Path]) -> None:
    html = page(site, "<script>")
    assert "No such module" in html
    assert "<script>" not in html


def test_lines_that_cannot_be_had(site: tuple[Configuration, KeptFile, Path]) -> None:
    """The page is whole without them, and the log says why."""
    broken = KeptFile(b"nothing")
    gone = SimpleNamespace(fd=os.open(os.devnull, os.O_RDONLY))
    os.close(gone.fd)
    for resources in ({KEPT: None}, {KEPT: broken}, {KEPT: gone}):
        request = ask(site, "config", resources=resources)
        assert mod_info.handle_info(request) == OK
        assert request.content is not None
        assert bytes(list(request.content)[-1]).endswith(b"</body></html>\n")  # type: ignore[arg-type]  # it is bytes
        assert [line[:2] for line in request.lines] == [(Level.ERROR, "PH00302")]
    broken.close()
    request = ask(site, "config", resources={})  # as `explain` asks, where nothing runs
    assert mod_info.handle_info(request) == OK
    assert request.lines == []


def test_hooks_are_named_once() -> None:
    labels = [hook.label for hook in (*STARTUP, *REQUEST, *OTHER)]
    assert len(labels) == len(set(labels))


# Sections with a line inside, sections without, at any depth.
TREES = st.recursive(
    st.sampled_from(["Wanted", "Other"]), lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=20
)


def lines_of(tree: Any, depth: int = 0, into: list[KeptLine] | None = None) -> list[KeptLine]:
    found: list[KeptLine] = [] if into is None else into
    for each in tree if isinstance(tree, tuple) else (tree,):
        is_section = isinstance(each, tuple)
        name = "Section" if is_section else each
        found.append(KeptLine(len(found), depth, name, "x>" if is_section else "x", "f", len(found) + 1, 1, is_section))
        if is_section:
            lines_of(each, depth + 1, found)
    return found


@given(TREES)
def test_each_wanted_line_in_all_its_sections_and_no_others(tree: Any) -> None:
    lines = lines_of(tree)
    shown = texts("</style>" + "".join(configuration_lines(lines, {"wanted"})))
    wanted = [line for line in lines if line.name == "Wanted"]
    assert sum(": " in text and "Wanted" in text for text in shown) == len(wanted)
    around: list[int] = []
    for text in shown:
        if text.startswith("In file"):
            continue
        depth = (len(text) - len(text[5:].lstrip())) - 6
        assert depth == 2 * len(around) - (2 if "</Section>" in text else 0)
        if "</Section>" in text:
            around.pop()
        elif "<Section" in text:
            around.append(0)
        else:
            assert "Wanted" in text
    assert around == []
    opened = {line.number for line in lines if line.is_section and _holds(lines, line)}
    assert sum("<Section" in text for text in shown) == len(opened)


def _holds(lines: list[KeptLine], section: KeptLine) -> bool:
    """Whether a wanted line stands in it."""
    for line in lines[section.number + 1 :]:
        if line.depth <= section.depth:
            return False
        if line.name == "Wanted":
            return True
    return False


@pytest.mark.parametrize(
    ("name", "rest", "shown"),
    [
        ("AuthLDAPBindPassword", "exec:/bin/x secret", HIDDEN),
        ("SessionCryptoPassphrase", "secret", HIDDEN),
        ("SSLPassPhraseDialog", "builtin", "builtin"),
        ("BalancerMember", "ajp://h:1 secret=abc route=r", f"ajp://h:1 secret={HIDDEN} route=r"),
        ("DBDParams", '"host=h,user=u,pass=abc,dbname=d"', f'"host=h,user=u,pass={HIDDEN},dbname=d"'),
        ("ProxyPass", "/a http://u:abc@h/?x=1", f"/a http://u:{HIDDEN}@h/?x=1"),
        ("Redirect", "/a http://h:80/@b", "/a http://h:80/@b"),
        ("Redirect", "/a http://h/?token=abc&b=c", f"/a http://h/?token={HIDDEN}&b=c"),
        ("RequestHeader", 'set Authorization "Basic a b" env=x', f"set Authorization {HIDDEN} env=x"),
        ("RequestHeader", "add X-Api-Key abc", f"add X-Api-Key {HIDDEN}"),
        ("Header", "always set Set-Cookie a", "always set Set-Cookie a"),
        ("Header", "unset Authorization", "unset Authorization"),
        ("SetEnv", "DB_PASSWORD abc", f"DB_PASSWORD {HIDDEN}"),
        ("SetEnv", "MONKEY abc", "MONKEY abc"),
        ("SetEnv", "PASSENGER abc", "PASSENGER abc"),
        ("PassEnv", "PATH", "PATH"),
        ("AuthUserFile", "/etc/passwords", "/etc/passwords"),
        ("Alias", "/token /srv/secret", "/token /srv/secret"),
        ("Secret", "", ""),
    ],
)
def test_secrets(name: str, rest: str, shown: str) -> None:
    assert without_secrets(name, rest) == shown
