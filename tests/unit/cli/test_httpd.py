"""The program itself: streams, exit statuses, and how little -v loads."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyhttpd import __version__
from pyhttpd.cli.httpd import main
from pyhttpd.cli.options import USAGE


def program(*words: str, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pyhttpd", *words],
        stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-v"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(
        rf"Server version: pyhttpd/{re.escape(__version__)} \(Unix\)\n"
        r"Server built:   \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\n",
        out,
    )
    assert err == ""


@pytest.mark.parametrize(
    ("words", "first"),
    [(["-h"], ""), (["-?"], ""), (["bar"], ""), (["-Z"], "pyhttpd: illegal option -- Z\n")],
)
def test_usage_goes_to_stderr_and_is_a_failure(
    words: list[str], first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    assert capsys.readouterr() == ("", first + USAGE)


def test_version_loads_next_to_nothing() -> None:
    script = (
        "import sys; before = set(sys.modules); from pyhttpd.cli.httpd import main; main(['-v']);"
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    loaded = [name for name in result.stdout.splitlines()[-1].split() if name != "__future__"]
    assert loaded == [
        "gc", "pyhttpd", "pyhttpd.cli", "pyhttpd.cli.httpd", "pyhttpd.cli.options", "pyhttpd.cli.version",
        "pyhttpd.util", "pyhttpd.util.built",
    ]  # fmt: skip


def test_a_full_disk_is_said_in_one_line() -> None:
    with open("/dev/full", "w") as full:
        result = program("-v", stdout=full.fileno())
    assert result.returncode == 1
    assert result.stderr == "(28)No space left on device: pyhttpd\n"


def test_a_reader_that_has_gone_is_not_mentioned() -> None:
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as gone:
        gone.wait()
        assert gone.stdin is not None
        result = program("-v", stdout=gone.stdin.fileno())
    assert result.stderr == ""
    assert result.returncode == 141


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_stream_that_is_closed_at_the_start(closed: int, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "httpd.conf").write_text(f"Listen 127.0.0.1:0\nServerName x\nDocumentRoot {tmp_path}\n")
    command = f'exec "$0" -m pyhttpd -t -f "$1" {closed}>&-'
    result = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, str(tmp_path / "httpd.conf")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (result.stdout, result.stderr, result.returncode) == ("", "" if closed == 2 else "Syntax OK\n", 0)


def test_a_current_directory_that_is_gone(tmp_path: Path) -> None:
    command = 'rmdir "$1"; exec "$0" -m pyhttpd -t -f x.conf'
    result = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, str(tmp_path)],
        cwd=tmp_path, env={"PYTHONPATH": str(Path(__file__).parents[3])}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr == "(2)No such file or directory: pyhttpd\n"
