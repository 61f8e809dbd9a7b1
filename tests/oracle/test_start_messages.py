"""What both servers say of their configuration and of their own life: number, module and level, on the terminal and in
the error log."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from pyhttpd.config.diagnostics import Severity
from tests.conftest import Start, require_apache
from tests.oracle.test_listen import may_be_temporary, reading
from tests.support import processes
from tests.support.logs import ErrorLine, parse_error_line
from tests.support.servers import APACHE, APACHE_MODULES, MODULES, RUNNING, SLOW, STALLED, Server, server_user


class Said(NamedTuple):
    """One message. What Apache writes without a time in front, it also writes without module and level."""

    number: str
    module: str = ""
    level: str = ""


def said(line: ErrorLine) -> Said | None:
    """None for what has no number of Apache's."""
    found = re.match(r"(?:\((?:EAI )?\d+\)[^:]*: )?(AH\d{5}): ", line.text)
    number = line.number or (found[1] if found else "")
    if not number.startswith("AH"):
        return None
    return Said(number) if line.level == "raw" else Said(number, line.module, line.level)


def bare_as(theirs: Iterable[Said], ours: Iterable[Said]) -> list[Said]:
    """Ours, without module and level where theirs have none."""
    bare = {each.number for each in theirs if not each.module}
    return [Said(each.number) if each.number in bare else each for each in ours]


# --- a configuration that is read

LINES = (
    "NameVirtualHost *:80",
    "ErrorDocument 401 http://x/",
    "DefaultType text/plain",
    "LimitInternalRecursion 2",
    "LimitInternalRecursion 9 2",
    "ServerAdmin ${NONE}",
    "PassEnv NONE_SUCH",
    "SetEnv a=b c",
    "Alias /a /b\nAlias /a/b /c",
    "AliasMatch /a /b\nAlias /a/b /c",
    f"LoadModule alias_module {APACHE_MODULES}/mod_alias.so",
    "<Location /x>\nAllowOverride None\n</Location>",
    "<Files x>\nAllowOverrideList Header\n</Files>",
    "<Directory /x>\nAllowOverrideList Foo Listen Header\n</Directory>",
    "<Macro x $a $ab>\n</Macro>",
    "<Macro x a>\nServerAdmin a\n</Macro>",
    "<Macro $x>\nServerAdmin a\n</Macro>",
    "<Macro x>\nServerAdmin a\n</Macro>\n<Macro x>\nServerAdmin a\n</Macro>",
    '<Macro x $a>\nServerAdmin $a\n</Macro>\nUse x ""',
    "<Macro x $a>\nServerAdmin b\n</Macro>",
    "<VirtualHost *:81>\nServerName y\nDocumentRoot /nonexistent\n</VirtualHost>",
    "Listen [fe80::1%none9]:80",
    "Listen [::1%lo]:80",
    "DocumentRoot /nonexistent",
    "ErrorLog /nonexistent/x",
    "CustomLog /nonexistent/x test",
    "User nosuchuser",
    "Group nosuchgroup",
    "Foo bar",
)
OF_NAMES = (
    "<VirtualHost 198.51.100.7:81>\n</VirtualHost>",
    "<VirtualHost nohost.invalid:81>\n</VirtualHost>",
    "Listen nohost.invalid:80",
)
POOLS = {
    "prefork": (
        "ServerLimit 999999", "ServerLimit 0", "MaxRequestWorkers 3000", "MaxRequestWorkers 0", "StartServers 0",
        "MinSpareServers 0", "MaxClients 50", "MaxRequestsPerChild 50",
    ),
    "worker": (
        "ServerLimit 99999", "ServerLimit 0", "ThreadLimit 99999", "ThreadLimit 0", "ThreadsPerChild 99",
        "ThreadsPerChild 0", "MaxRequestWorkers 3", "MaxRequestWorkers 30", "MaxRequestWorkers 9000", "StartServers 0",
        "MinSpareThreads 0", "MaxClients 50", "MaxRequestsPerChild 50",
    ),
}  # fmt: skip
CASES = [("worker", lines) for lines in (*LINES, *OF_NAMES)] + [(mpm, line) for mpm in POOLS for line in POOLS[mpm]]


def theirs(directory: Path) -> list[Said]:
    """What -t says, but for what it finds once the checks have failed."""
    command = [str(APACHE), "-t", "-e", "info", "-f", str(directory / "httpd.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SLOW)
    found = [said(parse_error_line(line)) for line in done.stderr.splitlines()]
    return [each for each in found if each is not None and each.number != "AH00014"]


@pytest.mark.parametrize(("mpm", "lines"), CASES, ids=lambda value: value.replace("\n", " + "))
def test_what_is_said_of_a_line(mpm: str, lines: str, tmp_path: Path) -> None:
    require_apache()
    if lines in OF_NAMES and may_be_temporary():
        pytest.skip("there is no DNS")
    loads = "".join(
        f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in (f"mpm_{mpm}", "macro", *MODULES)
    )
    (tmp_path / "mime").touch()
    user = server_user()
    (tmp_path / "httpd.conf").write_text(
        f"ServerRoot {tmp_path}\n{loads}User {user}\nGroup {user}\nServerName x\nErrorLog log\nPidFile pid\n"
        f"TypesConfig mime\nLogFormat %r test\nListen 127.0.0.1:1\n{lines}\n"
    )
    expected = theirs(tmp_path)
    _, found = reading(tmp_path)
    ours = bare_as(
        expected,
        # an error ends Apache, and has no module and level there
        [Said(each.number, *(("", "") if each.severity is Severity.ERROR else (each.module, each.log_level)))
         for each in found if each.number and each.number.startswith("AH")],
    )  # fmt: skip
    assert ours == expected
    assert expected


# --- a server that starts, restarts and stops

WARNED = """\
NameVirtualHost *
ErrorDocument 401 http://x/
DefaultType a/b
ServerAdmin ${NONE}
PassEnv NONE_SUCH
Alias /a /b
Alias /a/c /d
LoadModule alias_module modules/mod_alias.so
MaxRequestsPerChild 50
ListenCoresBucketsRatio 1
"""
CLAMPED = {
    "prefork": (
        "ServerLimit 999999\nMaxRequestWorkers 12\nStartServers 0\nMinSpareServers 0",
        "ServerLimit 0\nMaxRequestWorkers 3000",
        "MaxClients 0",
    ),
    "worker": (
        "ThreadLimit 2\nThreadsPerChild 5\nMaxRequestWorkers 1\nStartServers 0\nMinSpareThreads 0",
        "ServerLimit 2\nThreadLimit 0\nMaxRequestWorkers 3000",
        "ThreadsPerChild 3\nMaxClients 11",
    ),
}
ONLY_ON_THE_TERMINAL = {"AH00548"}  # Apache says it once in its life
OURS = {"PH00212", "PH00211", "PH00201", "PH00220"}


def logged(lines: Sequence[ErrorLine]) -> list[Said]:
    return [
        each for line in lines
        if (each := said(line)) is not None and each.number not in ONLY_ON_THE_TERMINAL | STALLED | {"AH00263"}
    ]  # fmt: skip


def life(server: Server) -> tuple[list[Said], list[Said]]:
    """What it says on the terminal, and in its log from the start over a graceful restart and a restart to the stop."""
    server.start()
    for name in ("USR1", "HUP"):
        server.reload(name)
    server.stop()
    shown = [said(parse_error_line(line)) for line in server.console.lines()]
    return [each for each in shown if each is not None], logged(server.error_log.lines())


@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_is_said_in_a_life(pyhttpd: Start, apache: Start, mpm: str, which: int) -> None:
    """In the foreground: a daemon of Apache's has lost its terminal, and not yet got its log, when it reads again."""
    found = []
    for start in (apache, pyhttpd):
        server = start(
            WARNED if which == 0 else "", mpm=mpm, limits=CLAMPED[mpm][which], options=["-e", "info"], start=False
        )
        found.append(life(server))
        server.expect(*(line.key for line in server.error_log.lines()))
    (terminal, log), (our_terminal, our_log) = found
    assert sorted(Said(each.number) for each in our_terminal) == sorted(Said(each.number) for each in terminal)
    assert [each.number for each in log if each.number == RUNNING[mpm]] == [RUNNING[mpm]] * 3
    ours = bare_as(log, our_log)
    assert [sorted(part) for part in parts(ours, mpm)] == [sorted(part) for part in parts(log, mpm)]


def parts(lines: Sequence[Said], mpm: str) -> list[list[Said]]:
    """What is said until it runs, each time; in what order is not compared."""
    found: list[list[Said]] = [[]]
    for line in lines:
        found[-1].append(line)
        if line.number == RUNNING[mpm]:
            found.append([])
    return found


def test_what_cannot_change(pyhttpd: Start, apache: Start, mpm: str) -> None:
    limits = {"prefork": "ServerLimit {}\nMaxRequestWorkers 4", "worker": "ServerLimit {0}\nThreadLimit {0}\n"
              "ThreadsPerChild 2\nMaxRequestWorkers 4"}[mpm]  # fmt: skip
    found = []
    for start in (apache, pyhttpd):
        server = start(mpm=mpm, limits=limits.format(8))
        server.configure(limits=limits.format(9))
        place = server.error_log.place()
        for name in ("USR1", "HUP"):
            server.reload(name)
        found.append(logged(server.error_log.lines(place)))
        server.expect(*(line.key for line in server.error_log.lines()))
    assert [sorted(part) for part in parts(found[1], mpm)] == [sorted(part) for part in parts(found[0], mpm)]


REPLACING = {  # a child that is gone
    "prefork": "StartServers 2\nMinSpareServers 2\nMaxSpareServers 4\nMaxRequestWorkers 12",
    "worker": "StartServers 2\nThreadsPerChild 4\nMinSpareThreads 8\nMaxSpareThreads 16\nMaxRequestWorkers 24",
}


def has_children(server: Server) -> bool:
    return len(server.children()) >= 2


def said_after(server: Server, place: int) -> list[Said]:
    return logged(server.error_log.lines(place))


def test_a_child_that_a_signal_ends(pyhttpd: Start, apache: Start, mpm: str) -> None:
    found = []
    for start in (apache, pyhttpd):
        server = start(mpm=mpm, limits=REPLACING[mpm])
        lines = []
        for number in (11, 6, 8):  # who is killed without a trace is in the process tests
            server.wait_until(partial(has_children, server), SLOW, "two children")
            place = server.error_log.place()
            victim = server.children()[0]
            processes.kill(victim, number)
            server.await_change({victim})
            server.wait_until(partial(said_after, server, place), SLOW, "a line about it")
            lines.append([
                (line.level, line.number, re.sub(r"\d+ exit", "N exit", line.text))
                for line in server.error_log.lines(place) if said(line) is not None
            ])  # fmt: skip
        found.append(lines)
        server.expect("AH00051", "AH00052")
    assert found[1] == found[0]


def test_a_pid_file_of_before(pyhttpd: Start, apache: Start) -> None:
    found = []
    for start in (apache, pyhttpd):
        server = start(start=False)
        server.pid_file.write_text("99999999\n")
        server.start()
        server.pid_file.unlink()
        server.stop()
        found.append(logged(server.error_log.lines()))
        server.expect("AH00098", "AH00095")
    assert found[1] == found[0]


# --- a server that does not start

IN_VAIN = (
    "Group nosuchgroup",
    "ErrorLog /nonexistent/x",
    "ErrorLog logs",
    "CustomLog /nonexistent/x test",
    "CustomLog logs test",
    "PidFile ROOT/logs",
    "Mutex file:nonexistent",
    "DefaultRuntimeDir nonexistent",
    "TypesConfig nonexistent",
    "ErrorLog syslog:nofacility",
    "CoreDumpDirectory nonexistent",
    "ScoreBoardFile nonexistent/x\nFoo bar",
)


@pytest.mark.parametrize("lines", IN_VAIN)
def test_what_is_said_instead_of_starting(lines: str, pyhttpd: Start, apache: Start) -> None:
    """Whatever Apache tells the terminal, and perhaps more: its log has lines that nobody sees there."""
    found = []
    for start in (apache, pyhttpd):
        server = start(start=False)
        server.configure(lines.replace("ROOT", str(server.root)))
        done = server.run("-k", "start")
        text = done.stderr.replace(str(server.root), "ROOT").replace(server.program, "PROGRAM")
        found.append((done.returncode, [line for line in text.splitlines() if not line.startswith("  ")]))
        server.expect(*(line.key for line in server.error_log.lines()))
    (status, lines_of_theirs), (our_status, lines_of_ours) = found
    assert (our_status, status) == (1, 1)
    assert [line for line in lines_of_ours if line in lines_of_theirs] == lines_of_theirs


def test_a_scoreboard_that_cannot_be_a_file(pyhttpd: Start, apache: Start) -> None:
    """On Linux, Apache's is no file whatever the line says; ours is one where it can be."""
    for start, numbers in ((apache, []), (pyhttpd, ["AH00001"])):
        for path in ("nonexistent/x", "logs"):
            server = start(f"ScoreBoardFile {path}", start=False)
            server.expect("AH00001")
            server.start()
            assert server.get("/a.txt").body == b"a\n"
            assert [line.number for line in server.error_log.lines() if line.level == "warn"] == numbers
            assert [number for number in numbers if not any(number in line for line in server.console.lines())] == []
            server.stop()
