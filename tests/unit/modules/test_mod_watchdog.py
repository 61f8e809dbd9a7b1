"""mod_watchdog: the watchdogs of modules run once in each interval."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyhttpd.api.log import ErrorLog, Level
from pyhttpd.api.request import Services
from pyhttpd.api.watchdog import Watchdog
from pyhttpd.modules import mod_watchdog
from pyhttpd.modules.mod_watchdog import WatchdogConfig
from tests.support.requests import configure, prepared, refusals

LOG = "ErrorLog /dev/null\n"


class Clockwork:
    """The services of a server whose clock is `now`."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, line: str, **watchdogs: Watchdog) -> None:
        self.now = 100.0
        self.logged: list[tuple[Level, str | None, str]] = []
        monkeypatch.setattr("pyhttpd.modules.mod_watchdog.time.monotonic", lambda: self.now)
        configuration = configure(f"{LOG}{line}", directory)
        resources: dict[Any, Any] = prepared(configuration).resources

        def log(level: Level, module: str, number: str | None, text: str, *, details: Any) -> None:
            self.logged.append((level, number, text))

        self.services = cast(
            Services,
            SimpleNamespace(
                configuration=configuration,
                resource=resources.__getitem__,
                providers=lambda group: watchdogs if group == "watchdog" else {},
                error_log=cast(ErrorLog, SimpleNamespace(log=log)),
            ),
        )

    def run(self, until: int) -> None:
        while self.now < until:
            mod_watchdog.monitor(self.services)
            self.now += 1


def test_each_watchdog_once_in_its_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    barked: list[tuple[str, float]] = []
    clockwork = Clockwork(
        tmp_path, monkeypatch, "WatchdogInterval 5s",
        rex=Watchdog(lambda services: barked.append(("rex", clockwork.now))),
        fido=Watchdog(lambda services: barked.append(("fido", clockwork.now)), interval=8),
    )  # fmt: skip
    clockwork.run(112)
    assert barked == [("rex", 100.0), ("fido", 100.0), ("rex", 105.0), ("fido", 108.0), ("rex", 110.0)]


def test_one_that_raises_keeps_no_other_from_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    barked: list[float] = []
    clockwork = Clockwork(
        tmp_path, monkeypatch, "", bad=Watchdog(lambda services: services.undefined),  # type: ignore[attr-defined]  # so
        good=Watchdog(lambda services: barked.append(clockwork.now)),
    )  # fmt: skip
    clockwork.run(103)
    assert barked == [100.0, 101.0, 102.0]
    assert clockwork.logged == [(Level.ERROR, "PH00303", "watchdog bad raised")] * 3


@pytest.mark.parametrize(
    ("word", "seconds"),
    [("1", 1), ("+2", 2), ("5s", 5), ("500ms", 0.5), ("2mi", 120), ("3min", 180), ("1h", 3600), ('" 4"', 4),
     ("2147483647", 2147483647), ("5seconds", 5)],
)  # fmt: skip
def test_intervals(tmp_path: Path, word: str, seconds: float) -> None:
    configuration = configure(f"WatchdogInterval {word}", tmp_path)
    assert configuration.main.config(WatchdogConfig).interval == seconds


@pytest.mark.parametrize("word", ["abc", "-1", "1x", "5m", "5S", "1.5", "2147483648", "9" * 30, "99999999999h", '"1 "'])
def test_what_is_no_interval(tmp_path: Path, word: str) -> None:
    assert refusals(f"{LOG}WatchdogInterval {word}", tmp_path) == ["Unparse-able WatchdogInterval setting"]


@pytest.mark.parametrize("word", ["0", "0h", "99ms"])
def test_what_is_too_short(tmp_path: Path, word: str) -> None:
    assert refusals(f"{LOG}WatchdogInterval {word}", tmp_path) == ["Invalid WatchdogInterval: minimal value 100ms"]
