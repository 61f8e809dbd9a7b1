"""SetEnvIf and its like: what lines mean, and what they set. The rest is compared with Apache."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api.phases import DECLINED
from pyhttpd.api.request import Request
from pyhttpd.modules.mod_setenvif import before_sections, in_sections, plain_text
from tests.support.requests import configure, make_request, refusals


def variables(lines: str, tmp_path: Path, *fields: tuple[str, str], **attributes: object) -> dict[str, str]:
    request = make_request(configure(f"{lines}\n", tmp_path), **attributes)  # type: ignore[arg-type]  # its own names
    for name, value in fields:
        request.headers_in.add(name, value)
    assert before_sections(request) == DECLINED
    return request.env


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("abc", "abc"), (r"a\.b", "a.b"), (r"a\\b", "a\\b"), ("a.b", None), (r"\bx", None), ("a\\", "a"), ("(a", None)],
)
def test_patterns_that_are_texts(pattern: str, text: str | None) -> None:
    assert plain_text(pattern) == text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("SetEnvIf A one X", {"X": "1"}),
        ("SetEnvIf a ^(o)(n) X=$2$1$9", {"X": "no"}),
        ("SetEnvIf A one X=$1", {"X": "$1"}),  # no regular expression: nothing to put in
        ("SetEnvIf A ONE X", {}),
        ("SetEnvIfNoCase a ONE X", {"X": "1"}),
        ("SetEnvIf A one X=a Y=b\nSetEnvIf A one !X", {"Y": "b"}),
        ("SetEnvIf A one X=a\nSetEnvIf A one X=!", {}),
        ("SetEnvIf A one X==a", {"X": "a"}),
        ("SetEnvIf None ^$ X", {"X": "1"}),
        ("SetEnvIf ^A|B$ two X", {"X": "1"}),  # of several fields that fit, the last
        ("SetEnvIf ^a$ . X", {}),
        ("SetEnvIfNoCase ^a$ . X", {"X": "1"}),
        ("SetEnvIf A one x=1\nSetEnvIf A one X=2", {"X": "2"}),
        ("SetEnvIf A one V=one\nSetEnvIf v one X", {"V": "one", "X": "1"}),
        ("SetEnvIf V ^$ V=one\nSetEnvIf V one X", {"V": "one"}),  # asked for once, as in Apache
        ("SetEnvIf Request_Method ^(.)E X=$1", {"X": "G"}),
        ("SetEnvIf SERVER_ADDR ^192 X", {"X": "1"}),
        ("SetEnvIf Remote_Addr ^192 X", {"X": "1"}),
        ("BrowserMatch odd X", {}),
        ("SetEnvIfExpr \"%{HTTP:A} =~ /(o)/\" X=$1", {"X": "o"}),
        ("SetEnvIfExpr \"%{HTTP:A} !~ /(x)/\" X=$1", {"X": "$1"}),
        ("SetEnvIfExpr \"true\" X=$1a\\b", {"X": "ab"}),
        ("SetEnvIf A one X=\xe4\nSetEnvIf C (.) Y=$1", {"X": "\xe4", "Y": "\udce9"}),
    ],
)  # fmt: skip
def test_lines(lines: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert variables(lines, tmp_path, ("A", "one"), ("B", "two"), ("C", "\xe9")) == expected


def test_sections_act_later(tmp_path: Path) -> None:
    text = "SetEnvIf A . X=early\n<Directory /srv>\nSetEnvIf A . !X Y=late\n</Directory>\n"
    request: Request = make_request(configure(text, tmp_path), section="/srv/")
    request.headers_in.add("A", "one")
    before_sections(request)
    assert request.env == {"X": "early"}
    in_sections(request)
    assert request.env == {"Y": "late"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SetEnvIf", "Missing header-field name for SetEnvIf"),
        ("SetEnvIf A", "Missing regular expression for SetEnvIf"),
        ('SetEnvIf A "" X', "Missing regular expression for SetEnvIf"),
        ("SetEnvIfNoCase A b", "Missing envariable expression for SetEnvIfNoCase"),
        ("BrowserMatch", "Missing regular expression for BrowserMatch"),
        ("BrowserMatchNoCase a", "Missing envariable expression for BrowserMatchNoCase"),
        ("SetEnvIf A (b X", "SetEnvIf regex could not be compiled."),
        ("SetEnvIf (A b X", "SetEnvIfHeader name regex could not be compiled."),
        ("SetEnvIfExpr", "Missing expression for SetEnvIfExpr"),
        ("SetEnvIfExpr true", "Missing envariable expression for SetEnvIfExpr"),
    ],
)
def test_wrong_lines(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert refusals(f"{line}\n", tmp_path) == [message]


def test_a_value_that_grows_too_long_ends_the_request(tmp_path: Path) -> None:
    request = make_request(configure(f"SetEnvIf A (.*) X={'$1' * 9}\n", tmp_path))
    request.headers_in.add("A", "a" * 8000)
    assert before_sections(request) == 500
    assert [number for _, number, _ in request.lines] == ["AH01505"]
