"""The pid file: written whole, removed only by its owner, believed only with reason."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pyhttpd.mpm import pidfile


def test_write_read_remove(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    assert pidfile.write_pid(str(path)) is False
    assert path.read_text() == f"{os.getpid()}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert pidfile.write_pid(str(path)) is True
    assert pidfile.read_pid(str(path)) == os.getpid()
    assert pidfile.remove_pid(str(path)) is True
    assert list(tmp_path.iterdir()) == []


def test_somebody_elses_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text("1\n")
    assert pidfile.remove_pid(str(path)) is False
    assert path.exists()


@pytest.mark.parametrize("text", ["", "abc", "-5", "0", "99999999999999999999", "12x"])
def test_garbage_is_no_pid(tmp_path: Path, text: str) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text(text)
    assert pidfile.read_pid(str(path)) is None
    assert pidfile.running(str(path)) is None


def test_another_program_with_that_number_is_not_our_server(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text(f"{os.getppid()}\n")
    parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
    assert (pidfile.running(str(path)) is None) == (b"pyhttpd" not in parent)


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(pidfile.PidFileError, match="could not create") as caught:
        pidfile.write_pid(str(tmp_path / "none" / "httpd.pid"))
    assert caught.value.number == "AH00099"
