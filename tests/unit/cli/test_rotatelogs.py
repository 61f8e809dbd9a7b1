"""pyhttpd-rotatelogs: arguments, names, when a new file begins, and what goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyhttpd.cli import rotatelogs
from pyhttpd.cli.rotatelogs import Exit, Rotator, leading_number, settings_of
from tests.support.waiting import wait_until

CHECKOUT = str(Path(rotatelogs.__file__).parents[2])
NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


def rotator(arguments: str) -> Rotator:
    return Rotator(settings_of(["rotatelogs", *arguments.split()]))


def contents() -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(Path().rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Incorrect number of arguments"),
        ("log", "Incorrect number of arguments"),
        ("log 1 2K 3 4", "Incorrect number of arguments"),
        ("log 5 6 7", "Rotation time parameter allowed only once"),
        ("log 5K 6K", "Rotation size parameter allowed only once"),
        ("log 0", "Invalid rotation time parameter"),
        ("log abc", "Invalid rotation time parameter"),
        ("log -3", "Invalid rotation time parameter"),
        ("log 5Kx", "Invalid rotation size parameter"),
        ("log 0K", "Invalid rotation size parameter"),
        ("-l log 5 60", "UTC offset parameter is not valid with -l"),
        ("-x log 5", "rotatelogs: illegal option -- x"),
        ("-vx log 5", "rotatelogs: illegal option -- x"),
        ("log 5 -L 5", "Rotation time parameter allowed only once"),
        ("-L", "rotatelogs: option requires an argument -- L"),
        ("-vn", "rotatelogs: option requires an argument -- n"),
    ],
)
def test_wrong_arguments(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit) as caught:
        settings_of(["/bin/rotatelogs", *arguments.split()])
    assert caught.value.status == 1
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == said
    assert second.startswith("Usage: /bin/rotatelogs [-vlfDtTec] [-L linkname] [-p prog] [-n number] <logfile> {")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [("-n 3 log%Y 5K", "Cannot use -n with % in filename"), ("-n 0 log 5K", "Invalid -n argument"),
     ("-n x log 5K", "Invalid -n argument")],
)  # fmt: skip
def test_wrong_numbers_of_files(arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit) as caught:
        settings_of(["rotatelogs", *arguments.split()])
    assert caught.value.status == 1
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(
    ("words", "seconds", "size", "offset"),
    [
        ("5", 5, 0, 0),
        ("5 60", 5, 0, 3600),
        ("5 -60", 5, 0, -3600),
        ("5 100B", 5, 100, 0),
        ("2K 60", 0, 2048, 3600),
        ("3M 5 -30", 5, 3 << 20, -1800),
        ("5G", 0, 5 << 30, 0),
        ("86400x", 86400, 0, 0),
    ],
)
def test_times_and_sizes(words: str, seconds: int, size: int, offset: int) -> None:
    settings = settings_of(["rotatelogs", "log", *words.split()])
    assert (settings.seconds, settings.size, settings.offset) == (seconds, size, offset)


def test_options_may_stand_together() -> None:
    settings = settings_of(["rotatelogs", "-lfv", "-Llink", "-p", "prog", "--", "./logs//x/../log", "5"])
    assert settings.flags == "lfv"
    assert (settings.link, settings.program, settings.name) == ("link", "prog", "logs/log")


@pytest.mark.parametrize(("word", "number"), [("12", 12), (" +3x", 3), ("-4", -4), ("x", 0), ("", 0), ("-", 0)])
def test_leading_numbers(word: str, number: int) -> None:
    assert leading_number(word) == number


def test_by_time(clock: Clock) -> None:
    """The name is the time at which the interval begins, not that of the first line."""
    files = rotator("log 3600")
    files.write(b"a\n")
    clock.now += 2799
    files.write(b"b\n")
    clock.now += 1
    files.write(b"c\n")
    clock.now += 3 * 3600
    files.write(b"d\n")
    assert contents() == {"log.1699999200": "a\nb\n", "log.1700002800": "c\n", "log.1700013600": "d\n"}


def test_with_an_offset(clock: Clock) -> None:
    files = rotator("log.%Y-%m-%d 86400 120")
    files.write(b"a\n")
    assert list(contents()) == ["log.2023-11-15"]
    assert files.remaining() == 86400 - (13 * 60 + 20)


def test_by_local_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "TEST-05:30")
    time.tzset()
    try:
        files = rotator("-l log.%Y-%m-%d-%H%M 86400")
        files.write(b"a\n")
        assert list(contents()) == ["log.2023-11-15-0000"]
        assert files.remaining() == 86400 - (3 * 3600 + 43 * 60 + 20)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_by_size_and_time(clock: Clock) -> None:
    """A file that is large before its interval is over is followed by one that is called by its own second."""
    files = rotator("log 3600 10B")
    files.write(b"0123456789\n")
    clock.now += 5
    files.write(b"a\n")
    clock.now += 3600
    files.write(b"b\n")
    assert contents() == {"log.1699999200": "0123456789\n", "log.1700000005": "a\n", "log.1700002800": "b\n"}


def test_a_line_stays_in_one_file(clock: Clock) -> None:
    files = rotator("log 3600")
    files.write(b"be")
    clock.now += 3600
    files.write(b"gun")
    files.write(b" here\nnext\n")
    assert contents() == {"log.1699999200": "begun here\n", "log.1700002800": "next\n"}


def test_in_turn(clock: Clock) -> None:
    files = rotator("-n 3 log 1B")
    for line in (b"aa\n", b"bb\n", b"cc\n", b"dd\n"):
        files.write(line)
    assert contents() == {"log": "dd\n", "log.1": "bb\n", "log.2": "cc\n"}


def test_in_turn_begins_with_the_next_if_the_first_is_large(clock: Clock) -> None:
    Path("log").write_text("of the last run\n")
    files = rotator("-n 3 log 10B")
    files.write(b"a\n")
    assert contents() == {"log": "of the last run\n", "log.1": "a\n"}


def test_emptied_instead_of_rotated(clock: Clock) -> None:
    Path("log").write_text("of the last run\n")
    files = rotator("-t log 1B")
    files.write(b"aa\n")
    assert contents() == {"log": "aa\n"}
    files.write(b"bb\n")
    assert contents() == {"log": "bb\n"}


def test_emptied_where_it_is_no_first_one(clock: Clock) -> None:
    for name in ("log.22", "log.23"):
        Path(name).write_text("of yesterday\n")
    files = rotator("-T log.%H 3600")
    files.write(b"a\n")
    clock.now += 3600
    files.write(b"b\n")
    assert contents() == {"log.22": "of yesterday\na\n", "log.23": "b\n"}


def test_directories_and_links(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    files = rotator("-D -L now deep/%H/log 3600")
    files.write(b"a\n")
    clock.now += 3600
    files.write(b"b\n")
    assert contents() == {"deep/22/log": "a\n", "deep/23/log": "b\n", "now": "b\n"}
    assert capsys.readouterr().err == ""


def test_the_program_gets_the_new_file_and_the_old(clock: Clock, here: Path) -> None:
    program = here / "program"
    program.write_text(f'#!/bin/sh\nread line; echo "$# $* <$line>" >> {here}/said\n')
    program.chmod(0o755)
    files = rotator(f"-p {program} log 3600")
    for _ in range(2):
        files.write(b"a\n")
        clock.now += 3600
        os.wait()
    assert (here / "said").read_text() == "1 log.1699999200 <>\n2 log.1700002800 log.1699999200 <>\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("/none/log 5", "Could not open log file '/none/log.1700000000' (No such file or directory)"),
        ("-D /dev/null/x/log 5", "Could not create directory '/dev/null/x' (Not a directory)"),
        ("-L /none/link log 5", "Error linking file log.1700000000 to /none/link (No such file or directory)"),
    ],
)
def test_what_ends_it(clock: Clock, arguments: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exit) as caught:
        rotator(arguments).write(b"a\n")
    assert caught.value.status == 2
    assert capsys.readouterr().err == f"{said}\n"


def test_a_program_that_is_not_there(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    rotator("-p /none/program log 5").write(b"a\n")
    assert capsys.readouterr().err == "Could not spawn post-rotate process '/none/program': No such file or directory\n"
    assert contents() == {"log.1700000000": "a\n"}


def test_a_next_file_that_cannot_be_opened_costs_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    files = rotator("%H/log 3600")
    Path("22").mkdir()
    for line in (b"a\n", b"b\n", b"c\n"):
        files.write(line)
        clock.now += 3600
    assert contents() == {"22/log": "a\nb\nc\n"}
    told = "Could not open log file '23/log' (No such file or directory), going on with 22/log\n"
    assert capsys.readouterr().err == told
    Path("01").mkdir()
    files.write(b"d\n")
    assert contents() == {"22/log": "a\nb\nc\n", "01/log": "d\n"}


def test_a_full_disk_is_told_twice(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = rotator("log 3600")
    files.write(b"a\n")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _full)
        for _ in range(3):
            files.write(b"lost\n")
    files.write(b"b\n")
    assert contents() == {"log.1699999200": "a\nb\n"}
    assert capsys.readouterr().err == (
        "Error 28 writing to log file log.1699999200 (No space left on device)\n"
        "3 messages lost, writing to log file log.1699999200 again\n"
    )


def _full(fd: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_verbose(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    files = rotator("-v -L link log 3600")
    files.write(b"a\n")
    clock.now += 3600
    files.write(b"b\n")
    assert capsys.readouterr().err.splitlines() == [
        "File rotation needed, reason: Open a new file",
        "Opening file log.1699999200",
        "Linking log.1699999200 to link",
        "File rotation needed, reason: Time interval expired",
        "Opening file log.1700002800",
        "Linking log.1700002800 to link",
        "Closing file log.1699999200",
    ]


def run(arguments: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "pyhttpd.cli.rotatelogs", *arguments.split()],
        input=data, capture_output=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": CHECKOUT},
    )  # fmt: skip


def test_the_program() -> None:
    result = run("-e log 1000M", b"one\ntwo\n")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"one\ntwo\n", b"")
    assert list(contents().values()) == ["one\ntwo\n"]
    assert run("log 1000M", b"").returncode == 0
    assert len(contents()) == 1, "no line, no file"
    assert run("-f -t log 1000M", b"").returncode == 0
    assert contents()["log"] == ""


def test_empty_files_by_the_clock() -> None:
    """-c: one for each second, while nothing is written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pyhttpd.cli.rotatelogs", "-c", "log", "1"], stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": CHECKOUT},
    )  # fmt: skip
    wait_until(lambda: len(contents()) >= 2, 15, "two files")
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(15) == 0
    assert set(contents().values()) == {""}


def test_it_imports_next_to_nothing() -> None:
    """It is there as long as the server is, once for each log."""
    code = f"import sys; sys.path.append({CHECKOUT!r}); import pyhttpd.cli.rotatelogs; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True,
    )  # fmt: skip
    heavy = {"typing", "re", "dataclasses", "inspect", "argparse", "subprocess", "threading", "logging", "asyncio"}
    assert "pyhttpd.cli.rotatelogs" in result.stdout.split()
    assert not heavy & set(result.stdout.split())
