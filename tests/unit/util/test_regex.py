"""PCRE patterns: what they match in both engines, what is refused, limits, and substitution."""

from __future__ import annotations

import pickle
import re
import time
import warnings
from _thread import start_new_thread
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhttpd.util.escape import wire
from pyhttpd.util.linear import for_re
from pyhttpd.util.regex import Match, MatchLimitError, RegexError, compile_pcre, substitute
from pyhttpd.util.regex_defaults import set_regex_defaults


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        (r"\.git", ["/a/.git/x"], ["/agit"]),
        ("^/a$", ["/a"], ["/a\n", "/ab"]),
        ("a.b", ["a\nb"], ["ab"]),
        ("^[[:digit:][:upper:]_]+$", ["A1_"], ["a", "é"]),
        (r"^\w$", ["a"], ["é"]),
        ("(?i)^ABC$", ["abc"], ["ab"]),
        ("^a(?i)b$", ["aB"], ["AB"]),
        ("(?m)^b$", ["a\nb\nc"], ["ab"]),
        ("^(?<name>x)(?P=name)$", ["xx"], ["x"]),
        ("^(?<n>a)|(?<n>b)$", ["a", "b"], ["c"]),
        (r"^\Qa.b\E+$", ["a.bb"], ["axb"]),
        ("^[]a]+$", ["]a]"], ["b"]),
        ("^[[a]+$", ["[a"], ["b"]),
        ("^[^]$]$", ["a"], ["]", "$"]),
        (r"^[\]x]$", ["]", "x"], ["\\"]),
        (r"^a\z", ["a"], ["a\n"]),
        (r"^a\Z", ["a", "a\n"], ["ab"]),
        (r"^a\$$", ["a$"], ["a"]),
        (r"^a\h+b$", ["a \tb"], ["a\nb"]),
        (r"^a\Rb$", ["a\r\nb", "a\nb"], ["ab"]),
        (r"^(?:a\Kb)$", ["ab"], ["b"]),
        ("^(?>a+)b", ["aab"], ["b"]),
        ("^(?>a+)a", [], ["aa"]),
        ("^a++b", ["aab"], ["b"]),
        (r"^\((?:[^()]|(?R))*\)$", ["(x)"], ["("]),
        (r"^(\((?:[^()]|(?1))*\))$", ["((a)(b))"], ["((a)"]),
        (r"^\x41\x{42}\x{043}\x4$", ["ABC\x04"], ["ABC4"]),
        (r"^a\Cb$", ["a\nb"], ["ab"]),
        (r"^[\x41\x{42}]$", ["A", "B"], ["x"]),
        ("^(?:a|b|c)?(?:x|y)$", ["x", "ay"], ["dx"]),
        ("^..$", ["ab", "é"], ["a"]),
        ("^é[^/]*$", ["é", "éé"], ["e"]),
    ],
)
def test_patterns(pattern: str, matches: list[str], others: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled = compile_pcre(pattern)
        again = pickle.loads(pickle.dumps(compiled))
        wired = compile_pcre(pattern, is_wire=True)
    assert again == compiled
    expected = [True] * len(matches) + [False] * len(others)
    assert [bool(compiled.search(text)) for text in (*matches, *others)] == expected
    assert [bool(again.search(text)) for text in (*matches, *others)] == expected
    assert [bool(wired.search(wire(text))) for text in (*matches, *others)] == expected


@pytest.mark.parametrize("pattern", [
    "(", "[a", "[[:nothing:]]", "*", "a{2,1}", "[z-a]", r"\u0041", r"\x{100}", r"\x{zz}", r"\x{41", "(?<n>a", "a**",
    r"a\\)", "(" * 2000 + ")" * 2000,
])  # fmt: skip
def test_wrong_patterns(pattern: str) -> None:
    with pytest.raises(RegexError):
        compile_pcre(pattern)


@pytest.mark.parametrize("is_wire", [False, True])
@pytest.mark.parametrize("pattern", ["^(.)(.)(x)?", "^(.)(.)(x)?(?#by PCRE)"])
def test_groups_are_bytes(pattern: str, is_wire: bool) -> None:
    """A character of two bytes is two for a pattern, in either engine, and what a group has of it survives."""
    text = wire("é!") if is_wire else "é!"
    compiled = compile_pcre(pattern, is_wire=is_wire)
    assert (for_re(pattern, dot_all=True, dollar_end_only=True) is None) is ("#" in pattern)
    match = compiled.search(text)
    assert match is not None
    assert match[0] == text[: 2 if is_wire else 1]
    halves = ("\xc3", "\xa9") if is_wire else ("\udcc3", "\udca9")
    assert match.groups() == (*halves, None)
    assert compiled.groups == 3


@pytest.mark.parametrize("pattern", ["a(b)?", "(?<first>a)(b)?"])
def test_named_groups_and_replacing(pattern: str) -> None:
    compiled = compile_pcre(pattern)
    assert dict(compiled.groupindex) == ({"first": 1} if "<" in pattern else {})
    seen: list[str] = []

    def replaced(match: Match) -> str:
        seen.append(match[0])
        return "é"

    assert compiled.sub(replaced, "xabxéxa") == "xéxéxé"
    assert seen == ["ab", "a"]
    assert compiled.sub(replaced, "xabxéxa", 1) == "xéxéxa"
    if "<" in pattern:
        match = compiled.search("ab")
        assert match is not None
        assert (match["first"], match[2]) == ("a", "b")


BAD = "^(a+)+$"
LONG = "a" * 40 + "b"


def test_no_pattern_goes_on_for_ever() -> None:
    for pattern in (BAD, "(x+x+)+y$", r"^(\w+\s?)*$", "(?:.*=){8}!", ".*.*.*.*.*!$"):
        text = LONG if pattern == BAD else "x=x " * 2000
        started = time.process_time()
        try:
            compile_pcre(pattern).search(text)
        except MatchLimitError:
            pass
        assert time.process_time() - started < 5
    with pytest.raises(MatchLimitError, match="match limit") as caught:
        compile_pcre(BAD).search(LONG)
    assert BAD in str(caught.value)
    with pytest.raises(MatchLimitError):
        compile_pcre(BAD).sub(lambda match: "", LONG)


def test_threads_do_not_disturb_each_other() -> None:
    """One gives up while others, with the same pattern and another, go on."""
    results: SimpleQueue[str] = SimpleQueue()
    good = compile_pcre(r"^(?>x+)(y*)(z?)$")

    def work(number: int) -> None:
        try:
            for count in range(20):
                if number % 2:
                    with pytest.raises(MatchLimitError):
                        compile_pcre(BAD).search(LONG)
                    assert compile_pcre(BAD).search("a" * count + "a") is not None
                else:
                    match = good.search("x" * 50 + "y" * (number * 100 + count))
                    assert match is not None
                    assert match[1] == "y" * (number * 100 + count)
        except BaseException as error:
            results.put(repr(error))
            raise
        results.put("")

    for number in range(6):
        start_new_thread(work, (number,))
    assert [results.get(timeout=60) for _ in range(6)] == [""] * 6


def test_regex_default_options() -> None:
    try:
        set_regex_defaults(frozenset({"ICASE"}))
        assert compile_pcre("^A$").search("a\n") is not None
        assert compile_pcre("(?<a>a.b)").search("a\nb") is None
        assert compile_pcre("a.b").search("a\nb") is None
    finally:
        set_regex_defaults()
    assert compile_pcre("^A$").search("a") is None


def test_a_limit_is_an_error_of_its_own_and_wrong_patterns_one_of_re() -> None:
    assert issubclass(RegexError, re.error)
    assert not issubclass(MatchLimitError, re.error)


# --- the patterns for `re`


@pytest.mark.parametrize("pattern", [
    "", "^/docs/(.*)$", r"\.(?:gif|jpe?g|png)$", r"^\.ht", "/x", "^[^/]+", "(/.*)?$", r"\.php(/.*)?$", "a|b",
    "^(a|b)c?$", r"^/[\w-]+$", r"\bx\b", "^a+b", "é",
])  # fmt: skip
def test_simple_patterns_are_for_re(pattern: str) -> None:
    assert for_re(pattern, dot_all=True, dollar_end_only=True) is not None


@pytest.mark.parametrize("pattern", [
    "(a+)+", "(a)*", "a*b", "^a*b*", "x.*y", "^x|.*y", "(a|b|c)(a|b|c)(a|b|c)(a|b|c)", "a?a?a?a?a?a?a?", r"(a)\1",
    "a{2}", "(?i)a", "(?<n>a)", "a++", "a*+", r"\h", r"\x41", "[[:alpha:]]", "[a&&b]", "[a--b]", "(", ")", "a)", "*a",
    "^*", "(*UTF)a", "[", r"\Qa",
    "^(?:a*)?(?:b*)?$", "(.*|x)y", "^a|b*", r"\B",
])  # fmt: skip
def test_others_are_not(pattern: str) -> None:
    assert for_re(pattern, dot_all=True, dollar_end_only=True) is None


PIECES = st.sampled_from([
    "a", "b", "/", ".", "^", "$", "(", "(?:", ")", ")?", "|", "*", "+", "?", "*?", "[ab]", "[^a]", "[a-c]", "[]a]",
    "[a-]", r"\.", r"\w",
    r"\W", r"\d", r"\s", r"\b", r"\B", "é", "-", "]", "}", "#", " ", "\n", r"[\w-]", r"[\]]", "&", "~",
])  # fmt: skip
SUBJECTS = st.text(alphabet="ab/.\n é]-c1", max_size=9)


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join), st.lists(SUBJECTS, max_size=4), st.booleans())
def test_both_engines_agree(pattern: str, texts: list[str], ignore_case: bool) -> None:
    """What `re` gets means the same to PCRE: an empty comment sends the same pattern there."""
    if for_re(wire(pattern), dot_all=True, dollar_end_only=True) is None:
        return
    try:
        by_pcre = compile_pcre(f"{pattern}(?#)", ignore_case=ignore_case)
    except RegexError:
        with pytest.raises(RegexError):
            compile_pcre(pattern, ignore_case=ignore_case)
        return
    by_re = compile_pcre(pattern, ignore_case=ignore_case)
    for text in texts:
        found, expected = by_re.search(text), by_pcre.search(text)
        assert (found is None) is (expected is None)
        if found is not None and expected is not None:
            assert (found[0], found.groups()) == (expected[0], expected.groups())


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30))
def test_nothing_but_regex_errors(pattern: str) -> None:
    try:
        compile_pcre(pattern).search("abc")
    except (RegexError, MatchLimitError):
        pass


# --- substitution


@pytest.mark.parametrize(
    ("template", "expected"),
    [("$1-$2", "a-"), ("$0$9", "a"), (r"\$1\\", "$1\\"), ("$x $", "$x $"), ("100%", "100%")],
)
@pytest.mark.parametrize("pattern", ["(a)(b)?", "(?<n>a)(b)?"])
def test_substitution(pattern: str, template: str, expected: str) -> None:
    match = compile_pcre(pattern).search("a")
    assert match is not None
    assert substitute(template, match) == expected
