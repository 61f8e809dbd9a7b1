"""Waiting for an event with a deadline. The one place in the tests that looks again after a while."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

STEP = 0.02  # seconds between two looks; what is waited on wakes earlier


def wait_until(
    predicate: Callable[[], T | None],
    limit: float,
    what: str | Callable[[], str],
    *,
    wake: Iterable[int] = (),
    broken: Callable[[], str | None] = lambda: None,
) -> T:
    """The first true value of `predicate`, within `limit` seconds; AssertionError with `what` after that.

    `wake` are descriptors (a pidfd of a process) that are worth a look when they become readable; `broken` tells why
    waiting any longer is in vain.
    """
    descriptors = list(wake)
    deadline = time.monotonic() + limit
    while True:
        result = predicate()
        if result:
            return result
        reason = broken()
        if reason is not None:
            result = predicate()  # it may have come true just before the end
            if result:
                return result
            raise AssertionError(f"{_text(what)}: {reason}")
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"not within {limit:g} s: {_text(what)}")
        ready, _, _ = select.select(descriptors, [], [], min(STEP, left))
        descriptors = [fd for fd in descriptors if fd not in ready]


def _text(what: str | Callable[[], str]) -> str:
    return what if isinstance(what, str) else what()
