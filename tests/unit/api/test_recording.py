"""What an answer depended on: files and their absence, looked at again; and what makes an answer unfit to be kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pyhttpd.api.recording import Recording, unchanged

OLD = 1_700_000_000


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text("page")
    os.utime(path, (OLD, OLD))
    return path


def later() -> float:
    """A time at which what this test has made is old."""
    return time.time() + 3600


def test_nothing_has_changed(page: Path) -> None:
    recording = Recording(later())
    recording.looked(os.stat, str(page), os.stat(page))
    recording.looked(os.lstat, str(page), os.lstat(page))
    assert recording.keepable
    assert len(recording.checks) == 2
    assert unchanged(recording.checks)


def replace(page: Path) -> None:
    new = page.with_name("new")
    new.write_text("page")
    os.utime(new, (OLD, OLD))
    new.replace(page)


def become_a_directory(page: Path) -> None:
    page.unlink()
    page.mkdir()


def become_a_link(page: Path) -> None:
    page.rename(page.with_name("old"))
    page.symlink_to("old")


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda page: page.write_text("egap"),
    "touched": lambda page: os.utime(page, (OLD + 1, OLD + 1)),
    "truncated": lambda page: os.truncate(page, 1),
    "removed": os.unlink,
    "made unreadable": lambda page: os.chmod(page, 0),
    "replaced": replace,
    "a directory now": become_a_directory,
    "a link now": become_a_link,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(page: Path, change: str) -> None:
    recording = Recording(later())
    recording.looked(os.lstat, str(page), os.lstat(page))
    CHANGES[change](page)
    assert not unchanged(recording.checks)


def test_what_is_absent_appears(tmp_path: Path) -> None:
    path = str(tmp_path / "index.html")
    recording = Recording(later())
    with pytest.raises(FileNotFoundError) as absent:
        os.stat(path)
    recording.looked(os.stat, path, absent.value)
    assert recording.keepable
    assert unchanged(recording.checks)
    Path(path).touch()
    assert not unchanged(recording.checks)


def test_what_has_just_changed_is_not_kept(page: Path) -> None:
    for now in (time.time(), OLD - 10):  # and what comes from the future
        recording = Recording(now)
        recording.looked(os.stat, str(page), os.stat(page))
        assert not recording.keepable


def test_what_changes_meanwhile_is_not_kept(page: Path) -> None:
    recording = Recording(later())
    recording.looked(os.stat, str(page), os.stat(page))
    page.write_text("another")
    fd = os.open(page, os.O_RDONLY)
    recording.opened(str(page), fd)
    os.close(fd)
    assert not recording.keepable


def test_an_open_that_failed(page: Path) -> None:
    recording = Recording(later())
    recording.failed_to_open(str(page))
    recording.failed_to_open(str(page.with_name("absent")))
    assert recording.keepable
    assert unchanged(recording.checks)
    page.chmod(0o600)
    assert not unchanged(recording.checks)
