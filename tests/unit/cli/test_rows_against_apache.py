"""Every directive with too few and too many words, with a nonsense word, and where it may not stand: is it refused
where Apache refuses it, on the same line, with the same words?"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import ConfigurationError, Severity
from pyhttpd.config.directive import Directive
from pyhttpd.config.read import ReadOptions, read
from pyhttpd.config.render import apache_lines
from tests.conftest import require_apache
from tests.support.servers import APACHE, APACHE_MODULES

MPM = "LoadModule mpm_worker_module modules/mod_mpm_worker.so"
ABSENT = {"AnswerMemo", "HeadMemo", "EnableExceptionHook"}
"""Ours alone, or not in Debian's build of Apache."""

DIFFERENT = {
    ("CoreDumpDirectory", "word"): "Apache names the directory",
    ("DocumentRoot", "word"): "found later, as a warning",
    ("Group", "word"): "found later",
    ("LogFormat", "none"): "may have one word more",
    ("LogFormat", "many"): "may have one word more",
    ("User", "word"): "found later",
    ("WatchdogInterval", "word"): "other words",
}
NUMBERS = re.compile(
    r"takes a number, not '|^Timeout has wrong format$|^Invalid MaxMemFree value|"
    r"^parameter must be a number between 0 and |^LimitXMLRequestBody requires"
)
"""A word that is no number: Apache takes it for 0, and then perhaps refuses the 0."""


def rows() -> dict[str, Directive]:
    catalog = boot.catalog()
    owners = (*catalog.compiled_in, catalog.loadable["mpm_worker_module"])
    return {row.name: row for owner in owners for row in owner.directives if row.name not in ABSENT}


def texts(name: str) -> Iterator[tuple[str, str]]:
    if name.startswith("<"):
        yield "none", f"{name}>\n</{name[1:]}>\n"
        yield "no bracket", f"{name} a\n</{name[1:]}>\n"
        yield "many", f"{name} a b c d>\n</{name[1:]}>\n"
        inner = f"{name} a>\n</{name[1:]}>\n"
    else:
        yield "none", f"{name}\n"
        yield "many", f"{name} a b c d e f g h i\n"
        yield "word", f"{name} zzz\n"
        inner = f"{name} on\n"
    for section, argument in (("Directory", "/x"), ("VirtualHost", "*:80")):
        yield section, f"<{section} {argument}>\n{inner}</{section}>\n"


def ours(root: Path) -> list[str]:
    try:
        read(ReadOptions("httpd.conf", str(root), before=(MPM,)), boot.catalog())
    except ConfigurationError as error:
        found = [each for each in error.diagnostics if each.severity is Severity.ERROR]
        return [line for each in found for line in apache_lines(each)]
    return []


def theirs(root: Path) -> list[str]:
    ran = subprocess.run(
        [str(APACHE), "-t", "-d", str(root), "-f", str(root / "httpd.conf"), "-C", f"Include {root}/modules.conf",
         "-C", "ServerName x"],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    text = ran.stderr.decode("utf-8", "surrogateescape").replace(f"{Path(str(APACHE)).name}: ", "pyhttpd: ")
    lines = [line for line in text.splitlines() if not line.startswith(("[", "AH00014", "AH00548"))]
    return [] if ran.returncode == 0 else lines


def without_help(lines: list[str]) -> list[str]:
    """A directive's help stands in a message behind the number of its words; and it may be worded otherwise."""
    return [re.sub(r"(takes .*arguments?|requires at least .* arguments?),.*", r"\1", line).lower() for line in lines]


@pytest.mark.parametrize("name", sorted(rows()))
def test_row(name: str, tmp_path: Path) -> None:
    require_apache()
    for directory in ("logs", "htdocs"):
        (tmp_path / directory).mkdir()
    (tmp_path / "modules").symlink_to(APACHE_MODULES)
    names = ("mpm_worker", *(owner.name.removesuffix("_module") for owner in boot.catalog().compiled_in))
    (tmp_path / "modules.conf").write_text(
        "".join(f"LoadModule {each}_module modules/mod_{each}.so\n" for each in names
                if (APACHE_MODULES / f"mod_{each}.so").exists())
    )  # fmt: skip
    for kind, text in texts(name):
        (tmp_path / "httpd.conf").write_text(text)
        found, expected = ours(tmp_path), theirs(tmp_path)
        if (name, kind) in DIFFERENT or (found and NUMBERS.search(found[-1])):
            continue
        assert without_help(found[: len(expected)]) == without_help(expected), text
        assert bool(found) == bool(expected), text
