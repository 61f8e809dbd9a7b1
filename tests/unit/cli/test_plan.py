"""What a reload would change: the tree that a server keeps, and the comparison."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd import boot
from pyhttpd.cli.options import UsageError, parse
from pyhttpd.cli.plan import Plan, Side, as_json, compare, options_of, rebuilt
from pyhttpd.config import dump
from pyhttpd.config.kept import KeptError, unpack
from pyhttpd.config.read import ReadOptions, read_tree
from pyhttpd.config.trace import Trace

BASE = """\
LoadModule mpm_worker_module modules/mod_mpm_worker.so
LoadModule macro_module modules/mod_macro.so
Listen 127.0.0.1:8001
Listen 127.0.0.1:8002
ServerName main
User daemon
Group daemon
Timeout 30
ServerLimit 4
MaxRequestWorkers 50
<Macro host $n>
  <VirtualHost *:8001>
    ServerName $n
    <Location /a>
      Require all denied
    </Location>
  </VirtualHost>
</Macro>
Use host one
Use host two
<Directory "/srv">
  Options \\
    None
</Directory>
Include "part.conf"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "part.conf").write_text("Header set X 'a b'\n")
    return tmp_path


def options(root: Path, text: str) -> ReadOptions:
    (root / "httpd.conf").write_text(text)
    return ReadOptions(str(root / "httpd.conf"), str(root), defines=("D",))


def running(root: Path, text: str) -> Side:
    """A configuration as a server keeps it."""
    return rebuilt(unpack(boot.read_to_run(options(root, text), skip_document_root_check=True).kept))


def plan(root: Path, before: str, after: str, *, as_root: bool = True) -> Plan:
    old = running(root, before)
    trace = Trace()
    new = boot.read_here(options(root, after), True, old[0].mpm, trace=trace)
    return compare(old, (new, trace), as_root=as_root)


def changes(made: Plan) -> list[tuple[str, str, str, str, str]]:
    return [(p.server, p.section, c.what, c.old, c.new) for p in made.parts for c in p.changes]


def test_nothing_changes(root: Path) -> None:
    assert plan(root, BASE, BASE).empty
    assert plan(root, BASE, "# a comment moves all lines\n" + BASE.replace("Timeout 30", "Timeout   30")).empty


def test_the_tree_is_kept_with_its_places(root: Path) -> None:
    given_options = options(root, BASE)
    kept = unpack(boot.read_to_run(given_options, skip_document_root_check=True).kept)
    assert options_of(kept) == given_options
    assert dump.config_tree(kept.nodes) == dump.config_tree(read_tree(given_options, boot.catalog()))


def test_what_was_included_stays_though_the_file_has_changed(root: Path) -> None:
    old = running(root, BASE)
    (root / "part.conf").write_text("Header set X 'c d'\n")
    trace = Trace()
    new = boot.read_here(options(root, BASE), True, trace=trace)
    (change,) = [change for part in compare(old, (new, trace), as_root=True).parts for change in part.changes]
    assert (change.what, change.old, change.new) == ("Header", "set X 'a b'", "set X 'c d'")
    assert change.new_place is not None
    assert (change.new_place.file, change.new_place.line) == (str(root / "part.conf"), 1)


def test_values_by_server_and_section(root: Path) -> None:
    after = BASE.replace("Timeout 30", "Timeout 20").replace("    None", "    Indexes").replace("denied", "granted")
    assert changes(plan(root, BASE, after)) == [
        ("main server", "", "Timeout", "30", "20"),
        ("main server", "<Directory /srv>", "Options", "None", "Indexes"),
        ("<VirtualHost *:8001> one", "<Location /a>", "Require", "all denied", "all granted"),
        ("<VirtualHost *:8001> two", "<Location /a>", "Require", "all denied", "all granted"),
    ]


def test_what_a_virtual_host_gets_from_the_main_server_is_said_once(root: Path) -> None:
    own = BASE.replace("    ServerName $n", "    ServerName $n\n    Timeout 5")
    assert changes(plan(root, own, own.replace("Timeout 30", "Timeout 20"))) == [
        ("main server", "", "Timeout", "30", "20")
    ]
    (one, two) = changes(plan(root, own, BASE))
    assert one == ("<VirtualHost *:8001> one", "", "Timeout", "5", "30")
    assert two[0] == "<VirtualHost *:8001> two"


def test_hosts_and_sections_come_and_go(root: Path) -> None:
    after = BASE.replace("Use host two\n", "Use host three\n").replace('<Directory "/srv">', '<Directory "/opt">')
    made = [
        (server, section, bool(old), bool(new)) for server, section, _, old, new in changes(plan(root, BASE, after))
    ]
    assert made == [
        ("main server", "<Directory /srv>", True, False),
        ("main server", "<Directory /opt>", False, True),
        ("<VirtualHost *:8001> two", "", True, False),
        ("<VirtualHost *:8001> three", "", False, True),
    ]


def test_listeners(root: Path) -> None:
    made = plan(root, BASE, BASE.replace("8002", "8003"))
    assert [(c.what, c.old, c.new) for c in made.listeners] == [
        ("closed", "127.0.0.1:8002", ""),
        ("opened", "", "127.0.0.1:8003"),
    ]
    assert made.parts == ()


def test_the_protocol_of_a_listener(root: Path) -> None:
    """The socket stays; whether a connection is waited for until it has sent something may change."""
    made = plan(root, BASE, BASE.replace("127.0.0.1:8002", "127.0.0.1:8002 ftp"))
    assert [(c.what, c.old, c.new) for c in made.listeners] == [("protocol of 127.0.0.1:8002", "http", "ftp")]


def test_the_number_of_sockets_for_each_address(root: Path) -> None:
    made = plan(root, BASE, BASE + "ListenCoresBucketsRatio 1\n")
    assert [text.partition(";")[0] for text in made.restart] == ["ListenCoresBucketsRatio: none -> 1"]


def test_what_needs_a_full_restart(root: Path) -> None:
    after = BASE.replace("ServerLimit 4", "ServerLimit 6").replace("User daemon", "User nobody")
    made = plan(root, BASE, after + "ScoreBoardFile logs/board\n", as_root=False)
    assert made.restart == (
        f"ScoreBoardFile: none -> {root}/logs/board",
        "User and Group: daemon:daemon -> nobody:daemon; the server was not started as root",
        "ServerLimit: 4 -> 6",
    )
    assert "AH00304" in {warning.number for warning in made.warnings}


def test_another_mpm_needs_one(root: Path) -> None:
    old = running(root, BASE)
    trace = Trace()
    new = boot.read_here(options(root, BASE.replace("worker", "prefork")), True, trace=trace)
    (first, *_) = compare(old, (new, trace), as_root=True).restart
    assert first == "the MPM: worker -> prefork; the reload would be refused (AH00534)"


def test_modules_and_variables(root: Path) -> None:
    after = BASE.replace("LoadModule macro", "Define NAME x\nLoadModule macro")
    made = plan(root, BASE, after)
    assert [(c.what, c.old, c.new) for c in made.everything] == [("Define", "", "NAME=x")]
    assert as_json(made)["server"][0]["new"] == "NAME=x"


def test_the_order_of_modules(root: Path) -> None:
    before = BASE + "LoadModule env_module x\nLoadModule alias_module x\n"
    after = BASE + "LoadModule alias_module x\nLoadModule env_module x\n"
    made = plan(root, before, after)
    assert [(c.what, c.old, c.new) for c in made.everything] == [
        ("order of modules", "macro_module, env_module, alias_module", "macro_module, alias_module, env_module")
    ]


@given(st.binary(max_size=200))
def test_what_is_no_tree_is_refused(data: bytes) -> None:
    with pytest.raises(KeptError):
        unpack(data)


@pytest.mark.parametrize("words", [["--plan"], ["-k", "stop", "--plan"], ["-k", "start", "--plan"], ["-t", "--plan"]])
def test_plan_goes_with_a_reload(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(words)


def test_plan_is_an_option_of_a_reload() -> None:
    found = parse(["-k", "restart", "--plan", "--format", "json"])
    assert (found.action, found.plan, found.format, found.command_line) == ("restart", True, "json", "pyhttpd")
