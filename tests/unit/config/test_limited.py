"""Sets of methods, finite and not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.config.limited import ALL_METHODS, Methods, known_as

NAMES = ("GET", "POST", "PUT", "FOO")
sets = st.builds(Methods, st.frozensets(st.sampled_from(NAMES)), st.booleans())


def _listed(methods: Methods) -> set[str]:
    """What is in a set, of all names and one that nobody has named."""
    return {name for name in (*NAMES, "OTHER") if name in methods}


@given(sets, sets)
def test_they_are_sets(one: Methods, other: Methods) -> None:
    assert _listed(one | other) == _listed(one) | _listed(other)
    assert _listed(one & other) == _listed(one) & _listed(other)
    assert _listed(~one) == _listed(ALL_METHODS) - _listed(one)
    assert one.is_empty is (_listed(one) == set())


def test_head_is_get() -> None:
    assert "HEAD" in Methods(frozenset({known_as("GET")}), but=False)
    assert known_as("HEAD") == "GET"
    assert known_as("head") == "head"
