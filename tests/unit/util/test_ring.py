"""The ring of rows in shared memory: what can be read of it, and that a row being written cannot."""

from __future__ import annotations

import mmap
import os

import pytest

from pyhttpd.util.ring import Ring


def words(count: int) -> memoryview:
    return memoryview(mmap.mmap(-1, count * 8)).cast("Q")


@pytest.mark.parametrize("written", [0, 1, 3, 4, 5, 9, 100])
def test_the_last_rows_are_kept(written: int) -> None:
    memory = words(Ring.size(4, 2))
    ring = Ring(memory, 4, 2)
    for number in range(written):
        ring.append(number, number * 10)
    assert ring.read() == [(number, number * 10) for number in range(max(0, written - 3), written)]
    assert Ring(memory, 4, 2).read() == ring.read()


def test_rows_that_are_overwritten_while_they_are_read() -> None:
    """The writer goes on between the reader's look at the count and its copy."""
    memory = words(Ring.size(4, 1))
    ring = Ring(memory, 4, 1)
    for number in range(6):
        ring.append(number)

    class Words:
        def __getitem__(self, index: int) -> int:
            return int(memory[index])

        def tolist(self) -> list[int]:
            ring.append(6)
            ring.append(7)
            return memory.tolist()

    reader = Ring(Words(), 4, 1)  # type: ignore[arg-type]  # what a reader does with its words
    assert reader.read() == [(5,)]


def test_another_process_sees_them() -> None:
    ring = Ring(words(Ring.size(8, 1)), 8, 1)
    pid = os.fork()
    if pid == 0:
        ring.append(2**64 - 1)
        os._exit(0)
    os.waitpid(pid, 0)
    assert ring.read() == [(2**64 - 1,)]
