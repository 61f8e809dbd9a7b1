"""Shell wildcards as APR has them."""

from __future__ import annotations

import pytest

from pyhttpd.config.wildcard import compile_wildcard, is_wild


@pytest.mark.parametrize(
    ("pattern", "text", "pathname", "period", "expected"),
    [
        ("*.conf", "a.conf", False, True, True),
        ("*.conf", ".conf", False, True, False),
        ("?a", ".a", False, True, False),
        ("*", "a/b", True, False, False),
        ("*", "a/b", False, False, True),
        ("/home/*/www/", "/home/x/www/", True, False, True),
        ("/home/*/www/", "/home/x/y/www/", True, False, False),
        ("[a-c]x", "bx", False, False, True),
        ("[!a-c]x", "bx", False, False, False),
        ("[^a-c]x", "dx", False, False, True),
        ("[a/]b", "/b", True, False, False),
        ("[[:digit:]]", "7", False, False, True),
        ("[]a]", "]", False, False, True),
        ("[a", "[a", False, False, True),
        (r"\*", "*", False, False, True),
        (r"\*", "x", False, False, False),
        ("a.b", "axb", False, False, False),
        ("[z-a]", "b", False, False, False),
        ("[[&&]", "&", False, False, True),
    ],
)
def test_match(pattern: str, text: str, pathname: bool, period: bool, expected: bool) -> None:
    found = compile_wildcard(pattern, pathname=pathname, period=period).fullmatch(text)
    assert (found is not None) is expected


@pytest.mark.parametrize(("text", "expected"), [("a", False), ("a*", True), ("?", True), ("[a]", True), ("[a", False)])
def test_is_wild(text: str, expected: bool) -> None:
    assert is_wild(text) is expected
