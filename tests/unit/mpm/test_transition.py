"""A graceful restart: until new children can be forked the old ones serve, and nothing of theirs stays."""

from __future__ import annotations

import gc
import os
import select
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyhttpd.mpm import transition
from pyhttpd.mpm.generation import Generation
from pyhttpd.mpm.master import Master
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.mpm.prefork import FLAVOUR
from pyhttpd.scoreboard import Scoreboard


class Thing(SimpleNamespace):
    """What can be looked at when it is gone."""


def generation(said: list[str]) -> Any:
    made = Thing(
        flavour=FLAVOUR,
        config=Thing(buckets=1, limits=Thing(start=2), listens=()),
        service=Thing(has_farewell=False),
        error_log=Thing(log=lambda level, module, number, text: said.append(number)),
        release=lambda: said.append("released"),
        take_stderr=lambda: None,
        notes=(),
    )
    made.service.generation = made  # a circle, as there are many in a real one
    return made


@pytest.fixture
def scoreboard() -> Iterator[Scoreboard]:
    made = Scoreboard(2, 1)
    yield made
    made.close()


def test_old_children_serve_until_new_ones_are_forked(scoreboard: Scoreboard, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    pods: list[PipeOfDeath] = [PipeOfDeath()]
    reader = os.dup(pods[0].reader)  # an old child's end
    first = generation(said)
    gone = weakref.ref(first)
    seen: list[tuple[str, bool, int, bool]] = []

    def look(where: str) -> None:
        hung_up = bool(select.select([reader], [], [], 0)[0])
        seen.append((where, hung_up, scoreboard["generation"], gone() is None))

    def collect() -> int:
        look("before the collection")
        found = real_collect()
        look("after it")
        return found

    def fill(count: int) -> int:
        look("at the fork")
        return count

    real_collect = gc.collect
    monkeypatch.setattr("pyhttpd.mpm.transition.gc", Thing(collect=collect, freeze=lambda: None, unfreeze=lambda: None))
    monkeypatch.setattr(transition, "bind", lambda *_: Thing(opened=[], rollback=lambda: None))
    monkeypatch.setattr(transition, "take", lambda *_: None)
    master = Thing(
        generation=first, number=0, scoreboard=scoreboard, pod=pods[0], listeners=Thing(), signals=Thing(),
        others=Thing(take=lambda *_: None), write_pid_file=lambda: None,
        pool=Thing(children=[], fill=fill, rates=[], to_start=0),
    )  # fmt: skip
    del first
    try:
        transition.commit(cast(Master, master), cast(Generation, generation(said)), graceful=True)
        assert seen == [
            ("before the collection", False, 0, False),
            ("after it", False, 0, True),
            ("at the fork", True, 1, True),
        ]
        assert said == [FLAVOUR.numbers["graceful"], "released"]
    finally:
        os.close(reader)
        master.pod.close()
