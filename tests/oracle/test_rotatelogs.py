"""The same input to rotatelogs and pyhttpd-rotatelogs: the same files, messages and exit statuses."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ORACLE_REQUIRED
from tests.support import processes
from tests.support.servers import CHECKOUT, SLOW
from tests.support.waiting import wait_until

ROTATELOGS = shutil.which("rotatelogs", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
OURS = (sys.executable, "-m", "pyhttpd.cli.rotatelogs")
POST = '#!/bin/sh\necho "$# $*" >> post\n'


class Outcome(NamedTuple):
    status: int
    stdout: bytes
    stderr: list[str]  # seconds are S
    files: dict[str, str]  # likewise


def outcome(command: Sequence[str], arguments: str, pieces: Sequence[bytes], directory: Path) -> Outcome:
    """Each piece is a write of its own, which the program has read before the next: the pipe is empty then."""
    directory.mkdir()
    post = directory / "program"
    post.write_text(POST)
    post.chmod(0o755)
    (directory / "log.1").write_text("of the last run\n")
    process = subprocess.Popen(
        [*command, *arguments.split()], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={**os.environ, "TZ": "UTC", "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert process.stdin is not None
    for piece in pieces:
        try:
            os.write(process.stdin.fileno(), piece)
        except BrokenPipeError:
            break
        _await_read(process, process.stdin.fileno())
    stdout, stderr = process.communicate(timeout=SLOW)
    files = {
        _seconds(str(path.relative_to(directory))): _seconds(path.read_text())
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path != post
    }
    if "post" in files:  # the programs after the rotations run side by side
        files["post"] = "\n".join(sorted(files["post"].splitlines()))
    said = [_seconds(line) for line in stderr.decode().splitlines()]
    return Outcome(process.returncode, stdout, [line.replace(_name(command), "PROGRAM") for line in said], files)


def _await_read(process: subprocess.Popen[bytes], fd: int) -> None:
    """Until the pipe is empty and the program sleeps in its next read, or has ended."""
    def idle() -> bool:
        count = bytearray(4)
        fcntl.ioctl(fd, termios.FIONREAD, count)
        return process.poll() is not None or (not any(count) and processes.state(process.pid) == "S")

    wait_until(idle, SLOW, "the program has read")


def _seconds(text: str) -> str:
    return re.sub(r"\d{10}", "S", text)


def _name(command: Sequence[str]) -> str:
    return str(Path(command[0]).name) if len(command) == 1 else "rotatelogs.py"


LINES = [b"line %d\n" % number for number in range(6)]
CASES = [
    "log 1000000000",
    "log 1000000000 60",
    "log 100M",
    "-n 3 log 10B",
    "-n 1 log 10B",
    "-n 2 -T log 10B",
    "-n 3 -t log 10B",
    "-t log 10B",
    "-T log 1000000000 10B",
    "-v log 1000000000",
    "-v -n 3 log 10B",
    "-f -v log.%Y 100M",
    "-f -v -D a/b/log 1000000000 1K -120",
    "-l -f -v log.%Y-%j 1000000000",
    "-e log 1000000000",
    "-e -n 2 log 10B",
    "-L link -p ./program -n 3 log 10B",
    "-v -p /none/program log 1000000000",
    "-v -L /none/link log 1000000000",
    "/none/log 1000000000",
    "-D /dev/null/a/log 1000000000",
    "-f /none/log 1000000000",
    "-c -v log 1000000000",
    "./a/..//log 1000000000",
    "-n 3 log% 10B",
    "-n 0 log 10B",
    "-n -3 log 10B",
]  # fmt: skip
WRONG = [
    "", "log", "log 1 2 3 4", "log 5 6 7", "log 5K 6K", "log 0", "log abc", "log -3", "log 5Kx", "log 0K", "log 5B3",
    "-l log 5 60", "-x log 5", "-vx log 5", "-L", "-vn", "-", "--", "--help",
]  # fmt: skip


@pytest.fixture(autouse=True)
def original() -> str:
    if ROTATELOGS is None:
        if ORACLE_REQUIRED:
            pytest.fail("PYHTTPD_REQUIRE_ORACLE is set, and there is no rotatelogs", pytrace=False)
        pytest.skip("rotatelogs is not installed")
    return ROTATELOGS


@pytest.mark.parametrize("arguments", CASES)
def test_like_the_original(arguments: str, tmp_path: Path, original: str) -> None:
    theirs = outcome([original], arguments, LINES, tmp_path / "theirs")
    ours = outcome(OURS, arguments, LINES, tmp_path / "ours")
    assert ours == theirs


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_arguments(arguments: str, tmp_path: Path, original: str) -> None:
    """The explanation is in our words, but for the usage line."""
    theirs = outcome([original], arguments, [], tmp_path / "theirs")
    ours = outcome(OURS, arguments, [], tmp_path / "ours")
    usage = [line.startswith("Usage: ") for line in theirs.stderr].index(True)
    place = [line.startswith("Usage: ") for line in ours.stderr].index(True)
    assert ours.stderr[:place] == theirs.stderr[:usage]
    assert ours.stderr[place].partition(" [")[2] == theirs.stderr[usage].partition(" [")[2]
    assert (ours.status, ours.files) == (theirs.status, theirs.files) == (1, {"log.1": "of the last run\n"})
