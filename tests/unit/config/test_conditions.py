"""IfVersion's operators. The other conditions are in cases/config."""

from __future__ import annotations

import pytest

from pyhttpd.config.conditions import ConditionError, version_matches


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (">= 2.4>", True),
        ("> 2.4>", True),
        ("> 2.4.71>", False),
        (">= 2.4.71>", True),
        ("< 2.4>", False),
        ("<= 2.4.71>", True),
        ("< 2.5>", True),
        ("2.4.71>", True),
        ("= 2.4>", False),
        ("== 2.4.71>", True),
        ("!= 2.4.71>", False),
        ("!>= 2.4>", False),
        ("~ ^2\\.4>", True),
        ("!~ ^2\\.4>", False),
        ("= /^2\\.4\\.7[0-9]$/>", True),
        ("= /^3/>", False),
        ('">=" "2.4" >', True),
        ('"2.4.71" >', True),
    ],
)
def test_version(arguments: str, expected: bool) -> None:
    assert version_matches(arguments) is expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (">= 2.4", "<IfVersion> directive missing closing '>'"),
        (">", "Version appears to be invalid"),
        (">= 2.x>", "Version appears to be invalid"),
        ("=> 2.4>", "unrecognized operator '=>'"),
        ("~ (>", "Unable to compile regular expression"),
        ("= /2>", "Missing delimiting / of regular expression."),
        ("a b c d>", "<IfVersion takes one, two or three arguments"),
        ("", "<IfVersion takes one, two or three arguments"),
    ],
)
def test_what_is_no_condition(arguments: str, message: str) -> None:
    with pytest.raises(ConditionError) as caught:
        version_matches(arguments)
    assert str(caught.value).startswith(message)
