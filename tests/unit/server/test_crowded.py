"""What a connection does when its slot is wanted for others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from pyhttpd.api.connection import For, Woken
from pyhttpd.scoreboard import Status
from tests.unit.server.serving import Serving

Make = Callable[..., Serving]

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


POST = b"POST /a.txt HTTP/1.1\r\nHost: www.example.com\r\n"
HALF = POST + b"Content-Length: 10\r\n\r\nabcde"


@pytest.mark.parametrize("half", [HALF, POST + b"Transfer-Encoding: chunked\r\n\r\na\r\nabcde"])
def test_a_body_that_nobody_wants_is_given_up(page: Serving, half: bytes) -> None:
    page.child.woken = Woken.CROWDED
    dialogue = page.connect()
    assert dialogue.say(half).startswith(b"HTTP/1.1 408 Request Timeout")
    assert dialogue.closed
    assert [wait.reason for wait in page.child.waits] == [For.DISCARD]
    assert page.access[-1].startswith("POST /a.txt HTTP/1.1|408|")
    assert "AH01382: Request body read timeout" in page.log


def test_a_body_is_given_up_when_the_answer_is_known(page: Serving) -> None:
    """An error page waits for the body; it is not waited for for long."""
    page.child.woken = Woken.CROWDED
    answer = page.ask(HALF.replace(b"/a.txt", b"/missing"))
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout")


def test_how_long_a_body_has_been_unwanted(page: Serving) -> None:
    began = time.monotonic()
    page.ask(HALF + b"fghij")
    assert page.child.waits == []  # it was there
    dialogue = page.connect()
    thread = threading.Thread(target=dialogue.say, args=(HALF,))
    thread.start()
    while not page.child.waits:
        assert thread.is_alive()
    first = page.child.waits[0]
    assert began <= first.since <= time.monotonic()
    dialogue.client.sendall(b"f")
    while len(page.child.waits) < 2:
        assert thread.is_alive()
    assert page.child.waits[1].since == first.since
    dialogue.client.sendall(b"ghij")
    thread.join(20)
    assert page.access[-1].startswith("POST /a.txt HTTP/1.1|200|")


def test_a_body_that_a_handler_reads_is_waited_for(make_serving: Make) -> None:
    serving = make_serving("TraceEnable extended")
    serving.child.woken = Woken.EXPIRED
    serving.ask(HALF.replace(b"POST", b"TRACE"))
    assert [wait.reason for wait in serving.child.waits] == [For.BODY]


def test_nobody_lingers(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.serve()
    dialogue.client.sendall(b"no request\r\n\r\n")
    assert dialogue.serve(Woken.READY).reason is For.LINGER
    assert 0 < dialogue.wait.since <= dialogue.wait.deadline
    assert dialogue.serve(Woken.CROWDED).reason is For.CLOSE
