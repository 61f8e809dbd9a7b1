"""Until when a client may take for what it sends: RequestReadTimeout's growing limit, and Timeout for each pause."""

from __future__ import annotations

from pyhttpd.api.reqtimeout import Stage


class ReadDeadline:
    """The deadline of one head or one body, in CLOCK_MONOTONIC seconds."""

    __slots__ = ("_last", "_latest", "_longest", "_rate", "_timeout")

    def __init__(self, stage: Stage, timeout: float, now: float) -> None:
        self._timeout = timeout  # of a single pause
        self._rate = stage.rate
        self._latest = now + stage.initial if stage.initial > 0 else float("inf")
        self._longest = now + stage.longest if stage.longest > 0 else float("inf")
        self._last = now

    def received(self, count: int, now: float) -> None:
        """Bytes that came give more time, up to the longest."""
        self._last = now
        if self._rate:
            self._latest = min(self._latest + count / self._rate, self._longest)

    def allow_pause(self, seconds: float) -> None:
        """From now on a single pause may be so long."""
        self._timeout = seconds

    @property
    def at(self) -> float:
        return min(self._latest, self._last + self._timeout)
