"""mod_watchdog: the watchdogs of modules run once in each interval."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyhttpd.api.request import Services
from pyhttpd.modules import mod_watchdog
from tests.support.requests import configure, prepared, refusals


def test_each_watchdog_once_in_an_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = configure("WatchdogInterval 5s", tmp_path)
    now = [100.0]
    monkeypatch.setattr("pyhttpd.modules.mod_watchdog.time.monotonic", lambda: now[0])
    barked: list[float] = []

    def watchdog(services: Services) -> None:
        barked.append(now[0])

    resources: dict[Any, Any] = prepared(configuration).resources
    services = cast(
        Services,
        SimpleNamespace(
            configuration=configuration,
            resource=resources.__getitem__,
            providers=lambda group: {"rex": watchdog},
        ),
    )
    for second in range(100, 112):
        now[0] = float(second)
        mod_watchdog.monitor(services)
    assert barked == [100.0, 105.0, 110.0]


@pytest.mark.parametrize("word", ["0", "abc", "-1", "1h", "2147483648"])
def test_what_is_no_interval(tmp_path: Path, word: str) -> None:
    assert refusals(f"WatchdogInterval {word}", tmp_path) == ["Invalid WatchdogInterval"]
