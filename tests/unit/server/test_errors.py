"""Error pages, ErrorDocument, and what handlers do wrong."""

from __future__ import annotations

import os
from asyncio import CancelledError
from collections.abc import Callable, Iterator

import pytest

from pyhttpd.api.body import FLUSH, FileSlice, Piece
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, DONE, OK, Order, Phase, on
from pyhttpd.api.request import Request
from tests.unit.server.serving import Serving, parts, status_of

Make = Callable[..., Serving]

PAGE_404 = b"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">
<html><head>
<title>404 Not Found</title>
</head><body>
<h1>Not Found</h1>
<p>The requested URL was not found on this server.</p>
</body></html>
"""


def test_the_built_in_page(serving: Serving) -> None:
    line, fields, body = parts(serving.get("/nope"))
    assert (line, body) == ("HTTP/1.1 404 Not Found", PAGE_404)
    assert list(fields) == ["date", "server", "content-length", "content-type"]
    assert "AH00128: File does not exist: " in serving.log


def test_head_of_an_error_has_no_length(serving: Serving) -> None:
    _, fields, body = parts(serving.get("/nope", method="HEAD"))
    assert "content-length" not in fields
    assert body == b""


DOCUMENTS = """
<Location "/text">
ErrorDocument 404 "Sorry, \\"gone\\""
</Location>
<Location "/old">
ErrorDocument 404 "An old text
</Location>
<Location "/path">
ErrorDocument 404 /404.html
</Location>
<Location "/url">
ErrorDocument 404 http://other.example/
</Location>
<Location "/missing">
ErrorDocument 404 /nonexistent.html
</Location>
<Location "/path/default">
ErrorDocument 404 default
</Location>
"""


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        ("/text", 404, b'Sorry, "gone"'),
        ("/old", 404, b"An old text"),
        ("/path", 404, b"custom\n"),
        ("/path/default", 404, PAGE_404),
    ],
)
def test_error_documents(make_serving: Make, target: str, status: int, body: bytes) -> None:
    serving = make_serving(DOCUMENTS)
    serving.page("404.html", "custom\n")
    answer = serving.get(target)
    assert (status_of(answer), parts(answer)[2]) == (status, body)


def test_an_error_document_elsewhere(make_serving: Make) -> None:
    line, fields, _ = parts(make_serving(DOCUMENTS).get("/url"))
    assert (line, fields["location"]) == ("HTTP/1.1 302 Found", "http://other.example/")


def test_an_error_in_the_error_document(make_serving: Make) -> None:
    answer = make_serving(DOCUMENTS).get("/missing")
    assert status_of(answer) == 404
    assert (
        b"<p>Additionally, a 404 Not Found\nerror was encountered while trying to use an ErrorDocument "
        b"to handle the request.</p>\n</body>" in answer
    )


def test_the_error_document_is_asked_for_with_get_and_told_why(make_serving: Make) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> int:
        if request.handler != "errors":
            return DECLINED
        seen.append(request)
        request.content = [b"told"]
        return OK

    module = Module("m_module", "m.c", hooks=(on(Phase.HANDLER, handler),))
    serving = make_serving(
        'ErrorDocument 404 /errors\n<Location "/errors">\nSetHandler errors\n</Location>', modules=[module]
    )
    answer = serving.get("/nope", method="POST")
    assert (status_of(answer), parts(answer)[2]) == (404, b"told")
    (request,) = seen
    assert request.method == "GET"
    assert request.env["REDIRECT_STATUS"] == "404"
    assert request.env["REDIRECT_REQUEST_METHOD"] == "POST"
    assert request.prev is not None
    assert (request.original.uri, request.original.method) == ("/nope", "POST")
    assert serving.access[-1].startswith("POST /nope HTTP/1.1|404|4|")


def test_a_note_for_the_client(serving: Serving) -> None:
    assert b"exceeds this server's limit.</p>" in serving.get("/", *["X: y"] * 101)


# -- handlers

Handler = Callable[[Request], int]


def with_handler(make: Make, handler: Handler, text: str = "") -> Serving:
    def chosen(request: Request) -> int:
        return handler(request) if request.uri.startswith("/h") else DECLINED

    return make(text, modules=[Module("m_module", "m.c", hooks=(on(Phase.HANDLER, chosen),))])


def pieces_of(*pieces: Piece) -> Iterator[Piece]:
    """A body whose length nobody can tell."""
    yield from pieces


class OddError(Exception):
    pass


def raising(request: Request) -> int:
    raise OddError("it broke")


def leaving(request: Request) -> int:
    raise SystemExit(3)


def cancelled(request: Request) -> int:
    raise CancelledError("by a library")


@pytest.mark.parametrize(
    ("handler", "name"),
    [(raising, "OddError: it broke"), (leaving, "SystemExit: 3"), (cancelled, "CancelledError: by a library")],
)
def test_what_raises_is_a_500_with_one_traceback(make_serving: Make, handler: Handler, name: str) -> None:
    serving = with_handler(make_serving, handler)
    serving.page("a.txt", "still here")
    answer = serving.get("/h")
    assert status_of(answer) == 500
    assert b"admin@example.com" in answer
    log = serving.log
    assert log.count("Traceback") == 1
    assert log.count("PH00111: GET /h HTTP/1.1: ") == 1
    assert name in log
    assert serving.access[-1].split("|")[1] == "500"
    assert status_of(serving.get("/a.txt")) == 200


NOT_FOR_A_PLAIN_FILE = {
    Phase.CHILD_INIT, Phase.MONITOR, Phase.INSERT_ERROR_FILTER, Phase.CHECK_USER_ID, Phase.AUTH_CHECKER,
}  # fmt: skip


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in NOT_FOR_A_PLAIN_FILE])
def test_whatever_raises_in_any_phase_ends_no_child(make_serving: Make, phase: Phase) -> None:
    def broken(*arguments: object) -> int:
        raise OddError

    serving = make_serving(modules=[Module("m_module", "m.c", hooks=(on(phase, broken, Order.REALLY_FIRST),))])
    serving.page("a.txt", "x")
    answer = serving.get("/a.txt")
    assert "OddError" in serving.log
    if phase is Phase.LOG_TRANSACTION:
        assert status_of(answer) == 200
    elif phase is Phase.PRE_CONNECTION:
        assert answer == b""
    else:
        assert status_of(answer) == 500


def test_a_broken_error_filter_still_gives_the_page(make_serving: Make) -> None:
    def broken(request: Request) -> int:
        raise OddError

    serving = make_serving(modules=[Module("m_module", "m.c", hooks=(on(Phase.INSERT_ERROR_FILTER, broken),))])
    assert status_of(serving.get("/nope")) == 500
    assert "OddError" in serving.log


def test_a_page_that_cannot_be_made_is_a_plain_one(make_serving: Make) -> None:
    """A note that is no text of any encoding: the page for the error fails, and so does the one for that failure."""

    def broken(request: Request) -> int:
        request.notes.update({"error-notes": "\ud800", "verbose-error-to": "*"})
        return 500

    odd = Module("odd_module", "mod_odd.c", hooks=(on(Phase.HANDLER, broken, Order.FIRST),))
    serving = make_serving(modules=[odd])
    line, fields, body = parts(serving.get("/"))
    assert line == "HTTP/1.1 500 Internal Server Error"
    assert (fields["content-length"], fields["content-type"]) == (str(len(body)), "text/html; charset=iso-8859-1")
    assert b"<h1>Internal Server Error</h1>" in body
    assert serving.log.count("PH00111") == 2


def test_a_body_that_raises_at_once_is_a_500(make_serving: Make) -> None:
    def pieces() -> Iterator[Piece]:
        yield b"something"
        raise OddError

    def handler(request: Request) -> int:
        request.content = pieces()
        return OK

    assert status_of(with_handler(make_serving, handler).get("/h")) == 500


def test_a_body_that_raises_later_ends_the_connection(make_serving: Make) -> None:
    def pieces() -> Iterator[Piece]:
        yield b"x" * 100_000
        raise OddError

    def handler(request: Request) -> int:
        request.content = pieces()
        return OK

    serving = with_handler(make_serving, handler)
    dialogue = serving.connect()
    answer = dialogue.say(b"GET /h HTTP/1.1\r\nHost: x\r\n\r\n")
    assert dialogue.closed
    assert not answer.endswith(b"0\r\n\r\n")
    assert "OddError" in serving.log
    assert serving.access[-1].split("|")[3] == "X"


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        *[(name, value, "AH02430") for name in ("X-Bad", "ETag") for value in ("a\r\nSet-Cookie: x", "a\nb", "a\0b")],
        *[(name, "a", "AH02429") for name in ("X-Bad: b", "ETag: b", "ETag\r\nX-Bad", "\u212aeep-alive", " ETag")],
    ],
)
def test_a_field_that_would_split_the_answer(make_serving: Make, name: str, value: str, number: str) -> None:
    def handler(request: Request) -> int:
        request.headers_out.set(name, value)
        request.content = [b"x"]
        return OK

    serving = with_handler(make_serving, handler)
    answer = serving.get("/h")
    assert status_of(answer) == 500
    head = answer.partition(b"\r\n\r\n")[0]
    assert not any(word in head for word in (b"X-Bad", b"ETag", b"eep-alive"))
    assert number in serving.log


def test_a_handler_that_returns_nonsense(make_serving: Make) -> None:
    serving = with_handler(make_serving, lambda request: 99)
    assert status_of(serving.get("/h")) == 500
    assert "AH00524" in serving.log


@pytest.mark.parametrize("result", [OK, DONE])
def test_an_answer_without_a_body(make_serving: Make, result: int) -> None:
    _, fields, body = parts(with_handler(make_serving, lambda request: result).get("/h"))
    assert (fields["content-length"], body) == ("0", b"")


@pytest.mark.parametrize(
    ("pieces", "length", "sent"),
    [
        ([b"ab", b"c"], "3", b"abc"),
        (iter([b"ab", b"c"]), "3", b"abc"),
        (iter([b"ab", FLUSH, b"c"]), None, b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        (iter([b"a" * 9000, b"c"]), None, b"2328\r\n" + b"a" * 9000 + b"\r\n1\r\nc\r\n0\r\n\r\n"),
        (iter([b"ab", FLUSH, b"", b"c"]), None, b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
    ],
)
def test_framing(make_serving: Make, pieces: object, length: str | None, sent: bytes) -> None:
    def handler(request: Request) -> int:
        request.content = pieces  # type: ignore[assignment]  # the table has lists and iterators
        return OK

    _, fields, body = parts(with_handler(make_serving, handler).get("/h"))
    assert (fields.get("content-length"), body) == (length, sent)
    assert ("transfer-encoding" in fields) is (length is None)


def test_an_unknown_length_ends_a_1_0_connection(make_serving: Make) -> None:
    def handler(request: Request) -> int:
        request.content = pieces_of(b"ab", FLUSH, b"c")
        return OK

    serving = with_handler(make_serving, handler)
    _, fields, body = parts(serving.get("/h", "Connection: keep-alive", version="1.0"))
    assert (fields["connection"], body) == ("close", b"abc")


def test_a_large_file_slice_within_a_chunked_body(make_serving: Make) -> None:
    def handler(request: Request) -> int:
        fd = os.open(serving.root / "htdocs" / "big", os.O_RDONLY)
        request.content = pieces_of(b"<", FLUSH, FileSlice(fd, 10, 50_000), b">")
        return OK

    serving = with_handler(make_serving, handler)
    serving.page("big", b"0123456789" * 10_000)
    body = parts(serving.get("/h"))[2]
    assert body == b"1\r\n<\r\nc350\r\n" + b"0123456789" * 5000 + b"\r\n1\r\n>\r\n0\r\n\r\n"


def test_a_file_that_shrinks_ends_the_connection(make_serving: Make) -> None:
    def handler(request: Request) -> int:
        fd = os.open(serving.root / "htdocs" / "f", os.O_RDONLY)
        request.content = [FileSlice(fd, 0, 1_000_000)]
        return OK

    serving = with_handler(make_serving, handler)
    serving.page("f", b"x" * 100_000)
    dialogue = serving.connect()
    dialogue.say(b"GET /h HTTP/1.1\r\nHost: x\r\n\r\n")
    assert dialogue.closed
    assert "PH00112" in serving.log


def test_internal_redirects_end(make_serving: Make) -> None:
    def handler(request: Request) -> int:
        return request.services.internal_redirect(request, "/h")

    serving = with_handler(make_serving, handler)
    assert status_of(serving.get("/h")) == 500
    assert serving.log.count("AH00124") == 1


def test_an_internal_redirect(make_serving: Make) -> None:
    serving = with_handler(
        make_serving, lambda request: request.services.internal_redirect(request, "/a.txt?x"),
    )  # fmt: skip
    serving.page("a.txt", "there\n")
    answer = serving.get("/h")
    assert (status_of(answer), parts(answer)[2]) == (200, b"there\n")


def test_descriptors_are_closed(serving: Serving) -> None:
    serving.page("a.txt", "x")
    serving.page("big", b"x" * 100_000)
    serving.get("/a.txt")
    before = len(os.listdir("/proc/self/fd"))
    dialogue = serving.connect()
    for target in ("a.txt", "big", "nope"):
        dialogue.say(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
        dialogue.say(b"HEAD /%s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())
        dialogue.say(b"GET /%s HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n" % target.encode())
    dialogue.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_expressions_in_error_documents(make_serving: Make) -> None:
    serving = make_serving(
        '<Location "/text">\nErrorDocument 404 "Nothing at %{REQUEST_URI}"\n</Location>\n'
        '<Location "/path">\nErrorDocument 404 "/%{QUERY_STRING}.txt"\n</Location>\n'
        '<Location "/url">\nErrorDocument 404 "http://%{HTTP_HOST}/lost"\n</Location>\n'
        '<Location "/broken">\nErrorDocument 404 "/%{file:/nonexistent}"\n</Location>\n'
    )
    serving.page("found.txt", "found")
    assert parts(serving.get("/text/a"))[2] == b"Nothing at /text/a"
    assert parts(serving.get("/path/a?found"))[2] == b"found"
    assert parts(serving.get("/url/a"))[1]["location"] == "http://www.example.com/lost"
    assert parts(serving.get("/broken/a"))[2] == PAGE_404
    assert "AH02841" in serving.log


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("On", "www.example.com"),
        ("EMail", '<a href="mailto:admin@example.com">www.example.com</a>'),
    ],
)
def test_the_signature(make_serving: Make, kind: str, name: str) -> None:
    body = parts(make_serving(f"ServerSignature {kind}").get("/nope"))[2].decode()
    assert body.endswith(
        f"</p>\n<hr>\n<address>pyhttpd/0.1.0 (Unix) Server at {name} Port 80</address>\n</body></html>\n"
    )


def test_an_url_in_the_signature(make_serving: Make) -> None:
    body = parts(make_serving("ServerSignature EMail\nServerAdmin http://help.example/").get("/nope"))[2]
    assert b'<a href="http://help.example/">www.example.com</a>' in body


def test_an_error_that_ends_the_connection_does_so_as_a_redirect_too(make_serving: Make) -> None:
    serving = make_serving("Redirect 500 /broken\nErrorDocument 500 http://other.example/")
    line, fields, _ = parts(serving.get("/broken"))
    assert (line, fields["connection"]) == ("HTTP/1.1 302 Found", "close")


def test_redirects_end_somewhere(make_serving: Make) -> None:
    serving = make_serving("LimitInternalRecursion 3 2", modules=[LOOP])
    assert status_of(serving.get("/loop")) == 500
    assert "AH00124: Request exceeded the limit of 3 internal redirects" in serving.log
    assert serving.log.count("AH00122: redirected from r->uri = /loop") == 3
    assert parts(serving.get("/deep"))[2] == b"200 500"
    assert "AH00125: Request exceeded the limit of 2 subrequest nesting levels" in serving.log


def looping(request: Request) -> int:
    if request.uri == "/loop":
        return request.services.internal_redirect(request, "/loop")
    if request.uri == "/deep":
        outer = request.services.lookup_uri(request, "/deep")
        inner = request.services.lookup_uri(request.services.lookup_uri(outer, "/deep"), "/deep")
        request.content = [f"{outer.status} {inner.status}".encode()]
        return OK
    return DECLINED


LOOP = Module("loop_module", "mod_loop.c", hooks=(on(Phase.HANDLER, looping, Order.FIRST),))
