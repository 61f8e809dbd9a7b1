"""mod_authz_core: who may have what: Require lines, their containers, and what happens where they say no."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyhttpd.api.authentication import auth_type, note_auth_failure
from pyhttpd.api.authz import AuthzProvider, Outcome
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Order, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.api.scopes import all_scopes
from pyhttpd.config import words
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import (
    ACCESS,
    GLOBAL,
    Args,
    Directive,
    Override,
    Setting,
    SettingError,
    one_of,
    setting_error,
)
from pyhttpd.config.limited import ALL_METHODS, Methods
from pyhttpd.config.merging import merged, overlay
from pyhttpd.config.nodes import Location
from pyhttpd.modules.authz_providers import PROVIDERS, Alias, check_alias
from pyhttpd.util.escape import native
from pyhttpd.util.grown import Grown


class Rule(NamedTuple):
    """One Require line. `parsed` is what its provider made of the text, `check` the provider's function, `limited` the
    methods that a `<Limit>` around it names."""

    text: str
    check: Callable[[Request, Any], Outcome]
    parsed: Any
    negated: bool = False
    pure: bool = True
    limited: Methods = ALL_METHODS

    def __str__(self) -> str:
        return f"Require {'not ' if self.negated else ''}{self.text}"


class Group(NamedTuple):
    """`<RequireAll>` (`every`), `<RequireAny>` or `<RequireNone>` (negated); `joined` if AuthMerging made it. `place`
    is where a container begins, `limited` what methods one of its rules is for."""

    every: bool
    negated: bool = False
    joined: bool = False
    children: Sequence[Rule | Group] = ()
    place: Location | None = None
    limited: Methods = Methods(but=False)

    def __str__(self) -> str:
        name = ("NotAll" if self.negated else "All") if self.every else "None" if self.negated else "Any"
        return f"AuthMerging {name}" if self.joined else f"<Require{name}>"


class Rules(NamedTuple):
    """What one scope says: its rules, how they meet the outer ones, and, while it is read, what containers are open and
    whether a line was refused (then an empty container is no mistake of its own)."""

    group: Group | None = None
    merging: str | None = None
    open: tuple[Group, ...] = ()
    spoiled: bool = False


def merge_rules(outer: Rules, inner: Rules) -> Rules:
    """By hand, as AuthMerging decides: without it the inner scope's rules replace the outer one's."""
    if inner == Rules() and outer.group is not None:
        return outer  # it only says AuthzSendForbiddenOnFailure
    if inner.merging in (None, "Off") or (outer.group is None and inner.group is None):
        return inner
    if outer.group is None or inner.group is None:
        return Rules(inner.group or outer.group, inner.merging)
    both = (outer.group, inner.group)
    limited = outer.group.limited | inner.group.limited
    return Rules(Group(inner.merging == "And", joined=True, children=both, limited=limited), inner.merging)


@dataclass(frozen=True, slots=True)
class AuthzConfig:
    rules: Rules = merged(Rules(), merge_rules)
    forbidden_on_failure: bool = False


@dataclass(frozen=True, slots=True)
class AuthzServer:
    """Of the main server alone."""

    aliases: Mapping[str, Alias] = merged({}, overlay)


# --- the lines


def _add(rules: Rules, child: Rule | Group, *, flat: bool = True) -> Rules:
    """Into the innermost open container; the scope itself is a RequireAny. With `flat` what a container says is said by
    its rules where that is the same: `<RequireNone>` in `<RequireAll>` is so many `Require not`."""
    parent = rules.open[-1] if rules.open else rules.group or Group(every=False)
    if child.negated and not parent.every:
        what = "negative Require directive has" if isinstance(child, Rule) else f"{child} directive has"
        raise SettingError(f"{what} no effect in {parent} directive")
    more: Sequence[Rule | Group] = (child,)
    if isinstance(child, Group) and child.negated:
        if flat and child.every != parent.every:
            more = tuple(one._replace(negated=not one.negated) for one in child.children)
    elif isinstance(child, Group) and child.every == parent.every:
        more = child.children
    known = parent.children if isinstance(parent.children, Grown) else Grown(parent.children)
    parent = parent._replace(children=known.plus(more), limited=parent.limited | child.limited)
    return rules._replace(open=(*rules.open[:-1], parent)) if rules.open else rules._replace(group=parent)


def require(setting: Setting, text: str) -> None:
    rules: Rules = setting.get("rules", Rules())
    try:
        setting.set("rules", _add(rules, _rule(setting, text)))
    except SettingError:
        setting.set("rules", rules._replace(spoiled=True))
        raise


_ELSEWHERE = {
    "file-group": "mod_authz_owner", "file-owner": "mod_authz_owner",
    "dbm-group": "mod_authz_dbm", "dbm-file-group": "mod_authz_dbm",
    "dbd-group": "mod_authz_dbd", "dbd-login": "mod_authz_dbd", "dbd-logout": "mod_authz_dbd",
    "ldap-user": "mod_authnz_ldap", "ldap-group": "mod_authnz_ldap", "ldap-dn": "mod_authnz_ldap",
    "ldap-attribute": "mod_authnz_ldap", "ldap-filter": "mod_authnz_ldap", "ldap-search": "mod_authnz_ldap",
    "ssl": "mod_ssl", "ssl-verify-client": "mod_ssl",
}  # fmt: skip
"""Apache's providers that pyhttpd does not have, and whose they are."""


def _rule(setting: Setting, text: str) -> Rule:
    name, rest = words.first(text)
    negated = name.lower() == "not"
    if negated:
        name, rest = words.first(rest)
    alias: Alias | None = setting.get_main(AuthzServer, "aliases", {}).get(name)
    if alias is not None:
        return Rule(f"{name} {rest}", check_alias, alias, negated, alias.pure, setting.limited)
    provider = _provider(setting, name)
    try:
        parsed = provider.parse(setting, rest)
    except ValueError as error:
        raise setting_error(error) from None
    return Rule(f"{name} {rest}", provider.check, parsed, negated, provider.pure, setting.limited)


def _provider(setting: Setting, name: str) -> AuthzProvider:
    provider: AuthzProvider | None = setting.providers("authz").get(name)
    if provider is not None:
        return provider
    choices = (*setting.providers("authz"), *setting.get_main(AuthzServer, "aliases", {}), *_ELSEWHERE)
    missing = _ELSEWHERE.get(name)
    raise SettingError(f"Unknown Authz provider: {name}", wrong=name, choices=choices, missing=missing)


def _open(setting: Setting, rest: str, group: Group) -> None:
    if rest.strip():
        raise SettingError(f"{setting.row.name}> directive doesn't take additional arguments")
    rules: Rules = setting.get("rules", Rules())
    setting.set("rules", rules._replace(open=(*rules.open, group._replace(place=setting.location))))


def require_all(setting: Setting, rest: str = "") -> None:
    _open(setting, rest, Group(every=True))


def require_any(setting: Setting, rest: str = "") -> None:
    _open(setting, rest, Group(every=False))


def require_none(setting: Setting, rest: str = "") -> None:
    _open(setting, rest, Group(every=False, negated=True))


def close_container(setting: Setting) -> None:
    rules: Rules = setting.get("rules", Rules())
    group, rules = rules.open[-1], rules._replace(open=rules.open[:-1])
    setting.set("rules", rules)
    if not group.children and rules.spoiled:
        return
    if not group.children:
        raise SettingError(f"{group} directive contains no authorization directives")
    setting.set("rules", _add(rules, group, flat=setting.allowed is None))


def open_alias(setting: Setting, text: str) -> None:
    """`<AuthzProviderAlias provider alias "arguments">`; it is made where it ends."""
    if not text:
        raise SettingError(f"{setting.row.name}> directive requires additional arguments")


def close_alias(setting: Setting) -> None:
    text = setting.text.rstrip()
    name, rest = words.first(text)
    alias, rest = words.first(rest)
    arguments, rest = words.first(rest)
    if not name or not alias:
        raise SettingError(f"{setting.row.name}> directive requires additional arguments")
    extra = words.first(rest)[0]
    if extra:
        setting.warn(
            f"When several arguments ({arguments} {extra}...) are passed to a {setting.row.name} directive, they must "
            "be enclosed in quotation marks.  Otherwise, only the first one is taken into account",
            "AH10142",
        )
    provider = _provider(setting, name)
    try:
        parsed = provider.parse(setting, arguments)
    except ValueError as error:
        raise SettingError(f"Can't parse 'Require {name} {arguments}': {error}") from None
    setting.put("aliases", alias, Alias(provider.check, parsed, setting.apart, provider.pure))


def _only_negative(group: Group) -> Iterator[Group]:
    if all(child.negated for child in group.children):
        yield group
    for child in group.children:
        if isinstance(child, Group):
            yield from _only_negative(child)


def check_config(configuration: Configuration) -> Sequence[Diagnostic]:
    """A container of nothing but `not` never lets anybody in."""
    found: dict[Group, Diagnostic] = {}
    for scope in all_scopes(configuration):
        rules: Rules = scope.values.get(AuthzConfig, {}).get("rules", Rules())
        for group in _only_negative(rules.group) if rules.group is not None else ():
            text = f"{group} directive contains only negative authorization directives"
            place = group.place
            hint = None if place is None else f"It begins on line {place.line} of {place.file}"
            found[group] = Diagnostic(Severity.ERROR, "AH01624", text, hint=hint, module="authz_core")
    return tuple(found.values())


def auth_merging(setting: Setting, how: str) -> None:
    setting.set("rules", setting.get("rules", Rules())._replace(merging=how))


def forbidden_on_failure(setting: Setting, on: bool) -> None:
    """Who says this and nothing else has rules all the same, which are none: an AuthMerging before is forgotten, unless
    there are rules that it belongs to."""
    setting.set("forbidden_on_failure", on)
    setting.set("rules", setting.get("rules", Rules()))


def _container(name: str, apply: Callable[..., None], text: str) -> Directive:
    return Directive(name, Args.raw(), ACCESS, override=Override.AUTHCONFIG, into=AuthzConfig, section=True,
                     inside=Override.AUTHCONFIG, apply=apply, close=close_container,
                     help=f"container for grouping authorization directives of which {text}")  # fmt: skip


DIRECTIVES = (
    Directive("<AuthzProviderAlias", Args.raw(), GLOBAL, into=AuthzServer, section=True, apart=True,
              inside=Override.AUTHCONFIG, apply=open_alias, close=close_alias,
              help="container for grouping an authorization provider's directives under a provider alias"),
    Directive("Require", Args.raw(), ACCESS, override=Override.AUTHCONFIG, into=AuthzConfig,
              apply=require,
              help="specifies authorization directives which one must pass (or not) for a request to suceeed"),
    _container("<RequireAll", require_all, "none must fail and at least one must pass for a request to succeed"),
    _container("<RequireAny", require_any, "one must pass for a request to succeed"),
    _container("<RequireNone", require_none, "none must pass for a request to succeed"),
    Directive("AuthMerging", Args.take(one_of("Off", "And", "Or")), ACCESS, override=Override.AUTHCONFIG,
              into=AuthzConfig, apply=auth_merging,
              help="controls how a <Directory>, <Location>, or similar directive's authorization directives are "
              "combined with those of its predecessor"),
    Directive("AuthzSendForbiddenOnFailure", Args.flag(), ACCESS, override=Override.AUTHCONFIG, into=AuthzConfig,
              apply=forbidden_on_failure,
              help="Controls if an authorization failure should result in a '403 FORBIDDEN' response instead of the "
              "HTTP-conforming '401 UNAUTHORIZED'"),
)  # fmt: skip


# --- the requests


def evaluate(request: Request, rule: Rule | Group, *, debug: bool = False, inside_all: bool = True) -> Outcome:
    """What a rule or a group of rules says; with `debug` a log line for each of them. `inside_all`: in a group of which
    every member must agree, one that is not asked is no obstacle."""
    if rule.limited.names and request.method not in rule.limited:
        result = Outcome.GRANTED if inside_all else Outcome.NEUTRAL
        if debug:
            message = f"authorization result of {rule}: {result.value} (directive limited to other methods)"
            request.log(Level.DEBUG, "authz_core", "AH01625", message)
        return result
    if isinstance(rule, Rule):
        if not rule.pure:
            request.do_not_keep()
        result = rule.check(request, rule.parsed)
    else:
        result = _evaluate_group(request, rule, debug)
    if rule.negated and result is not Outcome.ERROR:
        # a rule that did not fail is no reason to let anybody in
        result = Outcome.DENIED if result is Outcome.GRANTED else Outcome.NEUTRAL
    if debug and not (result is Outcome.ERROR and isinstance(rule, Group)):
        shown = Outcome.NEUTRAL if result is Outcome.ERROR else result
        request.log(Level.DEBUG, "authz_core", "AH01626", f"authorization result of {rule}: {shown.value}")
    return result


def _evaluate_group(request: Request, group: Group, debug: bool) -> Outcome:
    """The first child that decides, decides. Until then a user who is not known yet outweighs a refusal in RequireAny,
    and a grant in RequireAll."""
    decisive, weak = (Outcome.DENIED, Outcome.GRANTED) if group.every else (Outcome.GRANTED, Outcome.DENIED)
    result = Outcome.NEUTRAL
    for child in group.children:
        outcome = evaluate(request, child, debug=debug, inside_all=group.every)
        if outcome in (decisive, Outcome.ERROR):
            return outcome
        if outcome is Outcome.NEUTRAL:
            continue
        if result is Outcome.NEUTRAL or (outcome is Outcome.NO_USER and result is weak):
            result = outcome
    return result


def authorize(request: Request, *, after_authentication: bool) -> int:
    config = request.config(AuthzConfig)
    if config.rules.group is None and auth_type(request) is not None:
        message = "AuthType configured with no corresponding authorization directives"
        request.log(Level.ERROR, "authz_core", "AH01627", message)
        return 500
    if config.rules.group is None:
        request.log(Level.DEBUG, "authz_core", "AH01628", "authorization result: granted (no directives)")
        return OK
    outcome = evaluate(request, config.rules.group, debug=request.wants(Level.DEBUG, "authz_core"))
    if outcome is Outcome.GRANTED:
        return OK
    if outcome is Outcome.ERROR:
        return 500
    if outcome is Outcome.NO_USER:
        if not after_authentication:
            return DECLINED  # the user may change the answer
        request.log(Level.ERROR, "authz_core", "AH01629",
                    f"authorization failure (no authenticated user): {request.uri}")  # fmt: skip
        return _ask_again(request)
    if after_authentication and auth_type(request) is not None:
        failure = f'user {native(request.user or "")}: authorization failure for "{request.uri}": '
        request.log(Level.ERROR, "authz_core", "AH01631", failure)
        return 403 if config.forbidden_on_failure else _ask_again(request)
    what = f"uri {request.uri}" if request.filename is None else request.filename
    request.log(Level.ERROR, "authz_core", "AH01630", f"client denied by server configuration: {what}")
    return 403


def _ask_again(request: Request) -> int:
    """Another user may be let in. Where there is none yet, the client has been asked already."""
    if request.user is not None:
        note_auth_failure(request)
    return 401


def authorize_anybody(request: Request) -> int:
    return authorize(request, after_authentication=False)


def authorize_user(request: Request) -> int:
    return authorize(request, after_authentication=True)


MODULE = Module(
    "authz_core_module",
    "mod_authz_core.c",
    per_dir=AuthzConfig,
    per_server=AuthzServer,
    directives=DIRECTIVES,
    hooks=(
        on(Phase.ACCESS_CHECKER_EX, authorize_anybody, Order.LAST, pure=True),
        on(Phase.AUTH_CHECKER, authorize_user, Order.LAST, pure=True),
    ),
    check_config=check_config,
    providers=PROVIDERS,
)
