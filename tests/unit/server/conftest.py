"""A service for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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
def serving(make_serving: Callable[..., Serving]) -> Serving:
    return make_serving()
