"""The pages of the programs name the options that the programs have."""

from __future__ import annotations

import re

from pyhttpd.cli import ctl, htpasswd, options, rotatelogs
from scripts.manual.sources import DOCS


def told(program: str) -> set[str]:
    """The options in the list of a program's page: single letters, and long ones with their dashes."""
    text = (DOCS / "programs" / f"{program}.rst").read_text("utf-8")
    section = re.search(r"^Options\n-+\n(.*?)(?=^\w[^\n]*\n-+$)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    return set(re.findall(r"^-(-[a-z]+|[A-Za-z0-9])\b", section[1], re.MULTILINE))


def letters_of(usage: str) -> set[str]:
    return set(re.findall(r"^ +-([A-Za-z0-9])\b", usage, re.MULTILINE))


def test_pyhttpd() -> None:
    letters = set(options.WITH_ARGUMENT + options.WITHOUT_ARGUMENT) - {"?"}
    assert told("pyhttpd") == letters | {options.PLAN[1:], options.FORMAT[1:]}


def test_rotatelogs() -> None:
    assert told("pyhttpd-rotatelogs") == letters_of(rotatelogs.USAGE)


def test_htpasswd() -> None:
    assert told("pyhttpd-htpasswd") == letters_of(htpasswd.USAGE)


def test_pyhttpdctl() -> None:
    text = (DOCS / "programs" / "pyhttpdctl.rst").read_text("utf-8")
    verbs = re.search(r"^Verbs\n-+\n(.*?)(?=^\w[^\n]*\n-+$)", text, re.MULTILINE | re.DOTALL)
    assert verbs is not None
    named = {word for line in re.findall(r"^\w.*$", verbs[1], re.MULTILINE) for word in line.split(", ")}
    assert named == {*ctl.VERBS, "explain"}
