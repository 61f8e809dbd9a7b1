"""Lines to words."""

from __future__ import annotations

import pytest

from pyhttpd.config import words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ()),
        ("a b\tc", ("a", "b", "c")),
        ('"a b" c', ("a b", "c")),
        ("'a b' c", ("a b", "c")),
        (r'"a\"b" c', ('a"b', "c")),
        (r"'a\'b' c", ("a'b", "c")),
        (r'"a\nb"', (r"a\nb",)),
        (r'"a\\b"', (r"a\b",)),
        (r"a\\b \"", (r"a\b", '\\"')),
        ('a"b c"d', ('a"b', 'c"d')),
        ('"a"b', ("a", "b")),
        ('""', ("",)),
        ("a\N{NO-BREAK SPACE}b", ("a\N{NO-BREAK SPACE}b",)),
        ('"x\N{NO-BREAK SPACE}y" a\x1cb', ("x\N{NO-BREAK SPACE}y", "a\x1cb")),
    ],
)
def test_split(line: str, expected: tuple[str, ...]) -> None:
    assert words.split(line) == (expected, None)


@pytest.mark.parametrize(("line", "index"), [('"a b', 0), ("x 'a b", 1), (r'"a\"', 0), ('"a" "', 1)])
def test_a_quote_that_is_not_closed(line: str, index: int) -> None:
    assert words.split(line).unclosed == index


def test_an_open_quote_takes_the_rest() -> None:
    assert words.split('404 "not here').words == ("404", "not here")


def test_first() -> None:
    assert words.first('  "a b"  c d') == ("a b", "c d")
    assert words.first("") == ("", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Listen  80 ", ("Listen", "80")),
        ("Listen", ("Listen", "")),
        ('"Listen" 80', ("Listen", "80")),
        (r"a\\b c", (r"a\b", "c")),
        ('a"b c', ('a"b', "c")),
        ("</Directory>", ("</Directory>", "")),
    ],
)
def test_split_line(line: str, expected: tuple[str, str]) -> None:
    assert words.split_line(line) == expected


def test_starts() -> None:
    assert words.starts('a  "b c" d') == [0, 3, 9]
