"""pyhttpd-htpasswd beside Apache's htpasswd: the same arguments, the same status, messages and lines; and each of them
takes what the other has written."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

THEIRS = shutil.which("htpasswd")
PROGRAM = "import sys; from pyhttpd.cli.htpasswd import main; sys.argv[0] = 'htpasswd'; sys.exit(main())"
OURS = [sys.executable, "-c", PROGRAM]
SHA = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
FILE = f"# a comment\nann:{SHA}\n\nbob:x:more\n  spaced:{SHA}\nempty:\ntwice:a\ntwice:b\r\ncr:{SHA}\r\n"
HASH = re.compile(r"(?<=:)(\$apr1\$|\$5\$(?:rounds=\d+\$)?|\$6\$(?:rounds=\d+\$)?|\$2y\$\d\d\$)[./A-Za-z0-9$]{20,}|"
                  r"(?<=:)[./A-Za-z0-9]{13}$", re.M)  # fmt: skip

# Arguments, standard input. F is a file with FILE, N one that is not there, D a directory, B one that is not valid.
CASES: tuple[tuple[Sequence[str], str], ...] = (
    *((["-nb", option, "u", "secret"], "") for option in ("-m", "-s", "-d", "-2", "-5", "-B", "-p")),
    *((["-nb" + letters, "u", "secret"], "") for letters in ("mB", "Bm", "sd", "25")),
    (["-nbB", "-C", "4", "u", "p"], ""), (["-nbBC6", "u", "p"], ""), (["-nbBC", "3", "u", "p"], ""),
    (["-nbBC", "18", "u", "p"], ""), (["-nbC", "5", "u", "p"], ""), (["-nbsr", "5", "u", "p"], ""),
    (["-nb2", "-r", "1000", "u", "p"], ""), (["-nb5r2000", "u", "p"], ""), (["-nb5", "-C", "1000", "u", "p"], ""),
    (["-C", "x", "F", "u"], ""), (["-C", "0", "F", "u"], ""), (["-r", "-1", "F", "u"], ""), (["-C", "", "F", "u"], ""),
    (["-C", " 5", "-nb", "u", "p"], ""), (["-C", "+5", "-nbB", "u", "p"], ""), (["-C"], ""), (["-r"], ""), (["-x"], ""),
    ([], ""), (["F"], ""), (["F", "u", "p"], ""), (["-b", "F", "u"], ""), (["-b", "F", "u", "p", "q"], ""),
    (["-n"], ""), (["-n", "F", "u"], ""), (["-D", "F"], ""), (["-cn", "u"], ""), (["-cD", "F", "u"], ""),
    (["-nD", "u"], ""), (["-vD", "F", "u"], ""), (["-cc", "-bv", "N", "u", "p"], ""), (["--", "F", "u", "p"], ""),
    (["-nb", "a:b", "p"], ""), (["-nb", "", "p"], ""), (["-nb", "u", ""], ""), (["-nb", "\xfcser", "p\xe4ss"], ""),
    (["-nb", "u" * 255, "p"], ""), (["-nb", "u" * 256, "p"], ""), (["-nb", "u", "p" * 255], ""),
    (["-nb", "u", "p" * 256], ""), (["-nb5", "u" * 150, "p"], ""), (["-nbs", "u" * 221, "p"], ""),
    (["-nbs", "u" * 222, "p"], ""), (["-nbd", "u", "123456789"], ""), (["-nbd", "u", "12345678"], ""),
    (["-nb", "x" * 4096, "u", "p"], ""), (["-b", "x" * 4096, "u", "p"], ""),
    (["-ni", "u"], "secret"), (["-ni", "u"], "secret\n"), (["-ni", "u"], "secret\r\n"), (["-ni", "u"], "a\nb\n"),
    (["-ni", "u"], "\n"), (["-ni", "u"], ""), (["-ni", "u"], "x" * 255), (["-ni", "u"], "x" * 256),
    (["-ni", "u"], "x" * 255 + "\n"), (["-ni", "u"], "x" * 300), (["-n", "u"], "secret\nsecret\n"),
    (["-n", "u"], "secret\nother\n"), (["-nbi", "u"], "secret"), (["-nib", "u", "secret"], ""),
    (["-b", "F", "new", "p"], ""), (["-b", "F", "ann", "p"], ""), (["-b", "F", "twice", "p"], ""),
    (["-b", "F", "spaced", "p"], ""), (["-bp", "F", "bob", "plain"], ""), (["-i", "F", "new"], "secret\n"),
    (["F", "new"], "secret\nsecret\n"), (["F", "new"], "secret\nsecreT\n"), (["-b", "N", "new", "p"], ""),
    (["-bc", "N", "new", "p"], ""), (["-bc", "F", "new", "p"], ""), (["-bc", "D", "new", "p"], ""),
    (["-b", "D", "new", "p"], ""), (["-bc", "D/none/x", "new", "p"], ""), (["-b", "B", "new", "p"], ""),
    (["-bc", "B", "new", "p"], ""), (["-D", "F", "ann"], ""), (["-D", "F", "twice"], ""), (["-D", "F", "none"], ""),
    (["-D", "N", "ann"], ""), (["-D", "B", "none"], ""), (["-bD", "F", "ann"], ""), (["-bD", "F", "ann", "p"], ""),
    (["-bv", "F", "ann", "secret"], ""), (["-bv", "F", "ann", "wrong"], ""), (["-bv", "F", "none", "secret"], ""),
    (["-bv", "F", "empty", "secret"], ""), (["-bv", "F", "bob", "x"], ""), (["-bv", "F", "cr", "secret"], ""),
    (["-bv", "F", "twice", "a"], ""), (["-bv", "F", "spaced", "secret"], ""), (["-bv", "B", "late", "secret"], ""),
    (["-bv", "N", "ann", "secret"], ""), (["-vi", "F", "ann"], "secret\n"), (["-v", "F", "ann"], "secret\n"),
    (["-v", "F", "ann"], "wrong\n"), (["-vB", "F", "ann"], "secret\n"), (["-bD", "-C", "5", "F", "ann", "p"], ""),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _there() -> None:
    if THEIRS is None:
        assert not os.environ.get("PYHTTPD_REQUIRE_ORACLE"), "htpasswd is missing"
        pytest.skip("no htpasswd")


def _site(directory: Path) -> Path:
    (directory / "D").mkdir(parents=True)
    (directory / "F").write_bytes(FILE.encode())
    (directory / "B").write_bytes(f"ann:{SHA}\nno colon\nlate:{SHA}\n".encode())
    return directory


def _run(command: Sequence[str], arguments: Sequence[str], given: str, directory: Path) -> tuple[object, ...]:
    ran = subprocess.run(
        [*command, *(os.fsdecode(argument.encode("latin-1")) for argument in arguments)],
        input=given.encode(), capture_output=True, cwd=directory, timeout=60, check=False, start_new_session=True,
    )  # fmt: skip
    files = {path.name: path.read_bytes().decode("latin-1") for path in sorted(directory.iterdir()) if path.is_file()}
    error = ran.stderr.decode("latin-1")
    usage, _, _ = error.partition("Usage:")
    shown = [HASH.sub(r"\1", text) for text in (ran.stdout.decode("latin-1"), *files.values())]
    return ran.returncode, usage, "Usage:" in error, shown, list(files)


@pytest.mark.parametrize(("arguments", "given"), CASES, ids=lambda value: " ".join(value)[:50])
def test_same(arguments: Sequence[str], given: str, tmp_path: Path) -> None:
    theirs = _run([str(THEIRS)], arguments, given, _site(tmp_path / "theirs"))
    ours = _run(OURS, arguments, given, _site(tmp_path / "ours"))
    assert ours == (theirs[0], str(theirs[1]).replace(str(THEIRS), "htpasswd"), *theirs[2:])


@pytest.mark.parametrize("option", ["-m", "-s", "-d", "-2", "-5", "-B"])
@pytest.mark.parametrize("password", ["secret", "", "p\xe4ss w\xf6rd", "x" * 100])
def test_each_takes_what_the_other_writes(option: str, password: str, tmp_path: Path) -> None:
    word = os.fsdecode(password.encode("latin-1"))
    for writer, reader in ((OURS, [str(THEIRS)]), ([str(THEIRS)], OURS)):
        subprocess.run([*writer, "-bc", option, "users", "ann", word], cwd=tmp_path, check=True, capture_output=True)
        for given, status in ((word, 0), (f"y{word}", 3)):
            command = [*reader, "-bv", "users", "ann", given]
            ran = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
            assert ran.returncode == status


def _at_a_terminal(
    command: Sequence[str], arguments: Sequence[str], lines: Sequence[str], cwd: Path
) -> tuple[int, str]:
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd)
            os.execv(command[0], [*command, *arguments])
        finally:
            os._exit(127)
    shown = b""
    left = list(lines)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        if left and shown.count(b"assword: ") > len(lines) - len(left):
            os.write(terminal, left.pop(0).encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), HASH.sub(r"\1", shown.decode().replace("\r\n", "\n"))


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["-n", "u"], ["secret\n", "secret\n"]),
        (["-n", "u"], ["secret\n", "Secret\n"]),
        (["-c", "N", "u"], ["secret\n", "secret\n"]),
        (["-v", "F", "ann"], ["secret\n"]),
        (["-v", "F", "ann"], ["wrong\n"]),
        (["-v", "F", "none"], []),
    ],
)
def test_at_a_terminal(arguments: Sequence[str], lines: Sequence[str], tmp_path: Path) -> None:
    """Asked for on the terminal, and not shown there."""
    theirs = _at_a_terminal([str(THEIRS)], arguments, lines, _site(tmp_path / "theirs"))
    ours = _at_a_terminal(OURS, arguments, lines, _site(tmp_path / "ours"))
    assert ours == (theirs[0], theirs[1].replace(str(THEIRS), "htpasswd"))
