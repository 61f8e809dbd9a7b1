"""Programs of piped logs, started by both servers: how, and what is said if they cannot be or if they die."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support import processes
from tests.support.servers import SLOW, Server

SCRIPT = """#!/bin/sh
{
    for argument; do echo "<$argument>"; done
    pwd | sed s,.*/pyhttpd-test-[^/]*,ROOT,
    echo "$OF_THE_SERVER"
    grep SigBlk /proc/self/status
    readlink /proc/$$/fd/2 | sed s,.*/logs/,,
} > "$1"
exec cat >> "$1"
"""
COMMANDS = [
    "|{} logs/out a  b\tc",
    "||{} logs/out",
    "|{} logs/out 'b c' d",
    '|{} logs/out \\"b c\\" \\"d \\" e',
    "|{} logs/out b'c d' it\\\\'s",
    "|{} logs/out b\\\\ c d\\\\\\\\e f",
    "|{} logs/out 'b' 'c'd",
    "|{} logs/out $HOME *",
    "|${} logs/out b",
]


def described(server: Server, command: str) -> list[str]:
    program = server.root / "program"
    program.write_text(SCRIPT)
    program.chmod(0o755)
    server.configure(f'CustomLog "{command.replace("{}", str(program))}" "%r"')
    server.start()
    path = server.root / "logs" / "out"
    server.get("/a.txt")

    def complete() -> list[str]:
        lines = path.read_text().splitlines() if path.exists() else []
        return lines if lines and lines[-1].startswith("GET ") else []

    return [line for line in server.wait_until(complete, SLOW, "what the program says") if line]


@pytest.mark.parametrize("command", COMMANDS)
def test_how_a_program_is_started(pyhttpd: Start, apache: Start, command: str) -> None:
    environment = {"OF_THE_SERVER": "yes"}
    ours = described(pyhttpd(start=False, environment=environment), command)
    theirs = described(apache(start=False, environment=environment), command)
    assert ours == theirs
    assert "yes" in ours
    assert ours[-1] == "GET /a.txt HTTP/1.1"


@pytest.mark.parametrize(
    "line", ['ErrorLog "|/none/program x"', "ErrorLog ||/none/program", "ErrorLog |/etc/passwd", "ErrorLog syslog:none"]
)
def test_what_cannot_be_started(pyhttpd: Start, apache: Start, line: str) -> None:
    said = []
    for start in (pyhttpd, apache):
        server = start(line, start=False)
        result = server.run()
        assert result.returncode == 1
        said.append(result.stderr.replace("apache2:", "pyhttpd:"))
    assert said[0].partition("AH")[1:] == said[1].partition("AH")[1:]
    assert said[0].partition("AH")[0] in (said[1].partition("AH")[0], ""), "APR has a number for a bad facility"


def test_a_program_that_dies(pyhttpd: Start, apache: Start) -> None:
    for start in (pyhttpd, apache):
        server = start('CustomLog "|/bin/cat" "%r"')
        server.expect("AH00106")
        [program] = server.wait_until(partial(_programs, server), SLOW, "the program")  # fork and exec in Apache
        processes.kill(program)
        server.wait_until(partial(_missed, server), SLOW, "it is missed")
        server.wait_until(partial(_programs, server), SLOW, "another")
        server.error_log = type(server.error_log)(Path(os.devnull))  # Apache's line is raw


def _programs(server: Server) -> list[int]:
    return [pid for pid in processes.children(server.pid) if _name(pid) == "cat"]


def _missed(server: Server) -> bool:
    said = server.error_log._file.path.read_text()
    return "AH00106: piped log program '/bin/cat' failed unexpectedly" in said


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
