"""A service for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.server import answer_memo
from tests.unit.server.serving import Serving


@pytest.fixture
def make_serving(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    made: list[Serving] = []

    def make(text: str = "", **options: Any) -> Serving:
        serving = Serving(tmp_path, text, **options)
        made.append(serving)
        return serving

    yield make
    for serving in made:
        serving.close()


@pytest.fixture
def everything_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that have just been made count as old enough to be kept, and to have a strong tag."""
    monkeypatch.setattr(answer_memo, "YOUNG", -3600.0)
    monkeypatch.setattr(answer_memo, "_STRONG", -3600.0)


@pytest.fixture
def serving(make_serving: Callable[..., Serving]) -> Serving:
    return make_serving()
