"""Odd messages, those on which HTTP libraries try themselves among them: each is answered or refused as RFC 9112 wants.

No Apache is asked here. Behind each message comes a request for /last.txt on the same connection: a message that is
taken leaves it alone, and after one that is refused nothing is read as a request any more (sections 2.2, 6.3 and 9.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import OURS
from tests.oracle.exchange import LAST, LAST_BODY
from tests.support.clients import LIMIT, Answer, BrokenError, Client
from tests.support.servers import PAGES, Server, close_all

POST = b"POST /a.txt HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /a.txt HTTP/1.1\r\nHost: a\r\n"


class Odd(NamedTuple):
    section: str  # of RFC 9112, unless another one is named
    what: str
    data: bytes
    status: int  # of its answer


TAKEN = (
    Odd("2.2", "an empty line before the request line", b"\r\n" + GET + b"\r\n", 200),
    Odd("2.2", "several empty lines before the request line", b"\r\n\r\n\r\n" + GET + b"\r\n", 200),
    Odd("3", "the longest sensible line", b"GET /a.txt?" + b"q" * 8000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    Odd("2.3", "a higher minor version", b"GET /a.txt HTTP/1.9\r\nHost: a\r\n\r\n", 200),
    Odd("3.2.2", "an absolute target, whose host counts", b"GET http://b/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    Odd("3.2.4", "OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    Odd("5", "no blank behind the colon, many behind the value", GET + b"Foo:bar \t \r\n\r\n", 200),
    Odd("5.1", "an empty value", GET + b"Foo:\r\nBar: \t \r\n\r\n", 200),
    Odd("9110, 5.6.2", "all the characters of a token", GET + b"!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", 200),
    Odd("9110, 5.5", "bytes above 127 in a value", GET + b"Foo: \xc3\xa9\xff\r\n\r\n", 200),
    Odd("9110, 5.5", "a tab in a value", GET + b"Foo: a\tb\r\n\r\n", 200),
    Odd("9110, 5.3", "a field that is repeated", GET + b"Foo: a\r\nfoo: b\r\n\r\n", 200),
    Odd("5.2", "folded lines, as spaces", GET + b"Foo: a\r\n b\r\n\t \t c\r\nBar: d\r\n e  \r\n\r\n", 200),
    Odd("6.1", "chunked in odd letters", POST + b"Transfer-Encoding: ChUnKeD\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200),
    Odd("6.2", "a length of 0", POST + b"Content-Length: 0\r\n\r\n", 200),
    Odd("6.2", "leading zeros of a length", POST + b"Content-Length: 0005\r\n\r\nhello", 200),
    Odd("6.3", "a body of a GET", GET + b"Content-Length: 5\r\n\r\nhello", 200),
    Odd("6.3", "a body that looks like a request", GET + b"Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n", 200),
    Odd("7.1", "no chunk but the last", CHUNKED + b"0\r\n\r\n", 200),
    Odd("7.1", "sizes in small and capital letters", CHUNKED + b"aA\r\n" + b"x" * 170 + b"\r\n0\r\n\r\n", 200),
    Odd("7.1", "leading zeros of a size", CHUNKED + b"0003\r\nabc\r\n000\r\n\r\n", 200),
    Odd("7.1.1", "extensions", CHUNKED + b'3;a;b=c;d="e f"\r\nabc\r\n0;last\r\n\r\n', 200),
    Odd("7.1.1", "a blank before an extension", CHUNKED + b"3 ; a=b\r\nabc\r\n0\r\n\r\n", 200),
    Odd("7.1.2", "trailers", CHUNKED + b"3\r\nabc\r\n0\r\nFoo: a\r\nBar: b\r\n\r\n", 200),
    Odd("7.1.2", "a length in a trailer is no length", CHUNKED + b"0\r\nContent-Length: 50\r\n\r\n", 200),
    Odd("9110, 9.1", "a method that is not allowed", b"DELETE /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    Odd("9.6", "closed is not close", GET + b"Connection: closed\r\n\r\n", 200),
)
REFUSED = (
    Odd("2.2", "a space before the first field", b"GET /a.txt HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    Odd("2.2", "a bare CR in a value", GET + b"Foo: a\rb\r\n\r\n", 400),
    Odd("2.2", "a bare CR at the end of a line", GET + b"Foo: a\r\r\n\r\n", 400),
    Odd("2.2", "TLS instead of HTTP", b"\x16\x03\x01\x00\x75\x01\x00\x00\x71\x03\x03\r\n\r\n", 400),
    Odd("2.2", "what is no HTTP", b"\x00\xff\xfe garbage\r\n\r\n", 400),
    Odd("3", "a word too many", b"GET /a.txt HTTP/1.1 more\r\nHost: a\r\n\r\n", 400),
    Odd("3", "a space in the target", b"GET /a txt HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("3", "two spaces", b"GET  /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("3", "a space in front", b" GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("3", "NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("3", "DEL in the target", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("3", "a target beyond the limit", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    Odd("3.1", "a method that is no token", b"G(T /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("9110, 9.1", "a method nobody knows", b"FOO /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    Odd("9110, 9.1", "a method in small letters is another one", b"get /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    Odd("2.3", "HTTP in small letters", b"GET /a.txt http/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("2.3", "a version with two digits", b"GET /a.txt HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    Odd("2.3", "a version without minor", b"GET /a.txt HTTP/1\r\nHost: a\r\n\r\n", 400),
    Odd("3.2", "no Host", b"GET /a.txt HTTP/1.1\r\n\r\n", 400),
    Odd("3.2", "two Hosts", GET + b"Host: a\r\n\r\n", 400),
    Odd("3.2", "a Host that is none", b"GET /a.txt HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    Odd("9110, 4.2.1", "an empty Host", b"GET /a.txt HTTP/1.1\r\nHost:\r\n\r\n", 400),
    Odd("9110, 4.2.1", "a URI without host", b"GET http:///a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("3.2", "a relative target", b"GET a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("3.2.4", "GET *", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    Odd("5", "no colon", GET + b"Foo\r\n\r\n", 400),
    Odd("5", "no name", GET + b": a\r\n\r\n", 400),
    Odd("5.1", "a space before the colon", GET + b"Foo : a\r\n\r\n", 400),
    Odd("5.1", "a tab before the colon", GET + b"Foo\t: a\r\n\r\n", 400),
    Odd("5.1", "a space in a name", GET + b"Foo Bar: a\r\n\r\n", 400),
    Odd("9110, 5.1", "a byte above 127 in a name", GET + b"F\xf6\xf6: a\r\n\r\n", 400),
    Odd("9110, 5.5", "NUL in a value", GET + b"Foo: a\0b\r\n\r\n", 400),
    Odd("9110, 5.5", "a control character in a value", GET + b"Foo: a\x0bb\r\n\r\n", 400),
    Odd("9110, 5.4", "a field beyond the limit", GET + b"Foo: " + b"a" * 9000 + b"\r\n\r\n", 400),
    Odd("9110, 5.4", "more fields than the limit", GET + b"Foo: a\r\n" * 120 + b"\r\n", 400),
    Odd("6.1", "a coding nobody knows", POST + b"Transfer-Encoding: cow\r\n\r\n0\r\n\r\n", 400),
    Odd("6.1", "a coding nobody knows before chunked", POST + b"Transfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n", 501),
    Odd("6.1", "chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    Odd("6.1", "chunked is not the last coding", POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    Odd(
        "6.1", "a coding and a length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400
    ),
    Odd("6.1", "a coding behind a vertical tab", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    Odd("6.3", "two lengths", POST + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello", 400),
    Odd("6.3", "two lengths in one field", POST + b"Content-Length: 5, 0\r\n\r\nhello", 400),
    Odd("6.3", "a signed length", POST + b"Content-Length: +5\r\n\r\nhello", 400),
    Odd("6.3", "a negative length", POST + b"Content-Length: -5\r\n\r\nhello", 400),
    Odd("6.3", "a length with a letter", POST + b"Content-Length: 5a\r\n\r\nhello", 400),
    Odd("6.3", "an empty length", POST + b"Content-Length:\r\n\r\nhello", 400),
    Odd("6.3", "a length that no counter holds", POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nhello", 400),
    Odd("7.1", "a size that is none", CHUNKED + b"xyz\r\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1", "an empty size", CHUNKED + b"\r\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1", "a signed size", CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1", "a size with a prefix", CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1", "a size with NUL", CHUNKED + b"3\0\r\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1", "a size that no counter holds", CHUNKED + b"9" * 100 + b"\r\nabc\r\n0\r\n\r\n", 413),
    Odd("7.1", "a chunk that goes on behind its size", CHUNKED + b"3\r\nabc__1a\r\n0\r\n\r\n", 400),
    Odd("7.1", "half a line end behind a chunk", CHUNKED + b"3\r\nabc\r_1a\r\n0\r\n\r\n", 400),
    Odd("7.1", "the other half behind a chunk", CHUNKED + b"3\r\nabc_\n1a\r\n0\r\n\r\n", 400),
    Odd("7.1", "a bare LF behind a size", CHUNKED + b"3\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1", "a bare LF behind a chunk", CHUNKED + b"3\r\nabc\n0\r\n\r\n", 400),
    Odd("7.1.1", "a control character in an extension", CHUNKED + b"3;a=\x01\r\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1.1", "a line end within an extension", CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n", 400),
    Odd("7.1.2", "a trailer without colon", CHUNKED + b"0\r\nFoo\r\n\r\n", 400),
    Odd("7.1.2", "a trailer with a space in its name", CHUNKED + b"0\r\nFoo Bar: a\r\n\r\n", 400),
    Odd("7.1.2", "trailers without end", CHUNKED + b"0\r\n" + b"Foo: a\r\n" * 200 + b"\r\n", 400),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    started = OURS(files={**PAGES, "last.txt": LAST_BODY.decode()}).start()
    started.expect("AH00135")  # an invalid method
    yield started
    problems = close_all([started], keep=False)
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def _answers(server: Server, data: bytes, piece: int) -> list[Answer]:
    answers: list[Answer] = []
    with Client(server.port) as client:
        try:
            for at in range(0, len(data), piece):
                client.send(data[at : at + piece])
        except BrokenError:
            pass  # refused before all was sent; the answer is there
        while not client.ended(LIMIT):
            answers.append(client.answer())
    return answers


@pytest.mark.parametrize("piece", [1_000_000, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("odd", TAKEN, ids=lambda odd: odd.what)
def test_taken(server: Server, odd: Odd, piece: int) -> None:
    message, last = _answers(server, odd.data + LAST, piece)
    assert message.status == odd.status
    assert (last.status, last.body) == (200, LAST_BODY)


@pytest.mark.parametrize("piece", [1_000_000, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("odd", REFUSED, ids=lambda odd: odd.what)
def test_refused(server: Server, odd: Odd, piece: int) -> None:
    (message,) = _answers(server, odd.data + LAST, piece)
    assert message.status == odd.status
    assert message.header("Connection") == "close"


def test_a_request_without_a_version_has_no_head(server: Server) -> None:
    """HTTP/0.9, which RFC 9112 has left behind: the body alone, and the end."""
    with Client(server.port) as client:
        client.send(b"GET /a.txt\r\n")
        assert client.rest() == b"a\n"


@pytest.mark.parametrize(("target", "status"), [(b"/a.txt", 200), (b"/none", 404)])
def test_head_has_no_body(server: Server, target: bytes, status: int) -> None:
    """Section 6.3: else what follows would be read as the body of HEAD's answer."""
    with Client(server.port) as client:
        client.send(b"HEAD " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n" + LAST)
        assert client.answer(head_only=True).status == status
        assert client.answer().body == LAST_BODY


def test_continue_comes_before_the_answer(server: Server) -> None:
    """RFC 9110, section 10.1.1: 100 is sent only to who asks for it, and not in HTTP/1.0."""
    expecting = b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with Client(server.port) as client:
        client.send(POST + expecting)
        assert client.answer().status == 100
        client.send(b"hello")
        assert client.answer().status == 200
    with Client(server.port) as client:
        client.send(b"POST /a.txt HTTP/1.0\r\nHost: a\r\n" + expecting + b"hello")
        assert client.answer().status == 200


def test_a_connection_ends_with_an_old_client(server: Server) -> None:
    """Section 9.3: HTTP/1.0 keeps a connection only if asked, 1.1 unless told otherwise."""
    for request, kept in (
        (b"GET /a.txt HTTP/1.0\r\n\r\n", False),
        (b"GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (GET + b"\r\n", True),
        (GET + b"Connection: foo, Close\r\n\r\n", False),
    ):
        assert len(_answers(server, request + LAST, 1_000_000)) == (2 if kept else 1), request
