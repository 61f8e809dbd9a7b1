"""mod_watchdog: what other modules want done from time to time (api/watchdog.py), and how often."""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass, field

from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Preparation
from pyhttpd.api.phases import Phase, on
from pyhttpd.api.request import Services
from pyhttpd.api.watchdog import Watchdog
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.directive import GLOBAL, Args, Directive
from pyhttpd.util.digits import value_of

_INTERVAL = re.compile(r"\s*\+?([0-9]+)(ms|mi|s|h|$)")  # what follows the unit is not looked at
_SECONDS = {"ms": 0.001, "mi": 60, "s": 1, "h": 3600, "": 1}
_LONGEST = 2**31 - 1  # seconds
_SHORTEST = 0.1


@dataclass(frozen=True, slots=True)
class WatchdogConfig:
    interval: float = 1.0  # seconds


@dataclass(slots=True)
class Clock:
    """When the watchdogs of this generation are due, by their names; CLOCK_MONOTONIC."""

    due: dict[str, float] = field(default_factory=dict)


def _interval(word: str) -> float:
    found = _INTERVAL.match(word)
    if found is None or (seconds := value_of(found[1]) * _SECONDS[found[2]]) > _LONGEST:
        raise ValueError("Unparse-able WatchdogInterval setting")
    if seconds < _SHORTEST:
        raise ValueError("Invalid WatchdogInterval: minimal value 100ms")
    return seconds


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    preparation.keep(Clock, Clock())


def monitor(services: Services) -> None:
    """Run the watchdogs whose time has come."""
    watchdogs = services.providers("watchdog")
    if not watchdogs:
        return
    clock: Clock = services.resource(Clock)
    usual = services.configuration.main.config(WatchdogConfig).interval
    now = time.monotonic()
    for name, watchdog in watchdogs.items():
        assert isinstance(watchdog, Watchdog)
        if now < clock.due.get(name, 0.0):
            continue
        clock.due[name] = now + (usual if watchdog.interval is None else watchdog.interval)
        try:
            watchdog.function(services)
        except Exception:
            lines = traceback.format_exc().splitlines()
            services.error_log.log(Level.ERROR, "watchdog", "PH00303", f"watchdog {name} raised", details=lines)


DIRECTIVES = (
    Directive("WatchdogInterval", Args.take(_interval), GLOBAL, into=WatchdogConfig, sets="interval",
              help="Watchdog interval in seconds"),
)  # fmt: skip

MODULE = Module(
    "watchdog_module",
    "mod_watchdog.c",
    per_server=WatchdogConfig,
    directives=DIRECTIVES,
    hooks=(on(Phase.MONITOR, monitor),),
    prepare=prepare,
    prepare_only_reads=True,
)
