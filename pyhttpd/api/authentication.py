"""Authentication: what AuthType and AuthName say of a request, and who knows passwords (provider group `authn`).

A module that speaks a scheme of HTTP (`Basic`) offers it under its name in lower case in the group `auth_scheme`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.config.merging import Values, merge_values, merged, overlay
from pyhttpd.config.sections import PerDir
from pyhttpd.expr import EvaluationError, Text

if TYPE_CHECKING:
    from pyhttpd.api.request import Request
    from pyhttpd.config.directive import Setting


class Verdict(Enum):
    """What a provider says of a user and a password."""

    GRANTED = "the password is right"
    DENIED = "the password is wrong"
    NOT_FOUND = "there is no such user"
    ERROR = "it cannot be known; the log says why"


class AuthnProvider(NamedTuple):
    """`check_password(request, user, password)`; `realm_hash(request, user, realm)` gives the MD5 of
    `user:realm:password` in hexadecimal, or NOT_FOUND or ERROR. None: it cannot. All texts are wire text."""

    check_password: Callable[[Request, str, str], Verdict] | None
    realm_hash: Callable[[Request, str, str], str | Verdict] | None = None


class Source(NamedTuple):
    """A provider as lines name it: `settings` are those that hold while it is asked (`<AuthnProviderAlias>`)."""

    name: str
    provider: AuthnProvider
    settings: Values


class AuthScheme(NamedTuple):
    """`note_failure` asks the client, with the answer that is being made, to authenticate itself."""

    note_failure: Callable[[Request], None]


@dataclass(frozen=True, slots=True)
class AuthnDir:
    """Per directory. Texts that do not depend on the request are wire text."""

    auth_type: str | Text | None = None
    auth_name: str | Text | None = None


@dataclass(frozen=True, slots=True)
class AuthnServer:
    """Of the main server alone."""

    aliases: Mapping[str, Source] = merged({}, overlay)


def auth_type(request: Request) -> str | None:
    """The scheme by which users are to authenticate themselves here; None: they are not (`AuthType None`)."""
    found = _text(request, request.config(AuthnDir).auth_type, "AH02834", "AuthType")
    return None if found is None or found.lower() == "none" else found


def auth_name(request: Request) -> str | None:
    """The realm, as it stands between quotes in a field."""
    found = _text(request, request.config(AuthnDir).auth_name, "AH02835", "AuthName")
    return found if found is None or '"' not in found else "".join(_escaped(found))


def _text(request: Request, text: str | Text | None, number: str, name: str) -> str | None:
    if text is None or isinstance(text, str):
        return text
    try:
        return text.evaluate(variables_of(request))
    except EvaluationError as error:
        message = f"{name} expression could not be evaluated: {error}"
        request.log(Level.ERROR, "authn_core", number, message)
        return None


def _escaped(text: str) -> Iterator[str]:
    """With a backslash before each quote that has none."""
    rest = iter(text)
    for character in rest:
        if character == "\\":
            yield character + next(rest, "")
        else:
            yield '\\"' if character == '"' else character


def note_auth_failure(request: Request) -> None:
    """Ask the client to authenticate itself, by whatever scheme holds here."""
    found = auth_type(request)
    if found is None:
        request.log(Level.ERROR, "core", "AH00571", f"need AuthType to note auth failure: {request.uri}")
        return
    scheme: AuthScheme | None = request.services.providers("auth_scheme").get(found.lower())
    if scheme is not None:
        scheme.note_failure(request)


def find_source(setting: Setting, name: str) -> Source | None:
    """The provider or alias that a line names. The case of the name counts."""
    provider: AuthnProvider | None = setting.providers("authn").get(name)
    if provider is not None:
        return Source(name, provider, {})
    aliases: Mapping[str, Source] = setting.get_main(AuthnServer, "aliases", {})
    return aliases.get(name)


@contextmanager
def settings_over(request: Request, settings: Values) -> Iterator[None]:
    """While a provider's alias is asked: what its section says holds over what holds for the request."""
    outer = request.per_dir
    request.per_dir = PerDir(merge_values(outer.values, settings)) if settings else outer
    try:
        yield
    finally:
        request.per_dir = outer
