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


def _cannot_be_pickled() -> object:
    return lambda: None


def _dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hangs() -> None:
    signal.pause()


def test_a_value_that_is_larger_than_a_pipe() -> None:
    apart = Apart(_value)
    assert apart.result() == _value()
    apart.wait()


def test_an_exception_comes_back() -> None:
    apart = Apart(_raises, expected=(LookupError,))
    with pytest.raises(LookupError, match="no such thing"):
        apart.result()
    apart.wait()


def test_an_unexpected_exception_is_a_failure_with_its_traceback() -> None:
    apart = Apart(_raises)
    with pytest.raises(ProcessFailed, match="LookupError: no such thing") as caught:
        apart.result()
    assert caught.value.details[0] == "Traceback (most recent call last):"
    apart.wait()


def test_what_cannot_be_pickled_is_a_failure() -> None:
    apart = Apart(_cannot_be_pickled)
    with pytest.raises(ProcessFailed):
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
