"""Digits to a number, however many there are: Python itself refuses more than 4300 of them with a text of its own."""

from __future__ import annotations

_MOST = 20


def is_number(text: str) -> bool:
    """Whether a text is made of ASCII digits, and nothing else. `isdigit` alone takes those of all scripts."""
    return text.isascii() and text.isdigit()


def value_of(digits: str) -> int:
    """What ASCII digits say. With more than 20 it is some number that is larger than any limit."""
    significant = digits.lstrip("0")
    return int(significant[: _MOST + 1] or "0")
