"""mod_authn_core: what authentication a scope asks for, and other names for providers with settings of their own."""

from __future__ import annotations

from pyhttpd.api.authentication import AuthnDir, AuthnServer, Source, auth_type, find_source
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import OK, Order, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config import words
from pyhttpd.config.directive import ACCESS, GLOBAL, Args, Directive, Override, Setting, SettingError
from pyhttpd.expr import ExpressionError, Text, parse_text

_ELSEWHERE = {"digest": "mod_auth_digest", "form": "mod_auth_form"}
"""Apache's schemes that pyhttpd does not have, and whose they are."""


def _expression(setting: Setting, word: str) -> str | Text:
    """An expression; its value, if that does not depend on a request."""
    source = f"{setting.location.file}:{setting.location.line}"
    try:
        text = parse_text(word, writer=setting.writer, source=source, module="authn_core")
    except ExpressionError as error:
        raise SettingError(f"Cannot parse expression '{word}' in {setting.row.name}: {error}") from None
    return text if text.constant is None else text.constant


def set_auth_type(setting: Setting, word: str) -> None:
    text = _expression(setting, word)
    scheme = text.lower() if isinstance(text, str) else ""
    if scheme in _ELSEWHERE and scheme not in setting.providers("auth_scheme"):
        raise SettingError(f"AuthType {word} is not there", wrong=word, missing=_ELSEWHERE[scheme])
    setting.set("auth_type", text)


def set_auth_name(setting: Setting, word: str) -> None:
    setting.set("auth_name", _expression(setting, word))


def open_alias(setting: Setting, text: str) -> None:
    """`<AuthnProviderAlias provider alias>`; it is made where it ends."""
    provider, alias = _names(setting, text)
    if provider.lower() == alias.lower():
        raise SettingError("The alias provider name must be different from the base provider name.", wrong=alias)
    if find_source(setting, alias) is not None:
        message = f"The alias provider {alias} has already be registered previously as either a base provider or an "
        raise SettingError(f"{message}alias provider.", wrong=alias)


def close_alias(setting: Setting) -> None:
    provider, alias = _names(setting, setting.text)
    source = find_source(setting, provider)
    if source is None:
        raise unknown_provider(setting, provider)
    setting.put("aliases", alias, Source(alias, source.provider, {**source.settings, **setting.apart}))


def _names(setting: Setting, text: str) -> tuple[str, str]:
    provider, rest = words.first(text.rstrip())
    alias = words.first(rest)[0]
    if not provider or not alias:
        raise SettingError(f"{setting.row.name}> directive requires additional arguments")
    return provider, alias


def unknown_provider(setting: Setting, name: str) -> SettingError:
    choices = (*setting.providers("authn"), *setting.get_main(AuthnServer, "aliases", {}))
    return SettingError(f"Unknown Authn provider: {name}", wrong=name, choices=choices)


DIRECTIVES = (
    Directive("AuthType", Args.take(str), ACCESS, override=Override.AUTHCONFIG, into=AuthnDir, apply=set_auth_type,
              help='an HTTP authorization type (e.g., "Basic")'),
    Directive("AuthName", Args.take(str), ACCESS, override=Override.AUTHCONFIG, into=AuthnDir, apply=set_auth_name,
              help='the authentication realm (e.g. "Members Only")'),
    Directive("<AuthnProviderAlias", Args.raw(), GLOBAL, into=AuthnServer, section=True, apart=True,
              inside=Override.AUTHCONFIG, apply=open_alias, close=close_alias,
              help="container for grouping an authentication provider's directives under a provider alias"),
)  # fmt: skip


def authenticate_nobody(request: Request) -> int:
    """After all schemes: without an AuthType nobody has to be known; one that nobody has taken is a mistake."""
    scheme = auth_type(request)
    if scheme is None:
        return OK
    message = f"AuthType {scheme} configured without corresponding module"
    request.log(Level.ERROR, "authn_core", "AH01796", message)
    return 500


MODULE = Module(
    "authn_core_module",
    "mod_authn_core.c",
    per_dir=AuthnDir,
    per_server=AuthnServer,
    directives=DIRECTIVES,
    hooks=(on(Phase.CHECK_USER_ID, authenticate_nobody, Order.LAST, pure=True),),
)
