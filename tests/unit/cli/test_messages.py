"""What goes to the terminal: colours there, and nowhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from pyhttpd.cli import messages
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.nodes import Location
from pyhttpd.config.render import coloured, terminal, with_excerpts

CHECKOUT = Path(__file__).parents[3]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(
    directory: Path, line: str = "KeepAlive maybe", columns: int = 0, environment: dict[str, str] | None = None
) -> str:
    """What `pyhttpd -t` of a broken file writes to a terminal; 0 columns: one that does not know how wide it is."""
    (directory / "httpd.conf").write_text(f"ServerName x\n{line}\n")
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        subprocess.run(
            [sys.executable, "-m", "pyhttpd", "-t", "-d", str(directory), "-f", str(directory / "httpd.conf")],
            stderr=slave, timeout=60, check=False, cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"], **(environment or {})},
        )  # fmt: skip
        os.set_blocking(master, False)
        return os.read(master, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(slave)
        os.close(master)


def test_colours_on_a_terminal(tmp_path: Path) -> None:
    plain = on_a_terminal(tmp_path)
    coloured_text = on_a_terminal(tmp_path, environment={"TERM": "xterm"})
    assert "KeepAlive must be On or Off" in plain
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in coloured_text
    assert ESCAPE.sub("", coloured_text) == plain


@pytest.mark.parametrize("columns", [0, 80, 50])
def test_a_long_line_is_cut_so_that_the_caret_fits(columns: int, tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, f"KeepAlive{' ' * 100}maybe", columns)
    line, caret = shown.splitlines()[-2:]
    assert max(len(line), len(caret)) <= (columns or 160)
    start = caret.index("^")
    assert line[start : start + caret.count("~") + 1] == "maybe"


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_no_colours_where_none_are_wanted(environment: dict[str, str], tmp_path: Path) -> None:
    assert "\x1b" not in on_a_terminal(tmp_path, environment=environment)


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


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("emerg", ["AH00526", "AH00548"]),
        ("crit", ["AH00526", "AH00548", "AH00077"]),
        ("error", ["AH00526", "AH00548", "AH00077", "AH00549"]),
        (None, ["AH00526", "AH00548", "AH00077", "AH00549", "AH00117"]),
        ("info", ["AH00526", "AH00548", "AH00077", "AH00549", "AH00117", "AH00324"]),
    ],
)
def test_what_is_let_through(level: str | None, shown: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Why a configuration is refused, always; and notices, as Apache does."""
    found = [
        Diagnostic(Severity.ERROR, "AH00526", "refused"),
        Diagnostic(Severity.WARNING, "AH00548", "a notice", level="notice"),
        Diagnostic(Severity.WARNING, "AH00077", "critical", level="crit"),
        Diagnostic(Severity.WARNING, "AH00549", "an error that refuses nothing", level="error"),
        Diagnostic(Severity.WARNING, "AH00117", "a warning"),
        Diagnostic(Severity.INFO, "AH00324", "worth a line"),
    ]
    messages.show(found, level)
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == shown
