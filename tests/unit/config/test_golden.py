"""tests/cases/config: each NAME.conf with what reading it prints (wrong/) or gives (right/), in NAME.expected.

`# file: NAME` in a .conf begins another file, which may be included. PYHTTPD_UPDATE_CASES=1 writes the expected files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pyhttpd.config.configuration import Configuration, Scope, ServerRecord
from tests.unit.config.fakes import output_of, read_text

CASES = Path(__file__).parents[2] / "cases" / "config"
WRONG = sorted((CASES / "wrong").glob("*.conf"))
RIGHT = sorted((CASES / "right").glob("*.conf"))


def unpack(case: Path, directory: Path) -> str:
    """Writes the further files of a case; returns the main one's text."""
    main, *others = re.split(r"^# file: (.+)\n", case.read_bytes().decode("utf-8", "surrogateescape"), flags=re.M)
    for name, text in zip(others[::2], others[1::2], strict=True):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return main


def compare(case: Path, found: str) -> None:
    expected = case.with_suffix(".expected")
    if os.environ.get("PYHTTPD_UPDATE_CASES") == "1":
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.stem)
def test_wrong(case: Path, tmp_path: Path) -> None:
    compare(case, output_of(tmp_path, unpack(case, tmp_path)))


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.stem)
def test_right(case: Path, tmp_path: Path) -> None:
    configuration = read_text(tmp_path, unpack(case, tmp_path), defines=("GIVEN",))
    assert configuration.diagnostics == ()
    compare(case, describe(configuration).replace(str(tmp_path), "ROOT"))


def describe(configuration: Configuration) -> str:
    """A configuration as lines."""
    lines = [f"mpm {configuration.mpm_name}", f"defines {dict(configuration.defines)}"]
    for server in configuration.servers:
        lines += server_lines(server)
    return "".join(f"{line}\n" for line in lines)


def server_lines(server: ServerRecord) -> list[str]:
    names = " ".join(f"{address.host}:{address.port}" for address in server.addresses)
    lines = [f"vhost {names}" if server.location is not None else "main"]
    lines += [f"  {settings}" for settings in server.settings.values()]
    lines += [f"  base {values}" for values in server.base.values()]
    for scope in (*server.directories, *server.files, *server.locations):
        lines += scope_lines(scope, "  ")
    return lines


def scope_lines(scope: Scope, indent: str) -> list[str]:
    marks = f"{' wild' if scope.wild else ''}{' regex' if scope.regex is not None else ''}"
    lines = [f"{indent}{scope.kind.value} {scope.pattern}{marks}"]
    lines += [f"{indent}  {dict(values)}" for values in scope.values.values()]
    for inner in scope.files:
        lines += scope_lines(inner, indent + "  ")
    return lines
