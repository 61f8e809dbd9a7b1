"""mod_headers: change the fields of answers (Header) and of requests (RequestHeader)."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.api.condition import Texts, is_met, parse_clause
from pyhttpd.api.env import variable
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, Order, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.directive import (
    ANYWHERE,
    Args,
    ChoiceError,
    Directive,
    Override,
    Setting,
    SettingError,
    setting_error,
)
from pyhttpd.config.merging import inner_last, merged
from pyhttpd.expr import Condition, EvaluationError, ExpressionError, Text, Writer, parse_text
from pyhttpd.http.headers import Headers
from pyhttpd.scoreboard import Status
from pyhttpd.util.escape import wire
from pyhttpd.util.regex import Match, Regex, compile_pcre, substitute

EARLY = "early"
_ACTIONS = ("add", "set", "setifempty", "append", "merge", "unset", "echo", "note", "edit", "edit*")
_CONDITIONS = ("always", "onsuccess")
_ESCAPES = {"\\": "\\", "r": "\r", "n": "\n", "t": "\t"}


class Tag(NamedTuple):
    """`%{argument}letter` in a value."""

    letter: str
    argument: str


Value = tuple[str | Tag, ...] | Text
"""Constant texts (wire text already) and tags, or what stands behind `expr=`."""


class Change(NamedTuple):
    """One line. `value` of edit is the replacement; `condition` a variable's name, `!NAME` or an expression."""

    action: str
    name: str
    value: Value = ()
    regex: Regex | None = None
    condition: str | Condition | None = None
    early: bool = False


@dataclass(frozen=True, slots=True)
class HeadersConfig:
    """`always` works on the fields that errors keep, `on_success` on the others."""

    request: tuple[Change, ...] = merged((), inner_last)
    on_success: tuple[Change, ...] = merged((), inner_last)
    always: tuple[Change, ...] = merged((), inner_last)


# --- the lines


def parse_value(text: str, place: str = "-", writer: Writer = Writer.ADMINISTRATOR) -> Value:
    """A value as constant texts and tags, or an expression. Raises ValueError with Apache's words."""
    if text.startswith("expr="):
        try:
            return parse_text(text.removeprefix("expr="), writer=writer, source=place, module="headers")
        except ExpressionError as error:
            raise ValueError(f"Can't parse value expression : {error}") from None
    parts: list[str | Tag] = []
    at = 0
    while at < len(text):
        begin = at
        char = text[at]
        part: str | Tag = char
        at += 1
        if char == "\\" and text[at : at + 1] in _ESCAPES and at < len(text):
            part = _ESCAPES[text[at]]
            at += 1
        elif char == "%" and text[at : at + 1] in ("%", ""):
            at += 1
        elif char == "%":
            argument = ""
            if text[at] == "{":
                end = text.find("}", at)
                end = len(text) if end < 0 else end
                argument = text[at + 1 : end]
                at = end + 1
            letter = text[at : at + 1]
            if letter not in _TAGS or not letter:
                raise ChoiceError(f"Unrecognized header format %{letter}", wrong=text, part=text[begin:at] + letter)
            part = Tag(letter, argument)
            at += 1
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return tuple(wire(part) if isinstance(part, str) else part for part in parts)


def parse_change(
    words: list[str], *, of_request: bool, place: str = "-", writer: Writer = Writer.ADMINISTRATOR
) -> Change:
    """The words after `always` and `onsuccess`. Raises ValueError with Apache's words. `place` is for the log."""
    action = words[0].lower() if words else ""
    if action not in _ACTIONS:
        raise ChoiceError(
            "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', "
            "or 'edit*'.",
            _ACTIONS if of_request else (*_ACTIONS, *_CONDITIONS), wrong=words[0] if words else None,
        )  # fmt: skip
    if action == "note" and of_request:
        raise ChoiceError("RequestHeader does not support the 'note' action", wrong=words[0])
    name, value, third, clause = (*words[1:], None, None, None, None)[:4]
    name = name or ""
    regex: Regex | None = None
    if action in ("edit", "edit*"):
        if third is None:
            raise ValueError("Header edit requires a match and a substitution")
        regex = _regex(value or "", "Header edit regex could not be compiled")
        value = third
    else:
        if clause is not None:
            raise ValueError("Too many arguments to directive")
        clause = third
    if action in ("unset", "echo"):
        if value is not None:
            if clause is not None:
                raise ValueError(f"{'h' if action == 'unset' else 'H'}eader {action} takes two arguments")
            clause, value = value, None
        if action == "echo":
            if of_request:
                raise ValueError("Header echo only valid on Header directives")
            regex = _regex(name, "Header echo regex could not be compiled")
    elif value is None:
        raise ValueError("Header requires three arguments")
    condition, early = _condition(clause, place, writer)
    parsed = parse_value(value or "", place, writer)
    if not name and action not in ("unset", "echo"):
        raise ValueError("Header requires three arguments")  # Apache takes the line, and fails with each answer
    return Change(action, wire(name.partition(":")[0]), parsed, regex, condition, early)


def _regex(text: str, message: str) -> Regex:
    try:
        return compile_pcre(text, is_wire=True)
    except re.error:
        raise ChoiceError(message, wrong=text) from None


_CLAUSE = Texts(
    no_name="error: missing environment variable name. envclause should be in the form env=envar ",
    no_expression=None,
    bad_expression="Can't parse envclause/expression: {}",
    neither="Unknown parameter: {}",
)


def _condition(clause: str | None, place: str, writer: Writer) -> tuple[str | Condition | None, bool]:
    if clause is None:
        return None, False
    if clause.lower() == EARLY:
        return None, True
    try:
        return parse_clause(clause, _CLAUSE, source=place, module="headers", writer=writer), False
    except ValueError as error:
        raise ChoiceError(str(error), (EARLY,), wrong=clause) from None


def _append(setting: Setting, field: str, words: list[str]) -> None:
    if len(words) > 5:
        raise SettingError(f"{setting.row.name} has too many arguments")
    try:
        place = f"{setting.location.file}:{setting.location.line}"
        change = parse_change(words, of_request=field == "request", place=place, writer=setting.writer)
    except ValueError as error:
        raise setting_error(error) from None
    if change.action == "unset" and not change.name:
        setting.warn(f"{setting.row.name} unset without the name of a field does nothing", "PH00320")
        return
    setting.add(field, change)


def header(setting: Setting, *words: str) -> None:
    condition = words[0].lower() if words else ""
    if condition in _CONDITIONS:
        _append(setting, "always" if condition == "always" else "on_success", list(words[1:]))
    else:
        _append(setting, "on_success", list(words))


def request_header(setting: Setting, *words: str) -> None:
    _append(setting, "request", list(words))


DIRECTIVES = (
    Directive("Header", Args.take(str, least=0, most=None), ANYWHERE, override=Override.FILEINFO, into=HeadersConfig,
              apply=header,
              help="an optional condition, an action, header and value followed by optional env clause"),
    Directive("RequestHeader", Args.take(str, least=0, most=None), ANYWHERE, override=Override.FILEINFO,
              into=HeadersConfig, apply=request_header,
              help="an action, header and value followed by optional env clause"),
)  # fmt: skip


# --- the requests


def _one_line(text: str) -> str:
    return wire(text).replace("\r", " ").replace("\n", " ")


def _variable(request: Request, name: str) -> str:
    value = variable(request.env, name)
    return "(null)" if value is None else _one_line(value)


def _load(request: Request, argument: str) -> str:
    request.do_not_keep()
    return "l=" + "/".join(f"{load:.2f}" for load in os.getloadavg())


def _share(request: Request, busy: bool) -> int:
    """Per cent of the workers that are there which are busy, or idle."""
    request.do_not_keep()
    counts = [0, 0]
    scoreboard = request.services.scoreboard
    for child in range(scoreboard.children):
        for thread in range(scoreboard.threads):
            status = scoreboard.status(child, thread)
            if status not in (Status.DEAD, Status.STARTING, Status.IDLE_KILL):
                counts[status is not Status.READY] += 1
    return counts[busy] * 100 // sum(counts) if any(counts) else 0


_TAGS: dict[str, Callable[[Request, str], str]] = {
    "D": lambda request, argument: f"D={max(0, int((time.monotonic() - request.started) * 1_000_000))}",
    "t": lambda request, argument: f"t={int(request.request_time * 1_000_000)}",
    "e": _variable,
    "s": lambda request, argument: "(null)",  # there is no TLS to ask
    "l": _load,
    "i": lambda request, argument: f"i={_share(request, busy=False)}",
    "b": lambda request, argument: f"b={_share(request, busy=True)}",
}


def _text(request: Request, value: Value) -> str:
    if isinstance(value, Text):
        try:
            return value.evaluate(variables_of(request))
        except EvaluationError as error:
            request.log(Level.ERROR, "headers", "AH02557", f"Can't evaluate value expression: {error}")
            return ""
    return "".join([part if isinstance(part, str) else _TAGS[part.letter](request, part.argument) for part in value])


def _edited(request: Request, change: Change, value: str) -> str:
    """The first match of the pattern replaced, or with `edit*` all of them."""
    if change.regex is None:
        return value
    template = _text(request, change.value)
    if change.action == "edit":
        return change.regex.sub(lambda match: substitute(template, match), value, count=1)
    return _all_edited(change.regex, template, value)


def _all_edited(regex: Regex, template: str, value: str) -> str:
    """Each match begins a new text, as in Apache: `^` matches again behind it."""
    edited: list[str] = []
    while True:
        found: list[Match] = []

        def mark(match: Match, found: list[Match] = found) -> str:
            found.append(match)
            return "\0"  # which no field has

        before, _, rest = regex.sub(mark, value, count=1).partition("\0")
        edited.append(before)
        if not found:
            return "".join(edited)
        edited.append(substitute(template, found[0]))
        if not found[0][0]:  # Apache would find it for ever
            edited.append(rest[:1])
            rest = rest[1:]
            if not rest:
                return "".join(edited)
        value = rest


_TOKEN = re.compile(r'[ \t\n\r\f\v]*((?:[^,"]|"[^"]*(?:"|$))*),?')


def _has_token(value: str, token: str) -> bool:
    """Whether a comma-separated list has this element, blanks in front of it left out and those behind it not; commas
    between quotes do not separate."""
    at = 0
    while at < len(value) and (found := _TOKEN.match(value, at)) is not None:
        if found[1] == token:
            return True
        at = found.end()
    return False


def _holds(request: Request, condition: str | Condition | None) -> bool:
    """What cannot be evaluated does not keep a line from its work, as in Apache."""
    try:
        return is_met(condition, request)
    except EvaluationError as error:
        request.log(Level.ERROR, "headers", "AH01501", f"Failed to evaluate expression ({error}) - ignoring")
        return True


def change_fields(request: Request, fields: Headers, changes: tuple[Change, ...], *, early: bool = False) -> None:
    for change in changes:
        if change.early is early and (early or _holds(request, change.condition)):
            _change(request, fields, change)


def _change(request: Request, fields: Headers, change: Change) -> None:
    name, action = change.name, change.action
    content_type = name.lower() == "content-type" and fields is not request.headers_in
    if action == "unset":
        fields.unset(name)
        if content_type:
            request.content_type = None
    elif action == "add":
        fields.add(name, _text(request, change.value))
    elif action == "append":
        fields.merge(name, _text(request, change.value))
    elif action == "merge":
        value, present = _text(request, change.value), fields.get(name)
        if present is None or not _has_token(present, value):
            fields.merge(name, value)
    elif action == "set" or (action == "setifempty" and name not in fields):
        fields.set(name, _text(request, change.value))
        if content_type:
            request.content_type = fields.get(name)
    elif action == "echo" and change.regex is not None:
        for echoed, value in request.headers_in:
            if change.regex.search(echoed):
                request.headers_out.add(echoed, value)
    elif action in ("edit", "edit*"):
        if content_type and request.content_type is not None:
            request.content_type = _edited(request, change, request.content_type)
        values = fields.get_all(name)
        if values:
            fields.unset(name)
            for value in values:
                fields.add(name, _edited(request, change, value))
    elif action == "note":
        noted, note = fields.get(name), _text(request, change.value)
        if noted is None:
            request.notes.pop(note, None)
        else:
            request.notes[note] = noted


def _tell(request: Request, level: Level, number: str, filter_name: str) -> None:
    """That a filter runs, in Apache's words; the line belongs to no client."""
    log = request.error_log
    if log.levels.wants(level, "headers"):
        request.do_not_keep()
        log.log(level, "headers", number, f"headers: {filter_name}()")


def on_any_answer(request: Request) -> None:
    _tell(request, Level.TRACE2, "AH01502", "ap_headers_output_filter")
    config = request.config(HeadersConfig)
    change_fields(request, request.err_headers_out, config.always)
    change_fields(request, request.headers_out, config.on_success)


def on_error(request: Request) -> None:
    _tell(request, Level.DEBUG, "AH01503", "ap_headers_error_filter")
    change_fields(request, request.err_headers_out, request.config(HeadersConfig).always)


def insert_filter(request: Request) -> None:
    config = request.config(HeadersConfig)
    if config.always or config.on_success:
        request.response_hooks.append(on_any_answer)


def insert_error_filter(request: Request) -> None:
    if request.config(HeadersConfig).always:
        request.response_hooks.append(on_error)


def fixup_request(request: Request) -> int:
    changes = request.config(HeadersConfig).request
    if changes:
        change_fields(request, request.headers_in, changes)
    return DECLINED


def early_changes(request: Request) -> int:
    config = request.config(HeadersConfig)
    change_fields(request, request.headers_in, config.request, early=True)
    change_fields(request, request.err_headers_out, config.always, early=True)
    change_fields(request, request.headers_out, config.on_success, early=True)
    return DECLINED


MODULE = Module(
    "headers_module",
    "mod_headers.c",
    per_dir=HeadersConfig,
    directives=DIRECTIVES,
    hooks=(
        on(Phase.INSERT_FILTER, insert_filter, Order.LAST, pure=True),
        on(Phase.INSERT_ERROR_FILTER, insert_error_filter, Order.LAST, pure=True),
        on(Phase.FIXUPS, fixup_request, Order.LAST, pure=True),
        on(Phase.POST_READ_REQUEST, early_changes, Order.FIRST, pure=True),
    ),
)
