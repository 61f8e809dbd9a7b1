"""The chunked coding: what is taken, what is refused and when, whatever the pieces in which it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.http.chunked import ChunkedReader, ChunkError
from pyhttpd.http.fields import FieldError
from pyhttpd.http.head import Limits

LIMITS = Limits(100, 3, 60)
UNSAFE = LIMITS._replace(strict=False)


def read(data: bytes, limits: Limits = LIMITS, size: int = 1 << 20) -> tuple[bytes, ChunkedReader]:
    """The whole body, fed in pieces."""
    reader = ChunkedReader(limits)
    body = b""
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
        while piece := reader.read():
            body += piece
    return body, reader


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n", b"hello0123456789"),
        (b"1;a=b;c\r\nx\r\n1 ; d=\"e\xff\t\"\r\ny\r\n0;f\r\n\r\n", b"xy"),
        (b"1          \r\nx\r\n0\t\r\n\r\n", b"x"),
        (b"0" * 50 + b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
    ],
)
def test_taken(data: bytes, body: bytes, size: int) -> None:
    found, reader = read(data, LIMITS, size)
    assert found == body
    assert reader.read() == b""
    assert reader.rest == b""


def test_what_follows_is_the_next_request() -> None:
    body, reader = read(b"1\r\nx\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n")
    assert (body, reader.rest) == (b"x", b"GET / HTTP/1.1\r\n")
    assert list(reader.trailers) == [("A", "b")]


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n", 400),
        (b"x\r\n", 400),
        (b"-1\r\n", 400),
        (b"+1\r\n", 400),
        (b"0x1\r\n", 400),
        (b" 1\r\n", 400),
        (b"1 1\r\n", 400),
        (b"1           \r\n", 400),
        (b"1\n", 400),
        (b"1\r\r\n", 400),
        (b"1;a\x01\r\n", 400),
        (b"1;a\rb\r\n", 400),
        (b"1\r\nxx", 400),
        (b"1\r\nx\n", 400),
        (b"1\r\nx\rx", 400),
        (b"8000000000000000\r\n", 413),
        (b"10000000000000000\r\n", 413),
        (b"1;" + b"a" * 58 + b"\r\n", 413),
        (b"0" * 100, 413),
    ],
)
def test_refused(data: bytes, status: int, size: int) -> None:
    with pytest.raises(ChunkError) as caught:
        read(data, LIMITS, size)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "data", [b"5", b"5;a", b"5;a\r", b"5\r\n", b"5\r\nhello", b"5\r\nhello\r", b"0\r\n", b"0\r\nA: b\r\n\r"]
)
def test_what_has_not_ended_is_waited_for(data: bytes) -> None:
    assert read(data)[1].read() is None


def test_the_largest_chunk_is_announced() -> None:
    reader = ChunkedReader(LIMITS)
    reader.feed(b"7FFFFFFFFFFFFFFF\r\n")
    assert reader.read() is None
    assert reader.remaining == (1 << 63) - 1


def test_unsafe_takes_bare_line_ends() -> None:
    body, reader = read(b"1\nx\n1\r\ny\n0\nA: b\n\nrest", UNSAFE)
    assert (body, reader.rest) == (b"xy", b"rest")
    assert read(b"0\n\nrest", UNSAFE)[1].rest == b"rest"


@pytest.mark.parametrize(
    ("trailers", "number"),
    [
        (b"A\r\n\r\n", "AH02426"),
        (b"A : b\r\n\r\n", "AH02426"),
        (b"A: \x01\r\n\r\n", "AH02427"),
        (b" A: b\r\n\r\n", "AH03442"),
        (b"A: %s\r\n\r\n" % (b"b" * 60), "AH00561"),
        (b"A: b\r\n" * 4 + b"\r\n", "AH00563"),
        (b"A: b\n\r\n\r\n", None),
        (b"A: b\r\n" * 400, "AH00563"),
        (b"A: " + b"b" * 400, "AH00561"),
    ],
)
def test_trailers_are_held_to_the_limits_of_fields(trailers: bytes, number: str | None) -> None:
    with pytest.raises(FieldError) as caught:
        read(b"0\r\n" + trailers)
    assert caught.value.number == number


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.integers(1, 40))
def test_any_body_in_any_pieces(chunks: list[bytes], size: int) -> None:
    data = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\nX"
    body, reader = read(data, LIMITS, size)
    assert (body, reader.rest) == (b"".join(chunks), b"X")


@given(st.binary(max_size=60), st.integers(1, 10))
def test_the_pieces_do_not_matter(data: bytes, size: int) -> None:
    outcomes: list[object] = []
    for pieces in (size, 1000):
        try:
            body, reader = read(b"1\r\nx\r\n" + data, LIMITS, pieces)
            outcomes.append((body, reader.rest if reader.read() == b"" else None))
        except (ChunkError, FieldError) as error:
            outcomes.append((type(error), getattr(error, "status", 400)))
    assert outcomes[0] == outcomes[1]
