"""The pid file: written whole, removed only by its owner."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pyhttpd.mpm.pidfile import PidFile, PidFileError, read_pid


def test_write_again_and_remove(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    file = PidFile(str(path))
    assert file.write() is False
    assert path.read_text() == f"{os.getpid()}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert file.write() is False, "our own file is nobody's left-over"
    assert file.remove() is True
    assert list(tmp_path.iterdir()) == []


def test_what_another_server_left_is_told(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text("1\n")
    assert PidFile(str(path)).write() is True


def test_somebody_elses_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    file = PidFile(str(path))
    file.write()
    path.unlink()
    path.write_text("1\n")
    assert file.remove() is False
    assert path.exists()


def test_a_file_that_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "httpd.pid"
    file = PidFile(str(path))
    file.write()
    path.unlink()
    with pytest.raises(PidFileError, match="failed to remove PID file") as caught:
        file.remove()
    assert caught.value.number == "AH00095"


@pytest.mark.parametrize("text", ["", "abc", "-5", "0", "99999999999999999999", "12x"])
def test_garbage_is_no_pid(tmp_path: Path, text: str) -> None:
    path = tmp_path / "httpd.pid"
    path.write_text(text)
    assert read_pid(str(path)) is None


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PidFileError, match="could not create") as caught:
        PidFile(str(tmp_path / "none" / "httpd.pid")).write()
    assert caught.value.number == "AH00099"
