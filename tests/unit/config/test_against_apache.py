"""The first lines of every wrong case are what the real Apache prints for it; and those of random texts."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from pyhttpd.config.diagnostics import NO_EFFECT, UNCLOSED_QUOTE, Severity
from tests.conftest import require_apache
from tests.support.servers import APACHE, APACHE_MODULES
from tests.unit.config.fakes import diagnostics_of, first_lines_of
from tests.unit.config.test_golden import WRONG, unpack

STAMP = re.compile(r"^(?:\[[^\]]*\] ){3}")
"""What stands before a warning: time, module and level, process."""

OURS_ALONE = re.compile(r"^# pyhttpd:", re.M)
"""Cases that begin with this comment differ on purpose; the comment says why."""


def apache(directory: Path) -> tuple[bool, list[str]]:
    """Does Apache take httpd.conf, and what does it say of it?"""
    names = ("mpm_worker", "dir", "authz_core")
    lines = [f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in names]
    (directory / "modules.conf").write_text("".join(lines))
    if not (directory / "modules").exists():
        (directory / "modules").symlink_to(APACHE_MODULES)
    ran = subprocess.run(
        [str(APACHE), "-t", "-d", str(directory), "-f", str(directory / "httpd.conf"), "-C",
         f"Include {directory}/modules.conf", "-C", "ErrorLog error.log"],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    text = ran.stderr.decode("utf-8", "surrogateescape").replace(str(directory), "ROOT")
    program = Path(str(APACHE)).name
    said = [STAMP.sub("", line).replace(f"{program}: ", "pyhttpd: ", 1) for line in text.splitlines()]
    return ran.returncode == 0, [line for line in said if not line.startswith("AH00014")]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.stem)
def test_first_lines(case: Path, tmp_path: Path) -> None:
    text = unpack(case, tmp_path)
    if OURS_ALONE.search(text):
        pytest.skip("differs on purpose")
    require_apache()
    ours = first_lines_of(tmp_path, text)
    taken, theirs = apache(tmp_path)
    assert not taken
    assert ours[: len(theirs)] == theirs


# --- random texts: no Include, which could read anything ----------------------------------------------------------

_WORDS = (
    "a", "b", "On", "$a", "%b", "@c", "m", "n", "D", "${D}", "${E}", "mod_dir.c", "core.c", "!core.c", "KeepAlive",
    "Directory", "2.4", ">=", '"a b"', "'c'", "\\\\", 'x"y', "#", "~", "*.x", ">",
)  # fmt: skip
_LINES = (
    "KeepAlive On", "KeepAlive {}", "ServerAdmin {} {}", "Define {} {}", "Define {}", "UnDefine {}", "Use {} {}",
    "Use {}", "UndefMacro {}", "Foo {}", "DirectoryIndex x {}", "ErrorDocument 404 {}", "${{D}} {}", "# {} \\",
    "Error {}", "</Directory>", "  ", "\t KeepAlive Off", "KeepAlive \\\n On",
)  # fmt: skip
_SECTIONS = (
    "Directory", "Files", "IfModule", "IfDefine", "IfDirective", "IfSection", "IfFile", "IfVersion", "Macro", "Macro",
    "Location",
)  # fmt: skip


def random_lines(source: random.Random, depth: int = 0) -> list[str]:
    lines: list[str] = []
    for _ in range(source.randint(0, 4)):
        words = source.choices(_WORDS, k=3)
        if depth == 3 or source.random() < 0.5:
            lines.append(source.choice(_LINES).format(*words))
            continue
        name = source.choice(_SECTIONS)
        rest = " ".join(words[: source.randint(0, 3)])
        lines.append(f"<{name} {rest}{source.choice(('>', '>', '>', '>', '', ' >', '> x'))}")
        lines += random_lines(source, depth + 1)
        if source.random() < 0.95:
            ends = (*[f"</{name}>"] * 8, f"</{name} >", f"</{name.upper()}>", f"</{name}> x", "</Foo>")
            lines.append(source.choice(ends))
    return lines


@pytest.mark.parametrize("seed", range(20))
def test_random_texts(seed: int, tmp_path: Path) -> None:
    require_apache()
    source = random.Random(seed)
    for _ in range(10):
        lines = ["LoadModule macro_module modules/mod_macro.so", "ServerName x", *random_lines(source), ""]
        text = "\n".join(lines)
        found = diagnostics_of(tmp_path, text)
        refused = any(diagnostic.severity is Severity.ERROR for diagnostic in found)
        taken, theirs = apache(tmp_path)
        if any(each.number in (UNCLOSED_QUOTE, NO_EFFECT) or "quote is not closed" in each.message for each in found):
            continue  # Apache lets it pass
        if taken and any("was not closed" in diagnostic.message for diagnostic in found):
            continue  # a condition at the end of a file
        assert refused is not taken, text
        expected = list(dict.fromkeys(theirs))
        if refused:
            assert list(dict.fromkeys(first_lines_of(tmp_path, text)))[: len(expected)] == expected, text
