"""pyhttpd-htpasswd: how it keeps the file safe. What it says and writes is compared with Apache's in tests/oracle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyhttpd.cli import htpasswd
from pyhttpd.util import passwords

SHA = b"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="


def run(*arguments: object) -> int:
    return htpasswd.main(["htpasswd", *map(str, arguments)])


def test_the_file_is_replaced_and_stays_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_bytes(b"ann:" + SHA + b"\n")
    file.chmod(0o640)
    with file.open("rb") as reader:
        assert run("-b", file, "bob", "secret") == 0
        assert reader.read() == b"ann:" + SHA + b"\n"  # whoever reads it now has the old one, whole
    assert file.stat().st_mode & 0o777 == 0o640
    assert [line.partition(b":")[0] for line in file.read_bytes().splitlines()] == [b"ann", b"bob"]
    assert os.listdir(tmp_path) == ["users"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    file, link = tmp_path / "dir" / "users", tmp_path / "link"
    file.touch()
    link.symlink_to("dir/users")
    assert run("-b", link, "ann", "secret") == 0
    assert link.is_symlink()
    assert file.read_bytes().startswith(b"ann:$apr1$")


def test_a_file_with_two_names_keeps_them(tmp_path: Path) -> None:
    file, other = tmp_path / "users", tmp_path / "other"
    file.write_bytes(b"bob:" + SHA + b"\n")
    other.hardlink_to(file)
    assert run("-D", file, "bob") == 0
    assert other.read_bytes() == b""


def test_a_device_is_written(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pyhttpd.cli.htpasswd", "-bcs", "/dev/stdout", "ann", "secret"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert ran.stdout == b"ann:" + SHA + b"\n"


def test_a_last_line_without_an_end(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_bytes(b"ann:" + SHA)
    assert run("-bs", file, "bob", "secret") == 0
    assert file.read_bytes() == b"ann:" + SHA + b"\nbob:" + SHA + b"\n"


def test_long_lines_stay_whole(tmp_path: Path) -> None:
    file = tmp_path / "users"
    long = b"ann:" + SHA + b":" + b"x:y" * 1000 + b"\n"
    file.write_bytes(long)
    assert run("-bs", file, "bob", "secret") == 0
    assert file.read_bytes() == long + b"bob:" + SHA + b"\n"


def test_programs_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.touch()
    command = [sys.executable, "-m", "pyhttpd.cli.htpasswd", "-bs", str(file)]
    programs = [subprocess.Popen([*command, f"u{n}", "x"], stderr=subprocess.DEVNULL) for n in range(8)]
    assert [program.wait(60) for program in programs] == [0] * 8
    assert sorted(line.partition(b":")[0] for line in file.read_bytes().splitlines()) == [b"u%d" % n for n in range(8)]


def test_a_directory_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the file is written where it is."""
    file = tmp_path / "users"
    file.touch()

    def refused(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    assert run("-bs", file, "ann", "secret") == 0
    assert file.read_bytes() == b"ann:" + SHA + b"\n"


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of the old file is lost, and nothing is left behind."""
    file = tmp_path / "users"
    file.write_bytes(b"ann:" + SHA + b"\n")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert run("-bs", file, "bob", "secret") == 1
    assert capsys.readouterr().err.endswith(f"htpasswd: unable to update file {file}\n")
    assert file.read_bytes() == b"ann:" + SHA + b"\n"
    assert os.listdir(tmp_path) == ["users"]


def test_what_would_bring_a_line_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "users"
    file.touch()
    assert run("-b", file, "ann\nroot", "secret") == 6
    assert run("-bp", file, "ann", "x\nroot:y") == 9
    assert file.read_bytes() == b""


def test_a_failed_start_leaves_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "users"
    assert run("-bcBC", 3, file, "ann", "secret") == 3
    assert not file.exists()


def test_an_input_that_has_ended_is_no_password(tmp_path: Path) -> None:
    file = tmp_path / "users"
    ran = subprocess.run(
        [sys.executable, "-m", "pyhttpd.cli.htpasswd", "-c", str(file), "ann"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False, start_new_session=True,
    )  # fmt: skip
    assert ran.returncode == 9
    assert not file.exists()


def test_what_crypt_does_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    if passwords.system_crypt() is None:
        pytest.skip("no crypt(3)")
    assert run("-nb2", "-r", 10, "ann", "secret") == 3
    assert capsys.readouterr().out == ""
