"""policy: the growth of a pool as Apache's, and every clamp with Apache's number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhttpd.policy import PREFORK, WORKER, Family, Full, Limits, Rate, Row, clamp, plan_idle, share_out

PREFORK_LIMITS = Limits(start=2, min_spare=5, max_spare=10, server_limit=120, max_workers=80)
WORKER_LIMITS = Limits(start=1, min_spare=5, max_spare=15, server_limit=16, max_workers=60, thread_limit=64, threads=5)


def pool(children: int, busy: int, limits: Limits) -> list[Row]:
    """Rows of a pool of `children` whose first `busy` threads serve."""
    rows = []
    for index in range(limits.children):
        occupied = index < children
        serving = min(limits.threads, busy) if occupied else 0
        busy -= serving
        idle = limits.threads - serving if occupied else 0
        rows.append(Row(index, occupied, occupied, idle, serving, 0 if occupied else limits.threads))
    return rows


def grow(limits: Limits, children: int, load: list[int]) -> list[int]:
    """How many children there are after each pass, with `load` connections during it."""
    rate = Rate()
    seen = [children]
    for busy in load:
        plan = plan_idle(pool(children, busy, limits), limits, rate)
        rate = plan.rate
        children += len(plan.start) - (plan.stop is not None)
        seen.append(children)
    return seen


def test_prefork_grows_and_shrinks_as_apache_does() -> None:
    assert grow(PREFORK_LIMITS, 2, [0, 0, 0]) == [2, 3, 5, 5]
    assert grow(PREFORK_LIMITS, 5, [70] * 9) == [5, 6, 8, 12, 20, 36, 68, 80, 80, 80]
    assert grow(PREFORK_LIMITS, 80, [0] * 4) == [80, 79, 78, 77, 76]
    assert grow(PREFORK_LIMITS, 11, [0] * 3) == [11, 10, 10, 10]


def test_worker_grows_and_shrinks_as_apache_does() -> None:
    assert grow(WORKER_LIMITS, 1, [50] * 5) == [1, 2, 4, 8, 12, 12]
    assert grow(WORKER_LIMITS, 12, [0] * 3) == [12, 11, 10, 9]


def test_seed_worker_reaches_exactly_six_children() -> None:
    limits = Limits(start=2, min_spare=25, max_spare=75, server_limit=16, max_workers=150, thread_limit=64, threads=25)
    assert grow(limits, 2, [50, 75, 125, 148, 148])[-1] == 6


def test_hold_off_keeps_the_rate_after_a_graceful_restart() -> None:
    rate = Rate(1, 2)
    for expected in (Rate(1, 1), Rate(1, 0), Rate(2, 0)):
        plan = plan_idle(pool(5, 70, PREFORK_LIMITS), PREFORK_LIMITS, rate)
        assert plan.rate == expected
        rate = plan.rate


@pytest.mark.parametrize(
    ("busy", "reason"), [(60, Full.BUSY), (58, Full.NEAR), (0, None)], ids=["all busy", "nearly", "idle"]
)
def test_full(busy: int, reason: Full | None) -> None:
    assert plan_idle(pool(12, busy, WORKER_LIMITS), WORKER_LIMITS, Rate()).full is reason


def test_full_of_children_that_go_away() -> None:
    rows = [replace(row, accepting=False) for row in pool(12, 60, WORKER_LIMITS)]
    assert plan_idle(rows, WORKER_LIMITS, Rate()).full is Full.STOPPING


def test_a_row_whose_child_goes_away_is_used_when_no_other_is_free() -> None:
    rows = pool(12, 60, WORKER_LIMITS)
    rows[3] = Row(3, True, False, 0, 2, 3)
    assert plan_idle(rows, WORKER_LIMITS, Rate()).start == (3,)


def test_the_child_with_the_least_to_finish_is_stopped() -> None:
    rows = pool(12, 0, WORKER_LIMITS)
    rows[11] = replace(rows[11], idle=4, busy=1)
    assert plan_idle(rows, WORKER_LIMITS, Rate()).stop == 10


CLAMPS = [
    (PREFORK, {"server_limit": 300_000}, ["AH00175"]),
    (PREFORK, {"server_limit": 0}, ["AH00177", "AH00180"]),
    (PREFORK, {"max_workers": 500}, ["AH00180"]),
    (PREFORK, {"max_workers": 0}, ["AH00182"]),
    (PREFORK, {"start": 0}, ["AH00184"]),
    (PREFORK, {"min_spare": 0}, ["AH00186"]),
    (PREFORK, {"min_spare": 10, "max_spare": 5}, ["PH00211"]),
    (PREFORK, {}, []),
    (WORKER, {"server_limit": 100_000}, ["AH00300"]),
    (WORKER, {"server_limit": 0}, ["AH00302", "AH00318"]),
    (WORKER, {"thread_limit": 200_000}, ["AH00305"]),
    (WORKER, {"thread_limit": 0}, ["AH00307", "AH00310", "AH00318"]),
    (WORKER, {"threads": 100}, ["AH00310", "AH00316"]),
    (WORKER, {"threads": 0}, ["AH00312", "AH00318"]),
    (WORKER, {"max_workers": 10}, ["AH00314"]),
    (WORKER, {"max_workers": 60}, ["AH00316"]),
    (WORKER, {"max_workers": 500}, ["AH00318"]),
    (WORKER, {"start": 0}, ["AH00320"]),
    (WORKER, {"min_spare": 0}, ["AH00322"]),
    (WORKER, {"min_spare": 75, "max_spare": 25}, ["PH00211"]),
    (WORKER, {}, []),
]
DEFAULTS = {
    PREFORK.spare_name: Limits(start=5, min_spare=5, max_spare=10, server_limit=256, max_workers=256),
    WORKER.spare_name: Limits(
        start=3, min_spare=75, max_spare=250, server_limit=16, max_workers=400, thread_limit=64, threads=25
    ),
}


@pytest.mark.parametrize(("family", "changes", "numbers"), CLAMPS, ids=str)
def test_clamps(family: Family, changes: dict[str, int], numbers: list[str]) -> None:
    defaults = DEFAULTS[family.spare_name]
    wanted = replace(defaults, **changes)
    limits, messages = clamp(wanted, family)
    # Fewer servers than StartServers is a warning of ours on top of Apache's.
    assert [message.number for message in messages if message.number != "PH00212"] == numbers
    assert clamp(limits, family) == (limits, [])


def test_limits_that_a_restart_cannot_change() -> None:
    running = DEFAULTS["Threads"]
    limits, messages = clamp(replace(running, server_limit=20, thread_limit=128), WORKER, running)
    assert (limits.server_limit, limits.thread_limit) == (16, 64)
    assert [message.log_number for message in messages] == ["AH00304", "AH00309"]


def test_the_log_has_the_short_form() -> None:
    _, messages = clamp(replace(DEFAULTS["Threads"], start=0), WORKER)
    text = "StartServers of 0 not allowed, increasing to 1"
    assert messages == [("AH00320", f"WARNING: {text}.", "AH00321", text)]


SMALL = st.integers(-5, 70)


@given(start=SMALL, low=SMALL, high=SMALL, servers=SMALL, workers=SMALL, limit=SMALL, threads=SMALL)
def test_whatever_is_configured_becomes_sensible(
    start: int, low: int, high: int, servers: int, workers: int, limit: int, threads: int
) -> None:
    for family in (PREFORK, WORKER):
        wanted = Limits(start, low, high, servers, workers, *((limit, threads) if family.threaded else ()))
        limits, _ = clamp(wanted, family)
        assert 1 <= limits.start <= limits.children <= limits.server_limit
        assert 1 <= limits.threads <= limits.thread_limit
        assert 1 <= limits.min_spare < limits.max_spare
        assert limits.children * limits.threads == limits.max_workers


@given(children=st.integers(0, 12), busy=st.integers(0, 60), spawn=st.integers(1, 32), hold=st.integers(0, 10))
def test_a_plan_never_overfills(children: int, busy: int, spawn: int, hold: int) -> None:
    plan = plan_idle(pool(children, busy, WORKER_LIMITS), WORKER_LIMITS, Rate(spawn, hold))
    assert len(set(plan.start)) == len(plan.start) <= min(spawn, 12 - children)
    assert not (plan.start and plan.stop is not None)
    assert 1 <= plan.rate.spawn <= 32


@settings(deadline=None, max_examples=50)
@given(
    start=SMALL,
    low=SMALL,
    high=SMALL,
    workers=st.integers(1, 100),
    threads=st.integers(1, 30),
    buckets=st.integers(1, 8),
)
def test_every_bucket_settles(start: int, low: int, high: int, workers: int, threads: int, buckets: int) -> None:
    """With several sets of listeners each keeps a child, and none is started and stopped in turn for ever."""
    for family in (PREFORK, WORKER):
        wanted = Limits(start, low, high, 200, workers, *((64, threads) if family.threaded else ()))
        limits = share_out(clamp(wanted, family)[0], family, buckets)
        assert limits.children >= buckets
        for bucket in range(buckets):
            rows = [row for row in pool(0, 0, limits) if row.index % buckets == bucket]
            rate = Rate()
            actions = []
            for _ in range(100):
                plan = plan_idle(rows, limits, rate, buckets)
                rate = plan.rate
                actions.append(bool(plan.start) or plan.stop is not None)
                full = pool(limits.children, 0, limits)
                rows = [full[row.index] if row.index in plan.start else row for row in rows]
                rows = [
                    Row(row.index, False, False, 0, 0, limits.threads) if row.index == plan.stop else row
                    for row in rows
                ]
            assert any(row.accepting for row in rows)
            assert not any(actions[-5:]), "the pool does not come to rest"
