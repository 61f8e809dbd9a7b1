"""Thousands of requests that are nearly right, to both servers: what comes back, byte for byte, and what is logged.

PYHTTPD_HEADS=20000 tries so many, other ones in each run; without it a few, always the same.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from tests.oracle.differences import PATTERNS, Pattern, explained
from tests.oracle.exchange import Observed, Stream, parse_case
from tests.oracle.heads import changed_cases, requests
from tests.oracle.site import CASES, Pairs

MORE = int(os.environ.get("PYHTTPD_HEADS", "0"))
FILES = [data for path in CASES for data, options in [parse_case(path.read_text())] if "server" not in options]
ODD = [HealthCheck.too_slow, HealthCheck.data_too_large]  # of a request; it is the servers that take the time


def _differ(pair: tuple[Observed, Observed], data: bytes) -> tuple[Stream, Stream] | None:
    """What both made of it, if that is not the same."""
    theirs, ours = (observed.stream(data) for observed in pair)
    return None if theirs == ours else (theirs, ours)


def _compare(pair: tuple[Observed, Observed], data: bytes) -> None:
    found = _differ(pair, data)
    if found is None or explained(*found):
        return
    theirs, ours = found
    for part in Stream._fields:
        assert getattr(ours, part) == getattr(theirs, part)


@settings(max_examples=MORE or 800, derandomize=not MORE, database=None, deadline=None, suppress_health_check=ODD)
@given(data=requests())
def test_nearly_right_requests(pairs: Pairs, data: bytes) -> None:
    _compare(pairs.get(""), data)


@settings(max_examples=MORE or 300, derandomize=not MORE, database=None, deadline=None, suppress_health_check=ODD)
@given(data=requests())
def test_nearly_right_requests_to_lenient_servers(pairs: Pairs, data: bytes) -> None:
    """HttpProtocolOptions Unsafe."""
    _compare(pairs.get("unsafe"), data)


@settings(max_examples=MORE or 400, derandomize=not MORE, database=None, deadline=None, suppress_health_check=ODD)
@given(data=changed_cases(FILES))
def test_changed_cases(pairs: Pairs, data: bytes) -> None:
    """The files of the other tests, with a few bytes changed."""
    _compare(pairs.get(""), data)


@settings(max_examples=MORE or 300, derandomize=not MORE, database=None, deadline=None, suppress_health_check=ODD)
@given(data=requests(), piece=strategies.integers(1, 40))
def test_nearly_right_requests_in_pieces(pairs: Pairs, data: bytes, piece: int) -> None:
    """We alone: however they are cut into packets."""
    ours = pairs.get("")[1]
    assert ours.stream(data, piece) == ours.stream(data)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_each_pattern_is_needed(pairs: Pairs, pattern: Pattern) -> None:
    found = _differ(pairs.get(""), pattern.example)
    assert found is not None, "no difference any more"
    assert explained(*found) == [pattern.name]
