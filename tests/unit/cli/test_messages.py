"""What goes to the terminal: colours there, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.nodes import Location
from pyhttpd.config.render import coloured, terminal, with_excerpts

CHECKOUT = Path(__file__).parents[3]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(directory: Path, **environment: str) -> str:
    """What `pyhttpd -t` of a broken file writes to a terminal."""
    (directory / "httpd.conf").write_text("ServerName x\nKeepAlive maybe\n")
    master, slave = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "pyhttpd", "-t", "-d", str(directory), "-f", str(directory / "httpd.conf")],
            stderr=slave, timeout=60, check=False, cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"], **environment},
        )  # fmt: skip
        os.set_blocking(master, False)
        return os.read(master, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(slave)
        os.close(master)


def test_colours_on_a_terminal(tmp_path: Path) -> None:
    plain = on_a_terminal(tmp_path)
    coloured_text = on_a_terminal(tmp_path, TERM="xterm")
    assert "KeepAlive must be On or Off" in plain
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in coloured_text
    assert ESCAPE.sub("", coloured_text) == plain


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_no_colours_where_none_are_wanted(environment: dict[str, str], tmp_path: Path) -> None:
    assert "\x1b" not in on_a_terminal(tmp_path, **environment)


@pytest.mark.parametrize("severity", list(Severity))
def test_colours_change_no_letter(severity: Severity, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("\tFoo \x1b[31m bar\n")
    diagnostic = Diagnostic(
        severity, "AH00526", "Invalid command 'Foo\x1b'", Location(str(tmp_path / "f"), 1, 2), hint="Do | this"
    )
    assert ESCAPE.sub("", coloured(diagnostic)) == terminal(diagnostic)


def test_messages_without_their_line_get_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a\n  b c\n")
    places = [Location(str(tmp_path / "f"), line) for line in (2, 3, 1)] + [Location(str(tmp_path / "none"), 1), None]
    found = with_excerpts(Diagnostic(Severity.WARNING, None, "m", place) for place in places)
    assert [each.excerpt and each.excerpt[:4] for each in found] == [
        (2, 3, "  b c", 1), None, (1, 1, "a", 1), None, None,
    ]  # fmt: skip
