"""What mod_authz_core itself answers: Require all, method, env and expr, and the aliases of other providers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from pyhttpd.api.authentication import settings_over
from pyhttpd.api.authz import AuthzProvider, Outcome, words_of
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Provider
from pyhttpd.api.request import Request
from pyhttpd.config.directive import ChoiceError, Setting
from pyhttpd.config.limited import known_as
from pyhttpd.config.merging import Values
from pyhttpd.expr import Condition, EvaluationError, ExpressionError, parse_condition
from pyhttpd.expr.nodes import Variable
from pyhttpd.http.methods import KNOWN


def parse_all(setting: Setting, text: str) -> bool:
    if text.lower() not in ("granted", "denied"):
        choices = ("granted", "denied")
        raise ChoiceError("Argument for 'Require all' must be 'granted' or 'denied'", choices, wrong=text or "all")
    return text.lower() == "granted"


def check_all(request: Request, granted: bool) -> Outcome:
    return Outcome.GRANTED if granted else Outcome.DENIED


def parse_method(setting: Setting, text: str) -> frozenset[str]:
    methods = words_of(text)
    for word in methods:
        if word not in KNOWN and word not in setting.get_main(CoreServer, "registered_methods", ()):
            raise ChoiceError(f"Invalid Method '{word}'", KNOWN, wrong=word)
    return frozenset(known_as(word) for word in methods)


def check_method(request: Request, methods: frozenset[str]) -> Outcome:
    return Outcome.GRANTED if known_as(request.method) in methods else Outcome.DENIED


def parse_env(setting: Setting, text: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in words_of(text))


def check_env(request: Request, names: tuple[str, ...]) -> Outcome:
    """Variables have names whose case does not matter."""
    known = {name.lower() for name in request.env}
    return Outcome.DENIED if known.isdisjoint(names) else Outcome.GRANTED


class Expression(NamedTuple):
    """`Require expr`. `of_user`: it asks for REMOTE_USER, so that somebody who is not known yet may still meet it."""

    condition: Condition
    of_user: bool


def parse_expr(setting: Setting, text: str) -> Expression:
    if text[:1] == '"' == text[-1:]:
        text = text[1:-1]
    place = f"{setting.location.file}:{setting.location.line}"
    try:
        condition = parse_condition(text, writer=setting.writer, source=place, module="authz_core")
    except ExpressionError as error:
        raise ValueError(f"Cannot parse expression in require line: {error}") from None
    return Expression(condition, Variable("REMOTE_USER") in _parts(condition.root))


def _parts(node: Any) -> Iterable[Any]:
    """All nodes of a tree."""
    if isinstance(node, tuple):
        for part in node:
            yield from _parts(part)
    elif is_dataclass(node):
        yield node
        for one in fields(node):
            yield from _parts(getattr(node, one.name))


def check_expr(request: Request, expression: Expression) -> Outcome:
    try:
        if expression.condition.evaluate(variables_of(request)):
            return Outcome.GRANTED
    except EvaluationError as error:
        message = f"Error evaluating expression in 'Require expr': {error}"
        request.log(Level.ERROR, "authz_core", "AH02320", message)
        return Outcome.ERROR
    return Outcome.NO_USER if expression.of_user else Outcome.DENIED


class Alias(NamedTuple):
    """`<AuthzProviderAlias>`: a provider with its arguments and the settings that hold while it is asked."""

    check: Callable[[Request, Any], Outcome]
    parsed: Any
    values: Values
    pure: bool

    def __hash__(self) -> int:
        return hash((self.check, self.parsed))


def check_alias(request: Request, alias: Alias) -> Outcome:
    with settings_over(request, alias.values):
        return alias.check(request, alias.parsed)


PROVIDERS = (
    Provider("authz", "all", AuthzProvider(parse_all, check_all, pure=True)),
    Provider("authz", "method", AuthzProvider(parse_method, check_method, pure=True)),
    Provider("authz", "env", AuthzProvider(parse_env, check_env, pure=True)),
    Provider("authz", "expr", AuthzProvider(parse_expr, check_expr)),
)
