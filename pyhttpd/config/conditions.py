"""What `<IfModule>`, `<IfDefine>`, `<IfFile>`, `<IfVersion>` and their like test."""

from __future__ import annotations

import re

from pyhttpd import APACHE_VERSION
from pyhttpd.config import words
from pyhttpd.config.suggest import did_you_mean
from pyhttpd.util.regex import compile_pcre

VERSION = tuple(int(part) for part in APACHE_VERSION.split("."))
"""The language that is spoken, which `<IfVersion>` compares with."""

REGEX_ERRORS = (re.error, OverflowError, RecursionError)

_INVALID = (
    "Version appears to be invalid. It must have the format major[.minor[.patch]] where major, minor and patch are "
    "numbers."
)
_OPERATORS = ("=", "==", "~", "<", "<=", ">", ">=")
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]*){0,2}")


class ConditionError(Exception):
    """A condition that cannot be tested; the text is Apache's. `wrong` is the word that is, `hint` what was meant."""

    def __init__(self, message: str, wrong: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.wrong = wrong
        self.hint = hint


def negated_word(name: str, raw: str, tail: str) -> tuple[bool, str]:
    """The argument of a condition: `!alias_module` -> (True, "alias_module"). Raises ConditionError."""
    if not tail:
        raise ConditionError(f"<{name}> directive missing closing '>'")
    negated = raw.startswith("!")
    word = words.first(raw[1:] if negated else raw)[0]
    if not word:
        raise ConditionError(f"<{name}> directive requires additional arguments")
    return negated, word


def version_matches(arguments: str) -> bool:
    """The test of `<IfVersion arguments`, the closing bracket among them. Raises ConditionError."""
    given = words.split(arguments).words
    if not given or not given[0] or len(given) > 3:
        raise ConditionError(
            "<IfVersion takes one, two or three arguments, a comparison operator, a version (and a delimiter)"
        )
    operator, version, *rest = given if len(given) > 1 else ("=", *given)
    if not rest and version == ">":
        operator, version, rest = "=", operator, [">"]
    if not version:
        raise ConditionError("<IfVersion> directive missing closing '>'")
    if rest != [">"]:
        if not version.endswith(">"):
            raise ConditionError("<IfVersion> directive missing closing '>'")
        version = version[:-1]
    negated = operator.startswith("!")
    plain = operator[1:] if negated and len(operator) > 1 else operator
    if plain not in _OPERATORS:
        raise ConditionError(f"unrecognized operator '{operator}'", operator, did_you_mean(plain, _OPERATORS))
    return _test(plain, version) is not negated


def _test(operator: str, version: str) -> bool:
    if operator == "~" or (operator[0] == "=" and version.startswith("/")):
        if operator != "~":
            if len(version) < 2 or not version.endswith("/"):
                raise ConditionError("Missing delimiting / of regular expression.")
            version = version[1:-1]
        try:
            return compile_pcre(version).search(".".join(map(str, VERSION))) is not None
        except REGEX_ERRORS:
            raise ConditionError("Unable to compile regular expression", version) from None
    if _DIGITS.fullmatch(version) is None:
        raise ConditionError(_INVALID, version)
    parts = [int(part or 0) for part in version.split(".")]
    wanted = tuple(parts + [0] * (3 - len(parts)))
    if operator[0] == "=":
        return wanted == VERSION
    if operator[0] == "<":
        return wanted > VERSION or (operator == "<=" and wanted == VERSION)
    return wanted < VERSION or (operator == ">=" and wanted == VERSION)
