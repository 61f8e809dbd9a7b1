"""Which files an Include means, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyhttpd.config.include import IncludeError, matching_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.conf", "a.conf", ".hidden.conf", "d/z.conf", "d/e/y.conf", "x1/site.conf", "x2/site.conf", "x3"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.conf", ["a.conf"]),
        ("none.conf", ["none.conf"]),
        ("*.conf", ["a.conf", "b.conf"]),
        ("d", ["d/e/y.conf", "d/z.conf"]),
        ("d/*", ["d/e/y.conf", "d/z.conf"]),
        ("x*/site.conf", ["x1/site.conf", "x2/site.conf"]),
        ("[ab].conf", ["a.conf", "b.conf"]),
    ],
)
def test_matching(tree: Path, pattern: str, expected: list[str]) -> None:
    found = matching_files(str(tree / pattern), optional=False)
    assert [os.path.relpath(path, tree) for path in found] == expected


def test_no_match(tree: Path) -> None:
    with pytest.raises(IncludeError) as caught:
        list(matching_files(str(tree / "none*.conf"), optional=False))
    assert str(caught.value) == (
        f"Include/IncludeOptional: No matches for the wildcard 'none*.conf' in '{tree}', failing"
    )
    with pytest.raises(IncludeError) as caught:
        list(matching_files(str(tree / "none/*.conf"), optional=False))
    assert str(caught.value) == (
        f"Include/IncludeOptional: Could not open directory {tree}/none: No such file or directory"
    )


def test_optional(tree: Path) -> None:
    for pattern in ("none*.conf", "none/*.conf", "none", "none.conf"):
        assert list(matching_files(str(tree / pattern), optional=True)) == []


def test_a_directory_that_contains_itself_has_an_end(tree: Path) -> None:
    os.symlink(tree / "d", tree / "d" / "again")  # the kernel follows so many and no more
    found = list(matching_files(str(tree / "d"), optional=True))
    assert {os.path.basename(path) for path in found} == {"y.conf", "z.conf"}


def test_directories_are_nested_too_deep(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 130)).mkdir(parents=True)
    with pytest.raises(IncludeError, match="exceeds the maximum include directory nesting level of 128"):
        list(matching_files(str(tmp_path), optional=False))
