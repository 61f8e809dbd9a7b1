"""Directives of the language itself: RegexDefaultOptions, NameVirtualHost, DefaultRuntimeDir."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.config.owners import known_names, owner_of
from pyhttpd.util.regex_defaults import regex_defaults
from tests.unit.config.fakes import diagnostics_of, read_text


@pytest.mark.parametrize(
    ("options", "matches"),
    [
        ("", {"a\nb"}),
        ("+ICASE", {"a\nb", "A\nB"}),
        ("ICASE", {"AxB", "AxB\n"}),
        ("-DOTALL", set()),
        ("-DOLLAR_ENDONLY", {"a\nb", "a\nb\n"}),
        ("+icase +DOTALL none", set()),
    ],
)
def test_regex_default_options(options: str, matches: set[str], tmp_path: Path) -> None:
    line = f"RegexDefaultOptions {options}\n" if options else ""
    (scope,) = read_text(tmp_path, f'{line}<LocationMatch "^a.b$">\n</LocationMatch>\n').main.locations
    assert scope.regex is not None
    for text in matches:
        assert scope.regex.search(text), text
    for text in {"a\nb", "a\nb\n", "A\nB"} - matches:
        assert not scope.regex.search(text), text


def test_they_hold_for_the_lines_behind_and_for_one_reading(tmp_path: Path) -> None:
    match = "<LocationMatch ^a>\n</LocationMatch>\n"
    first, second = read_text(tmp_path, f"{match}RegexDefaultOptions +ICASE\n{match}").main.locations
    assert first.regex is not None
    assert second.regex is not None
    assert (bool(first.regex.search("A")), bool(second.regex.search("A"))) == (False, True)
    read_text(tmp_path, match)
    assert regex_defaults() == {"DOTALL", "DOLLAR_ENDONLY"}


def test_an_option_that_was_meant(tmp_path: Path) -> None:
    (diagnostic,) = diagnostics_of(tmp_path, "RegexDefaultOptions +ICASE -DOTAL\n")
    assert diagnostic.hint == "Did you mean DOTALL?"
    assert diagnostic.excerpt is not None
    assert diagnostic.excerpt.column == 28


def test_the_run_time_directory(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert read_text(tmp_path, "").runtime_dir == f"{tmp_path}/logs"
    assert read_text(tmp_path, "DefaultRuntimeDir run\n").runtime_dir == f"{tmp_path}/run"


def test_name_virtual_host_has_no_effect(tmp_path: Path) -> None:
    (diagnostic,) = diagnostics_of(tmp_path, "NameVirtualHost *:80\n")
    assert diagnostic.number == "AH00548"


def test_all_of_apaches_directives_are_known() -> None:
    names = known_names()
    assert len({name.lower() for name in names}) == 719  # 720; one has two spellings
    assert all(owner_of(name) for name in names)
