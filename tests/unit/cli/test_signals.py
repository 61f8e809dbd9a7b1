"""-k: what it says and does, running or not, with every kind of pid file."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pyhttpd.cli import signals
from pyhttpd.cli.signals import signal_server

ACTIONS = ("start", "stop", "restart", "graceful", "graceful-stop")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Nothing is really signalled; this is what would have been."""
    record: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: record.append((pid, number)))
    return record


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pid file of a server that runs as 4711."""
    path = tmp_path / "httpd.pid"
    path.write_text("4711\n")
    monkeypatch.setattr(signals, "running", lambda name: 4711 if name == str(path) else None)
    return str(path)


@pytest.mark.parametrize(
    ("action", "number"),
    [("stop", signal.SIGTERM), ("restart", signal.SIGHUP), ("graceful", signal.SIGUSR1),
     ("graceful-stop", signal.SIGWINCH)],
)  # fmt: skip
def test_a_running_server_gets_the_signal(
    action: str, number: int, live: str, sent: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert signal_server(action, live) == 0
    assert sent == [(4711, number)]
    assert capsys.readouterr() == ("", "")


def test_start_while_it_runs(live: str, sent: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]) -> None:
    assert signal_server("start", live) == 0
    assert sent == []
    assert capsys.readouterr() == ("httpd (pid 4711) already running\n", "")


@pytest.mark.parametrize(
    ("action", "status", "text"),
    [
        ("start", None, ""),
        ("stop", 0, "httpd (no pid file) not running\n"),
        ("graceful-stop", 0, "httpd (no pid file) not running\n"),
        ("restart", None, "httpd not running, trying to start\n"),
        ("graceful", None, "httpd not running, trying to start\n"),
    ],
)
def test_without_a_pid_file(
    action: str, status: int | None, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert signal_server(action, str(tmp_path / "httpd.pid")) == status
    assert capsys.readouterr() == (text, "")


def test_a_pid_that_is_nobodys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text("2147483646\n")
    assert signal_server("stop", str(path)) == 0
    assert signal_server("start", str(path)) is None
    assert capsys.readouterr() == ("httpd (pid 2147483646?) not running\n", "")


def test_a_pid_of_another_program_is_left_alone(
    tmp_path: Path, sent: list[tuple[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text("1\n")
    assert signal_server("stop", str(path)) == 0
    assert sent == []
    assert capsys.readouterr().out == "httpd (pid 1?) not running\n"


@pytest.mark.parametrize("action", ACTIONS)
def test_a_corrupt_pid_file(action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text("abc\n")
    assert signal_server(action, str(path)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.rpartition("AH")[2][:5] for line in err.splitlines()] == ["00058", "00059"]


def test_an_empty_pid_file_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a server leaves that may not remove it any more (-X, started as root)."""
    path = tmp_path / "httpd.pid"
    path.touch()
    assert signal_server("stop", str(path)) == 0
    assert signal_server("start", str(path)) is None
    assert capsys.readouterr() == ("httpd (no pid file) not running\n", "")


def test_a_pid_file_that_is_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert signal_server("stop", str(tmp_path)) == 1
    assert capsys.readouterr().err.startswith("(21)Is a directory: AH00058: ")


def test_a_server_that_is_not_ours_to_signal(
    live: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    assert signal_server("graceful", live) == 1
    assert capsys.readouterr().err == "(1)Operation not permitted: AH00057: sending signal to server\n"
