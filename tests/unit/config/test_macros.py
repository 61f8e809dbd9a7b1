"""Macros where they are right: what Use gives. What is wrong is in tests/cases/config/wrong/macro-*.conf."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.config.diagnostics import Severity
from pyhttpd.config.macros import LONGEST
from tests.unit.config.fakes import Dir, Server, diagnostics_of, output_of, read_text

LOAD = "LoadModule macro_module modules/mod_macro.so\n"


def server(directory: Path, text: str) -> Server:
    return read_text(directory, LOAD + text).main.config(Server)


@pytest.mark.parametrize(
    ("head", "line", "use", "expected"),
    [
        ("m $a", "ServerName $a", "m x", "x"),
        ("M $a", "ServerName $a", "m x", "x"),
        ("m $a $ab", "ServerName $ab", "m x y", "y"),
        ("m $a $b", "ServerName $a$b$a", "m 1 2", "121"),
        ("m %a", 'ServerName "%a %a"', 'm "x y"', "x y x y"),
        ("m @a", "ServerName @a", 'm "x y"', "x y"),
        ("m @a", "ServerName @a", "m '\"\\\\'", '"\\'),
        ("m $a", "ServerName $a", "m $a", "$a"),
        ('"a b" $x', "ServerName $x", '"A B" c', "c"),
    ],
)
def test_arguments(head: str, line: str, use: str, expected: str, tmp_path: Path) -> None:
    assert server(tmp_path, f"<Macro {head}>\n{line}\n</Macro>\nUse {use}\n").name == expected


def test_a_macro_may_open_what_another_closes(tmp_path: Path) -> None:
    text = (
        "<Macro open $d>\n<Directory $d>\n</Macro>\n<Macro close>\n</Directory>\n</Macro>\n"
        "Use open /x\nDirectoryIndex a\nUse close\nDirectoryIndex b\n"
    )
    configuration = read_text(tmp_path, LOAD + text)
    (scope,) = configuration.main.directories
    assert (scope.pattern, scope.values[Dir]["index"]) == ("/x/", ("a",))
    assert configuration.main.base[Dir]["index"] == ("b",)


def test_an_include_in_a_macro(tmp_path: Path) -> None:
    (tmp_path / "sub.conf").write_text("ServerAdmin a\n")
    configuration = read_text(tmp_path, f"{LOAD}<Macro m $f>\n\nInclude $f\n</Macro>\nUse m sub.conf\n")
    assert configuration.main.config(Server).admin == "a"
    assert [(each.depth, each.line) for each in configuration.included] == [(0, 0), (1, 2)]


def test_a_macro_of_an_included_file_and_one_that_is_defined_by_a_macro(tmp_path: Path) -> None:
    (tmp_path / "sub.conf").write_text("<Macro outer $n>\n<Macro $n_in $v>\nServerName $v\n</Macro>\n</Macro>\n")
    assert server(tmp_path, "Include sub.conf\nUse outer a\nUse a_in x\n").name == "x"


def test_a_body_that_a_false_condition_skips_defines_nothing(tmp_path: Path) -> None:
    text = "<IfDefine NO>\n<Macro m>\n<Foo>\n</Foo>\n</Macro>\n</IfDefine>\n<Macro m>\nServerName x\n</Macro>\nUse m\n"
    assert server(tmp_path, text).name == "x"


def test_uses_of_a_macro_with_a_mistake_are_no_mistakes(tmp_path: Path) -> None:
    text = f"{LOAD}<Macro m $a $a>\n</Macro>\nUse m 1\nUse m 2\nUndefMacro m\n"
    (diagnostic,) = diagnostics_of(tmp_path, text)
    assert diagnostic.message.startswith("argument name conflict in macro 'm'")


def test_a_mistake_in_a_macro_is_shown_where_it_is_defined(tmp_path: Path) -> None:
    text = f"{LOAD}<Macro in $x>\n    KeepAlive $x\n</Macro>\n<Macro out>\nUse in maybe\n</Macro>\nUse out\n"
    lines = output_of(tmp_path, text).splitlines()
    assert lines[2:] == [
        "  ROOT/httpd.conf:3:15",
        "  3 |     KeepAlive maybe",
        "    |               ^~~~~",
        "  in a macro used at line 1 of macro 'out'",
        "  in a macro used at ROOT/httpd.conf:8",
    ]


def test_a_macro_that_was_meant(tmp_path: Path) -> None:
    found = diagnostics_of(tmp_path, f"{LOAD}<Macro VHost>\nServerName x\n</Macro>\nUse VHots\nUndefMacro vhosts\n")
    assert [diagnostic.hint for diagnostic in found] == ["Did you mean vhost?"] * 2


def test_an_argument_that_puts_itself_in_again_ends(tmp_path: Path) -> None:
    text = f"{LOAD}<Macro m @x>\nServerName @x\n</Macro>\nUse m '\"\"\"\"@x'\n"
    (diagnostic,) = diagnostics_of(tmp_path, text)
    assert diagnostic.message.endswith("cannot substitute, buffer size too small")
    assert len(diagnostic.message) < LONGEST


def test_macros_that_multiply_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyhttpd.config.macros.MOST_LINES", 1000)
    lines = ["<Macro m0>", "KeepAlive On", "</Macro>"]
    for number in range(1, 20):
        lines += [f"<Macro m{number}>", f"Use m{number - 1}", f"Use m{number - 1}", "</Macro>"]
    (found,) = diagnostics_of(tmp_path, LOAD + "\n".join([*lines, "Use m19", ""]))
    assert found.severity is Severity.ERROR
    assert "macros have given more than 1000 lines" in found.message


EMPTY = "<Macro m{flags} $x>\nServerName a$x\n</Macro>\n"
CROSSED = "<Macro n{flags}>\n<Directory /a>\n</Macro>\n<Macro o{flags}>\n</Directory>\n</Macro>\nUse n\nUse o\n"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (f'{EMPTY}Use m ""\n', ["AH02798"]),
        (f'MacroIgnoreEmptyArgs\n{EMPTY}Use m ""\n', []),
        (f'{EMPTY}MacroIgnoreEmptyArgs whatever\nUse m ""\n', []),
        (f'{EMPTY}Use m ""\nMacroIgnoreEmptyArgs\n', ["AH02798"]),
        (f'MacroIgnoreBadNesting\n{EMPTY}Use m ""\n', ["AH02798"]),
        (CROSSED, ["AH02795", "AH02793", "AH02795"]),
        (f"MacroIgnoreBadNesting\n{CROSSED}", []),
        (f"<Directory /b>\nmacroignorebadnesting\n</Directory>\n{CROSSED}", []),
        (f"<IfDefine X>\nMacroIgnoreBadNesting\n</IfDefine>\n{CROSSED}", ["AH02795", "AH02793", "AH02795"]),
    ],
)
def test_warnings_that_a_line_keeps_back(text: str, numbers: list[str], tmp_path: Path) -> None:
    found = read_text(tmp_path, LOAD + text.replace("{flags}", "")).diagnostics
    assert [each.number for each in found] == numbers


@pytest.mark.parametrize(
    ("flags", "numbers"),
    [
        (" /IgnoreEmptyArgs", ["AH02795", "AH02793", "AH02795"]),
        (" /ignorebadnesting", ["AH02798"]),
        (" /IgnoreBadNesting  /IgnoreEmptyArgs", []),
        (" /IgnoreEmptyArgs /IgnoreBadNesting", []),
        (" /IgnoreBadNesting/IgnoreEmptyArgs", ["AH02804", "AH02798", "AH02804", "AH02804"]),
        (" /other", ["AH02804", "AH02798", "AH02804", "AH02795", "AH02804", "AH02793", "AH02795"]),
    ],
)
def test_flags_of_a_macro(flags: str, numbers: list[str], tmp_path: Path) -> None:
    text = f'{EMPTY}Use m ""\n{CROSSED}'.replace("{flags}", flags)
    assert [each.number for each in read_text(tmp_path, LOAD + text).diagnostics] == numbers
