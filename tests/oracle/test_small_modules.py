"""mod_unixd, mod_so, mod_version, mod_watchdog, mod_info: each line in each place, and each form of <IfVersion>."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.render import apache_lines
from tests.conftest import Start
from tests.oracle.test_command_line import Both
from tests.support.servers import APACHE_MODULES, Server

INFO = f"LoadModule info_module {APACHE_MODULES}/mod_info.so"
LINES = (
    "User nobody", "User none-such", "User", "User a b", 'User ""', "User #33", "Group nogroup", "Group",
    "Group #33", "Group none-such", "Group a b", "ChrootDir /tmp", "ChrootDir /none-such", "ChrootDir /etc/passwd",
    "ChrootDir", 'ChrootDir ""', "ChrootDir a b", "Suexec Off", "Suexec off off", "Suexec", "Suexec maybe",
    "Suexec Off\nSuexec On", "LoadFile libm.so.6", "LoadFile libm.so.6 libc.so.6", "LoadFile", 'LoadFile ""',
    "LoadFile none-such.so", "LoadFile libm.so.6 none/such.so", "LoadFile /etc/passwd", "LoadFile /tmp",
    "LoadFile ../none-such.so", "LoadModule", "LoadModule a", "LoadModule a b c", "LoadModule so_module x",
    "WatchdogInterval 1", "WatchdogInterval 5s", "WatchdogInterval 500ms", "WatchdogInterval 2mi", "WatchdogInterval",
    "WatchdogInterval 1h", "WatchdogInterval 100ms", "WatchdogInterval 99ms", "WatchdogInterval 0",
    "WatchdogInterval x", "WatchdogInterval -1", "WatchdogInterval 1.5", "WatchdogInterval 5m", "WatchdogInterval 5S",
    "WatchdogInterval 1 2",
    "AddModuleInfo a b", "AddModuleInfo a", "AddModuleInfo", "AddModuleInfo a b c", 'AddModuleInfo a ""',
    'AddModuleInfo "" a',
)  # fmt: skip
PLACES = {
    "outside": "{}",
    "in a virtual host": "<VirtualHost 127.0.0.9:1>\nServerName v\n{}\n</VirtualHost>",
    "in a directory": "<Directory /tmp>\n{}\n</Directory>",
    "in a location": "<Location /tmp>\n{}\n</Location>",
    "in files": "<Files x>\n{}\n</Files>",
    "in a condition": "<If true>\n{}\n</If>",
    "in limits": "<Limit GET>\n{}\n</Limit>",
    "in a virtual host's directory": "<VirtualHost 127.0.0.9:1>\nServerName v\n<Directory /tmp>\n{}\n</Directory>\n"
    "</VirtualHost>",
}
ELSEWHERE = (
    "User nobody", "User", "Group nogroup", "Group", "ChrootDir /tmp", "ChrootDir /none-such", "Suexec Off", "Suexec",
    "LoadFile libm.so.6", "LoadFile", "LoadFile none-such.so", "LoadModule so_module x", "LoadModule",
    "WatchdogInterval 1", "WatchdogInterval x", "AddModuleInfo a b", "AddModuleInfo a",
)  # fmt: skip
"""Of the lines those that are tried in every place."""


def _ours(server: Server) -> tuple[int, list[str]]:
    """What -t says, without a process for each of hundreds of files."""
    try:
        boot.read_here(ReadOptions(str(server.config), str(server.root)))
    except ConfigurationError as error:
        return 1, [line for each in error.diagnostics for line in apache_lines(each)]
    return 0, ["Syntax OK"]


@pytest.mark.parametrize("place", PLACES)
def test_lines(apache: Start, place: str) -> None:
    """With the same status and the same first lines, up to what is ours: the mistakes that follow."""
    server = apache(start=False, limits="")
    common = server.common()
    different = []
    for line in LINES if place == "outside" else ELSEWHERE:
        server.config.write_text(f"{common}{INFO}\n{PLACES[place].format(line)}\n")
        result = server.run("-t")
        expected = result.stderr.replace("apache2: ", "pyhttpd: ").splitlines()
        status, got = _ours(server)
        if (status, got[: len(expected)]) != (result.returncode, expected):
            different.append(f"{line!r}: apache2 {result.returncode} {expected}, pyhttpd {status} {got}")
    assert not different, "\n".join(different)


def test_suexec_is_not_there(pyhttpd: Start, apache: Start) -> None:
    """Each names what it lacks: Apache a file, where Debian's has none."""
    both = Both(apache, pyhttpd, "Suexec On\n", limits="")
    theirs, ours = (result.stderr.splitlines()[1] for result in both.run("-t"))
    for said in (theirs, ours):
        assert said.startswith("suEXEC isn't supported: "), said
    both.config.write_text(f"{both.apache.common()}Suexec Off\n")
    assert [(result.returncode, result.stderr) for result in both.run("-t")] == [(0, "Syntax OK\n")] * 2


@pytest.mark.parametrize("lines", ["ChrootDir /tmp", "User nobody\nGroup nogroup", "User #33\nGroup #7"])
def test_whom_the_dump_names(pyhttpd: Start, apache: Start, lines: str) -> None:
    both = Both(apache, pyhttpd, lines, limits="")
    theirs, ours = (
        [text for text in result.stdout.splitlines() if text.startswith(("User:", "Group:", "ChrootDir:"))]
        for result in both.run("-t", "-D", "DUMP_RUN_CFG")
    )
    assert ours == theirs


def _versions() -> Iterator[str]:
    """The arguments of <IfVersion>, as they may be written."""
    numbers = ("2", "2.4", "2.4.71", "2.4.70", "2.4.72", "2.5", "3.0.0", "1.99.99", "02.04.071", "2.", "2.4.", "0")
    for operator, number in itertools.product(("=", "==", "<", "<=", ">", ">="), numbers):
        yield f"{operator} {number}"
        yield f"!{operator} {number}"
    for pattern in ("^2", "4\\.7", "^4", "2.4.71$", "^2\\.4\\.71", "(2|3)\\..*", "71-", "[[:digit:]]+$"):
        yield f"~ {pattern}"
        yield f"!~ {pattern}"
        yield f"= /{pattern}/"
        yield f"== /{pattern}/"
        yield f"!= /{pattern}/"
    yield from ("2.4.71", "/^2/", "2.4", '"2.4.71"', '">=" "2.4"', "'>='   '2.4' ", '"2.4.71" ', '>= "2.4" ')


def test_versions(pyhttpd: Start, apache: Start) -> None:
    written = list(dict.fromkeys(_versions()))
    text = "".join(f"<IfVersion {each}>\nDefine HOLDS{at}\n</IfVersion>\n" for at, each in enumerate(written))
    both = Both(apache, pyhttpd, text, limits="")
    holding = []
    for result in both.run("-t", "-D", "DUMP_RUN_CFG"):
        assert result.returncode == 0, result.stderr
        holding.append({written[int(number)] for number in re.findall(r"Define: HOLDS(\d+)", result.stdout)})
    assert holding[1] == holding[0]
    assert 20 < len(holding[0]) < len(written) - 20


NO_VERSIONS = (
    "", ">", "x>", "> x>", ">= 2.x>", "=> 2.4>", ">= 2.4", "~ (>", "= /2>", "= />", "!= />", "= //>", "a b c d>", "!>",
    "! 2.4>", "!! 2.4>", "~= 2>", "~~ 2>", "=== 2>", ">=> 2>", "<> 2>", "= 2.4.71.1>", "= -2>", "= 2..4>", "= .2>",
    ">= 2.4 >>", ">= 2.4 > x>", '"" 2.4>', '= "">', "2.4 x>", "/(/>", "2.4 > >",
)  # fmt: skip


def test_what_is_no_version(apache: Start) -> None:
    server = apache(start=False, limits="")
    common = server.common()
    different = []
    for written in NO_VERSIONS:
        server.config.write_text(f"{common}<IfVersion {written}\n</IfVersion>\n")
        result = server.run("-t")
        expected = result.stderr.replace("apache2: ", "pyhttpd: ").splitlines()[:1]
        status, got = _ours(server)
        if (status, got[:1]) != (result.returncode, expected):
            different.append(f"{written!r}: apache2 {result.returncode} {expected}, pyhttpd {status} {got}")
    assert not different, "\n".join(different)
