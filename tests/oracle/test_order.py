"""The order of modules: where hooks have equal places it is that of the LoadModule lines. Compared is what Apache says
of the order of its hooks (SHOW_HOOKS), and what a client and a log see of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from pyhttpd import boot
from pyhttpd.api.phases import Phase, in_order
from pyhttpd.cli.rehearsal import rehearse
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.trace import Trace
from tests.conftest import Start, require_apache
from tests.support.clients import Client
from tests.support.servers import APACHE, APACHE_MODULES, SLOW, Server


def shared() -> list[str]:
    """Those of our modules that Apache has as files: `alias`, `env`, ..."""
    ours = (owner.source.removeprefix("mod_").removesuffix(".c") for owner in boot.catalog().compiled_in)
    return [name for name in ours if (APACHE_MODULES / f"mod_{name}.so").exists()]


def load(names: Iterable[str]) -> str:
    return "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in names)


def orders(count: int) -> Iterator[list[str]]:
    """As Debian loads them, backwards, and shuffled."""
    names = shared()
    yield sorted(names)
    yield sorted(names, reverse=True)
    random = Random(7)
    for _ in range(count):
        yield random.sample(names, len(names))


def write(directory: Path, names: Sequence[str]) -> Path:
    config = directory / "httpd.conf"
    head = f"ServerRoot {directory}\nServerName x\nListen 127.0.0.1:1\nErrorLog error_log\nPidFile pid\n"
    config.write_text(head + load(["mpm_worker"]) + load(names))
    return config


def sorted_hooks(config: Path) -> dict[str, list[str]]:
    """Hook to the modules in the order in which Apache would run them."""
    assert APACHE is not None
    environment = {**os.environ, "SHOW_HOOKS": "1"}
    command = [APACHE, "-t", "-f", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, timeout=60)
    return {name: modules.split() for name, modules in re.findall(r"^Sorting (\w+):(.*)$", done.stdout, re.MULTILINE)}


@pytest.mark.parametrize("names", [*orders(10)], ids=" ".join)
def test_hooks(names: list[str], tmp_path: Path) -> None:
    """Every function of ours that Apache has too stands where Apache has it."""
    require_apache()
    config = write(tmp_path, names)
    theirs = sorted_hooks(config)
    modules = boot.modules_of(boot.read_here(ReadOptions(str(config), str(tmp_path))))
    rows = [(module.source, hook) for module in modules for hook in module.hooks]
    compared = 0
    for phase in Phase:
        ours = [source for source, _ in in_order(rows, phase)]
        both = [source for source in ours if source in theirs.get(phase.label, ()) and source.startswith("mod_")]
        expected = [source for source in theirs.get(phase.label, ()) if source in both]
        assert both == expected, phase.label
        compared += len(both)
    assert compared > 10


@pytest.mark.parametrize("names", [*orders(2)], ids=" ".join)
def test_dumps(names: list[str], tmp_path: Path) -> None:
    """`-M` lists what lines have loaded behind the rest, in their order; -L follows it."""
    require_apache()
    config = write(tmp_path, names)
    assert APACHE is not None
    shown: list[list[str]] = []
    for command in ([APACHE], [sys.executable, "-m", "pyhttpd"]):
        dump = subprocess.run([*command, "-M", "-f", str(config)], capture_output=True, text=True, check=True)
        shown.append([line for line in dump.stdout.splitlines() if line.endswith("(shared)")])
    assert shown[1] == shown[0]
    assert len(shown[0]) == len(names) + 1
    owners: list[list[str]] = []
    for command in ([APACHE], [sys.executable, "-m", "pyhttpd"]):
        listed = subprocess.run([*command, "-L", "-f", str(config)], capture_output=True, text=True, check=True)
        sources = re.findall(r"^[^\t].* \((mod_\w+\.c)\)$", listed.stdout, re.MULTILINE)
        owners.append([source for source in dict.fromkeys(sources) if source[4:-2] in names])
    assert owners[1] == owners[0]


# --- what a client and a log see

LINES = """
LogFormat "%r|%>s|%{VAR}e|%{X-Given}i|%{Location}o|%{X-Var}o|%{TWICE}e|%{cased}e|%{CASED}e" seen
CustomLog logs/seen seen
SetEnvIf Request_URI ^/s TWICE=early
SetEnv TWICE late
SetEnv Cased first
SetEnv cAsed second
Header set X-Cased "%{CASED}e" env=casED
<Location /place>
    SetEnv VAR place
    RequestHeader set X-Given given
    Redirect /place http://r.example/p
</Location>
<Location /gone>
    SetEnv VAR gone
    RequestHeader set X-Given given
    Header always set X-Var "%{VAR}e"
    Redirect gone /gone
</Location>
<Directory "{docroot}/sub">
    SetEnv VAR sub
    RequestHeader set X-Given given
    RequestHeader edit X-Old old new
</Directory>
<Location /forbidden>
    SetEnv VAR forbidden
    RequestHeader set X-Given given
    Require all denied
</Location>
<Location /odd>
    SetEnv VAR odd
    RequestHeader set X-Given given
    DirectoryIndex none.html /sub/deep.txt
</Location>
<Directory "{docroot}/typed">
    SetEnv VAR typed
    Redirect /typed/a.txt http://r.example/t
    DirectoryIndex a.txt
</Directory>
"""
FILES = {
    "index.html": "hello\n",
    "sub/index.html": "sub\n",
    "sub/deep.txt": "deep\n",
    "odd/x.txt": "x\n",
    "typed/a.txt": "a\n",
}
TARGETS = (
    "/", "/place", "/place/x", "/gone", "/gone/y", "/sub", "/sub/", "/sub/deep.txt", "/forbidden", "/odd", "/odd/",
    "/typed", "/typed/", "/typed/a.txt", "/server-status?auto&none",
)  # fmt: skip
ORDERS = {
    "env before alias": ("env", "headers", "mime", "dir", "setenvif", "alias", "status"),
    "alias before env": ("status", "alias", "dir", "mime", "headers", "env", "setenvif"),
    "dir between": ("setenvif", "alias", "headers", "dir", "env", "status", "mime"),
    "headers last": ("mime", "dir", "status", "env", "alias", "setenvif", "headers"),
}


def reorder(server: Server, names: Sequence[str]) -> None:
    """Its configuration with the lines of these modules in another order, behind the others."""
    text = server.config.read_text()
    for name in names:
        text = re.sub(rf"LoadModule {name}_module .*\n", "", text)
    at = text.rindex("LoadModule ")
    at = text.index("\n", at) + 1
    server.config.write_text(text[:at] + load(names) + text[at:])


def ask(server: Server, place: int) -> tuple[list[object], list[str]]:
    """The answers to TARGETS, and what is logged of them behind a place of the log."""
    answers: list[object] = []
    for target in TARGETS:
        with Client(server.port) as client:
            answer = client.ask(target, Connection="close", Host="h.example")
        fields = sorted((name, value) for name, value in answer.headers if name not in ("Date", "Server"))
        answers.append((target, answer.status, fields if "status" not in target else ()))
    server.wait_until(lambda: len(logged(server)) == place + len(TARGETS), SLOW, "a log line for each request")
    return answers, sorted(logged(server)[place:])


def logged(server: Server) -> list[str]:
    path = server.root / "logs" / "seen"
    text = path.read_text() if path.exists() else ""
    return [line for line in text.replace(str(server.port), "PORT").splitlines() if line]


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_seen(order: str, apache: Start, pyhttpd: Start) -> None:
    """Whether a redirect's log line sees the section's variables, and so on, depends on who was loaded first."""
    seen = []
    for make in (apache, pyhttpd):
        server = make(start=False, files=FILES)
        server.configure(LINES.replace("{docroot}", str(server.docroot)))
        reorder(server, ORDERS[order])
        server.expect("AH01630")
        server.start()
        seen.append(ask(server, 0))
    theirs, ours = seen
    assert ours == theirs
    redirected = next(line for line in ours[1] if line.startswith("GET /place HTTP"))
    names = ORDERS[order]
    assert ("|place|" in redirected) is (names.index("env") < names.index("alias"))


def test_a_reload_with_another_order(pyhttpd: Start) -> None:
    """The order is that of the generation that answers, and goes through the process that reads the configuration."""
    server = pyhttpd(start=False, files=FILES)
    server.configure(LINES.replace("{docroot}", str(server.docroot)))
    server.expect("AH01630")
    text = server.config.read_text()
    found: dict[str, tuple[list[object], list[str]]] = {}
    for count, name in enumerate(("env before alias", "alias before env", "env before alias")):
        server.config.write_text(text)
        reorder(server, ORDERS[name])
        if count == 0:
            server.start()
        else:
            old = set(server.children())
            server.reload("USR1")
            server.await_replaced(old)
        seen = ask(server, count * len(TARGETS))
        assert found.setdefault(name, seen) == seen
        assert ("GET /place HTTP/1.1|302|place|" in "".join(seen[1])) is name.startswith("env")
    assert len({str(value) for value in found.values()}) == len(found)


def test_explain_agrees(pyhttpd: Start) -> None:
    """The rehearsal of a request runs the functions in the order in which the server would."""
    for name, seen in (("env before alias", True), ("alias before env", False)):
        server = pyhttpd(start=False, files=FILES)
        server.configure("<Location /place>\nSetEnv VAR x\nRedirect /place http://r.example/p\n</Location>\n")
        reorder(server, ORDERS[name])
        trace = Trace()
        options = ReadOptions(str(server.config), str(server.root))
        configuration = boot.read_here(options, trace=trace)
        head = b"GET /place HTTP/1.1\r\nHost: x\r\n\r\n"
        done = rehearse(configuration, trace, head, ("127.0.0.1", 80), ("127.0.0.1", 1234))
        assert done.status == 302
        assert done.request.env.get("VAR") == ("x" if seen else None)


def test_a_line_for_what_is_always_there(tmp_path: Path) -> None:
    """As Apache says it of mod_so, which it cannot have as a file."""
    require_apache()
    config = write(tmp_path, ["so"])
    said = []
    for command in ([str(APACHE)], [sys.executable, "-m", "pyhttpd"]):
        done = subprocess.run([*command, "-t", "-f", str(config)], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        said.append(next(line for line in done.stderr.splitlines()).partition(": ")[2])
    assert said[1] == said[0]
