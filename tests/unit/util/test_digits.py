"""pyhttpd.util.digits: numbers of any length."""

from __future__ import annotations

import pytest

from pyhttpd.util.digits import is_number, value_of


@pytest.mark.parametrize(
    ("digits", "value"), [("", 0), ("0", 0), ("007", 7), ("0" * 5000 + "12", 12), ("9" * 20, 10**20 - 1)]
)
def test_digits_are_a_number(digits: str, value: int) -> None:
    assert value_of(digits) == value


def test_more_digits_than_python_takes_are_larger_than_any_limit() -> None:
    assert value_of("1" * 5000) >= 1 << 64


@pytest.mark.parametrize(
    ("text", "expected"), [("0", True), ("12", True), ("", False), ("-1", False), ("\xb2", False), ("\u0663", False)]
)
def test_only_ascii_digits_are_a_number(text: str, expected: bool) -> None:
    assert is_number(text) is expected
