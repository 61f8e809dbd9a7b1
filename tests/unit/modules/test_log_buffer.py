"""The buffer of BufferedLogs: whole lines, no more than a pipe takes at once, none lost and none twice."""

from __future__ import annotations

import signal
import threading

from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.modules.log_buffer import FULL, Buffer


class Sink:
    """Remembers its writes; `full` makes them fail, counted as the real ones count them."""

    fd = -1

    def __init__(self, *, full: bool = False) -> None:
        self.writes: list[bytes] = []
        self.full = full
        self.lost = 0

    def append(self, line: bytes) -> bool:
        if self.full:
            self.lost += 1
            return False
        self.writes.append(line)
        return True


@given(st.lists(st.integers(0, FULL + 200).map(lambda size: b"x" * size + b"\n"), max_size=60))
def test_lines_stay_whole(lines: list[bytes]) -> None:
    sink = Sink()
    buffer = Buffer(sink)
    for line in lines:
        assert buffer.append(line)
    buffer.flush()
    assert b"".join(sink.writes) == b"".join(lines)
    assert all(len(write) <= FULL or write.count(b"\n") == 1 for write in sink.writes)
    assert len(sink.writes) <= 2 * sum(map(len, lines)) // FULL + 1
    count = len(sink.writes)
    buffer.flush()
    assert len(sink.writes) == count


def test_what_is_lost_is_counted_in_lines() -> None:
    buffer = Buffer(Sink(full=True))
    for _ in range(3):
        buffer.append(b"y" * 1000 + b"\n")
    assert not buffer.flush()
    assert buffer.lost == 3


def test_threads_lose_nothing() -> None:
    sink = Sink()
    buffer = Buffer(sink)

    def work(name: int) -> None:
        for number in range(2000):
            buffer.append(b"%d %d\n" % (name, number))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer.flush()
    lines = b"".join(sink.writes).splitlines()
    assert sorted(lines) == sorted(b"%d %d" % (name, number) for name in range(4) for number in range(2000))


def test_a_signal_that_ends_the_child_waits_for_the_write() -> None:
    """Its handler flushes for the last time, and then nobody comes back to what was half done."""
    sink = Sink()
    buffer = Buffer(sink)
    seen: list[list[bytes]] = []

    class Interrupted(Sink):
        def append(self, line: bytes) -> bool:
            signal.raise_signal(signal.SIGTERM)
            return sink.append(line)

    def handler(number: int, frame: object) -> None:
        buffer.flush()
        seen.append(list(sink.writes))

    buffer.sink = Interrupted()
    before = signal.signal(signal.SIGTERM, handler)
    try:
        buffer.append(b"a\n")
        buffer.flush()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [[b"a\n"]]
