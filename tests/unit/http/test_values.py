"""Dates, conditions, ranges: values in, values out."""

from __future__ import annotations

import pytest

from pyhttpd.http.conditional import precondition, range_applies
from pyhttpd.http.dates import format_date, format_other_date, parse_date
from pyhttpd.http.headers import Headers
from pyhttpd.http.ranges import Ranges, TooMuchError, UnsatisfiableError, parse_ranges
from pyhttpd.http.status import status_line

THEN = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def test_dates_of_the_rfc() -> None:
    assert format_date(THEN + 0.9) == DATE
    assert format_date(THEN) == DATE
    assert format_date(THEN + 1) != DATE
    assert format_other_date(THEN) == DATE
    for text in (
        DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 6 Nov 1994 08:49:37 GMT",
        "x 06 Nov 1994 08:49:37 +0100", "  Sun, 06 Nov 1994 08:49:37 GMT; length=3", "Sun Nov 06 08:49:37 1994 x",
    ):  # fmt: skip
        assert parse_date(text) == THEN


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37",
        "Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 06 Nov 1894 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT",
    ],
)  # fmt: skip
def test_no_dates(text: str) -> None:
    assert parse_date(text) is None


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
        ("GET", {"If-Match": 'W/"x", "t"'}, 412),  # the search for a strong tag ends at a weak one
        ("GET", {"If-Match": '"x"  ,, "t"  , "y"'}, None),
        ("GET", {"If-Match": "t"}, 412),
        ("GET", {"If-Match": '"t'}, 412),
        ("GET", {"If-Match": '"t\\'}, 412),
        ("GET", {"If-Match": ""}, 412),
        ("GET", {"If-None-Match": 'W/"x", W/"t"'}, 304),
        ("GET", {"If-None-Match": '"t"x'}, None),
        ("GET", {"If-None-Match": '"t"', "If-Modified-Since": EARLIER}, None),
        ("GET", {"If-None-Match": '"t"', "If-Modified-Since": DATE}, 304),
        ("GET", {"If-None-Match": '"t"', "If-Unmodified-Since": DATE}, None),
        ("GET", {"If-Modified-Since": "Sun, 06 Nov 2094 08:49:37 GMT"}, None),  # it is still to come
        ("GET", {"If-None-Match": 'W/"t"', "Range": "bytes=0-"}, None),  # a range needs a strong one
        ("GET", {"If-None-Match": '"t"', "Range": "bytes=0-"}, 304),
        ("GET", {"If-None-Match": '"t"', "Range": "bytes=0-", "If-Range": '"x"'}, None),
        ("GET", {"If-Match": '"x"', "Range": "bytes=0-", "If-Range": '"t"'}, 412),
        ("PUT", {"If-None-Match": '"t"'}, 412),
        ("PUT", {"If-None-Match": 'W/"t"'}, None),
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
        ("bytes=0-0,99-", [(0, 0)]),
        ("bytes=0-0, 99-", None),  # a blank is no digit
        ("bytes=0-0,,2-2", [(0, 0), (2, 2)]),
        ("bytes=,0-0", []),
        ("bytes=0-0,", [(0, 0)]),
        ("bytes=3-4,0-,x", [(0, 9)]),
        ("bytes=+1-2", None),
        ("bytes=0-1-2", None),
        ("bytes=1-9223372036854775807", [(1, 9)]),
        ("bytes=1-9223372036854775808", None),
        ("bytes=-9223372036854775807", [(0, 9)]),
        (f"bytes=1-{'9' * 7000}", None),
        ("bytes=", []),
        ("bytes=x", None),
        ("bytes=5-4", None),
        ("bytes=-0", None),
        ("bytes=-", None),
        ("chars=0-4", None),
        ("bytes=0-9,0-9", [(0, 9)]),
    ],
)
def test_ranges(field: str, expected: list[tuple[int, int]] | None) -> None:
    found = parse_ranges(field, 10)
    assert (found and list(found.pieces)) == expected


def test_ranges_that_ask_for_more_than_there_is() -> None:
    with pytest.raises(TooMuchError):
        parse_ranges("bytes=0-5,8-9,0-5", 10)


def test_what_was_merged_is_counted() -> None:
    found = parse_ranges("bytes=4-5,2-3,0-1,8-9,8-8", 10)
    assert found == Ranges(((0, 5), (8, 9)), 3, 2)


def test_unsatisfiable() -> None:
    with pytest.raises(UnsatisfiableError):
        parse_ranges("bytes=10-", 10)


def test_status_lines() -> None:
    assert status_line(404) == "404 Not Found"
    assert status_line(299) == "299 Status 299"
