"""What a connection does when its slot is wanted for others."""

from __future__ import annotations

import pytest

from pyhttpd.api.connection import For, Woken
from pyhttpd.scoreboard import Status
from tests.unit.server.serving import Serving

GET = b"GET /a.txt HTTP/1.1\r\nHost: www.example.com\r\n"


@pytest.fixture
def page(serving: Serving) -> Serving:
    serving.page("a.txt", "hello world\n")
    return serving


def test_a_silent_connection_is_closed_at_once_and_logged(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.serve()
    assert dialogue.serve(Woken.CROWDED).reason is For.CLOSE
    assert dialogue.slot["status"] == Status.CLOSING
    assert page.access[-1].startswith("-|408|")


def test_an_idle_connection_is_closed_at_once(page: Serving) -> None:
    dialogue = page.connect()
    assert dialogue.say(GET + b"\r\n").startswith(b"HTTP/1.1 200 OK")
    assert dialogue.serve(Woken.CROWDED).reason is For.CLOSE
    assert len(page.access) == 1


def test_a_half_head_is_refused(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(GET)
    assert dialogue.wait.reason is For.READ
    dialogue.serve(Woken.CROWDED)
    assert dialogue.closed
    assert dialogue.client.recv(100).startswith(b"HTTP/1.1 408 Request Timeout")


def test_nobody_lingers(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.serve()
    dialogue.client.sendall(GET + b"Connection: close\r\n\r\n")
    assert dialogue.serve(Woken.READY).reason is For.LINGER
    assert 0 < dialogue.wait.since <= dialogue.wait.deadline
    assert dialogue.serve(Woken.CROWDED).reason is For.CLOSE
