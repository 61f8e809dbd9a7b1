"""mod_setenvif: variables by what a request says of itself: SetEnvIf, BrowserMatch, SetEnvIfExpr."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config import words
from pyhttpd.config.directive import ANYWHERE, Args, Directive, Override, Setting, SettingError
from pyhttpd.config.merging import inner_last, merged
from pyhttpd.expr import Captures, Condition, EvaluationError, ExpressionError, parse_condition
from pyhttpd.util.escape import ascii_lower, native, wire
from pyhttpd.util.regex import Regex, compile_pcre, substitute_groups

_LONGEST_VALUE = 65536  # bytes that a value may become with what was matched in it
_NOTHING_ASKED = ("",)
"""The groups of an expression in which no pattern with groups was tried."""


class Variable(NamedTuple):
    """`NAME=value`; value None: the variable is taken away."""

    name: str
    value: str | None


class Rule(NamedTuple):
    """One line. Of `plain` (part of a text), `regex` and `condition` one is given. Texts are wire text."""

    name: str  # of a field, or of an attribute of the request
    variables: tuple[Variable, ...]
    plain: str | None = None
    regex: Regex | None = None
    condition: Condition | None = None
    ignore_case: bool = False
    name_regex: Regex | None = None  # of a field's name
    same_name: bool = False  # as the line before it: then the value is not asked for again, as in Apache


@dataclass(frozen=True, slots=True)
class SetEnvIfConfig:
    """`early` is what stands outside all sections: it acts as soon as the request has been read, on the URL as the
    client sent it. `late` stands in sections and .htaccess files, and acts when these have been found."""

    early: tuple[Rule, ...] = merged((), inner_last)
    late: tuple[Rule, ...] = merged((), inner_last)


# --- the lines

_SPECIAL = frozenset("^.$|()[]*+?{}")
_FIELD_NAME = re.compile(r"[-A-Za-z0-9_]*")


def plain_text(pattern: str) -> str | None:
    """The text that a pattern without any regular expression in it stands for; None for another one."""
    text = ""
    escaped = False
    for char in pattern:
        if char == "\\" and not escaped:
            escaped = True
            continue
        if escaped is not (char in _SPECIAL or char == "\\"):
            return None
        escaped = False
        text += char
    return text  # a backslash at the end goes


def _words(setting: Setting, what: str, count: int) -> list[str]:
    """The words of the line. An empty one ends them, as if nothing stood behind it."""
    given = list(words.split(setting.text).words)
    if "" in given:
        del given[given.index("") :]
    for missing in what.split(",")[len(given) : count]:
        raise SettingError(f"Missing {missing} for {setting.row.name}")
    return given


def _need_variables(setting: Setting, given: list[str]) -> None:
    if not given:
        raise SettingError(f"Missing envariable expression for {setting.row.name}")


def _variables(given: list[str]) -> tuple[Variable, ...]:
    found: list[Variable] = []
    for word in given:
        name, _, value = word.partition("=")
        value = value.lstrip("=")
        if value:
            found.append(Variable(name, None if value.startswith("!") else value))
        elif name.startswith("!"):
            found.append(Variable(name[1:], None))
        else:
            found.append(Variable(name, "1"))
    return tuple(found)


def _add(setting: Setting, rule: Rule) -> None:
    setting.add("early" if setting.section is None else "late", rule)


def _add_rule(setting: Setting, name: str, pattern: str, given: list[str], *, ignore_case: bool) -> None:
    regex = name_regex = None
    plain = plain_text(pattern)
    if plain is None:
        regex = _compile(pattern, ignore_case, f"{setting.row.name} regex could not be compiled.")
    elif ignore_case:
        plain = ascii_lower(wire(plain))
    else:
        plain = wire(plain)
    if name.lower() not in _ATTRIBUTES and _FIELD_NAME.fullmatch(name) is None:
        name_regex = _compile(name, ignore_case, f"{setting.row.name}Header name regex could not be compiled.")
    _need_variables(setting, given)
    same = setting.memo.get("name") == name.lower()
    setting.memo["name"] = name.lower()
    _add(setting, Rule(wire(name), _variables(given), plain, regex, None, ignore_case, name_regex, same))


def _compile(pattern: str, ignore_case: bool, message: str) -> Regex:
    try:
        return compile_pcre(pattern, ignore_case=ignore_case, is_wire=True)
    except re.error as error:
        raise SettingError(message, hint=str(error), wrong=pattern) from None


def _set_env_if(setting: Setting, *, ignore_case: bool) -> None:
    name, pattern, *given = _words(setting, "header-field name,regular expression", 2)
    _add_rule(setting, name, pattern, given, ignore_case=ignore_case)


def set_env_if(setting: Setting, line: str) -> None:
    _set_env_if(setting, ignore_case=False)


def set_env_if_no_case(setting: Setting, line: str) -> None:
    _set_env_if(setting, ignore_case=True)


def _browser_match(setting: Setting, *, ignore_case: bool) -> None:
    pattern, *given = _words(setting, "regular expression", 1)
    _add_rule(setting, "User-Agent", pattern, given, ignore_case=ignore_case)


def browser_match(setting: Setting, line: str) -> None:
    _browser_match(setting, ignore_case=False)


def browser_match_no_case(setting: Setting, line: str) -> None:
    _browser_match(setting, ignore_case=True)


def set_env_if_expr(setting: Setting, line: str) -> None:
    text, *given = _words(setting, "expression", 1)
    source = f"{setting.location.file}:{setting.location.line}"
    try:
        condition = parse_condition(text, writer=setting.writer, source=source, module="setenvif")
    except ExpressionError as error:
        raise SettingError(f'Could not parse expression "{text}": {error}') from None
    _need_variables(setting, given)
    _add(setting, Rule("", _variables(given), condition=condition))


def _row(name: str, apply: Callable[..., None], help_text: str) -> Directive:
    return Directive(name, Args.raw(), ANYWHERE, override=Override.FILEINFO, into=SetEnvIfConfig, apply=apply,
                     help=help_text)  # fmt: skip


DIRECTIVES = (
    _row("SetEnvIf", set_env_if, "A header-name, regex and a list of variables."),
    _row("SetEnvIfNoCase", set_env_if_no_case, "a header-name, regex and a list of variables."),
    _row("SetEnvIfExpr", set_env_if_expr, "an expression and a list of variables."),
    _row("BrowserMatch", browser_match, "A browser regex and a list of variables."),
    _row("BrowserMatchNoCase", browser_match_no_case, "A browser regex and a list of variables."),
)


# --- the requests

_ATTRIBUTES: dict[str, Callable[[Request], str]] = {
    "remote_addr": lambda request: request.connection.client_ip,
    "remote_host": lambda request: request.remote_host(),
    "request_uri": lambda request: wire(request.uri),
    "request_method": lambda request: request.method,
    "request_protocol": lambda request: request.protocol,
    "server_addr": lambda request: request.connection.local_ip,
}


def _key(env: dict[str, str], name: str) -> str | None:
    """The variable of this name, whatever the case in which it was set."""
    if name in env:
        return name
    lower = name.lower()
    return next((known for known in env if known.lower() == lower), None)


def _value(request: Request, rule: Rule) -> str:
    attribute = _ATTRIBUTES.get(rule.name.lower())
    if attribute is not None:
        return attribute(request)
    if rule.name_regex is not None:
        search = rule.name_regex.search
        return next((value for name, value in reversed(tuple(request.headers_in)) if search(name)), "")
    value = request.headers_in.get(rule.name)
    if value is None:
        key = _key(request.env, native(rule.name))
        value = "" if key is None else wire(request.env[key])
    return value


def _matched(request: Request, rule: Rule, value: str) -> tuple[str, ...] | None:
    """What was matched and its groups, for `$0` to `$9` in the values; without any the values stand as they are. None:
    the rule does not apply."""
    if rule.plain is not None:
        return () if rule.plain in (ascii_lower(value) if rule.ignore_case else value) else None
    if rule.regex is not None:
        match = rule.regex.search(value)
        return None if match is None else (match[0], *[group or "" for group in match.groups()])
    assert rule.condition is not None
    captures = Captures()
    captures.groups = _NOTHING_ASKED
    try:
        return captures.groups if rule.condition.evaluate(variables_of(request), captures) else None
    except EvaluationError:
        return None


def apply_rules(request: Request, rules: tuple[Rule, ...]) -> int:
    value = ""
    for rule in rules:
        if rule.condition is None and not rule.same_name:
            value = _value(request, rule)
        groups = _matched(request, rule, value)
        if groups is None:
            continue
        for name, template in rule.variables:
            key = _key(request.env, name)
            if key is not None and (template is None or key != name):
                del request.env[key]
            if template is not None:
                text = substitute_groups(wire(template), groups) if groups else wire(template)
                if len(text) >= _LONGEST_VALUE:
                    message = f"Regular expression replacement failed for '{name}', value too long?"
                    request.log(Level.CRIT, "setenvif", "AH01505", message)
                    return 500
                request.env[name] = native(text)
            request.log(Level.TRACE2, "setenvif", None, f"Setting {name}")
    return DECLINED


def before_sections(request: Request) -> int:
    return apply_rules(request, request.config(SetEnvIfConfig).early)


def in_sections(request: Request) -> int:
    return apply_rules(request, request.config(SetEnvIfConfig).late)


MODULE = Module(
    "setenvif_module",
    "mod_setenvif.c",
    per_dir=SetEnvIfConfig,
    directives=DIRECTIVES,
    hooks=(
        on(Phase.HEADER_PARSER, in_sections, pure=True),
        on(Phase.POST_READ_REQUEST, before_sections, pure=True),
    ),
)
