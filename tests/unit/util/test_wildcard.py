"""Shell wildcards, as APR matches them. What is expected was asked of libapr itself."""

from __future__ import annotations

import ctypes
import ctypes.util
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhttpd.util.wildcard import compile_wildcard, is_wild

PATHNAME, PERIOD = 2, 4  # of apr_fnmatch.h


@pytest.mark.parametrize(
    ("pattern", "text", "plain", "pathname"),
    [
        ("*", "", True, True),
        ("*", ".x", True, True),
        ("*", "a/b", True, False),
        ("a*", "b", False, False),
        ("?", "/", True, False),
        ("a[/]b", "a/b", True, False),
        ("/*/x", "/a/b/x", True, False),
        ("/*/*", "/a/b", True, True),
        ("*.txt*", "a.txt.txt", True, True),
        ("*a*b", "aab", True, True),
        ("*ab", "abab", True, True),
        ("[!a]", "b", True, True),
        ("[^a]", "a", False, False),
        ("[]]", "]", True, True),
        ("[]*", "[]", True, True),
        ("[a", "[a", True, True),
        ("[b-z]", "m", True, True),
        ("[z-a]", "m", False, False),
        ("[a-]", "-", True, True),
        (r"[\]]", "]", True, True),
        (r"a\*", "a*", True, True),
        (r"a\*", "ab", False, False),
        ("a\\", "a\\", True, True),
        ("[[:alpha:]]", "a", False, False),
        ("[[&&]", "&", True, True),
        ("/home/*/www/", "/home/x/y/www/", True, False),
        ("", "", True, True),
        ("", "a", False, False),
    ],
)
def test_matching(pattern: str, text: str, plain: bool, pathname: bool) -> None:
    assert bool(compile_wildcard(pattern).fullmatch(text)) is plain
    assert bool(compile_wildcard(pattern, pathname=True).fullmatch(text)) is pathname


def test_case_and_leading_dots() -> None:
    assert compile_wildcard("a[B]?", ignore_case=True).fullmatch("AbC")
    assert not compile_wildcard("a[B]?").fullmatch("AbC")
    for pattern, text, matches in (("*", ".a", False), (".*", ".a", True), ("/*", "/.a", False), ("[.]a", ".a", False)):
        assert bool(compile_wildcard(pattern, pathname=True, period=True).fullmatch(text)) is matches
    assert compile_wildcard("/*", period=True).fullmatch("/.a"), "only the first character leads without pathname"


def test_many_stars_take_no_time() -> None:
    started = time.process_time()
    for pathname in (False, True):
        assert not compile_wildcard("*a" * 50 + "b", pathname=pathname).fullmatch("a" * 20_000)
    assert time.process_time() - started < 2


def test_wild() -> None:
    assert [is_wild(text) for text in ("a", "a*", "?", "[a]", "[", r"\a", "a/b", r"\*", r"\\*", r"[a\]", "]a[")] == [
        False, True, True, True, False, False, False, False, True, False, False,
    ]  # fmt: skip


LIBRARY = ctypes.util.find_library("apr-1")
PATTERNS = st.text(alphabet="ab/.*?[]!^-\\", max_size=8)
TEXTS = st.text(alphabet="ab/.]-[\\", max_size=6)


@pytest.mark.skipif(LIBRARY is None, reason="no libapr to compare with")
@settings(max_examples=2000, deadline=None)
@given(PATTERNS, TEXTS, st.booleans(), st.booleans())
def test_as_apr(pattern: str, text: str, pathname: bool, period: bool) -> None:
    apr_fnmatch = ctypes.CDLL(LIBRARY).apr_fnmatch
    flags = PATHNAME * pathname | PERIOD * period
    expected = apr_fnmatch(pattern.encode(), text.encode(), flags) == 0
    assert bool(compile_wildcard(pattern, pathname=pathname, period=period).fullmatch(text)) is expected


@pytest.mark.skipif(LIBRARY is None, reason="no libapr to compare with")
@settings(max_examples=1000, deadline=None)
@given(PATTERNS)
def test_what_is_wild_as_for_apr(pattern: str) -> None:
    assert is_wild(pattern) is bool(ctypes.CDLL(LIBRARY).apr_fnmatch_test(pattern.encode()))
