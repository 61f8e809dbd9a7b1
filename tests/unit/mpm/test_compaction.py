"""Bytecode that runs, laid side by side: the functions do what they did."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from pyhttpd.mpm import compaction
from pyhttpd.mpm.compaction import close_up, codes_that_run, fill_holes, gather, move_together

PAGE = 4096


def plain(value: int, *, scale: int = 2) -> tuple[str, int]:
    """Has constants of each kind."""
    if value in (1, 2, 3):
        return "one of (them)", value * scale
    return "none", -1 if value > 1_000_000_000_000 else 0


def closing(value: int) -> Callable[[int], list[int]]:
    return lambda other: [value + each for each in range(other)]


def generating(value: int) -> list[int]:
    def numbers() -> Iterator[int]:
        yield from (number * value for number in range(3))

    return list(numbers())


class Thing:
    def __init__(self, value: int) -> None:
        self.value = value

    @property
    def double(self) -> int:
        return self.value * 2

    @classmethod
    def of(cls, value: int) -> Thing:
        return cls(value=value)

    def failing(self) -> None:
        raise ValueError("as before")


def everything() -> list[object]:
    thing = Thing.of(4)
    return [plain(2), plain(7, scale=3), plain(10**13), closing(1)(3), generating(5), thing.double]


def test_functions_do_what_they_did() -> None:
    before = everything()
    function, code = plain, plain.__code__
    kept = move_together(codes_that_run(everything))
    assert kept
    assert everything() == before
    assert plain is function
    assert plain.__code__ is not code
    assert plain.__code__ == code
    assert plain.__doc__ == "Has constants of each kind."
    with pytest.raises(ValueError, match="as before") as caught:
        Thing(1).failing()
    assert caught.traceback[-1].lineno == Thing.failing.__code__.co_firstlineno  # the line after `def`


def test_methods_properties_and_what_is_within_a_function_move_too() -> None:
    old = [
        Thing.__init__.__code__, vars(Thing)["double"].fget.__code__, vars(Thing)["of"].__func__.__code__,
        closing.__code__, closing(1).__code__,
    ]  # fmt: skip
    kept = move_together(codes_that_run(everything))
    new = [
        Thing.__init__.__code__, vars(Thing)["double"].fget.__code__, vars(Thing)["of"].__func__.__code__,
        closing.__code__, closing(1).__code__,
    ]  # fmt: skip
    assert kept
    assert new == old
    assert all(code is not before for code, before in zip(new, old, strict=True))


def test_what_has_not_run_stays() -> None:
    code = Thing.failing.__code__
    assert gather(everything)
    assert Thing.failing.__code__ is code


def test_a_profiler_of_somebody_else_goes_on() -> None:
    calls: list[str] = []

    def profile(frame: object, event: str, argument: object) -> None:
        calls.append(event)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        codes_that_run(everything)
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_is_as_before(collecting: bool) -> None:
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        assert gather(everything)
        assert close_up()
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()


def test_holes_are_filled_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < sum(map(len, fill_holes())) < compaction.BUDGET + 4 * compaction._FAR + PAGE
    monkeypatch.setattr(compaction, "BUDGET", 0)
    assert len(fill_holes()) == 4


_HOLES = """
from pyhttpd.mpm.compaction import fill_holes
kept = [b"." * size for size in [150] * 8000]
del kept[::8]
if {fill}:
    plugs = fill_holes()
made = [b"." * size for size in [150] * 400]
print(len({{id(each) // 4096 for each in made}}))
"""


def test_what_is_made_afterwards_lies_together() -> None:
    """In a process of its own, whose memory nobody else has made holes into."""

    def pages(fill: bool) -> int:
        script = _HOLES.format(fill=fill)
        return int(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)

    assert pages(fill=True) <= 400 * 192 // PAGE + 8  # they take 192 bytes each; and perhaps in a few pools
    assert pages(fill=False) > 100
