"""What tests of several files of one module share."""

from __future__ import annotations

import pytest

from pyhttpd.modules.status_facts import Facts
from pyhttpd.scoreboard import Scoreboard
from tests.unit.modules.status_board import make_scoreboard, see


@pytest.fixture
def scoreboard() -> Scoreboard:
    return make_scoreboard()


@pytest.fixture
def facts(scoreboard: Scoreboard) -> Facts:
    return see(scoreboard)
