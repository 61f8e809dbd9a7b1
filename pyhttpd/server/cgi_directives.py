"""The core's directives about programs that answer requests: their limits and their environment.

Nothing here starts such programs: whichever module does reads what these lines have set from the request's CoreDir.
"""

from __future__ import annotations

from pyhttpd.api.core_config import CoreDir, Limit
from pyhttpd.config.directive import ANYWHERE, SECTIONS, Args, Context, Directive, Override, Setting, SettingError
from pyhttpd.util.digits import is_number, value_of

_ALL_CLASSES = Override.OPTIONS | Override.FILEINFO | Override.AUTHCONFIG | Override.LIMIT | Override.INDEXES
_RULES = ("current-uri", "original-uri")


def _limit(setting: Setting, soft: str, hard: str | None = None) -> None:
    for word in (soft, hard):
        if word is not None and not (is_number(word) or (word is soft and word.lower() == "max")):
            raise SettingError(f"{setting.row.name} takes a number, not '{word}'", wrong=word)
    low = None if soft.lower() == "max" else value_of(soft)
    setting.put("program_limits", setting.row.name, Limit(low, None if hard is None else value_of(hard)))


def _cgi_var(setting: Setting, name: str, rule: str) -> None:
    if name != "REQUEST_URI":
        raise SettingError(f'Unrecognized CGI variable: "{name}"', wrong=name, choices=("REQUEST_URI",))
    if rule.lower() not in _RULES:
        raise SettingError(
            "Valid rules for REQUEST_URI are 'current-uri' and 'original-uri'", wrong=rule, choices=_RULES
        )
    setting.put("cgi_vars", name, rule.lower())


def _limit_row(name: str, text: str) -> Directive:
    return Directive(name, Args.take(str, str, least=1), ANYWHERE, text, CoreDir, apply=_limit, override=_ALL_CLASSES)


CGI_DIRECTIVES = (
    _limit_row("RLimitCPU", "Soft/hard limits for max CPU usage in seconds"),
    _limit_row("RLimitMEM", "Soft/hard limits for max memory usage per process"),
    _limit_row("RLimitNPROC", "soft/hard limits for max number of processes per uid"),
    Directive(
        "CGIPassAuth", Args.flag(), SECTIONS | Context.HTACCESS,
        "Controls whether HTTP authorization headers, normally hidden, will be passed to scripts",
        CoreDir, sets="cgi_pass_auth", override=Override.AUTHCONFIG,
    ),
    Directive(
        "CGIVar", Args.take(str, str), ANYWHERE, "Controls how some CGI variables are set", CoreDir, apply=_cgi_var,
        override=Override.FILEINFO,
    ),
)  # fmt: skip
