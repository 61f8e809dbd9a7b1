"""Command lines are split as Apache splits those of its piped programs."""

from __future__ import annotations

import pytest

from pyhttpd.util.command import split_command


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ()),
        (" \t ", ()),
        ("/bin/a", ("/bin/a",)),
        ("  /bin/a\tb  c ", ("/bin/a", "b", "c")),
        ("a 'b c' \"d \" e", ("a", "b c", "d ", "e")),
        ("a x\\ y", ("a", "x y")),
        ('a z"q w"', ("a", 'z"q', 'w"')),  # a quote inside of an argument is a character
        ("'a b'c", ("a b", "c")),  # and a closing one ends it
        ('"a \\" b"', ('a " b',)),
        ('"it\'s"', ("it's",)),
        ("a\\b \\\\ c\\", ("ab", "\\ c")),  # the second backslash keeps the blank
        ('"open', ("open",)),
        ('a ""', ("a", "")),
    ],
)
def test_split(line: str, expected: tuple[str, ...]) -> None:
    assert split_command(line) == expected
