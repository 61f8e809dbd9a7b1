"""Work in another process: its value, its exception, or word of its death."""

from __future__ import annotations

import os
import signal

import pytest

from pyhttpd.mpm.apart import Apart, ProcessFailed


def _value() -> list[int]:
    return list(range(100_000))


def _raises() -> None:
    raise LookupError("no such thing")


def _dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hangs() -> None:
    signal.pause()


def test_a_value_that_is_larger_than_a_pipe() -> None:
    apart = Apart(_value)
    assert apart.result() == _value()
    apart.wait()


def test_an_exception_comes_back() -> None:
    apart = Apart(_raises)
    with pytest.raises(LookupError, match="no such thing"):
        apart.result()
    apart.wait()


def test_a_death_is_told() -> None:
    apart = Apart(_dies)
    with pytest.raises(ProcessFailed):
        apart.result()
    apart.wait()


def test_abandon_ends_it() -> None:
    apart = Apart(_hangs)
    assert apart.advance() is False
    apart.abandon()
    apart.wait()
