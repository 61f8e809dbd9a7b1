"""The order of hooks: by their Order, then by the order of the modules, and as `before` and `after` demand."""

from __future__ import annotations

import pytest

from pyhttpd.api.phases import Hook, Order, Phase, in_order, on


def nothing() -> int:
    return 0


def hook(order: Order = Order.MIDDLE, *, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Hook:
    return on(Phase.FIXUPS, nothing, order, before=before, after=after)


def order_of(*rows: tuple[str, Hook]) -> list[str]:
    return [source for source, _ in in_order(rows, Phase.FIXUPS)]


def test_order_then_position() -> None:
    other_phase = on(Phase.HANDLER, nothing)
    rows = (("d", hook(Order.LAST)), ("b", hook()), ("c", hook()), ("a", hook(Order.FIRST)), ("x", other_phase))
    assert order_of(*rows) == ["a", "b", "c", "d"]


def test_before_and_after() -> None:
    assert order_of(("a", hook(after=("b",))), ("b", hook()), ("c", hook(before=("a",)))) == ["b", "c", "a"]


def test_what_must_come_earlier_is_drawn_to_the_front() -> None:
    """Past what stands between, whatever its place."""
    assert order_of(("a", hook(after=("c",))), ("b", hook()), ("c", hook())) == ["c", "a", "b"]
    assert order_of(("a", hook()), ("b", hook()), ("c", hook(Order.LAST, before=("a",)))) == ["c", "a", "b"]
    assert order_of(("a", hook(after=("b", "c"))), ("c", hook(after=("d",))), ("b", hook()), ("d", hook())) == [
        "b", "d", "c", "a",
    ]  # fmt: skip


def test_a_module_does_not_wait_for_itself() -> None:
    assert order_of(("a", hook(after=("a",))), ("a", hook(before=("a",)))) == ["a", "a"]


def test_a_module_that_is_not_loaded_holds_nobody_up() -> None:
    assert order_of(("a", hook(after=("mod_none.c",)))) == ["a"]


def test_a_circle_is_an_error() -> None:
    with pytest.raises(ValueError, match="circle"):
        order_of(("a", hook(after=("b",))), ("b", hook(after=("a",))))
