"""Lines of many processes in one pipe: whole or dropped and counted, and nobody waits."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator

import pytest

from pyhttpd.util.line_pipe import PIPE_BUF, LinePipe, pieces


@pytest.fixture
def pipe() -> Iterator[LinePipe]:
    pipe = LinePipe("a program")
    yield pipe
    pipe.close()


def read_all(pipe: LinePipe) -> bytes:
    os.set_blocking(pipe.reader, False)
    data = b""
    try:
        while chunk := os.read(pipe.reader, 1 << 20):
            data += chunk
    except BlockingIOError:
        pass
    return data


def test_lines_go_through(pipe: LinePipe) -> None:
    assert pipe.append(b"one\n")
    assert pipe.append(b"two\nthree\n")
    assert pipe.unread() == 14
    assert read_all(pipe) == b"one\ntwo\nthree\n"
    assert pipe.take_dropped() == 0


def test_only_the_writing_end_does_not_block(pipe: LinePipe) -> None:
    assert not os.get_blocking(pipe.fd)
    assert os.get_blocking(pipe.reader)
    assert not any(os.get_inheritable(fd) for fd in pipe.descriptors)


def test_a_full_pipe_drops_whole_lines_and_counts_them(pipe: LinePipe) -> None:
    line = b"x" * 99 + b"\n"
    sent = 0
    while pipe.append(line):
        sent += 1
    assert pipe.is_full()
    assert not pipe.append(line * 2)
    assert pipe.take_dropped() == 3
    assert pipe.take_dropped() == 0
    assert read_all(pipe) == line * sent
    assert not pipe.is_full()
    assert pipe.append(line)


@pytest.mark.parametrize("size", [PIPE_BUF - 1, PIPE_BUF, PIPE_BUF + 1, 40_000, 200_000])
def test_a_long_line_is_written_whole(pipe: LinePipe, size: int) -> None:
    line = b"x" * (size - 1) + b"\n"
    assert pipe.append(line)
    assert read_all(pipe) == line


def test_a_long_line_is_dropped_where_it_might_be_cut(pipe: LinePipe) -> None:
    """Half of the pipe has to be free afterwards, in pages that may be half full."""
    short = b"x" * (PIPE_BUF // 2 + 1)
    for _ in range(200):  # each in a page of its own
        assert pipe.append(short[:-1] + b"\n")
    assert not pipe.append(b"y" * PIPE_BUF + b"\n")
    assert pipe.take_dropped() == 1
    assert b"y" not in read_all(pipe)
    assert pipe.append(b"y" * PIPE_BUF + b"\n")


def test_a_line_that_never_fits_is_dropped(pipe: LinePipe) -> None:
    assert not pipe.append(b"x" * (1 << 20) + b"\n")
    assert pipe.take_dropped() == 1
    assert read_all(pipe) == b""


def test_a_small_pipe_takes_long_lines_too(pipe: LinePipe) -> None:
    """Where a user has too many large pipes, the system gives a small one."""
    fcntl.fcntl(pipe.fd, fcntl.F_SETPIPE_SZ, 65536)
    pipe._pages = 16
    line = b"x" * 8192 + b"\n"
    assert pipe.append(line)
    assert not pipe.append(line), "half of the pipe is not free any more"
    assert read_all(pipe) == line


def test_a_stump_is_ended(pipe: LinePipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """If others fill the pipe between our look and our write, nothing more is lost than the lines that touch."""
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:4096]))
        assert not pipe.append(b"x" * 5000 + b"\n")
    assert pipe.append(b"next\n")
    assert pipe.append(b"last\n")
    assert read_all(pipe) == b"x" * 4096 + b"\nnext\nlast\n"
    assert pipe.take_dropped() == 2


def test_without_a_reader_lines_are_counted(pipe: LinePipe) -> None:
    pipe.close_reader()
    assert not pipe.append(b"one\n")
    assert pipe.take_dropped() == 1


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"", []),
        (b"a\n", [b"a\n"]),
        (b"a" * 5000 + b"\n", [b"a" * 5000 + b"\n"]),
        (b"a" * 3000 + b"\n" + b"b" * 3000 + b"\n", [b"a" * 3000 + b"\n", b"b" * 3000 + b"\n"]),
        (b"a\n" + b"b" * 5000 + b"\nc\n", [b"a\n", b"b" * 5000 + b"\n", b"c\n"]),
        (b"a" * 5000, [b"a" * 5000]),
        (b"a\n" * 2048 + b"b", [b"a\n" * 2048, b"b"]),
    ],
)
def test_pieces(lines: bytes, expected: list[bytes]) -> None:
    assert list(pieces(lines)) == expected


def test_many_writers_and_a_slow_reader(pipe: LinePipe) -> None:
    """Every line that arrives is whole, and those that do not were counted. Lines of all lengths, from four processes,
    into a pipe that is full most of the time."""
    sizes = (30, 4000, 100, 9000, 2500, 4096, 60, 4097, 70_000, 300)
    each = 1500
    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                pipe.close_reader()
                for at in range(each):
                    head = b"%d %d " % (number, at)
                    size = sizes[(at + number) % len(sizes)]
                    pipe.append(head + b"%d " % size + b"abcdefghij"[number : number + 1] * size + b"\n")
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
    pipe.close_writer()
    data = bytearray()
    while chunk := os.read(pipe.reader, 3000):
        data += chunk
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    *lines, rest = bytes(data).split(b"\n")
    assert rest == b""
    seen: list[list[int]] = [[], [], [], []]
    for line in lines:
        writer, place, length, text = line.split(b" ")
        assert text == b"abcdefghij"[int(writer) : int(writer) + 1] * int(length)
        seen[int(writer)].append(int(place))
    assert all(ats == sorted(set(ats)) for ats in seen), "the lines of a process keep their order"
    assert len(lines) + pipe.take_dropped() == 4 * each
    assert max(len(ats) for ats in seen) > 0


def test_writing_never_waits(pipe: LinePipe) -> None:
    signal.alarm(10)
    try:
        for _ in range(20_000):
            pipe.append(b"x" * 200 + b"\n")
    finally:
        signal.alarm(0)
    assert pipe.take_dropped() > 0
