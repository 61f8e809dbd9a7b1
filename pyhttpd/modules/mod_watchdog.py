"""mod_watchdog: what other modules want done from time to time, in the master, by nobody else.

A module offers a provider in the group `watchdog`: a function of the services (api.request.Services) that returns soon;
while it runs the master neither reaps nor obeys signals.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from pyhttpd.api.module import Module, Preparation
from pyhttpd.api.phases import Phase, on
from pyhttpd.api.request import Services
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.directive import GLOBAL, Args, Directive
from pyhttpd.util.digits import is_number, value_of


@dataclass(frozen=True, slots=True)
class WatchdogConfig:
    interval: int = 1  # seconds


@dataclass(slots=True)
class Clock:
    """When the watchdogs of this generation are due; CLOCK_MONOTONIC."""

    due: float = 0.0


def _interval(word: str) -> int:
    digits = word.removesuffix("s")
    if not is_number(digits) or not 0 < value_of(digits) < 2**31:
        raise ValueError("Invalid WatchdogInterval")
    return value_of(digits)


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    preparation.keep(Clock, Clock())


def monitor(services: Services) -> None:
    """Run the watchdogs, if their time has come. What one raises ends this round; who runs the hook logs it."""
    clock: Clock = services.resource(Clock)
    now = time.monotonic()
    if now < clock.due:
        return
    clock.due = now + services.configuration.main.config(WatchdogConfig).interval
    for watchdog in services.providers("watchdog").values():
        watchdog(services)


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
)
