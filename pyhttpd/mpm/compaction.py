"""What many children run and make, side by side in memory.

Bytecode counts its references, and how often it ran, in itself, and so do its constants: a page that holds a piece of
what runs is copied in each child. Where modules are loaded, what runs lies between what never does, a little in each
page. Copies of it, made in one go, fill whole pages, and a fraction as many. And what a child makes shall not fall into
the holes of shared pages, a little into each, but behind them all. This is for memory alone: each function does what it
did, and an allocator that works in another way only gains less.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, FunctionType
from typing import Any

BUDGET = 8 << 20
"""Bytes that are spent on filling holes, at most."""
_SMALL = 512
"""Bytes up to which Python has pools of its own for each size, in steps of 16; what is larger is the C library's."""
_LARGE = 4096
_FAR = 100_000
"""Bytes that the C library takes from the end of its heap, as no hole is so large. Nothing is written to them."""
_POOL = 16384 - 64
"""Bytes of a pool without its head (Objects/obmalloc.c)."""
_HEAD = 33
"""Bytes of an empty bytes object."""
_COUNTED = sys.version_info < (3, 12)
"""Whether references to the names and words of a program are counted; since then they are immortal (PEP 683)."""


def gather(work: Callable[[], object]) -> list[object]:
    """Do this work, and lay the bytecode that it has run side by side. It works as long as what is returned is kept."""
    codes = codes_that_run(work)
    collecting = gc.isenabled()
    gc.disable()  # a collection would make new holes
    try:
        return [fill_holes(), move_together(codes)]
    finally:
        if collecting:
            gc.enable()


def close_up() -> list[bytes]:
    """To be called when nothing more will be made that stays. It works as long as what is returned is kept."""
    gc.collect()  # the interpreter's stores of free objects are emptied, too; they are from anywhere
    return fill_holes()


def codes_that_run(work: Callable[[], object]) -> list[CodeType]:
    """What is called while `work` runs, in this thread, in the order of the first call."""
    found: dict[CodeType, None] = {}

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            found.setdefault(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return list(found)


def move_together(codes: Iterable[CodeType]) -> object:
    """Give the functions that have these codes copies of them that lie side by side. What is returned keeps the old
    ones, which would leave holes."""
    functions: dict[CodeType, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType:
            functions.setdefault(thing.__code__, []).append(thing)
    copies: dict[CodeType, CodeType] = {}
    for code in codes:
        if code in functions:  # what belongs to none is within one that does, or will not run again
            _copy(code, copies)
    old = []
    for code, copy in copies.items():
        for function in functions.get(code, ()):
            old.append(function.__code__)
            function.__code__ = copy
    return old, copies


def _copy(code: CodeType, copies: dict[CodeType, CodeType]) -> CodeType:
    copy = copies.get(code)
    if copy is None:
        constants = tuple([_constant(value, copies) for value in code.co_consts])
        copies[code] = copy = code.replace(co_consts=constants)
    return copy


def _constant(value: Any, copies: dict[CodeType, CodeType]) -> Any:
    """Another object of the same value, where references to it are counted."""
    kind = type(value)
    if kind is CodeType:
        return _copy(value, copies)
    if kind is str and len(value) > 1 and _COUNTED:
        return value[:1] + value[1:]
    if kind is tuple and value:
        return (*value[:1], *value[1:])  # of the same objects: names of arguments are found by identity
    return value


def fill_holes() -> list[bytes]:
    """Take the free pieces between what is in use. As long as these are kept, what is made lies behind them."""
    plugs = [bytes(_FAR) for _ in range(4)]
    end = max(map(id, plugs))
    left = BUDGET
    for size in range(_LARGE, 32, -16):
        pool = _POOL // size if size <= _SMALL else 0
        run, last = 1, 0
        while left > 0:
            plug = b"." * (size - _HEAD)  # bytes(n) would pass over what the C library keeps for each thread
            plugs.append(plug)
            left -= size
            run, last = run + 1 if id(plug) - last == size else 1, id(plug)
            if run >= pool if pool else last > end:
                del plug, plugs[-(pool or 1) :]  # this was no hole: a pool that nobody uses, or the end of the heap
                break
    return plugs
