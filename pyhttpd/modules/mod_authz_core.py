"""mod_authz_core: who may have what: Require lines, their containers, and what happens where they say no."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyhttpd.api.authz import AuthzProvider, Outcome
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.phases import DECLINED, OK, Order, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import ACCESS, Args, Directive, Override, Setting, SettingError, one_of
from pyhttpd.config.merging import merged
from pyhttpd.config.nodes import Location
from pyhttpd.http.methods import KNOWN
from pyhttpd.util.grown import Grown


class Rule(NamedTuple):
    """One Require line. `parsed` is what its provider made of the words, `check` the provider's function."""

    text: str
    check: Callable[[Request, Any], Outcome]
    parsed: Any
    negated: bool = False
    pure: bool = True

    def __str__(self) -> str:
        return f"Require {'not ' if self.negated else ''}{self.text}"


class Group(NamedTuple):
    """`<RequireAll>` (`every`), `<RequireAny>` or `<RequireNone>` (negated); `joined` if AuthMerging made it. `place`
    is where a container begins."""

    every: bool
    negated: bool = False
    joined: bool = False
    children: Sequence[Rule | Group] = ()
    place: Location | None = None

    def __str__(self) -> str:
        name = "All" if self.every else "None" if self.negated else "Any"
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
    if inner.merging in (None, "Off") or (outer.group is None and inner.group is None):
        return inner
    if outer.group is None or inner.group is None:
        return Rules(inner.group or outer.group, inner.merging)
    return Rules(Group(inner.merging == "And", joined=True, children=(outer.group, inner.group)), inner.merging)


@dataclass(frozen=True, slots=True)
class AuthzConfig:
    rules: Rules = merged(Rules(), merge_rules)
    forbidden_on_failure: bool = False


# --- the lines


def _add(rules: Rules, child: Rule | Group) -> Rules:
    """Into the innermost open container; the scope itself is a RequireAny."""
    parent = rules.open[-1] if rules.open else rules.group or Group(every=False)
    if child.negated and not parent.every:
        what = "negative Require directive has" if isinstance(child, Rule) else f"{child} directive has"
        raise SettingError(f"{what} no effect in {parent} directive")
    same = isinstance(child, Group) and not child.negated and child.every == parent.every
    more = child.children if same and isinstance(child, Group) else (child,)
    known = parent.children if isinstance(parent.children, Grown) else Grown(parent.children)
    parent = parent._replace(children=known.plus(more))
    return rules._replace(open=(*rules.open[:-1], parent)) if rules.open else rules._replace(group=parent)


def require(setting: Setting, *words: str) -> None:
    rules: Rules = setting.get("rules", Rules())
    try:
        setting.set("rules", _add(rules, _rule(setting, words)))
    except SettingError:
        setting.set("rules", rules._replace(spoiled=True))
        raise


_ELSEWHERE = {
    "expr": "mod_authz_core", "host": "mod_authz_host", "forward-dns": "mod_authz_host", "user": "mod_authz_user",
    "valid-user": "mod_authz_user", "group": "mod_authz_groupfile", "file-group": "mod_authz_groupfile",
    "file-owner": "mod_authz_owner", "dbm-group": "mod_authz_dbm", "dbm-file-group": "mod_authz_dbm",
    "dbd-group": "mod_authz_dbd", "dbd-login": "mod_authz_dbd", "dbd-logout": "mod_authz_dbd",
    "ldap-user": "mod_authnz_ldap", "ldap-group": "mod_authnz_ldap", "ldap-dn": "mod_authnz_ldap",
    "ldap-attribute": "mod_authnz_ldap", "ldap-filter": "mod_authnz_ldap", "ldap-search": "mod_authnz_ldap",
    "ssl": "mod_ssl", "ssl-verify-client": "mod_ssl",
}  # fmt: skip
"""Apache's providers that pyhttpd does not have, and whose they are."""


def _rule(setting: Setting, words: tuple[str, ...]) -> Rule:
    negated = bool(words) and words[0].lower() == "not"
    name, *rest = (words[1:] if negated else words) or ("",)
    provider: AuthzProvider | None = setting.providers("authz").get(name)
    if provider is None:
        if name in _ELSEWHERE:
            raise SettingError(f"Require {name} is of {_ELSEWHERE[name]} and not there yet")
        choices = (*setting.providers("authz"), *_ELSEWHERE)
        raise SettingError(f"Unknown Authz provider: {name}", wrong=name, choices=choices)
    try:
        parsed = provider.parse(tuple(rest))
    except ValueError as error:
        raise SettingError(str(error)) from None
    return Rule(" ".join((name, *rest)), provider.check, parsed, negated, provider.pure)


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
    setting.set("rules", _add(rules, group))


def _only_negative(group: Group) -> Iterator[Group]:
    if all(child.negated for child in group.children):
        yield group
    for child in group.children:
        if isinstance(child, Group):
            yield from _only_negative(child)


def check_config(configuration: Configuration) -> Sequence[Diagnostic]:
    """A container of nothing but `not` never lets anybody in."""
    found: dict[Group, Diagnostic] = {}
    for server in configuration.servers:
        for outer in (*server.directories, *server.files, *server.locations):
            for scope in (outer, *outer.files):
                rules: Rules = scope.values.get(AuthzConfig, {}).get("rules", Rules())
                for group in _only_negative(rules.group) if rules.group is not None else ():
                    text = f"{group} directive contains only negative authorization directives"
                    place = group.place
                    hint = None if place is None else f"It begins on line {place.line} of {place.file}"
                    found[group] = Diagnostic(Severity.ERROR, "AH01624", text, hint=hint, module="authz_core")
    return tuple(found.values())


def auth_merging(setting: Setting, how: str) -> None:
    setting.set("rules", setting.get("rules", Rules())._replace(merging=how))


def _container(name: str, apply: Callable[..., None], text: str) -> Directive:
    return Directive(name, Args.raw(), ACCESS, override=Override.AUTHCONFIG, into=AuthzConfig, section=True,
                     apply=apply, close=close_container,
                     help=f"container for grouping authorization directives of which {text}")  # fmt: skip


DIRECTIVES = (
    Directive("Require", Args.take(str, least=0, most=None), ACCESS, override=Override.AUTHCONFIG, into=AuthzConfig,
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
              sets="forbidden_on_failure",
              help="Controls if an authorization failure should result in a '403 FORBIDDEN' response instead of the "
              "HTTP-conforming '401 UNAUTHORIZED'"),
)  # fmt: skip


# --- the providers


def parse_all(words: tuple[str, ...]) -> bool:
    if len(words) != 1 or words[0].lower() not in ("granted", "denied"):
        raise ValueError("Argument for 'Require all' must be 'granted' or 'denied'")
    return words[0].lower() == "granted"


def check_all(request: Request, granted: bool) -> Outcome:
    return Outcome.GRANTED if granted else Outcome.DENIED


def _method(name: str) -> str:
    return "GET" if name == "HEAD" else name


def parse_method(words: tuple[str, ...]) -> frozenset[str]:
    for word in words:
        if word not in KNOWN:
            raise ValueError(f"Invalid Method '{word}'")
    return frozenset(_method(word) for word in words)


def check_method(request: Request, methods: frozenset[str]) -> Outcome:
    return Outcome.GRANTED if _method(request.method) in methods else Outcome.DENIED


def parse_env(words: tuple[str, ...]) -> tuple[str, ...]:
    return words


def check_env(request: Request, names: tuple[str, ...]) -> Outcome:
    return Outcome.GRANTED if any(name in request.env for name in names) else Outcome.DENIED


# --- the requests


def evaluate(request: Request, rule: Rule | Group, *, debug: bool = False) -> Outcome:
    """What a rule or a group of rules says; with `debug` a log line for each of them."""
    if isinstance(rule, Rule):
        if not rule.pure:
            request.do_not_keep()
        result = rule.check(request, rule.parsed)
    else:
        result = _evaluate_group(request, rule, debug)
    if rule.negated and result is not Outcome.ERROR:
        # a rule that did not fail is no reason to let anybody in
        result = Outcome.DENIED if result is Outcome.GRANTED else Outcome.NEUTRAL
    if debug:
        request.log(Level.DEBUG, "authz_core", "AH01626", f"authorization result of {rule}: {result.value}")
    return result


def _evaluate_group(request: Request, group: Group, debug: bool) -> Outcome:
    """The first child that decides, decides. Until then a user who is not known yet outweighs a refusal in RequireAny,
    and a grant in RequireAll."""
    decisive, weak = (Outcome.DENIED, Outcome.GRANTED) if group.every else (Outcome.GRANTED, Outcome.DENIED)
    result = Outcome.NEUTRAL
    for child in group.children:
        outcome = evaluate(request, child, debug=debug)
        if outcome in (decisive, Outcome.ERROR):
            return outcome
        if outcome is Outcome.NEUTRAL:
            continue
        if result is Outcome.NEUTRAL or (outcome is Outcome.NO_USER and result is weak):
            result = outcome
    return result


def authorize(request: Request, *, after_authentication: bool) -> int:
    config = request.config(AuthzConfig)
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
        return 401
    if after_authentication and request.auth_type is not None:
        failure = f'user {request.user}: authorization failure for "{request.uri}": '
        request.log(Level.ERROR, "authz_core", "AH01631", failure)
        return 403 if config.forbidden_on_failure else 401
    what = f"uri {request.uri}" if request.filename is None else request.filename
    request.log(Level.ERROR, "authz_core", "AH01630", f"client denied by server configuration: {what}")
    return 403


def authorize_anybody(request: Request) -> int:
    return authorize(request, after_authentication=False)


def authorize_user(request: Request) -> int:
    return authorize(request, after_authentication=True)


MODULE = Module(
    "authz_core_module",
    "mod_authz_core.c",
    per_dir=AuthzConfig,
    directives=DIRECTIVES,
    hooks=(
        on(Phase.ACCESS_CHECKER_EX, authorize_anybody, Order.LAST, pure=True),
        on(Phase.AUTH_CHECKER, authorize_user, Order.LAST, pure=True),
    ),
    check_config=check_config,
    providers=(
        Provider("authz", "all", AuthzProvider(parse_all, check_all, pure=True)),
        Provider("authz", "method", AuthzProvider(parse_method, check_method, pure=True)),
        Provider("authz", "env", AuthzProvider(parse_env, check_env, pure=True)),
    ),
)
