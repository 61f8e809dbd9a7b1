"""A place where the shell examples of one page run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.support.manual import Site


@pytest.fixture
def site() -> Iterator[Site]:
    with contextlib.closing(Site()) as site:
        yield site
