"""PCRE patterns on Python's re: what is translated, and substitution."""

from __future__ import annotations

import re
import warnings

import pytest

from pyhttpd.util.regex import compile_pcre, substitute


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        (r"\.git", ["/a/.git/x"], ["/agit"]),
        ("^/a$", ["/a"], ["/a\n", "/ab"]),
        ("a.b", ["a\nb"], ["ab"]),
        ("^[[:digit:][:upper:]_]+$", ["A1_"], ["a", "é"]),
        (r"^\w$", ["a"], ["é"]),
        ("(?i)^ABC$", ["abc"], ["ab"]),
        ("(?m)^b$", ["a\nb\nc"], ["ab"]),
        ("^(?<name>x)(?P=name)$", ["xx"], ["x"]),
        (r"^\Qa.b\E+$", ["a.bb"], ["axb"]),
        ("^[]a]+$", ["]a]"], ["b"]),
        ("^[[a]+$", ["[a"], ["b"]),
        ("^[^]$]$", ["a"], ["]", "$"]),
        (r"^[\]x]$", ["]", "x"], ["\\"]),
        (r"^a\z", ["a"], ["a\n"]),
        (r"^a\Z", ["a", "a\n"], ["ab"]),
        (r"^a\$$", ["a$"], ["a"]),
        (r"^a\h+b$", ["a \tb"], ["a\nb"]),
        ("^(?>a+)b", ["aab"], ["b"]),
        ("^a++b", ["aab"], ["b"]),
    ],
)
def test_patterns(pattern: str, matches: list[str], others: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled = compile_pcre(pattern)
    assert [bool(compiled.search(text)) for text in matches] == [True] * len(matches)
    assert [bool(compiled.search(text)) for text in others] == [False] * len(others)


@pytest.mark.parametrize("pattern", ["(", "[a", "[[:nothing:]]", "*"])
def test_wrong_patterns(pattern: str) -> None:
    with pytest.raises(re.error):
        compile_pcre(pattern)


@pytest.mark.parametrize(
    ("template", "expected"),
    [("$1-$2", "a-"), ("$0$9", "a"), (r"\$1\\", "$1\\"), ("$x $", "$x $"), ("100%", "100%")],
)
def test_substitution(template: str, expected: str) -> None:
    match = compile_pcre("(a)(b)?").search("a")
    assert match is not None
    assert substitute(template, match) == expected
