"""Which sections hold for a request, merged in Apache's order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyhttpd.config import sections as sections_file
from pyhttpd.config.sections import PerDir, Sections
from pyhttpd.expr import Condition
from tests.unit.config.fakes import Dir, read_text


def sections_of(directory: Path, *tags: str, base: str = "") -> Sections:
    """Sections that leave their number in `rules`, in the order in which they are merged."""
    text = base
    for number, tag in enumerate(tags):
        text += f"<{tag}>\nRule {number}\n</{tag.split(' ')[0]}>\n"
    return Sections(read_text(directory, text).main)


def numbers(per_dir: PerDir) -> list[int]:
    return [int(rule.rsplit(" ", 1)[1]) for rule in per_dir.config(Dir).rules]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", [3]),
        ("/srv/", [3, 1]),
        ("/srv/www/", [3, 1, 0, 4]),
        ("/srv/www/index.html", [3, 1, 0, 4]),
        ("/srv/www", [3, 1]),
        ("/srv/wwwx/a", [3, 1, 4]),
        ("/srv/www/a/b.gif", [3, 1, 0, 4, 2]),
        ("/srv/www/b.gif", [3, 1, 0, 4, 2]),
        ("/other/b.gif", [3, 2]),
    ],
)
def test_directory(tmp_path: Path, path: str, expected: list[int]) -> None:
    found = sections_of(tmp_path, "Directory /srv/www", "Directory /srv", r"DirectoryMatch \.gif$", "Directory /",
                        "Directory /srv/www*")  # fmt: skip
    assert numbers(found.directory(path)) == expected
    assert found.directory(path) is found.directory(path)


def test_no_wildcard_matches_a_slash(tmp_path: Path) -> None:
    found = sections_of(tmp_path, "Directory /home/*/www")
    assert numbers(found.directory("/home/x/www/")) == [0]
    assert numbers(found.directory("/home/x/y/www/")) == []


def test_files_of_the_server_then_of_the_directories(tmp_path: Path) -> None:
    text = (
        "<Directory /a/b>\n<Files x>\nRule 1\n</Files>\n</Directory>\n"
        "<Directory /a>\n<FilesMatch ^x>\nRule 2\n</FilesMatch>\n<Files y>\nRule 3\n</Files>\n</Directory>\n"
        "<Files x>\nRule 4\n</Files>\n<Files *.x>\nRule 5\n</Files>\n"
    )
    found = Sections(read_text(tmp_path, text).main)
    for directory, name, expected in (
        ("/a/b/", "x", [4, 2, 1]), ("/a/b", "x", [4, 2, 1]), ("/a/", "x", [4, 2]), ("/", "x", [4]), ("/a/", "z.x", [5]),
        ("/a/b/", "z", []),
    ):  # fmt: skip
        outer = found.directory(directory.rstrip("/") + "/")
        assert numbers(found.files(outer, name)) == expected
    assert found.files(found.base, "z") is found.base


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/a", [0, 4]),
        ("/a/", [0, 1, 4]),
        ("/ab", [4]),
        ("/a/x", [0, 1, 4]),
        ("/b/c/d", [2, 4]),
        ("/b/c/e/d", [4]),
        ("/x.png", [3, 4]),
    ],
)
def test_location(tmp_path: Path, uri: str, expected: list[int]) -> None:
    found = sections_of(tmp_path, "Location /a", "Location /a/", "Location /b/*/d", r"LocationMatch \.png$",
                        "Location /")  # fmt: skip
    assert numbers(found.location(found.base, uri)) == expected
    assert found.location(found.base, uri) is found.location(found.base, uri)


def test_inner_scopes_win(tmp_path: Path) -> None:
    text = (
        "SetHandler base\nErrorDocument 404 base\nErrorDocument 500 base\n"
        "<Location />\nErrorDocument 404 location\n</Location>\n"
        "<Directory />\nSetHandler directory\nErrorDocument 404 directory\n</Directory>\n"
        "<Files f>\nSetHandler file\n</Files>\n"
    )
    found = Sections(read_text(tmp_path, text).main)
    directory = found.directory("/f")
    file = found.files(directory, "f")
    location = found.location(file, "/f")
    assert [step.config(Dir).handler for step in (found.base, directory, file, location)] == [
        "base", "directory", "file", "file",
    ]  # fmt: skip
    assert location.config(Dir).documents == {"404": "location", "500": "base"}
    assert found.base.config(Dir).index == ("index.html",)


def test_memos_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections_file, "_MOST", 8)
    found = sections_of(tmp_path, "Directory /d*", "Location /d*")
    for number in range(100):
        outer = found.directory(f"/d{number}/")
        assert numbers(found.location(outer, f"/d{number}")) == [0, 1]
    assert len(found._above) <= 8
    assert len(found._merged) <= 8


def test_named_groups_become_variables(tmp_path: Path) -> None:
    found = sections_of(
        tmp_path, "DirectoryMatch /(?<top>[a-z]+)/", "FilesMatch ^(?<Stem>.+)\\.(?<ending>[0-9])?x$",
        "LocationMatch ^/(?<a>.)",
    )  # fmt: skip
    env: dict[str, str] = {}
    found.directory("/srv/www/", env)
    found.files(found.directory("/srv/www/"), "b.x", env)
    found.location(found.base, "/zz", env)
    assert env == {"MATCH_TOP": "srv", "MATCH_STEM": "b", "MATCH_A": "z"}
    found.location(found.base, "/y")
    assert env["MATCH_A"] == "z"


def test_conditions(tmp_path: Path) -> None:
    """A chain ends with the first that holds; what is inside one that holds is looked at after all of its level."""
    text = (
        "<Directory />\n<If \"-n 'a'\">\nRule 0\n<If \"-n 'b'\">\nRule 1\n</If>\n<Else>\nRule 2\n</Else>\n</If>\n"
        "<ElseIf \"-n 'c'\">\nRule 3\n</ElseIf>\n<Else>\nRule 4\n</Else>\n</Directory>\n"
        "<Location />\n<If \"-n 'd'\">\nRule 5\n</If>\n</Location>\n"
    )
    found = Sections(read_text(tmp_path, text).main)
    outer = found.location(found.directory("/"), "/x")
    for true, expected in (
        ("abcd", [0, 5, 1]), ("acd", [0, 5, 2]), ("bcd", [3, 5]), ("bd", [4, 5]), ("", [4]), ("c", [3]), ("ab", [0, 1]),
    ):  # fmt: skip
        names = {condition.root: name for name, condition in _conditions(found.directory("/"))}
        names |= {condition.root: name for name, condition in _conditions(outer)}

        def holds(condition: Condition, true: str = true, names: dict[Any, str] = names) -> bool:
            return names[condition.root] in true

        result = found.conditions(outer, holds)
        assert numbers(result) == expected
        assert found.conditions(outer, holds) is result
    assert found.conditions(found.base, lambda condition: True) is found.base


def _conditions(per_dir: PerDir) -> list[tuple[str, Condition]]:
    """Each with the letter that stands in it."""
    found: list[tuple[str, Condition]] = []
    left = list(per_dir.ifs)
    while left:
        scope = left.pop()
        left += scope.ifs
        if scope.condition is not None:
            found.append((scope.pattern[4], scope.condition))
    return found
