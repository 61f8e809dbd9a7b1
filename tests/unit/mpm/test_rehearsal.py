"""What the master runs before the first fork: it runs what children run, and leaves nothing behind."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.api.phases import Phase, on
from pyhttpd.config.read import ReadOptions
from pyhttpd.mpm import rehearsal as lives
from pyhttpd.mpm.generation import Generation
from pyhttpd.mpm.other_children import OtherChildren
from pyhttpd.scoreboard import Scoreboard
from pyhttpd.server import rehearsal
from pyhttpd.server.connection import Connection
from pyhttpd.server.service import HttpService
from tests.support.servers import AS_ROOT, server_user

FLAVOURS = ("prefork", "worker")


class Prepared:
    """A generation as the master has it before the first fork."""

    def __init__(self, root: Path, flavour: str) -> None:
        for name in ("htdocs", "logs", "conf"):
            (root / name).mkdir()
        (root / "conf" / "mime.types").write_text("text/html html\n")
        user = f"User {server_user()}\n" if AS_ROOT else ""
        config = root / "conf" / "httpd.conf"
        config.write_text(
            f'ServerRoot "{root}"\n{user}LoadModule mpm_{flavour}_module modules/mod_mpm_{flavour}.so\n'
            "Listen 127.0.0.1:0\n"
            'ServerName rehearsed\nMaxConnectionsPerChild 7\nLogFormat "%r %{x}i" own\nCustomLog logs/access own\n'
            "ErrorLog logs/error\nLogLevel debug\n<Location />\nRequire all granted\n</Location>\n"
        )
        self.access, self.error = root / "logs" / "access", root / "logs" / "error"
        configuration = boot.read_here(ReadOptions(str(config), str(root)))
        self.scoreboard = Scoreboard(2, 2)
        self.generation: Generation = boot.prepare(configuration, boot.RunOptions(), self.scoreboard, OtherChildren())


@pytest.fixture(params=FLAVOURS)
def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Prepared]:
    made = Prepared(tmp_path, request.param)
    yield made
    made.generation.release()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The connections of rehearsals."""
    found: list[Connection] = []
    original = HttpService.open

    def note(self: HttpService, *arguments: object) -> Connection:
        connection = original(self, *arguments)  # type: ignore[arg-type]  # as they came
        found.append(connection)
        return connection

    monkeypatch.setattr(HttpService, "open", note)
    return found


def test_it_answers_as_a_child_does(
    prepared: Prepared, served: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "ENOUGH", 300.0)
    boot.rehearse_with(prepared.generation)
    assert len(served) == 2 * lives.LIVES
    staying, last = rehearsal.requests(0)
    assert len(last) == 1
    assert [connection.kept for connection in served] == [len(staying), 0] * lives.LIVES
    assert all(connection.answered for connection in served)
    assert not any(connection.aborted for connection in served)


def test_it_leaves_no_trace(prepared: Prepared, served: list[Connection]) -> None:
    service = prepared.generation.service
    descriptors = os.listdir("/proc/self/fd")
    threads = len(os.listdir("/proc/self/task"))  # those of the tests
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    board = bytes(prepared.scoreboard._memory)
    said = prepared.error.read_text()
    collecting = gc.isenabled()
    boot.rehearse_with(prepared.generation)
    assert served
    assert prepared.access.read_text() == ""
    assert prepared.error.read_text() == said
    assert bytes(prepared.scoreboard._memory) == board
    assert len(vars(service)["answers"]) == 0
    assert os.listdir("/proc/self/fd") == descriptors
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == blocked
    assert [signal.getsignal(number) for number in signal.valid_signals()] == handlers
    assert gc.isenabled() is collecting
    assert len(os.listdir("/proc/self/task")) == threads


def test_on_a_slow_machine_it_is_short(
    prepared: Prepared, served: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "ENOUGH", 0.0)
    boot.rehearse_with(prepared.generation)
    assert len(served) == 2


def test_what_fails_in_it_is_no_reason_not_to_serve(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise OSError("no such socket")

    monkeypatch.setattr(rehearsal, "make_service", broken)
    boot.rehearse_with(prepared.generation)
    assert "the rehearsal failed: OSError: no such socket" in prepared.error.read_text()


def test_modules_of_users_have_no_part_in_it(
    prepared: Prepared, served: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = boot.modules_of(prepared.generation.service.configuration)  # type: ignore[attr-defined]  # HttpService's
    called: list[str] = []

    def hook(request: object) -> int:
        called.append("hook")
        return -1

    theirs = replace(modules[0], name="their_module", hooks=(on(Phase.FIXUPS, hook),), prepare=None)
    monkeypatch.setattr(boot, "modules_of", lambda configuration: [*modules, theirs])
    boot.rehearse_with(prepared.generation)
    assert served
    assert not called
