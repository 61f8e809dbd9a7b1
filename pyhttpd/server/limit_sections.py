"""`<Limit>` and `<LimitExcept>`: what stands in them and goes by methods (Require) holds for some methods alone."""

from __future__ import annotations

from pyhttpd.api.core_config import CoreServer
from pyhttpd.config import words
from pyhttpd.config.directive import ACCESS, Args, Context, Directive, Override, Setting, SettingError
from pyhttpd.config.limited import Methods, known_as
from pyhttpd.http.methods import KNOWN


def _limit(setting: Setting, text: str) -> None:
    if "TRACE" in _methods(setting, text):
        raise SettingError("TRACE cannot be controlled by <Limit>, see TraceEnable", wrong="TRACE")
    _narrow(setting, Methods(_registered(setting, text), but=False))


def _limit_except(setting: Setting, text: str) -> None:
    _narrow(setting, Methods(_registered(setting, text), but=True))


def _methods(setting: Setting, text: str) -> tuple[str, ...]:
    if not text:
        raise SettingError(f"{setting.row.name}> directive requires additional arguments")
    return words.split(text).words


def _registered(setting: Setting, text: str) -> frozenset[str]:
    """The methods that are named. A name that nobody knows yet becomes a method, as with RegisterHttpMethod."""
    methods = _methods(setting, text)
    for method in methods:
        if method in KNOWN or method in setting.get_main(CoreServer, "registered_methods", ()):
            continue
        if Context.HTACCESS in setting.context:
            raise SettingError(
                f"Could not register method '{method}' for {setting.row.name} from .htaccess configuration",
                wrong=method, choices=KNOWN,
            )  # fmt: skip
        setting.add_main(CoreServer, "registered_methods", method)
    return frozenset(map(known_as, methods))


def _narrow(setting: Setting, methods: Methods) -> None:
    before = setting.limited
    both = before & methods
    if both.is_empty:
        raise SettingError(f"{setting.row.name}> directive excludes all methods")
    if both == before:
        raise SettingError(f"{setting.row.name}> directive specifies methods already excluded")
    setting.limited = both


LIMIT_SECTIONS = (
    Directive(
        "<Limit", Args.raw(), ACCESS,
        "Container for authentication directives when accessed using specified HTTP methods",
        into=CoreServer, apply=_limit, override=Override.LIMIT | Override.AUTHCONFIG, section=True,
    ),
    Directive(
        "<LimitExcept", Args.raw(), ACCESS,
        "Container for authentication directives to be applied when any HTTP method other than those specified is used "
        "to access the resource",
        into=CoreServer, apply=_limit_except, override=Override.LIMIT | Override.AUTHCONFIG, section=True,
    ),
)  # fmt: skip
