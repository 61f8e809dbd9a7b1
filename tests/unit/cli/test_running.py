"""A pid file is believed only with reason."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyhttpd.cli.running import running

LOCKS = """
import sys
from pyhttpd.mpm.pidfile import PidFile
PidFile(sys.argv[1]).write()
"""
WAITS = "import sys; sys.stdin.read()"


@contextmanager
def server(program: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like pyhttpd and waits until its input ends."""
    script = path.parent / "pyhttpd"
    script.write_text(f"{program}\nprint(flush=True)\n{WAITS}")
    command = [sys.executable, str(script), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def test_who_holds_the_lock_is_there_whatever_the_clock_says(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    with server(LOCKS, path) as process:
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert running(str(path)) == process.pid
    assert running(str(path)) is None


def test_without_a_lock_the_process_must_be_older_than_the_file(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    with server("", path) as process:
        path.write_text(f"{process.pid}\n")
        assert running(str(path)) == process.pid
        os.utime(path, (1_000_000_000, 1_000_000_000))
        assert running(str(path)) is None


@pytest.mark.parametrize("name", ["pyhttpd/venv/bin/other", "pyhttpd.conf"])
def test_who_is_another_program(tmp_path: Path, name: str) -> None:
    """Whatever the path is that its name is in, and the number in our file may be its own."""
    path, other = tmp_path / "httpd.pid", tmp_path / name
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_text(f"print(flush=True)\n{WAITS}")
    command = [sys.executable, "-X", "utf8", str(other), "-m", "pyhttpd"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        path.write_text(f"{process.pid}\n")
        assert running(str(path)) is None


@pytest.mark.parametrize("text", ["", "abc", "1", "2147483647"])
def test_who_is_no_server(tmp_path: Path, text: str) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text(text)
    assert running(str(path)) is None


def test_no_file(tmp_path: Path) -> None:
    assert running(str(tmp_path / "none")) is None
