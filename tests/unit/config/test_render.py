"""What is printed: Apache's lines and ours."""

from __future__ import annotations

from pathlib import Path

from pyhttpd.config.diagnostics import Diagnostic, Excerpt, Severity
from pyhttpd.config.nodes import Location
from pyhttpd.config.render import log_lines, terminal

PLACE = Location("/c/x.conf", 3)


def test_layouts() -> None:
    chain = (Location("/c/main.conf", 36), Location("/c/y.conf", 2))
    error = Severity.ERROR
    for diagnostic, first in (
        (Diagnostic(error, "AH00526", "No", PLACE), ["AH00526: Syntax error on line 3 of /c/x.conf:", "No"]),
        (Diagnostic(error, None, "No", PLACE), ["httpd: Syntax error on line 3 of /c/x.conf: No"]),
        (Diagnostic(error, None, "No", PLACE, chain), [
            "httpd: Syntax error on line 36 of /c/main.conf: Syntax error on line 2 of /c/y.conf: "
            "Syntax error on line 3 of /c/x.conf: No"]),
        (Diagnostic(error, None, "No"), ["httpd: No"]),
        (Diagnostic(error, "AH00534", "No", PLACE), ["AH00534: httpd: No"]),
        (Diagnostic(error, "AH00112", "No"), ["AH00112: No"]),
        (Diagnostic(Severity.WARNING, "AH00111", "No", PLACE), ["AH00111: No"]),
        (Diagnostic(error, None, "No", Location("-c/-C directives", 1)), [
            "httpd: Syntax error in -C/-c directive: No"]),
    ):  # fmt: skip
        assert terminal(diagnostic, "httpd").split("\n")[: len(first)] == first
        assert log_lines(diagnostic, "httpd")[: len(first)] == first


def test_excerpt_chain_and_hint() -> None:
    diagnostic = Diagnostic(
        Severity.ERROR, "AH00526", "No", PLACE, (Location("/c/main.conf", 36),), "Do that",
        excerpt=Excerpt(2, 9, "\tListen abc", 3),
    )  # fmt: skip
    assert terminal(diagnostic).split("\n")[2:] == [
        "  /c/x.conf:2:9",
        "  2 |  Listen abc",
        "    |         ^~~",
        "  included from /c/main.conf:36",
        "  Do that.",
    ]


def test_a_message_without_its_line_looks_for_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a\n  DocumentRoot x\n")
    text = terminal(Diagnostic(Severity.ERROR, "AH00526", "No", Location(str(tmp_path / "f"), 2)))
    assert text.split("\n")[3:] == ["  2 |   DocumentRoot x", "    |   ^~~~~~~~~~~~"]


def test_long_lines_are_cut_around_the_caret() -> None:
    excerpt = Excerpt(1, 1001, "a" * 1000 + "X" + "b" * 1000)
    lines = terminal(Diagnostic(Severity.ERROR, "AH00526", "No", PLACE, excerpt=excerpt)).split("\n")
    assert len(lines[3]) < 200
    assert lines[3][lines[4].index("^")] == "X"


def test_nothing_moves_the_cursor_and_everything_can_be_encoded() -> None:
    nasty = "\x1b[2J\udcff\ud800\ufeff\u202e\r\n\t\\\N{LATIN SMALL LETTER E WITH ACUTE}"
    text = terminal(
        Diagnostic(Severity.ERROR, None, nasty, Location(nasty, 1), hint=nasty, excerpt=Excerpt(1, 1, nasty, 3)), nasty
    )
    assert all(char.isprintable() or char == "\n" for char in text)
    text.encode()
    assert "\\x1b[2J\\xff" in text
