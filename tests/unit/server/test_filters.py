"""Filters between a handler and its client, and between the client's body and its handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pyhttpd.api.log import Level
from pyhttpd.api.phases import Order, Phase, on
from pyhttpd.server import answer_memo
from pyhttpd.server.sending import Sender
from tests.support.memos import of_memos
from tests.unit.server.serving import Serving, parts, status_of, without_phases

Make = Callable[..., Serving]
pytestmark = pytest.mark.usefixtures("everything_is_old")

BIG = b"0123456789\n" * 3000


def site(make_serving: Make, filters: str, more: str = "") -> Serving:
    """A file of two lines, a large one and an empty one, behind these output filters."""
    lines = f"LoadModule filtering_module tests.support.filtering\nSetOutputFilter {filters}\n{more}"
    serving = make_serving(lines, level=Level.INFO)  # debug lines would keep answers from being kept
    serving.page("x.txt", "one\ntwo\n")
    serving.page("big.txt", BIG)
    serving.page("empty.txt", "")
    return serving


def dechunked(data: bytes) -> bytes:
    whole = b""
    while not data.startswith(b"0\r\n"):
        size, _, rest = data.partition(b"\r\n")
        whole, data = whole + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return whole


# -- the content and its length


@pytest.mark.parametrize(
    ("filters", "body"),
    [
        ("casefilter", b"ONE\nTWO\n"),
        ("a", b"one a\ntwo a\n"),
        ("b;a", b"one b a\ntwo b a\n"),
        ("set;a;b", b"one a b a\ntwo a b a\n"),  # by kind, then as they were named
        ("nothing", b"one\ntwo\n"),
        ("through;doubled", b"one\ntwo\none\ntwo\n"),
        ("CHUNK;Content_Length;http_header", b"one\ntwo\n"),
    ],
)
def test_a_short_body_has_a_length(make_serving: Make, filters: str, body: bytes) -> None:
    serving = site(make_serving, filters)
    status, found, received = parts(serving.get("/x.txt"))
    assert (status, found["content-length"], received) == ("HTTP/1.1 200 OK", str(len(body)), body)
    assert parts(serving.get("/x.txt", method="HEAD"))[1] | {"date": found["date"]} == found
    status, ranged, received = parts(serving.get("/x.txt", "Range: bytes=2-5"))
    assert (status, received) == ("HTTP/1.1 206 Partial Content", body[2:6])
    assert ranged["content-range"] == f"bytes 2-5/{len(body)}"


def test_a_long_body_of_unknown_length_is_chunked(make_serving: Make) -> None:
    serving = site(make_serving, "a")
    body = BIG.replace(b"\n", b" a\n")
    status, found, received = parts(serving.get("/big.txt"))
    assert (status, found["transfer-encoding"], dechunked(received)) == ("HTTP/1.1 200 OK", "chunked", body)
    assert "content-length" not in found
    status, found, received = parts(serving.get("/big.txt", version="1.0"))
    assert (found["connection"], received) == ("close", body)
    assert not {"content-length", "transfer-encoding"} & set(found)
    found = parts(serving.get("/big.txt", method="HEAD"))[1]
    assert not {"content-length", "transfer-encoding"} & set(found)
    assert parts(serving.get("/big.txt", "Range: bytes=2-5"))[0] == "HTTP/1.1 200 OK"


def test_a_long_body_that_keeps_its_length(make_serving: Make) -> None:
    serving = site(make_serving, "streamed")
    for method, body in (("GET", BIG), ("HEAD", b"")):
        _, found, received = parts(serving.get("/big.txt", method=method))
        assert (found["content-length"], received) == (str(len(BIG)), body)


def test_one_range_of_a_body_that_is_made_as_it_is_sent(make_serving: Make) -> None:
    serving = site(make_serving, "CaseFilter")
    status, found, received = parts(serving.get("/big.txt", "Range: bytes=20000-20010"))
    assert (status, found["content-range"]) == ("HTTP/1.1 206 Partial Content", "bytes 20000-20010/33000")
    assert received == BIG[20000:20011]
    assert parts(serving.get("/big.txt", "Range: bytes=1-2,5-6"))[2] == BIG
    assert status_of(serving.get("/big.txt", "Range: bytes=40000-")) == 416


def test_files_that_pass_untouched_go_by_sendfile(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = site(make_serving, "through;nothing;impure")
    sent: list[int] = []

    def send_file(self: Sender, fd: int, offset: int, length: int, **_: object) -> None:
        sent.append(length)
        self.send(BIG)

    monkeypatch.setattr(Sender, "send_file", send_file)
    _, found, received = parts(serving.get("/big.txt"))
    assert (found["content-length"], received, sent) == ("33000", BIG, [33000])


def test_nothing_is_held_of_a_long_body(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much is read of the file as is on its way."""
    serving = site(make_serving, "streamed;CaseFilter")
    at_once: list[int] = []
    send = Sender.send

    def counted(self: Sender, data: bytes, **options: bool) -> None:
        at_once.append(len(data))
        send(self, data, **options)

    monkeypatch.setattr(Sender, "send", counted)
    assert parts(serving.get("/big.txt"))[2] == BIG
    assert max(at_once) < 5000


def test_an_empty_body_is_filtered(make_serving: Make) -> None:
    assert parts(site(make_serving, "DATA").get("/empty.txt"))[2] == b"data:text/plain;base64,"


@pytest.mark.parametrize(("target", "length"), [("/x.txt", 8), ("/big.txt", len(BIG))])
def test_a_length_that_was_promised_is_kept_or_the_connection_ends(
    make_serving: Make, target: str, length: int
) -> None:
    """What goes beyond it would be taken for the next answer."""
    serving = site(make_serving, "streamed;doubled")
    dialogue = serving.connect()
    received = parts(dialogue.say(f"GET {target} HTTP/1.1\r\nHost: www.example.com\r\n\r\n".encode()))[2]
    assert len(received) <= length
    assert dialogue.closed
    assert "LengthError: a filter gives more bytes than Content-Length says" in serving.log


# -- fields


def test_fields_are_changed_until_the_first_piece(make_serving: Make) -> None:
    found = parts(site(make_serving, "typed", "Header append X-Typed y").get("/x.txt"))[1]
    assert (found["content-type"], found["x-typed"]) == ("text/x-typed", "text/x-typed, y")  # mod_headers comes behind


def test_effects(make_serving: Make) -> None:
    found = parts(site(make_serving, "changed", "ContentDigest On").get("/x.txt"))[1]
    assert (found["accept-ranges"], found["cache-control"]) == ("none", "no-cache")
    assert not {"etag", "last-modified", "content-md5"} & set(found)


def test_a_filter_that_gives_something_else_each_time(make_serving: Make) -> None:
    """Neither a condition nor a range is about what it gives."""
    serving = site(make_serving, "changed")
    for field in ("If-None-Match: *", "If-Modified-Since: Sat, 29 Oct 2044 19:43:31 GMT", "Range: bytes=0-1"):
        assert parts(serving.get("/x.txt", field))[::2] == ("HTTP/1.1 200 OK", b"one\ntwo\n")


def test_no_digest_of_what_will_be_another_content(make_serving: Make) -> None:
    serving = site(make_serving, "set", "ContentDigest On\n<Files big.txt>\nSetOutputFilter a\n</Files>")
    assert "content-md5" in parts(serving.get("/x.txt"))[1]
    assert "content-md5" not in parts(serving.get("/big.txt"))[1]


def test_a_condition_that_holds_is_answered_without_a_body(make_serving: Make) -> None:
    answer = site(make_serving, "typed;a").get("/x.txt", "If-None-Match: *")
    status, found, received = parts(answer)
    assert (status, received) == ("HTTP/1.1 304 Not Modified", b"")
    assert found["x-typed"] == "text/x-typed"
    assert "content-length" not in found


# -- what goes wrong


def test_what_raises_at_once_is_a_500(make_serving: Make) -> None:
    serving = site(make_serving, "through;at-once", "ErrorDocument 500 broken")
    _, _, body = parts(answer := serving.get("/x.txt"))
    assert (status_of(answer), body) == (500, b"broken")
    assert serving.log.count("PH00111: GET /x.txt HTTP/1.1: RuntimeError: raised before anything") == 1
    assert status_of(serving.get("/none")) == 404


def test_an_error_document_that_is_filtered_by_what_raises(make_serving: Make) -> None:
    serving = site(make_serving, "at-once", "ErrorDocument 500 /x.txt\nErrorDocument 404 /x.txt")
    for target, title in (("/big.txt", "500 Internal Server Error"), ("/none", "404 Not Found")):
        status, _, body = parts(serving.get(target))
        assert status.endswith(title)
        assert f"<title>{title}".encode() in body
        assert b"Additionally, a" in body


def test_what_filters_error_pages_may_raise_too(make_serving: Make) -> None:
    serving = site(make_serving, "nothing", "FilterErrors at-once")
    assert status_of(serving.get("/none")) == 500
    assert b"<h1>Internal Server Error</h1>" in serving.get("/none")
    assert status_of(serving.get("/x.txt")) == 200


def test_what_raises_later_ends_the_connection(make_serving: Make) -> None:
    serving = site(make_serving, "in-the-middle")
    dialogue = serving.connect()
    status, _, received = parts(dialogue.say(b"GET /x.txt HTTP/1.1\r\nHost: www.example.com\r\n\r\n"))
    assert status == "HTTP/1.1 200 OK"
    assert received.endswith(b"x\r\n")  # no last chunk
    assert dialogue.closed
    assert serving.log.count("PH00111") == 1
    assert serving.access[-1].startswith("GET /x.txt HTTP/1.1|200|20000|X|")


def test_what_is_no_body_is_a_500(make_serving: Make) -> None:
    serving = site(make_serving, "text")
    assert status_of(serving.get("/x.txt")) == 500
    assert serving.log.count("PH00111: GET /x.txt HTTP/1.1: TypeError: a body has pieces of bytes, not of str") == 1
    serving = reflecting(make_serving, "text")
    assert status_of(serving.get("/x", "Content-Length: 1", method="POST", body=b"a")) == 500


def test_init_may_refuse(make_serving: Make) -> None:
    assert status_of(site(make_serving, "refuse").get("/x.txt")) == 403


def test_generators_are_closed_when_the_client_has_gone(make_serving: Make) -> None:
    serving = site(make_serving, "watched;streamed")
    assert parts(serving.get("/big.txt", method="HEAD"))[1]["content-length"] == "33000"
    assert "a filter was closed" in serving.log
    assert serving.log.count("PH00111: HEAD /big.txt HTTP/1.1: at the end of a filter") == 1


# -- error pages, redirects, subrequests


@pytest.mark.parametrize(
    ("request_line", "status"), [("/none", 404), ("/sub", 301), ("/x.txt/more", 404), ("/secret/x", 403)]
)
def test_pages_of_the_server_are_not_filtered(make_serving: Make, request_line: str, status: int) -> None:
    serving = site(make_serving, "CaseFilter", "<Location /secret>\nRequire all denied\n</Location>")
    serving.page("sub/x.txt", "")
    assert status_of(answer := serving.get(request_line)) == status
    assert b"</body></html>" in answer


def test_what_a_module_adds_for_error_pages(make_serving: Make) -> None:
    serving = site(make_serving, "nothing", "FilterErrors CaseFilter")
    _, found, body = parts(serving.get("/none"))
    assert b"</BODY></HTML>" in body
    assert found["content-length"] == str(len(body))
    assert parts(serving.get("/x.txt"))[2] == b"one\ntwo\n"
    assert b"</BODY>" in serving.get("/x.txt", "Range: bytes=99-")


def test_an_error_document_has_its_own_filters(make_serving: Make) -> None:
    serving = site(make_serving, "a", "<Files x.txt>\nSetOutputFilter b\n</Files>\nErrorDocument 404 /x.txt")
    assert parts(serving.get("/none"))[2] == b"one b\ntwo b\n"


def test_an_index_file_has_its_own_filters(make_serving: Make) -> None:
    serving = site(make_serving, "a", "<Files x.txt>\nSetOutputFilter b\n</Files>\nDirectoryIndex x.txt")
    assert parts(serving.get("/"))[2] == b"one b\ntwo b\n"
    serving.page("sub/x.up", "up\n")
    more = "AddOutputFilter CaseFilter .up\nDirectoryIndex x.up"
    assert parts(site(make_serving, "a", more).get("/sub/"))[2] == b"UP a\n"


def test_subrequests_have_their_own_filters(make_serving: Make) -> None:
    more = (
        "<Files README.html>\nSetOutputFilter CaseFilter\n</Files>\n"
        "Options +Indexes\nReadmeName README.html\nDirectoryIndex disabled"
    )
    serving = site(make_serving, "b", more)
    serving.page("README.html", "read me\n")
    assert b"READ ME b\n" in serving.get("/")
    serving = site(make_serving, "b", more.replace("CaseFilter", "at-once"))
    assert status_of(answer := serving.get("/")) == 200
    assert b"READ ME" not in answer.upper()


# -- below the content


@pytest.mark.parametrize("filters", ["protocol", "transcode"])
def test_what_is_sent_is_filtered_behind_the_ranges(make_serving: Make, filters: str) -> None:
    serving = site(make_serving, f"a;{filters}")
    _, found, body = parts(serving.get("/x.txt", "Range: bytes=2-9"))
    assert (found["content-range"], body) == ("bytes 2-9/12", b"E A\nTWO ")
    assert dechunked(parts(serving.get("/big.txt"))[2]) == BIG.replace(b"\n", b" A\n")
    assert parts(serving.get("/big.txt", version="1.0"))[2] == BIG.replace(b"\n", b" A\n")
    assert b"HTML PUBLIC" in (page := serving.get("/none"))
    assert b"</BODY></HTML>" in page
    assert parts(serving.get("/x.txt", method="HEAD"))[2] == b""
    assert [line.split("|")[2] for line in serving.access] == ["8", "39000", "39000", str(len(parts(page)[2])), "0"]


def test_the_connection_is_filtered_with_the_head(make_serving: Make) -> None:
    serving = site(make_serving, "a;connection")
    assert serving.get("/x.txt").startswith(b"HTTP/1.1 200 OK\r\nDATE: ")
    assert serving.get("/x.txt").endswith(b"\r\n\r\nONE A\nTWO A\n")
    assert serving.get("/big.txt").endswith(b"\r\n0\r\n\r\n")
    assert serving.get("/x.txt", method="HEAD").endswith(b"CONTENT-TYPE: TEXT/PLAIN\r\n\r\n")


@pytest.mark.parametrize(("kind", "head"), [("PROTOCOL", b"\r\nDate: "), ("CONNECTION", b"\r\nDATE: ")])
def test_smart_filters_below_the_content(make_serving: Make, kind: str, head: bytes) -> None:
    lines = f'FilterDeclare c {kind}\nFilterProvider c CaseFilter "%{{REQUEST_URI}} =~ m|x.txt|"\nFilterChain c'
    serving = site(make_serving, "a", lines)
    answer = serving.get("/x.txt")
    assert head in answer
    assert answer.endswith(b"\r\n\r\nONE A\nTWO A\n")
    assert dechunked(parts(serving.get("/big.txt"))[2]) == BIG.replace(b"\n", b" a\n")


def test_a_connection_stays_open_behind_them(make_serving: Make) -> None:
    dialogue = site(make_serving, "a;protocol;connection").connect()
    for target in ("/x.txt", "/big.txt", "/none"):
        answer = dialogue.say(f"GET {target} HTTP/1.1\r\nHost: www.example.com\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 ")
        assert not dialogue.closed


# -- kept answers


@of_memos
def test_answers_of_pure_filters_are_kept(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = site(make_serving, "CaseFilter;a")
    first = parts(serving.get("/x.txt"))
    serving.get("/x.txt")
    assert len(serving.service.answers) == 1
    without_phases(serving, monkeypatch)
    assert {**parts(serving.get("/x.txt"))[1], "date": ""} == {**first[1], "date": ""}
    assert parts(serving.get("/x.txt"))[2] == first[2] == b"ONE a\nTWO a\n"


def test_a_kept_answer_is_made_anew_when_the_file_has_changed(make_serving: Make) -> None:
    serving = site(make_serving, "CaseFilter")
    for _ in range(3):
        assert parts(serving.get("/x.txt"))[2] == b"ONE\nTWO\n"
    serving.page("x.txt", "other\n")
    assert parts(serving.get("/x.txt"))[2] == b"OTHER\n"


@pytest.mark.parametrize(
    ("filters", "target"),
    [("impure", "/x.txt"), ("protocol", "/x.txt"), ("connection", "/x.txt"), ("a", "/big.txt"), ("at-once", "/x.txt")],
)
def test_others_are_not_kept(make_serving: Make, filters: str, target: str) -> None:
    serving = site(make_serving, filters)
    for _ in range(3):
        serving.get(target)
    assert len(serving.service.answers) == 0


@of_memos
def test_what_is_kept_is_small(make_serving: Make) -> None:
    """A large file that passes untouched is kept as a file."""
    serving = site(make_serving, "through")
    for _ in range(3):
        assert parts(serving.get("/big.txt"))[2] == BIG
    assert len(serving.service.answers) == 1
    assert len(BIG) > answer_memo.INLINE


# -- the request's body


def reflecting(make_serving: Make, filters: str) -> Serving:
    return make_serving(
        "LoadModule filtering_module tests.support.filtering\nSetHandler reflector\nLimitRequestBody 100\n"
        f"SetInputFilter {filters}\n"
    )


CHUNKED = b"3\r\none\r\n5\r\n\ntwo\n\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("filters", "body"),
    [("CaseFilterIn", b"ONE\nTWO\n"), ("in-a;in-b", b"one b a\ntwo b a\n"), ("HTTP_IN", b"one\ntwo\n")],
)
def test_a_body_is_filtered(make_serving: Make, filters: str, body: bytes) -> None:
    serving = reflecting(make_serving, filters)
    dialogue = serving.connect()
    head = b"POST /x HTTP/1.1\r\nHost: www.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
    for _ in range(2):  # the connection is at the next request behind it
        assert dechunked(parts(dialogue.say(head + CHUNKED))[2]) == body


def test_a_filtered_body_is_limited_and_checked(make_serving: Make) -> None:
    serving = reflecting(make_serving, "CaseFilterIn")
    assert status_of(serving.get("/x", "Content-Length: 200", method="POST", body=b"x" * 200)) == 413
    bad = serving.get("/x", "Transfer-Encoding: chunked", method="POST", body=b"zz\r\n")
    assert status_of(bad) == 400
    assert status_of(serving.ask(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", end=True)) == 400


def test_a_filter_of_a_body_may_raise(make_serving: Make) -> None:
    serving = reflecting(make_serving, "cut-short")
    dialogue = serving.connect()
    head = b"POST /x HTTP/1.1\r\nHost: www.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status_of(dialogue.say(head + CHUNKED)) == 500
    assert "RuntimeError: the body is no good" in serving.log


def test_a_body_that_nobody_reads_is_passed_over(make_serving: Make) -> None:
    serving = make_serving("LoadModule filtering_module tests.support.filtering\nSetInputFilter cut-short\n")
    serving.page("x.txt", "x")
    dialogue = serving.connect()
    for _ in range(2):
        answer = dialogue.say(b"GET /x.txt HTTP/1.1\r\nHost: www.example.com\r\nContent-Length: 3\r\n\r\nabc")
        assert (status_of(answer), parts(answer)[2]) == (200, b"x")
    assert "RuntimeError" not in serving.log


def test_a_redirect_begins_with_the_body_as_it_was_sent(make_serving: Make) -> None:
    serving = make_serving(
        "LoadModule filtering_module tests.support.filtering\nAddHandler reflector .in\n"
        "<Files x.txt>\nSetInputFilter cut-short\n</Files>\n<Files y.in>\nSetInputFilter in-a\n</Files>\n"
        "<Location /none>\nSetInputFilter in-b\nFallbackResource /y.in\n</Location>\n"
    )
    serving.page("y.in", "")
    head = b"POST /none HTTP/1.1\r\nHost: www.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert dechunked(parts(serving.ask(head + CHUNKED))[2]) == b"one a\ntwo a\n"


# -- names


def test_unknown_names_are_told_each_time(make_serving: Make) -> None:
    serving = site(make_serving, "nobody;CaseFilter")
    assert parts(serving.get("/x.txt"))[2] == b"ONE\nTWO\n"
    assert re.findall("AH00082: (.*)", serving.log) == ["an unknown filter was not added: nobody"]


def test_names_without_effect(make_serving: Make, tmp_path: Path) -> None:
    serving = site(make_serving, "chunk;DEFLATE;CaseFilter", "SetInputFilter http_in;CaseFilter")
    assert [diagnostic.message for diagnostic in serving.configuration.diagnostics] == [
        "SetOutputFilter chunk has no effect: what it is for the server does by itself",
        "SetOutputFilter DEFLATE has no effect: there is no filter of that name, it is one of mod_deflate",
        "SetInputFilter http_in has no effect: what it is for the server does by itself",
        "SetInputFilter CaseFilter has no effect: there is no filter of that name",
    ]


def test_hooks_of_a_module_may_add_filters(make_serving: Make) -> None:
    """In Apache's order: behind what SetOutputFilter names, as the hook runs later."""
    from tests.support import filtering

    hook = on(Phase.INSERT_FILTER, filtering.add_b, Order.LAST, pure=True)
    module = filtering.MODULE.__class__("late_module", "mod_late.c", hooks=(hook,))
    serving = make_serving(
        "LoadModule filtering_module tests.support.filtering\nSetOutputFilter set;a\n", modules=[module]
    )
    serving.page("x.txt", "one\n")
    assert parts(serving.get("/x.txt"))[2] == b"one a b a\n"
