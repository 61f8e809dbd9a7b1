"""Header and RequestHeader: every action, its conditions, and what the lines may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyhttpd.http.headers import Headers
from pyhttpd.modules.mod_headers import (
    early_changes,
    fixup_request,
    insert_error_filter,
    insert_filter,
    on_any_answer,
    parse_value,
)
from tests.support.requests import FakeRequest, configure, fields, make_request, refusals


def _answer(lines: str, directory: Path, before: list[tuple[str, str]], **attributes: Any) -> FakeRequest:
    request = make_request(configure(lines + "\n", directory), "/", **attributes)
    request.headers_out = Headers(before)
    insert_filter(request)
    for hook in request.response_hooks:
        hook(request)
    return request


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        ("Header set X new", [("x", "old"), ("X", "other")], [("x", "new")]),
        ("Header set X: new", [], [("X", "new")]),
        ("Header setifempty X new", [("X", "old")], [("X", "old")]),
        ("Header setifempty X new", [], [("X", "new")]),
        ("Header append X new", [("X", "old")], [("X", "old, new")]),
        ("Header append X new", [], [("X", "new")]),
        ("Header append X c", [("X", "a"), ("Y", ""), ("x", "b")], [("X", "a, c"), ("Y", ""), ("x", "b")]),
        ("Header add X new", [("X", "old")], [("X", "old"), ("X", "new")]),
        ("Header merge X b", [("X", "a, b")], [("X", "a, b")]),
        ("Header merge X b", [("X", 'a, "b, c"')], [("X", 'a, "b, c", b')]),
        ("Header merge X b", [], [("X", "b")]),
        ("Header merge X a", [("X", "a ,  b")], [("X", "a ,  b, a")]),  # a blank behind it is of the element
        ("Header merge X b", [("X", "a ,  b")], [("X", "a ,  b")]),
        ("Header merge X b", [("X", "a"), ("X", "b")], [("X", "a, b"), ("X", "b")]),
        ('Header merge X ""', [("X", "a,,b")], [("X", "a,,b")]),
        ('Header merge X ""', [("X", "")], [("X", ", ")]),
        ("Header merge X c", [("X", 'a, "b, c')], [("X", 'a, "b, c, c')]),
        ("Header unset X", [("x", "a"), ("Y", "b")], [("Y", "b")]),
        ("Header echo ^In$", [], [("In", "coming")]),
        ("Header edit X a(.) <$1>", [("X", "abac")], [("X", "<b>ac")]),
        ("Header edit* X a(.) <$1>", [("X", "abac"), ("X", "ad")], [("X", "<b><c>"), ("X", "<d>")]),
        ("Header edit* X ^a b", [("X", "aaca")], [("X", "bbca")]),
        ("Header edit* X a* -", [("X", "abab")], [("X", "--b--b")]),
        ("Header edit X z y", [("X", "a")], [("X", "a")]),
        ("Header edit X z y", [], []),
        ('Header set X ""', [], [("X", "")]),
        ('Header set X "%%a\\\\b %{VAR}e %{NONE}e"', [], [("X", "%a\\b v a l (null)")]),
        ('Header set X "é"', [], [("X", "\xc3\xa9")]),
        ("Header set X y env=VAR", [], [("X", "y")]),
        ("Header set X y env=NONE", [], []),
        ("Header set X y env=!NONE", [], [("X", "y")]),
        ("Header set X y env=!VAR", [], []),
        ("Header onsuccess set X y", [], [("X", "y")]),
        ("Header set X 1\nHeader append X 2\nHeader set Y 3", [], [("X", "1, 2"), ("Y", "3")]),
    ],
)  # fmt: skip
def test_actions(line: str, before: list[tuple[str, str]], after: list[tuple[str, str]], tmp_path: Path) -> None:
    request = _answer(line, tmp_path, before, env={"VAR": "v\na\rl"}, headers_in=Headers([("In", "coming")]))
    assert fields(request.headers_out) == after
    assert fields(request.err_headers_out) == []


def test_times(tmp_path: Path) -> None:
    request = _answer('Header set X "%t %D"', tmp_path, [], arrived=1700000000.25)
    stamp, duration = (request.headers_out.get("X") or "").split()
    assert stamp == "t=1700000000250000"
    assert duration.startswith("D=")
    assert int(duration[2:]) > 0


def test_the_content_type_is_the_requests(tmp_path: Path) -> None:
    request = _answer("Header set Content-Type text/x\nHeader edit Content-Type x$ y", tmp_path, [], content_type="a/b")
    assert request.content_type == "text/y"
    assert fields(request.headers_out) == [("Content-Type", "text/y")]
    for table in ("", "always "):
        assert _answer(f"Header {table}unset Content-Type", tmp_path, [], content_type="a/b").content_type is None


def test_unset_of_nothing_is_a_warning(tmp_path: Path) -> None:
    configuration = configure("Header always unset\n", tmp_path)
    assert [diagnostic.number for diagnostic in configuration.diagnostics] == ["PH00320"]


def test_note(tmp_path: Path) -> None:
    request = _answer("Header note X seen\nHeader note Y unseen", tmp_path, [("X", "1")])
    assert request.notes == {"seen": "1"}


def test_always_acts_on_errors_too(tmp_path: Path) -> None:
    lines = "Header set A 1\nHeader always set B 2\n"
    configuration = configure(lines, tmp_path)
    good, bad = make_request(configuration), make_request(configuration)
    insert_filter(good)
    insert_error_filter(bad)
    for request in (good, bad):
        for hook in request.response_hooks:
            hook(request)
    assert (fields(good.headers_out), fields(good.err_headers_out)) == ([("A", "1")], [("B", "2")])
    assert (fields(bad.headers_out), fields(bad.err_headers_out)) == ([], [("B", "2")])


def test_nothing_configured_costs_nothing(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path))
    insert_filter(request)
    insert_error_filter(request)
    assert request.response_hooks == []


def test_outer_lines_come_first(tmp_path: Path) -> None:
    text = "Header set X outer\n<Directory /srv>\nHeader append X inner\n</Directory>\n"
    request = make_request(configure(text, tmp_path), section="/srv/")
    on_any_answer(request)
    assert request.headers_out.get("X") == "outer, inner"


def test_request_fields(tmp_path: Path) -> None:
    text = "RequestHeader unset Proxy early\nRequestHeader set X y\n"
    request = make_request(configure(text, tmp_path), headers_in=Headers([("Proxy", "evil")]))
    early_changes(request)
    assert fields(request.headers_in) == []
    fixup_request(request)
    assert fields(request.headers_in) == [("X", "y")]


def test_expressions(tmp_path: Path) -> None:
    text = (
        'Header set A "expr=%{REQUEST_METHOD}-%{req:Host}"\n'
        "Header set B yes \"expr=%{REQUEST_URI} =~ m#^/x#\"\n"
        "Header set C yes \"expr=%{REQUEST_URI} =~ m#^/y#\"\n"
        "Header set D yes \"expr=file('/none') == ''\"\n"
        'Header set E "expr=%{file:/none}"\n'
        'Header edit A "^(.)" "expr=<%{SERVER_PROTOCOL}>"\n'
    )
    request = make_request(configure(text, tmp_path), "/x", headers_in=Headers([("Host", "h")]))
    on_any_answer(request)
    expected = [("A", "<HTTP/1.1>ET-h"), ("B", "yes"), ("D", "yes"), ("E", "")]
    assert sorted(fields(request.headers_out)) == expected
    place = f"{tmp_path}/httpd.conf"
    said = [(number, message) for _, number, message in request.lines]
    assert said == [
        (None, f"Evaluation of expression from {place}:6 failed: Cannot open file /none"),
        ("AH01501", "Failed to evaluate expression (Cannot open file /none) - ignoring"),
        (None, f"Evaluation of expression from {place}:7 failed: Cannot open file /none"),
        ("AH02557", "Can't evaluate value expression: Cannot open file /none"),
    ]


def test_a_value_is_text_and_tags() -> None:
    assert parse_value("100%") == ("100%",)
    assert parse_value("a%{b}ec") == ("a", ("e", "b"), "c")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Header", "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', "
         "'edit', or 'edit*'."),
        ("Header set X", "Header requires three arguments"),
        ("Header always set X", "Header requires three arguments"),
        ('Header set X "%y"', "Unrecognized header format %y"),
        ("Header set X y z", "Unknown parameter: z"),
        ("Header set X y env=", "error: missing environment variable name. envclause should be in the form env=envar "),
        ("Header set X y early extra", "Too many arguments to directive"),
        ("Header unset X y z", "header unset takes two arguments"),
        ("Header echo X y z", "Header echo takes two arguments"),
        ("Header echo ^(", "Header echo regex could not be compiled"),
        ("Header edit X a", "Header edit requires a match and a substitution"),
        ("Header edit X ( b", "Header edit regex could not be compiled"),
        ("Header edit X a b env=c d", "Header has too many arguments"),
        ("Header set X y expr=nope", "Can't parse envclause/expression: syntax error, unexpected $end, expecting '('"),
        ("Header set X expr=%{NOPE}", "Can't parse value expression : Variable 'NOPE' does not exist"),
        ("RequestHeader echo X", "Header echo only valid on Header directives"),
    ],
)  # fmt: skip
def test_wrong_lines(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(line + "\n", tmp_path) == [message]
