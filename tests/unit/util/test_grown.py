"""A value that grows."""

from __future__ import annotations

import pickle

from pyhttpd.util.grown import Grown


def test_it_is_a_value() -> None:
    one = Grown("a")
    two, other = one.plus("b"), one.plus("c")
    assert one == ("a",)
    assert two == ("a", "b")
    assert other == ("a", "c")
    assert two != other
    assert (len(one), list(two), other[1], other[:1]) == (1, ["a", "b"], "c", ("a",))
    assert hash(two) == hash(("a", "b"))
    assert repr(two) == "('a', 'b')"
    assert not Grown()


def test_it_is_pickled_as_a_tuple() -> None:
    one: Grown[int] = Grown((1,))
    one.plus((2,))
    copy = pickle.loads(pickle.dumps(one))
    assert type(copy) is tuple
    assert copy == (1,)


def test_adding_copies_nothing() -> None:
    value: Grown[int] = Grown()
    before = value
    for number in range(1000):
        value = value.plus((number,))
    assert value._items is before._items
    assert list(value) == list(range(1000))
