"""The state machine of a connection: what it waits for, keep-alive, pipelining, bodies, its ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from pyhttpd.api.connection import RECEIVE_LIMIT, SHORTLY, For, Woken
from pyhttpd.scoreboard import Status
from pyhttpd.server import answer_memo
from tests.support.memos import of_memos
from tests.unit.server.serving import Dialogue, Serving, parts, status_of

Make = Callable[..., Serving]

HOST = b"Host: www.example.com\r\n"
GET = b"GET /a.txt HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /a.txt HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


@pytest.fixture
def page(serving: Serving) -> Serving:
    serving.page("a.txt", "hello world\n")
    return serving


def test_what_it_waits_for(page: Serving) -> None:
    dialogue = page.connect()
    assert dialogue.serve().reason is For.FIRST  # the first request is waited for even if the child is leaving
    assert dialogue.slot["status"] == Status.BUSY_READ
    dialogue.say(GET[:10])
    assert dialogue.waits_for() is For.READ
    assert dialogue.say(GET[10:]).startswith(b"HTTP/1.1 200 OK")
    assert dialogue.waits_for() is For.IDLE
    assert dialogue.slot["status"] == Status.BUSY_KEEPALIVE
    assert dialogue.wait.deadline <= time.monotonic() + 5
    dialogue.say(GET[:1])
    assert dialogue.waits_for() is For.READ
    assert dialogue.slot["status"] == Status.BUSY_READ
    dialogue.say(LAST[1:])
    assert dialogue.closed
    assert dialogue.slot["status"] == Status.CLOSING


def test_keep_alive_of_1_1_needs_no_field(page: Serving) -> None:
    fields = parts(page.connect().say(GET))[1]
    assert "connection" not in fields
    assert "keep-alive" not in fields


def test_keep_alive_is_confirmed_to_who_asks_and_counts_down(make_serving: Make) -> None:
    serving = make_serving("MaxKeepAliveRequests 3\nKeepAliveTimeout 7")
    serving.page("a.txt", "x")
    dialogue = serving.connect()
    asking = b"GET /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    for left in (3, 2, 1):
        fields = parts(dialogue.say(asking))[1]
        assert (fields["connection"], fields["keep-alive"]) == ("Keep-Alive", f"timeout=7, max={left}")
    assert parts(dialogue.say(asking))[1]["connection"] == "close"
    assert dialogue.closed


@pytest.mark.parametrize(
    ("data", "directives"),
    [
        (b"GET /a.txt HTTP/1.0\r\n\r\n", ""),
        (LAST, ""),
        (b"GET /a.txt HTTP/1.1\r\n" + HOST + b"Connection: foo, Close\r\n\r\n", ""),
        (b"GET /a.txt HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", ""),
        (GET, "KeepAlive Off"),
        (GET, "KeepAliveTimeout 0"),
        (b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n", ""),
    ],
)
def test_what_closes(make_serving: Make, data: bytes, directives: str) -> None:
    dialogue = make_serving(directives).connect()
    assert parts(dialogue.say(data))[1]["connection"] == "close"
    assert dialogue.closed


def test_a_leaving_child_closes(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(GET)
    page.child.leaving = True
    assert parts(dialogue.say(GET))[1]["connection"] == "close"
    assert dialogue.closed


def test_an_idle_connection_of_a_leaving_child_is_ended(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(GET)
    assert dialogue.serve(Woken.ENDED).reason is For.LINGER


def test_a_request_that_came_with_the_end_is_answered(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(GET)
    page.child.leaving = True
    dialogue.client.sendall(GET)
    dialogue.serve(Woken.ENDED)
    assert b"Connection: close" in dialogue.client.recv(65536)


def test_pipelining(page: Serving) -> None:
    answer = page.ask(GET * 3 + LAST)
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.count(b"hello world\n") == 4
    assert [line.split("|")[4] for line in page.access] == ["0", "1", "2", "2"]


@pytest.mark.parametrize("size", [1, 2, 7, 30])
def test_requests_in_small_pieces(page: Serving, size: int) -> None:
    dialogue = page.connect()
    data = GET + b"\r\n" + LAST
    answer = b"".join(dialogue.say(data[at : at + size]) for at in range(0, len(data), size) if not dialogue.closed)
    assert answer.count(b"hello world\n") == 2


BODY = b"POST /a.txt HTTP/1.1\r\n" + HOST


@pytest.mark.parametrize(
    "request_bytes",
    [
        BODY + b"Content-Length: 5\r\n\r\nhello",
        BODY + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
        BODY + b"Content-Length: 0\r\n\r\n",
        b"PUT /nope HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
        b"GET /nope HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
    ],
)
def test_an_ignored_body_is_read_and_the_next_request_found(page: Serving, request_bytes: bytes) -> None:
    answer = page.ask(request_bytes + LAST)
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b"hello world\n")


def test_a_body_in_pieces(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.client.sendall(BODY + b"Content-Length: 10\r\n\r\nhello")
    dialogue.client.sendall(b"there" + LAST)
    assert dialogue.say(b"").count(b"hello world\n") == 2


def test_100_continue(page: Serving) -> None:
    answer = page.ask(BODY + b"Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_another_expectation(page: Serving) -> None:
    dialogue = page.connect()
    assert status_of(dialogue.say(BODY + b"Expect: foo\r\nContent-Length: 5\r\n\r\nhello")) == 417
    assert dialogue.closed


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"Content-Length: 2000000000\r\n\r\n", 413),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ],
)
def test_bodies_that_are_refused(page: Serving, data: bytes, status: int) -> None:
    dialogue = page.connect()
    assert status_of(dialogue.say(BODY + data)) == status
    assert dialogue.closed


def test_limit_request_body_counts_chunks(make_serving: Make) -> None:
    serving = make_serving("LimitRequestBody 10")
    assert status_of(serving.ask(BODY + b"Transfer-Encoding: chunked\r\n\r\n" + b"6\r\nhello!\r\n" * 2)) == 413
    assert "AH01591" in serving.log


@pytest.mark.parametrize("size", [b"64", b"FFFFFFFFFFFFFFFF", b"FFFFFFFFFFFFFFFFFFF"])
def test_a_chunk_that_is_too_large_is_refused_when_it_is_declared(make_serving: Make, size: bytes) -> None:
    serving = make_serving("LimitRequestBody 10")
    answer = serving.connect().say(BODY + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n")
    assert status_of(answer) == 413
    assert b"Content-Length" not in answer


def test_a_large_body_after_a_refusal_is_not_waited_for(make_serving: Make) -> None:
    serving = make_serving('<Location "/no">\nRequire all denied\n</Location>')
    dialogue = serving.connect()
    head = b"POST /no HTTP/1.1\r\n" + HOST + b"Content-Length: 100000000\r\n\r\n"
    assert status_of(dialogue.say(head)) == 403
    assert dialogue.closed


def test_the_client_ends_within_its_body(page: Serving) -> None:
    assert status_of(page.ask(BODY + b"Content-Length: 5\r\n\r\nhel", end=True)) == 400


# -- slow clients


def test_a_head_that_is_too_slow_is_told_408(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(GET[:-4])
    assert dialogue.wait.deadline <= time.monotonic() + 21
    dialogue.serve(Woken.EXPIRED)
    assert dialogue.client.recv(65536).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert dialogue.closed
    assert "AH01382" in page.log


def test_half_a_request_line_is_logged_and_not_answered(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(GET[:8])
    dialogue.serve(Woken.EXPIRED)
    assert dialogue.client.recv(65536) == b""
    assert page.access[-1].split("|")[1] == "408"


def test_an_idle_connection_expires_in_silence(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(GET)
    dialogue.serve(Woken.EXPIRED)
    assert dialogue.client.recv(65536) == b""
    assert len(page.access) == 1


def test_bytes_give_a_head_more_time_up_to_a_limit(make_serving: Make) -> None:
    serving = make_serving("RequestReadTimeout header=10-12,MinRate=10\nLimitRequestFieldSize 8000")
    dialogue = serving.connect()
    dialogue.serve()
    first = dialogue.wait.deadline
    dialogue.say(b"GET / HTTP/1.1\r")
    assert dialogue.wait.deadline == pytest.approx(first + 1.5, abs=0.2)
    dialogue.say(b"\nX: " + b"a" * 1000)
    assert dialogue.wait.deadline == pytest.approx(first + 2, abs=0.2)


def test_timeout_limits_each_pause(make_serving: Make) -> None:
    dialogue = make_serving("Timeout 3").connect()
    began = time.monotonic()
    assert began + 3 <= dialogue.serve().deadline <= time.monotonic() + 3


def test_a_body_that_does_not_come(make_serving: Make) -> None:
    serving = make_serving("Timeout 50ms")
    assert status_of(serving.ask(BODY + b"Content-Length: 5\r\n\r\nhe")) == 408


# -- the end


BAD = b"GET / HTTP/1.1\r\n\r\n"  # no Host: refused, and the server closes


@pytest.mark.parametrize(
    "data",
    [
        LAST,
        b"GET /a.txt HTTP/1.0\r\n\r\n",
        b"HEAD /a.txt HTTP/1.1\r\nConnection: x, Close\r\n" + HOST + b"\r\n",
    ],
)
def test_who_promises_to_send_nothing_more_is_not_waited_for(page: Serving, data: bytes) -> None:
    for _ in range(3):  # the answer is made, recorded, sent again
        dialogue = page.connect()
        dialogue.client.sendall(data)
        assert dialogue.serve().reason is For.CLOSE
        dialogue.connection.close()
        with dialogue.client.makefile("rb") as answer:
            assert answer.read().startswith(b"HTTP/1.1 200")
        dialogue = page.connect()
        dialogue.client.sendall(data + b"\r\n")
        assert dialogue.serve().reason is For.LINGER, "it has sent more"


@of_memos
def test_what_is_known_is_answered_at_the_beginning(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    page = make_serving("LogLevel warn")
    page.page("a.txt", "hello world\n")

    def begin(data: bytes) -> tuple[Dialogue, bool]:
        dialogue = page.connect()
        dialogue.client.sendall(data)
        return dialogue, dialogue.connection.begin()

    monkeypatch.setattr(answer_memo, "YOUNG", -3600.0)
    page.page("large", b"x" * 8000)
    large = LAST.replace(b"a.txt", b"large")
    for _ in range(3):  # made, recorded, sent again with a request
        for data in (LAST, GET, large):
            dialogue, done = begin(data)
            assert not done
            dialogue.serve()
    count = len(page.access)
    dialogue, done = begin(LAST)
    assert done
    dialogue.connection.close()
    assert dialogue.client.makefile("rb").read().endswith(b"hello world\n")
    assert len(page.access) == count + 1
    dialogue, done = begin(GET)
    assert not done
    assert len(page.access) == count + 2
    assert dialogue.serve().reason is For.IDLE
    assert dialogue.say(GET).count(b"200 OK") == 2
    dialogue, done = begin(large)
    assert not done
    assert len(page.access) == count + 3, "the smallest send buffer may not have room for it"
    assert dialogue.serve().reason is For.CLOSE
    for data in (b"", GET[:9]):
        dialogue, done = begin(data)
        assert not done
        assert dialogue.serve().reason in (For.FIRST, For.READ)


def test_lingering(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.client.sendall(BAD)
    began = time.monotonic()
    wait = dialogue.serve()
    assert wait.reason is For.LINGER
    assert began + 0.5 <= wait.deadline <= time.monotonic() + 3.5
    dialogue.client.sendall(b"more")
    assert dialogue.serve().reason is For.LINGER  # read and thrown away
    dialogue.client.close()
    assert dialogue.serve().reason is For.CLOSE


def test_lingering_ends_in_time(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.client.sendall(BAD)
    assert dialogue.serve().reason is For.LINGER
    assert dialogue.serve(Woken.EXPIRED).reason is For.CLOSE


def test_the_client_goes_before_it_asks(page: Serving) -> None:
    dialogue = page.connect()
    dialogue.say(b"", end=True)
    assert dialogue.waits_for() is For.CLOSE
    assert page.access == []


def test_the_client_goes_within_the_fields(page: Serving) -> None:
    assert status_of(page.ask(GET[:-2], end=True)) == 400


def test_a_client_that_is_gone_costs_nothing_but_its_answer(page: Serving) -> None:
    page.page("big", b"x" * 20_000_000)
    dialogue = page.connect()
    dialogue.client.sendall(b"GET /big HTTP/1.1\r\n" + HOST + b"\r\n")
    dialogue.client.close()
    assert dialogue.serve().reason is For.CLOSE
    assert page.access[-1].split("|")[3] == "X"
    assert "Traceback" not in page.log


def test_http_09(page: Serving) -> None:
    assert page.ask(b"GET /a.txt\r\n") == b"hello world\n"


def test_bytes_are_counted(page: Serving) -> None:
    post = BODY + b"Content-Length: 5\r\n\r\nhello"
    answer = page.ask(GET + post + LAST)
    counts = [line.split("|")[5:] for line in page.access]
    assert [int(received) for received, _ in counts] == [len(GET), len(post), len(LAST)]
    assert sum(int(sent) for _, sent in counts) == len(answer)


def test_the_scoreboard_is_told(make_serving: Make) -> None:
    serving = make_serving("ExtendedStatus On")
    serving.page("a.txt", "x")
    dialogue = serving.connect()
    answer = dialogue.say(GET)
    view = serving.scoreboard.view(0)
    assert view.strings["request"] == "GET /a.txt HTTP/1.1"
    assert view.strings["client"] == "127.0.0.1"
    assert view.strings["vhost"].startswith("www.example.com:")
    assert view.words["my_access_count"] == 1
    assert view.words["my_bytes_served"] == len(answer)


def test_extended_status_off_writes_no_strings(make_serving: Make) -> None:
    serving = make_serving("ExtendedStatus Off")
    serving.connect().say(GET)
    view = serving.scoreboard.view(0)
    assert view.strings["request"] == ""
    assert view.words["access_count"] == 0


def test_the_next_request_is_waited_for_in_the_kernel(page: Serving) -> None:
    """With a limit of its own where the listener has none, and not while its child is leaving."""
    dialogue = page.connect()
    dialogue.connection.shortly = SHORTLY
    assert dialogue.say(GET).startswith(b"HTTP/1.1 200 OK")
    assert dialogue.waits_for() is For.IDLE
    limit = dialogue.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, len(RECEIVE_LIMIT))
    assert limit != bytes(len(RECEIVE_LIMIT))
    dialogue.client.close()
    assert dialogue.serve(Woken.ENDED).reason is For.CLOSE
