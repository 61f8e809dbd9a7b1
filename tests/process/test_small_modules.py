"""What mod_watchdog and mod_so do in a server that runs."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from tests.conftest import OURS, Start
from tests.support.servers import SLOW

pytestmark = pytest.mark.skipif(OURS.program != "pyhttpd", reason="a module in Python")
MODULE = """\
import os

from pyhttpd.api.module import Module, Provider
from pyhttpd.api.watchdog import Watchdog

def note(services):
    path = os.path.join(services.configuration.server_root, "logs", "barked")
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\\n")

def fail(services):
    raise ValueError("so it does")

MODULE = Module("dog_module", "mod_dog.c", providers=(
    Provider("watchdog", "fails", Watchdog(fail, interval=3600)), Provider("watchdog", "notes", Watchdog(note)),
))
"""


def test_a_watchdog_of_a_users_module(
    pyhttpd: Start, mpm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mod_dog.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = pyhttpd(mpm=mpm, start=False)
    server.configure("LoadModule dog_module mod_dog\nWatchdogInterval 500ms")
    server.expect("PH00303")
    server.start()
    barked = server.root / "logs" / "barked"
    server.wait_until(lambda: barked.exists() and len(barked.read_text().splitlines()) > 2, SLOW, "a third bark")
    assert set(barked.read_text().split()) == {str(server.pid)}
    assert len(server.error_log.find("PH00303")) == 1


def test_a_library_is_open_in_all_processes(pyhttpd: Start) -> None:
    try:
        ctypes.CDLL("libcrypt.so.1")
    except OSError:
        pytest.skip("this system has no such library")
    server = pyhttpd()
    assert not any(_has_open(pid, "libcrypt") for pid in [server.pid, *server.children()])
    server.configure("LoadFile libcrypt.so.1")
    old = set(server.children())
    server.reload("USR1")
    server.await_replaced(old)
    assert all(_has_open(pid, "libcrypt") for pid in [server.pid, *server.children()])


def _has_open(pid: int, library: str) -> bool:
    return f"/{library}." in Path(f"/proc/{pid}/maps").read_text()
