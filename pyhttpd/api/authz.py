"""Authorization providers: what mod_authz_core asks the modules that answer `Require` lines. Provider group `authz`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from pyhttpd.config import words
from pyhttpd.expr import ExpressionError, Text, parse_text

if TYPE_CHECKING:
    from pyhttpd.api.request import Request
    from pyhttpd.config.directive import Setting


class Outcome(Enum):
    """What a provider says; the values are Apache's words for it."""

    DENIED = "denied"
    GRANTED = "granted"
    NEUTRAL = "neutral"
    NO_USER = "denied (no authenticated user yet)"
    ERROR = "error"


class AuthzProvider(NamedTuple):
    """`parse` turns what follows the provider's name on the line, as it was written, into a value that pickles, once,
    while the configuration is read; it raises ValueError with Apache's text. `check` decides for a request.
    `pure` promises that it reads nothing but what it gets through Request, so that the answer may be kept."""

    parse: Callable[[Setting, str], Any]
    check: Callable[[Request, Any], Outcome]
    pure: bool = False


def words_of(text: str) -> tuple[str, ...]:
    """The words of a Require line, up to an empty one (`""`), which ends them."""
    given = words.split(text).words
    return given[: given.index("")] if "" in given else given


def parse_words(setting: Setting, text: str, module: str) -> Text:
    """A line whose words are those of an expression's value. `module` is who the log says has evaluated it. Raises
    ValueError."""
    place = setting.location
    try:
        return parse_text(text, writer=setting.writer, source=f"{place.file}:{place.line}", module=module)
    except ExpressionError as error:
        raise ValueError(f"Cannot parse expression in require line: {error}") from None


def parse_no_arguments(setting: Setting, text: str) -> None:
    """Apache takes and ignores whatever stands there."""
