"""Every message number of our own is explained in the README, once, and used."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"PH\d{5}")


def explained() -> list[str]:
    rows = (ROOT / "README.md").read_text().partition("## Messages of our own")[2]
    cells = [line.split("|")[1] for line in rows.splitlines() if line.startswith("| PH")]
    found: list[str] = []
    for cell in cells:
        numbers = NUMBER.findall(cell)
        if " to " in cell:
            first, last = (int(number[2:]) for number in numbers)
            numbers = [f"PH{number:05}" for number in range(first, last + 1)]
        found += numbers
    return found


def test_the_readme_explains_what_the_code_uses() -> None:
    used = {number for path in (ROOT / "pyhttpd").rglob("*.py") for number in NUMBER.findall(path.read_text())}
    assert sorted(used) == sorted(set(explained()))


def test_a_number_has_one_meaning() -> None:
    assert max(Counter(explained()).values()) == 1
