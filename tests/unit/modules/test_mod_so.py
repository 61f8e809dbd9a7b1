"""mod_so: LoadFile opens libraries, for the modules that need them, while reading and again in the master."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.util import shared_library
from tests.support.requests import configure, refusals

LOG = "ErrorLog /dev/null\n"
try:
    ctypes.CDLL("libc.so.6")
except OSError:
    pytest.skip("the loader's names and words are those of glibc", allow_module_level=True)


def libraries(text: str, directory: Path) -> tuple[str, ...]:
    return configure(text, directory).libraries


def test_where_they_are_found(tmp_path: Path) -> None:
    assert libraries("LoadFile libc.so.6\n", tmp_path) == ("libc.so.6",)
    assert libraries("LoadFile \\\n libc.so.6 libm.so.6\n", tmp_path) == ("libc.so.6", "libm.so.6")
    found = next(Path(line.split()[-1]) for line in Path("/proc/self/maps").read_text().splitlines() if "/libc" in line)
    (tmp_path / "own.so").symlink_to(found)
    assert libraries("LoadFile own.so\n", tmp_path) == (str(tmp_path / "own.so"),)
    assert libraries(f"<Directory />\nLoadFile {found}\n</Directory>\n", tmp_path) == (str(found),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LoadFile", "LoadFile requires at least one argument, shared object file or library to load into the server "
         "at runtime"),
        ("LoadFile none.so", "Cannot load none.so into server: none.so: cannot open shared object file: No such file "
         "or directory"),
        ("LoadFile libc.so.6 /none.so", "Cannot load /none.so into server: /none.so: cannot open shared object file: "
         "No such file or directory"),
        ("LoadFile /etc/passwd", "Cannot load /etc/passwd into server: /etc/passwd: invalid ELF header"),
        ("LoadFile a\\\x00b", None),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, line: str, message: str | None) -> None:
    found = refusals(f"{LOG}{line}", tmp_path)
    assert found == [message] if message is not None else len(found) == 1


def test_the_master_opens_them_before_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = configure("LoadFile libc.so.6\n", tmp_path)
    opened: list[str] = []
    monkeypatch.setattr(boot, "open_library", opened.append)
    boot.modules_of(configuration)
    assert opened == ["libc.so.6"]


def test_symbols_are_everybodys(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name, mode: modes.append(mode))
    shared_library.open_library("x")
    assert modes == [ctypes.RTLD_GLOBAL]
