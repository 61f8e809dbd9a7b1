"""A service over loopback sockets, driven without an MPM: the waits are polls, the clock is real but never slept on."""

from __future__ import annotations

import _thread
import os
import select
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.api.connection import For, Wait, Woken
from pyhttpd.api.log import ErrorLog, Level, Levels
from pyhttpd.api.module import Module, Preparation
from pyhttpd.boot import catalog, modules_of
from pyhttpd.config.read import ReadOptions, read
from pyhttpd.scoreboard import Scoreboard, Slot
from pyhttpd.server.connection import Connection
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.service import HttpService
from tests.support import memos

BASE = """
ServerName www.example.com
ServerAdmin admin@example.com
DocumentRoot htdocs
TypesConfig mime.types
LogFormat "%r|%>s|%B|%X|%k|%I|%O" test
CustomLog logs/access test
"""


class LeavingChild:
    """Implements api.connection.Child."""

    def __init__(self) -> None:
        self.leaving = False
        self.turn: _thread.LockType | None = None
        self.waits: list[Wait] = []
        self.woken: Woken | None = None  # how the next waits for a body end; None: with what comes

    def wait(self, sock: socket.socket, wait: Wait) -> Woken:
        self.waits.append(wait)
        if self.woken is not None:
            return self.woken
        seconds = max(wait.deadline - time.monotonic(), 0)
        return Woken.READY if select.select([sock], [], [], seconds)[0] else Woken.EXPIRED


class Dialogue:
    """One connection to a service, both ends in this process."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.client = socket.create_connection(serving.listener.getsockname())
        self.sock, peer = serving.listener.accept()
        self.client.settimeout(20)
        self.slot: Slot = serving.scoreboard.slot(0)
        self.connection: Connection = serving.service.open(self.sock, peer, self.slot)
        self.connection.shortly = 0.0
        self.wait = Wait(For.READ)
        self._woken = Woken.NEW

    def serve(self, woken: Woken | None = None) -> Wait:
        """Serve as an MPM would, until the service waits for bytes that are not there."""
        self._woken = woken or self._woken
        while True:
            self.wait = self.connection.serve(self._woken)
            self._woken = Woken.READY
            if self.wait.reason is For.CLOSE or not select.select([self.sock], [], [], 0)[0]:
                return self.wait

    def say(self, data: bytes, *, end: bool = False) -> bytes:
        """Send, serve, and receive what there is then. `end` shuts the client's side down."""
        self.client.sendall(data)
        if end:
            self.client.shutdown(socket.SHUT_WR)
        received: list[bytes] = []
        thread = threading.Thread(target=self._receive, args=(received,))
        thread.start()
        self.serve()
        if self.wait.reason in (For.CLOSE, For.LINGER):
            self.connection.close()
        else:
            self.sock.settimeout(20)
            self.sock.sendall(MARK)  # everything in front of it is the answer
            self.sock.setblocking(True)
        thread.join(20)
        assert not thread.is_alive()
        return b"".join(received).removesuffix(MARK)

    def _receive(self, received: list[bytes]) -> None:
        while not (received and b"".join(received[-2:]).endswith(MARK)):
            try:
                chunk = self.client.recv(1 << 20)
            except OSError:
                return
            if not chunk:
                return
            received.append(chunk)

    def waits_for(self) -> For:
        return self.wait.reason

    @property
    def closed(self) -> bool:
        return self.wait.reason in (For.CLOSE, For.LINGER)

    def close(self) -> None:
        self.connection.close()
        self.client.close()


MARK = b"\0end of what is there\0"


class Serving:
    """A service for a configuration text, in a directory with a document root."""

    def __init__(self, root: Path, text: str = "", modules: Sequence[Module] = (), level: Level = Level.DEBUG) -> None:
        self.root = root
        for name in ("htdocs", "logs"):
            (root / name).mkdir(exist_ok=True)
        (root / "mime.types").write_text("text/html html\ntext/plain txt\n")
        path = root / "httpd.conf"
        path.write_text(f"{BASE}{memos.LINES}LogLevel {level.name.lower()}\n{text}\n")
        self.configuration = read(ReadOptions(str(path), str(root)), catalog())
        self.preparation = Preparation()
        self.modules = [*modules_of(self.configuration), *modules]
        for module in self.modules:
            if module.prepare is not None and module.source != "mod_unixd.c":  # tests may run as root
                module.prepare(self.configuration, self.preparation)
        self.log_path = root / "logs" / "error"
        self._fd = os.open(self.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.scoreboard = Scoreboard(1, 1)
        log = ErrorLog(self._fd, Levels(level))
        self.service = HttpService(self.configuration, self.modules, self.scoreboard, log, self.preparation)
        self.child = LeavingChild()
        self.service.child_init(self.child)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[Dialogue] = []

    def connect(self) -> Dialogue:
        dialogue = Dialogue(self)
        self._open.append(dialogue)
        return dialogue

    def ask(self, data: bytes, *, end: bool = False) -> bytes:
        return self.connect().say(data, end=end)

    def get(self, target: str, *fields: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
        head = "\r\n".join((f"{method} {target} HTTP/{version}", "Host: www.example.com", *fields, "", ""))
        return self.ask(head.encode("latin-1") + body)

    def page(self, name: str, content: str | bytes) -> Path:
        path = self.root / "htdocs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (1577934245, 1577934245))
        return path

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def access(self) -> list[str]:
        path = self.root / "logs" / "access"
        return path.read_text().splitlines() if path.exists() else []

    def close(self) -> None:
        for dialogue in self._open:
            dialogue.close()
        self.listener.close()
        self.preparation.close()
        os.close(self._fd)


def without_phases(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on whatever is not in the memo is a 500."""

    def fail(request: ServerRequest) -> int:
        raise AssertionError("the phases run")

    monkeypatch.setattr(serving.service.pipeline, "post_read", fail)


def parts(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, fields (names in lower case) and the rest."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        fields[name.lower()] = value
    return lines[0], fields, body


def status_of(answer: Any) -> int:
    return int(answer[9:12])
