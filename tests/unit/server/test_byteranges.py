"""Parts of answers: of files, of what handlers make, and where the whole is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pyhttpd.api.body import FLUSH, Piece
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Order, Phase, on
from pyhttpd.api.request import Request
from tests.unit.server.serving import Serving, parts, status_of

Make = Callable[..., Serving]
PIECES: dict[str, list[Piece]] = {
    "/pieces": [b"01", b"", b"2345", b"6789"],
    "/flushed": [b"01", FLUSH, b"23"],
    "/none": [],
}


def made_by_hand(request: Request) -> int:
    if request.uri == "/generated":
        request.content = iter([b"0123456789"])
        return OK
    pieces = PIECES.get(request.uri)
    if pieces is None:
        return DECLINED
    request.content = list(pieces)
    request.content_type = "text/plain"
    request.headers_out.set("ETag", '"made"')
    return OK


MODULE = Module("pieces_module", "mod_pieces.c", hooks=(on(Phase.HANDLER, made_by_hand, Order.FIRST),))


@pytest.fixture
def made(make_serving: Make) -> Serving:
    return make_serving(modules=[MODULE])


@pytest.mark.parametrize(
    ("wanted", "body"), [("0-0", b"0"), ("1-2", b"12"), ("1-8", b"12345678"), ("-3", b"789"), ("6-", b"6789")]
)
def test_a_part_across_pieces(made: Serving, wanted: str, body: bytes) -> None:
    line, fields, got = parts(made.get("/pieces", f"Range: bytes={wanted}"))
    assert (line, got, fields["content-length"]) == ("HTTP/1.1 206 Partial Content", body, str(len(body)))
    assert fields["content-range"].endswith("/10")


def test_if_range_looks_at_the_answers_own_tag(made: Serving) -> None:
    assert status_of(made.get("/pieces", "Range: bytes=0-1", 'If-Range: "made"')) == 206
    assert status_of(made.get("/pieces", "Range: bytes=0-1", 'If-Range: "other"')) == 200
    assert status_of(made.get("/pieces", "Range: bytes=0-1", "If-Range: Sun, 06 Nov 1994 08:49:37 GMT")) == 200


@pytest.mark.parametrize("target", ["/flushed", "/none", "/generated"])
def test_what_is_sent_whole(made: Serving, target: str) -> None:
    answer = made.get(target, "Range: bytes=1-2")
    assert status_of(answer) == 200
    assert "content-range" not in parts(answer)[1]


def test_a_head_has_the_length_of_the_part(made: Serving) -> None:
    _, fields, body = parts(made.get("/pieces", "Range: bytes=2-4", method="HEAD"))
    assert (fields["content-range"], fields["content-length"], body) == ("bytes 2-4/10", "3", b"")


def test_too_many_parts_for_a_length(serving: Serving) -> None:
    serving.page("f", "x" * 1000)
    wanted = ",".join(f"{n * 3}-{n * 3}" for n in range(33))
    _, fields, body = parts(serving.get("/f", f"Range: bytes={wanted}"))
    assert fields["transfer-encoding"] == "chunked"
    assert "content-length" not in fields
    assert body.count(b"Content-range: ") == 33


def test_ranges_in_a_large_file(serving: Serving) -> None:
    """Slices that are sent by the kernel, and such that are read."""
    content = bytes(range(256)) * 1000
    serving.page("f", content)
    _, fields, body = parts(serving.get("/f", "Range: bytes=100-250000"))
    assert body == content[100:250001]
    boundary = parts(serving.get("/f", "Range: bytes=0-99999,200000-200009"))
    assert content[:100000] in boundary[2]
    assert content[200000:200010] in boundary[2]
    assert boundary[1]["content-length"] == str(len(boundary[2]))
    assert fields["content-range"] == "bytes 100-250000/256000"


def test_not_for_http_09(serving: Serving) -> None:
    serving.page("f", "0123456789")
    assert serving.ask(b"GET /f\r\n", end=True) == b"0123456789"


def test_a_body_that_is_no_list_is_not_looked_into(make_serving: Make) -> None:
    seen: list[int] = []

    def pieces() -> Iterator[Piece]:
        for number in range(3):
            seen.append(number)
            yield b"x"

    def handler(request: Request) -> int:
        request.content = pieces()
        return OK

    serving = make_serving(modules=[Module("m", "mod_m.c", hooks=(on(Phase.HANDLER, handler, Order.FIRST),))])
    assert parts(serving.get("/x", "Range: bytes=0-0"))[2] == b"xxx"
    assert seen == [0, 1, 2]
