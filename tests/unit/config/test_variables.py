"""${VAR}"""

from __future__ import annotations

import pytest

from pyhttpd.config.variables import Variables


@pytest.mark.parametrize(
    ("text", "expected", "missing"),
    [
        ("a", "a", []),
        ("${A}-${A}", "1-1", []),
        ("$A ${A", "$A ${A", []),
        ("${NO}x", "${NO}x", ["NO"]),
        ("${map:key}", "${map:key}", []),
        ("${FLAG}", "${FLAG}", ["FLAG"]),
        ("${B}", "${A}", []),
        ("${a${A}}", "${a${A}}", ["a${A"]),
        ("${ENVIRONMENT_OF_THE_TEST}", "here", []),
        ("${}", "${}", [""]),
        ("${a=b}", "${a=b}", ["a=b"]),
    ],
)
def test_resolve(text: str, expected: str, missing: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT_OF_THE_TEST", "here")
    variables = Variables(["FLAG"])
    variables.define("A", "1")
    variables.define("B", "${A}")
    found: list[str] = []
    assert variables.resolve(text, found.append) == expected
    assert found == missing


def test_define_and_undefine() -> None:
    variables = Variables(["D"])
    variables.define("A", "1")
    variables.define("A", None)  # keeps the value
    variables.define("D", "2")
    assert variables.values() == {"D": "2", "A": "1"}
    variables.undefine("A")
    variables.undefine("never")
    assert not variables.is_defined("A")
    assert variables.values() == {"D": "2"}
