"""Dates, conditions, ranges: values in, values out."""

from __future__ import annotations

import pytest

from pyhttpd.http.conditional import make_etag, precondition, range_applies
from pyhttpd.http.dates import format_date, format_other_date, parse_date
from pyhttpd.http.headers import Headers
from pyhttpd.http.ranges import UnsatisfiableError, parse_ranges
from pyhttpd.http.status import status_line

THEN = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def test_dates_of_the_rfc() -> None:
    assert format_date(THEN + 0.9) == DATE
    assert format_date(THEN) == DATE
    assert format_date(THEN + 1) != DATE
    assert format_other_date(THEN) == DATE
    for text in (DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
        assert parse_date(text) == THEN


@pytest.mark.parametrize("text", ["", "yesterday", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"])
def test_no_dates(text: str) -> None:
    assert parse_date(text) is None


def test_etag() -> None:
    assert make_etag(12, 1577934245_000000_000, 1577934300.0) == '"c-59b1f7226f340"'
    assert make_etag(12, 1577934245_000000_000, 1577934245.5).startswith('W/"')


NOW = THEN + 1000.0
ANSWER = Headers([("ETag", '"t"'), ("Last-Modified", DATE)])
LATER = format_other_date(THEN + 10)
EARLIER = format_other_date(THEN - 10)


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("GET", {}, None),
        ("GET", {"If-Modified-Since": DATE}, 304),
        ("GET", {"If-Modified-Since": LATER}, 304),
        ("GET", {"If-Modified-Since": EARLIER}, None),
        ("GET", {"If-Modified-Since": "no date"}, None),
        ("POST", {"If-Modified-Since": DATE}, None),
        ("GET", {"If-None-Match": '"t"'}, 304),
        ("GET", {"If-None-Match": '"a", W/"t"'}, 304),
        ("GET", {"If-None-Match": '"a,b", "t"'}, 304),
        ("HEAD", {"If-None-Match": "*"}, 304),
        ("POST", {"If-None-Match": "*"}, 412),
        ("GET", {"If-None-Match": '"x"'}, None),
        ("GET", {"If-None-Match": '"x"', "If-Modified-Since": DATE}, None),
        ("GET", {"If-Match": '"x"'}, 412),
        ("GET", {"If-Match": '"x", "t"'}, None),
        ("GET", {"If-Match": "*"}, None),
        ("GET", {"If-Match": 'W/"t"'}, 412),
        ("GET", {"If-Unmodified-Since": EARLIER}, 412),
        ("GET", {"If-Unmodified-Since": DATE}, None),
    ],
)
def test_conditions(method: str, fields: dict[str, str], expected: int | None) -> None:
    assert precondition(method, Headers(fields.items()), ANSWER, THEN, NOW) == expected


def test_if_range() -> None:
    def applies(value: str, now: float = NOW) -> bool:
        return range_applies(Headers([("If-Range", value)]), ANSWER, THEN, now)

    assert range_applies(Headers(), ANSWER, THEN, NOW)
    assert applies('"t"')
    assert not applies('"x"')
    assert applies(DATE)
    assert not applies(EARLIER)
    assert not applies(DATE, THEN + 5.0)  # so young a date is only a weak validator


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("bytes=0-4", [(0, 4)]),
        ("bytes=-3", [(7, 9)]),
        ("bytes=-30", [(0, 9)]),
        ("bytes=6-", [(6, 9)]),
        ("bytes=0-", [(0, 9)]),
        ("bytes=0-400", [(0, 9)]),
        ("bytes=0-1,4-5", [(0, 1), (4, 5)]),
        ("bytes=0-4,3-6", [(0, 6)]),
        ("bytes=4-5,2-3", [(2, 5)]),
        ("bytes=0-0, 99-", [(0, 0)]),
        ("bytes=x", None),
        ("bytes=5-4", None),
        ("bytes=-0", None),
        ("bytes=-", None),
        ("chars=0-4", None),
        ("bytes=0-9,0-9", [(0, 9)]),
        ("bytes=0-5,8-9,0-5", None),
    ],
)
def test_ranges(field: str, expected: list[tuple[int, int]] | None) -> None:
    assert parse_ranges(field, 10) == expected


def test_unsatisfiable() -> None:
    with pytest.raises(UnsatisfiableError):
        parse_ranges("bytes=10-", 10)


def test_status_lines() -> None:
    assert status_line(404) == "404 Not Found"
    assert status_line(299) == "299 Status 299"
