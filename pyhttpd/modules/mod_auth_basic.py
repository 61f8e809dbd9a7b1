"""mod_auth_basic: users who send their name and password with each request (RFC 7617)."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hmac import compare_digest
from typing import NamedTuple

from pyhttpd.api.authentication import (
    AuthnProvider,
    AuthnServer,
    AuthScheme,
    Source,
    Verdict,
    auth_name,
    auth_type,
    find_source,
    settings_over,
)
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.phases import DECLINED, OK, Order, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.directive import ACCESS, Args, Directive, Override, Setting, SettingError
from pyhttpd.expr import EvaluationError, ExpressionError, Text, parse_text
from pyhttpd.util.escape import native

_ELSEWHERE = {
    "anon": "mod_authn_anon", "dbd": "mod_authn_dbd", "dbm": "mod_authn_dbm", "ldap": "mod_authnz_ldap",
    "socache": "mod_authn_socache", "fcgi": "mod_authnz_fcgi",
}  # fmt: skip
"""Apache's providers that pyhttpd does not have, and whose they are."""

_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


class Fake(NamedTuple):
    """AuthBasicFake."""

    user: Text
    password: Text


@dataclass(frozen=True, slots=True)
class BasicConfig:
    providers: tuple[Source, ...] = ()  # none: `file`
    authoritative: bool = True
    fake: Fake | None = None
    by_digest: bool = False  # AuthBasicUseDigestAlgorithm MD5


# --- the lines


def set_providers(setting: Setting, *names: str) -> None:
    for name in names:
        source = find_source(setting, name)
        if source is None:
            choices = (*setting.providers("authn"), *setting.get_main(AuthnServer, "aliases", {}), *_ELSEWHERE)
            missing = _ELSEWHERE.get(name)
            raise SettingError(f"Unknown Authn provider: {name}", wrong=name, choices=choices, missing=missing)
        if source.provider.check_password is None:
            raise SettingError(f"The '{name}' Authn provider doesn't support Basic Authentication", wrong=name)
        setting.add("providers", source)


def set_fake(setting: Setting, user: str, password: str = "password") -> None:
    if user.lower() == "off":
        setting.set("fake", None)
        return
    name = _expression(setting, user, f"Could not parse fake username expression '{user}'")
    complaint = f"Could not parse fake password expression associated to user '{user}'"
    setting.set("fake", Fake(name, _expression(setting, password, complaint)))


def _expression(setting: Setting, text: str, complaint: str) -> Text:
    source = f"{setting.location.file}:{setting.location.line}"
    try:
        return parse_text(text, writer=setting.writer, source=source, module="auth_basic")
    except ExpressionError as error:
        raise SettingError(f"{complaint}: {error}") from None


def set_digest_algorithm(setting: Setting, word: str) -> None:
    if word.lower() not in ("off", "md5"):
        message = f"Invalid algorithm in AuthBasicUseDigestAlgorithm: {word}"
        raise SettingError(message, wrong=word, choices=("MD5", "Off"))
    setting.set("by_digest", word.lower() == "md5")


DIRECTIVES = (
    Directive("AuthBasicProvider", Args.iterate(), ACCESS, override=Override.AUTHCONFIG, into=BasicConfig,
              apply=set_providers, help="specify the auth providers for a directory or location"),
    Directive("AuthBasicAuthoritative", Args.flag(), ACCESS, override=Override.AUTHCONFIG, into=BasicConfig,
              sets="authoritative",
              help="Set to 'Off' to allow access control to be passed along to lower modules if the UserID is not "
              "known to this module"),
    Directive("AuthBasicFake", Args.take(str, str, least=1), ACCESS, override=Override.AUTHCONFIG, into=BasicConfig,
              apply=set_fake,
              help="Fake basic authentication using the given expressions for username and password, 'off' to "
              "disable. Password defaults to 'password' if missing."),
    Directive("AuthBasicUseDigestAlgorithm", Args.take(str), ACCESS, override=Override.AUTHCONFIG, into=BasicConfig,
              apply=set_digest_algorithm,
              help="Set to 'MD5' to use the auth provider's authentication check for digest auth, using a hash of "
              "'user:realm:pass'"),
)  # fmt: skip


# --- the requests


class Credentials(NamedTuple):
    user: str
    password: str


def decoded(text: str) -> Credentials:
    """What base64 says, up to its first character that is none, and up to a NUL. Without a colon it is all name."""
    end = next((at for at, character in enumerate(text) if character not in _BASE64), len(text))
    if end % 4 == 1:
        end -= 1  # six bits are no byte
    given = b64decode(text[:end] + "=" * (-end % 4)).partition(b"\0")[0].decode("latin-1")
    user, _, password = given.partition(":")
    return Credentials(user, password)


def credentials_of(request: Request) -> Credentials | None:
    """What the client has sent; None where it has sent nothing for this scheme."""
    field = request.headers_in.get("Authorization")
    if field is None:
        return None
    scheme, _, rest = field.partition(" ")
    if scheme.lower() != "basic":
        request.log(Level.ERROR, "auth_basic", "AH01614", f"client used wrong authentication scheme: {request.uri}")
        return None
    return decoded(rest.lstrip(" \t"))


def note_failure(request: Request) -> None:
    request.err_headers_out.set("WWW-Authenticate", f'Basic realm="{auth_name(request) or ""}"')


def authenticate(request: Request) -> int:
    scheme = auth_type(request)
    if scheme is None or scheme.lower() != "basic":
        return DECLINED
    if auth_name(request) is None:
        request.log(Level.ERROR, "auth_basic", "AH01615", f"need AuthName: {request.uri}")
        return 500
    request.auth_type = scheme
    credentials = credentials_of(request)
    if credentials is None:
        note_failure(request)
        return 401
    request.user = credentials.user  # not yet known to be: for the log
    verdict = verify(request, credentials)
    if verdict is Verdict.GRANTED:
        return OK
    if verdict is not Verdict.DENIED and not request.config(BasicConfig).authoritative:
        return DECLINED
    if verdict is Verdict.ERROR:
        return 500
    name = native(credentials.user)
    if verdict is Verdict.DENIED:
        message = f'user {name}: authentication failure for "{request.uri}": Password Mismatch'
        request.log(Level.ERROR, "auth_basic", "AH01617", message)
    else:
        request.log(Level.ERROR, "auth_basic", "AH01618", f"user {name} not found: {request.uri}")
    note_failure(request)
    return 401


def verify(request: Request, credentials: Credentials) -> Verdict:
    """What the first provider says that knows the user."""
    sources = request.config(BasicConfig).providers
    if not sources:
        provider: AuthnProvider | None = request.services.providers("authn").get("file")
        if provider is None or provider.check_password is None:
            request.log(Level.ERROR, "auth_basic", "AH01616", "No Authn provider configured")
            return Verdict.ERROR
        sources = (Source("file", provider, {}),)
    verdict = Verdict.NOT_FOUND
    for source in sources:
        with settings_over(request, source.settings):
            verdict = ask(request, source.provider, credentials)
        if verdict is not Verdict.NOT_FOUND:
            break
    return verdict


def ask(request: Request, provider: AuthnProvider, credentials: Credentials) -> Verdict:
    user, password = credentials
    if not request.config(BasicConfig).by_digest:
        assert provider.check_password is not None  # or the line would have been refused
        return provider.check_password(request, user, password)
    if provider.realm_hash is None:
        message = "Authn provider does not support AuthBasicUseDigestAlgorithm"
        request.log(Level.ERROR, "auth_basic", "AH02493", message)
        return Verdict.ERROR
    realm = auth_name(request) or ""
    known = provider.realm_hash(request, user, realm)
    if isinstance(known, Verdict):
        return known
    text = f"{user}:{realm}:{password}".encode("latin-1")
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
    return Verdict.GRANTED if compare_digest(digest.encode(), known.encode("latin-1")) else Verdict.DENIED


def fake_credentials(request: Request) -> int:
    """AuthBasicFake: what answers the request, or a server behind this one, finds an Authorization."""
    fake = request.config(BasicConfig).fake
    if fake is None:
        return DECLINED
    given: list[str] = []
    for text, name, failed, empty in (
        (fake.user, "user", "AH02455", "AH02458"), (fake.password, "password", "AH02456", "AH02459"),
    ):  # fmt: skip
        try:
            value = text.evaluate(variables_of(request))
        except EvaluationError as error:
            message = f"AuthBasicFake: could not evaluate {name} expression for URI '{request.uri}': {error}"
            request.log(Level.ERROR, "auth_basic", failed, message)
            return 500
        if not value:
            what = "username" if name == "user" else name
            message = f"AuthBasicFake: empty {what} expression for URI '{request.uri}', ignoring"
            request.log(Level.INFO, "auth_basic", empty, message)
            request.headers_in.unset("Authorization")
            return DECLINED
        given.append(value)
    field = f"Basic {b64encode(':'.join(given).encode('latin-1')).decode('ascii')}"
    request.headers_in.set("Authorization", field)
    request.log(Level.INFO, "auth_basic", "AH02457", f'AuthBasicFake: "Authorization: {field}"')
    return OK


MODULE = Module(
    "auth_basic_module",
    "mod_auth_basic.c",
    per_dir=BasicConfig,
    directives=DIRECTIVES,
    hooks=(
        on(Phase.CHECK_USER_ID, authenticate, pure=True),
        on(Phase.FIXUPS, fake_credentials, Order.LAST, pure=True),
    ),
    providers=(Provider("auth_scheme", "basic", AuthScheme(note_failure)),),
)
