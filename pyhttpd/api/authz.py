"""Authorization providers: what mod_authz_core asks the modules that answer `Require` lines. Provider group `authz`."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pyhttpd.api.request import Request


class Outcome(Enum):
    """What a provider says; the values are Apache's words for it."""

    DENIED = "denied"
    GRANTED = "granted"
    NEUTRAL = "neutral"
    NO_USER = "denied (no authenticated user yet)"
    ERROR = "error"


class AuthzProvider(NamedTuple):
    """`parse` turns the words after the provider's name into a value that pickles, once, while the configuration is
    read; it raises ValueError with Apache's text. `check` decides for a request; it is `pure` if it reads nothing but
    what it gets through that, see api.phases.Hook."""

    parse: Callable[[tuple[str, ...]], Any]
    check: Callable[[Request, Any], Outcome]
    pure: bool = False
