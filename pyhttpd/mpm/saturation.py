"""Saturation is an event: it has a beginning, a length and a depth, and is logged at both ends."""

from __future__ import annotations

import time

from pyhttpd.api.log import ErrorLog, Level
from pyhttpd.mpm.flavour import Flavour
from pyhttpd.policy import Full
from pyhttpd.scoreboard import Event, Scoreboard, number_word

CALM_PASSES = 3  # passes with room before an event is over, so that a pool at its limit does not flood the log


class Saturation:
    """Told after each pass why no child could be started, if so. Counts in the scoreboard, for the status page."""

    def __init__(self, scoreboard: Scoreboard) -> None:
        self._scoreboard = scoreboard
        self._reason: Full | None = None
        self._began = 0.0
        self._deepest = 0
        self._calm = 0

    def note(self, reason: Full | None, queue: int, flavour: Flavour, log: ErrorLog) -> None:
        """`queue` is how many connections wait to be accepted just now."""
        if reason is None:
            self._calm += 1
            if self._reason is not None and self._calm >= CALM_PASSES:
                self._end(log, flavour)
            return
        self._calm = 0
        if self._reason is None:
            self._began = time.monotonic()
            self._deepest = 0
            self._scoreboard["saturations"] += 1
            self._scoreboard["saturated_since"] = time.time_ns() // 1000
        if self._reason is None or (reason is Full.BUSY and self._reason is not Full.BUSY):
            number, text = flavour.full[reason]
            log.log(Level.ERROR, flavour.log_name, number, text)
            self._scoreboard["saturated_by"] = number_word(number)
            self._reason = reason
        self._deepest = max(self._deepest, queue)
        self._scoreboard["accept_queue_peak"] = max(self._scoreboard["accept_queue_peak"], queue)

    def _end(self, log: ErrorLog, flavour: Flavour) -> None:
        seconds = time.monotonic() - self._began
        log.log(
            Level.NOTICE, flavour.log_name, "PH00210",
            f"there is room again: the server was full for {seconds:.0f} s, up to {self._deepest} connections waited",
        )  # fmt: skip
        assert self._reason is not None
        number, _ = flavour.full[self._reason]
        self._scoreboard.note_event(Event.SATURATED, number, self._deepest, seconds)
        self._scoreboard["saturated_total"] += int(seconds * 1_000_000)
        self._scoreboard["saturated_since"] = 0
        self._reason = None
