"""mod_reqtimeout: how long a client may take to send the head and the body of a request. The server keeps the times."""

from __future__ import annotations

import re

from pyhttpd.api.module import Module
from pyhttpd.api.reqtimeout import ReadTimeouts, Stage
from pyhttpd.config.directive import RSRC, Args, Directive, Setting, SettingError
from pyhttpd.util.digits import value_of

_STAGES = ("handshake", "header", "body")
_MIN_RATE = re.compile(",minrate=", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?[0-9]+")


def _number(text: str) -> int:
    found = _NUMBER.match(text)
    if found is None:
        raise ValueError(f"Value '{text}' not numerical")
    if found.end() < len(text):
        raise ValueError(f"Cannot parse '{text[found.end() :]}'")
    value = value_of(text.strip().lstrip("+-"))
    if "-" in text and value:
        raise ValueError("Value must be non-negative")
    if value >= 2**31:
        raise ValueError(f"Value must be at most {2**31 - 1}")
    return value


def parse_stage(text: str) -> Stage:
    """`20`, `20,MinRate=500` or `20-40,MinRate=500`. Raises ValueError with Apache's text."""
    times, *rest = _MIN_RATE.split(text, maxsplit=1)
    longest = min_rate = 0
    if rest:
        min_rate = _number(rest[0])
        if min_rate == 0:
            raise ValueError("Minimum data rate must be larger than 0")
        times, dash, upper = times.partition("-")
        if dash:
            longest = _number(upper)
    elif "-" in times:
        raise ValueError("Must set MinRate option if using timeout range")
    timeout = _number(times)
    if longest and timeout >= longest:
        raise ValueError("Maximum timeout must be larger than initial timeout")
    return Stage(timeout, longest, min_rate)


def request_read_timeout(setting: Setting, *words: str) -> None:
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            message = "Invalid RequestReadTimeout parameter. Parameter must be in the form 'key=value'"
            raise SettingError(message, wrong=word)
        if key.lower() not in _STAGES:
            message = f"RequestReadTimeout: {key}={value}: Unknown RequestReadTimeout parameter"
            raise SettingError(message, wrong=word, part=key, choices=_STAGES)
        try:
            setting.set(key.lower(), parse_stage(value))
        except ValueError as error:
            raise SettingError(f"RequestReadTimeout: {key}={value}: {error}", wrong=word) from None


DIRECTIVES = (
    Directive("RequestReadTimeout", Args.take(str, least=0, most=None), RSRC, into=ReadTimeouts,
              apply=request_read_timeout,
              help="Set various timeout parameters for TLS handshake and/or reading request headers and body"),
)  # fmt: skip

MODULE = Module("reqtimeout_module", "mod_reqtimeout.c", per_server=ReadTimeouts, directives=DIRECTIVES)
