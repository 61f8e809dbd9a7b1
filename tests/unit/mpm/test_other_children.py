"""The master's other children: started, started again, ended; a generation comes and goes."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyhttpd.api.log import Level
from pyhttpd.api.program import Program
from pyhttpd.mpm import other_children
from pyhttpd.mpm.generation import Refused
from pyhttpd.mpm.other_children import DELAYS, Life, OtherChildren
from pyhttpd.mpm.reclaim import Step
from pyhttpd.util.line_pipe import LinePipe
from tests.support import processes
from tests.support.waiting import wait_until

FAILURE = ("AH00104", "unable to start")
COPY = "import os\nwhile data := os.read(0, 65536):\n    os.write(1, data)"


class World:
    """A master of two lines: it reaps and tends."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.others = OtherChildren()
        self.said: list[tuple[str | None, str]] = []
        self.oldest = 0
        self.number = -1

    def log(
        self, level: Level, module: str, number: str | None, text: str, *, errno: int | None = None
    ) -> None:
        assert module == "core"
        self.said.append((number, text))

    @property
    def numbers(self) -> list[str | None]:
        return [number for number, _ in self.said]

    def program(self, script: str, *, main: bool = False) -> Program:
        """Python code that writes to the file that its first argument names."""
        output = self.directory / "output"
        argv = (sys.executable, "-S", "-E", "-c", f"import os; os.dup2(os.open({str(output)!r}, 0o2101), 1)\n{script}")
        return Program("a program", argv, str(self.directory), LinePipe("a program"), FAILURE, main)

    def add(self, program: Program) -> Program:
        self.others.add(program)
        return program

    def take(self) -> None:
        self.number += 1
        self.others.take(self.number, self.log)

    def turn(self) -> None:
        for child in list(self.others._children):
            if child.pid:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    self.others.reaped(pid, status)
        self.others.tend(self.oldest)

    def until(self, predicate: Callable[[], object], what: str, limit: float = 15) -> None:
        def look() -> bool:
            self.turn()
            return bool(predicate())

        wait_until(look, limit, lambda: f"{what}; said: {self.said}")

    def pid(self, program: Program) -> int:
        return next((child.pid for child in self.others._children if child.program is program), 0)

    def kill(self, program: Program) -> None:
        """Until it is dead: what is written from here on it cannot have read."""
        pid = self.pid(program)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    def output(self) -> str:
        try:
            return (self.directory / "output").read_text()
        except FileNotFoundError:
            return ""

    def awaits_output(self, text: str) -> None:
        self.until(lambda: self.output() == text, f"{text!r}")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for child in world.others._children:
        if child.pid:
            os.killpg(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)
        child.program.pipe.close()


def test_a_program_reads_what_was_written_before_it_ran(world: World) -> None:
    program = world.add(world.program(COPY))
    program.pipe.append(b"early\n")
    world.take()
    program.pipe.append(b"late\n")
    world.awaits_output("early\nlate\n")
    assert world.said == []


def test_what_a_program_inherits(world: World) -> None:
    os.environ["OF_THE_SERVER"] = "yes"
    leaked = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN), signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    world.add(
        world.program(
            "import os\n"
            "fds = [n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')]\n"
            "status = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)\n"
            "told = sorted(fds), os.getcwd(), os.environ.get('OF_THE_SERVER'), os.getsid(0) == os.getpid()\n"
            "print(*told, status['SigBlk'])\n"
            "print(int(status['SigIgn'], 16) >> 9 & 1, flush=True)\n"  # SIGUSR1; Python ignores SIGPIPE itself
            "os.read(0, 1)\n"  # once it ends, another one begins, to which other things are left
        )
    )
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        world.take()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGPIPE, before[0])
        signal.signal(signal.SIGUSR1, before[1])
        os.close(leaked)
        del os.environ["OF_THE_SERVER"]
    # 3 is its own: the file that it writes
    world.awaits_output(f"['0', '1', '2', '3'] {world.directory} yes True 0000000000000000\n0\n")
    assert os.getcwd() != str(world.directory)


def test_a_program_that_dies_is_started_again_and_misses_nothing(world: World) -> None:
    program = world.add(world.program(COPY))
    world.take()
    first = world.pid(program)
    program.pipe.append(b"one\n")
    world.awaits_output("one\n")
    world.kill(program)
    program.pipe.append(b"two\n")
    world.until(lambda: world.pid(program) not in (0, first), "another one")
    world.awaits_output("one\ntwo\n")
    number, text = world.said[0]
    assert (number, text) == ("AH00106", "piped log program 'a program' failed unexpectedly: signal Killed (9)")


def test_one_that_dies_at_once_is_started_less_and_less_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(world.program("raise SystemExit(3)"))
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    world.take()
    child = world.others._children[0]
    for delay in (*DELAYS, DELAYS[-1]):
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        world.others.reaped(*os.waitpid(child.pid, 0))
        assert child.pid == 0
        assert child.start_at == clock[0] + delay == world.others.due()
        clock[0] += delay - 0.01
        world.others.tend(0)
        assert (child.pid != 0) is (delay == 0.0) or delay == 0.0
        clock[0] += 0.02
        world.others.tend(0)
        assert child.pid
    assert "exit status 3; it is started again in 60 seconds" in world.said[-1][1]
    clock[0] += 100  # this time it lived
    world.others.reaped(*os.waitpid(child.pid, 0))
    assert child.start_at == clock[0], "earlier deaths are forgotten"


def test_a_program_that_cannot_be_executed(world: World) -> None:
    """What cannot be seen before refuses a reload; at a start it is said, and tried again."""
    file = world.directory / "program"
    file.write_text("\0garbage")
    file.chmod(0o755)
    refused = world.add(Program("broken", (str(file),), "/", LinePipe("broken"), FAILURE))
    with pytest.raises(Refused) as caught:
        world.others.start_prepared(2)
    assert [(line.number, line.text) for line in caught.value.lines] == [
        FAILURE
    ]
    world.others.retire(refused)
    assert len(world.others) == 0
    world.add(Program("broken", (str(file),), "/", LinePipe("broken"), FAILURE))
    world.take()
    assert world.said == [FAILURE]
    world.until(lambda: world.numbers == ["AH00104"] * 2, "a second attempt")
    assert world.said[-1][1].endswith("; it is started again in 1 seconds")


@pytest.mark.parametrize(
    ("name", "error"), [("/no/such", FileNotFoundError), ("/", PermissionError), ("/etc/passwd", PermissionError)]
)
def test_one_that_is_none_is_refused(world: World, name: str, error: type[OSError]) -> None:
    pipe = LinePipe("none")
    with pytest.raises(error):
        world.add(Program("none", (name,), "/", pipe, FAILURE))
    assert len(world.others) == 0
    pipe.close()


@pytest.mark.parametrize(
    ("interpreter", "error"), [("/no/such", FileNotFoundError), (" /etc/passwd -x", PermissionError)]
)
def test_a_script_needs_its_interpreter(world: World, interpreter: str, error: type[OSError]) -> None:
    script = world.directory / "script"
    script.write_text(f"#!{interpreter}\n")
    script.chmod(0o755)
    pipe = LinePipe("script")
    with pytest.raises(error):
        world.add(Program("script", (str(script),), "/", pipe, FAILURE))
    pipe.close()


def test_a_name_without_a_slash_is_below_the_directory(world: World) -> None:
    script = world.directory / "script"
    script.write_text(f"#!/bin/sh\ncat > {world.directory}/output\n")
    script.chmod(0o755)
    program = world.add(Program("script", ("script",), str(world.directory), LinePipe("script"), FAILURE))
    world.take()
    program.pipe.append(b"here\n")
    world.awaits_output("here\n")


def test_the_old_one_lives_as_long_as_its_generation_has_children(world: World) -> None:
    old = world.add(world.program(COPY + "\nos.write(1, b'ended\\n')"))
    world.take()
    new = world.add(world.program(COPY))
    world.others.start_prepared(2)
    assert world.pid(new)
    world.take()
    world.others.retire(old)
    old.pipe.append(b"of an old child\n")
    world.awaits_output("of an old child\n")
    world.kill(old)
    old.pipe.append(b"another\n")
    world.awaits_output("of an old child\nanother\n")
    world.oldest = 1
    world.until(lambda: len(world.others) == 1, "the end of the old one")
    assert world.output().endswith("another\nended\n")
    assert old.pipe.descriptors == ()
    assert world.pid(new)


def test_a_generation_that_is_not_taken_takes_its_programs_along(world: World) -> None:
    running = world.add(world.program(COPY))
    world.take()
    given_up = world.add(world.program(COPY))
    world.others.start_prepared(2)
    world.others.retire(given_up)
    world.until(lambda: len(world.others) == 1, "the end of the new one")
    assert given_up.pipe.descriptors == ()
    assert world.pid(running)
    assert world.said == []


def test_dropped_lines_are_told_once_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_children, "QUIET", 0.1)
    program = world.add(world.program("import signal, os; os.kill(os.getpid(), signal.SIGSTOP)\n" + COPY))
    world.take()
    wait_until(lambda: processes.state(world.pid(program)) == "T", 15, "it has stopped itself")
    assert world.others.watched() == [program.pipe.dropped]
    line = b"x" * 999 + b"\n"
    dropped = 0
    for _ in range(1500):
        dropped += not program.pipe.append(line)
    assert dropped > 300
    assert select.select([program.pipe.dropped], [], [], 0)[0], "the master wakes"
    for _ in range(3):
        world.turn()
        program.pipe.append(line)
    assert world.numbers == ["PH00230"]
    assert world.others.watched() == [], "nothing wakes the master for each line"
    os.kill(world.pid(program), signal.SIGCONT)
    world.until(lambda: len(world.said) > 1, "it reads again")
    assert world.said[1] == ("PH00231", f"{dropped + 3} lines for piped log program 'a program' were dropped")
    assert program.pipe.append(line)


def test_the_end_of_the_server(world: World) -> None:
    """Everybody reads to the end; one that was down is started for what is left."""
    work = "os.spawnl(os.P_WAIT, sys.executable, sys.executable, '-c', '')"  # takes its time
    slow = world.add(world.program(f"import sys\n{COPY}\n{work}\nos.write(1, b'slow\\n')"))
    world.take()
    slow.pipe.append(b"last\n")
    world.others.end_all()
    assert len(world.others) == 0
    assert world.output() == "last\nslow\n"
    assert world.said == []


def test_what_waits_for_one_that_is_down_is_read_at_the_end(world: World) -> None:
    program = world.add(world.program(COPY))
    world.take()
    child = world.others._children[0]
    child.deaths = 5
    world.kill(program)
    world.turn()
    assert child.pid == 0
    program.pipe.append(b"meanwhile\n")
    world.others.end_all()
    assert world.output() == "meanwhile\n"


def test_one_that_does_not_end_is_ended_with_all_that_it_started(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_children, "AT_STOP", (other_children.AT_STOP[0], other_children.AT_STOP[1]))
    world.add(Program("shell", ("/bin/sh", "-c", "sleep 1000 & echo $! > pid; sleep 1000"), str(world.directory),
                      LinePipe("shell"), FAILURE))  # fmt: skip
    world.take()
    wait_until(lambda: (world.directory / "pid").exists() and (world.directory / "pid").read_text(), 15, "its child")
    grandchild = os.pidfd_open(int((world.directory / "pid").read_text()))
    began = time.monotonic()
    world.others.end_all()
    assert 0.9 < time.monotonic() - began < 900, "it would have slept for longer"
    assert world.numbers[:1] == ["AH00045"]
    assert select.select([grandchild], [], [], 60)[0]
    os.close(grandchild)


def test_one_that_does_not_want_to_end_is_killed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at_stop = tuple(
        Step(after, step.signal, step.level, step.number, step.text)
        for after, step in zip((0.1, 0.2), other_children.AT_STOP, strict=True)
    )
    monkeypatch.setattr(other_children, "AT_STOP", at_stop)
    script = "import signal\nsignal.signal(15, signal.SIG_IGN)\nprint('ready', flush=True)\nsignal.pause()"
    world.add(world.program(script))
    world.take()
    world.awaits_output("ready\n")
    world.others.end_all()
    assert world.numbers == ["AH00045", "AH00046"]
    assert len(world.others) == 0


def test_an_old_one_that_does_not_end_is_ended_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at_restart = tuple(
        Step(after, step.signal, step.level, step.number, step.text)
        for after, step in zip((0.1, 0.2), other_children.AT_RESTART, strict=True)
    )
    monkeypatch.setattr(other_children, "AT_RESTART", at_restart)
    script = "import signal\nsignal.signal(15, signal.SIG_IGN)\nprint('ready', flush=True)\nsignal.pause()"
    old = world.add(world.program(script))
    world.take()
    world.awaits_output("ready\n")
    world.take()
    world.others.retire(old)
    assert world.others.due() is not None, "somebody looks for the end of its generation"
    world.oldest = 1
    world.until(lambda: len(world.others) == 0, "its end")
    assert world.numbers == ["AH00045", "AH00046"]


def test_nobody_is_missed_who_was_told_to_stop_with_the_server(world: World) -> None:
    program = world.add(world.program(COPY))
    world.take()
    world.kill(program)
    pid = world.pid(program)
    world.others.stopping = True
    world.others.reaped(pid, os.waitpid(pid, 0)[1])
    program.pipe.append(b"last words\n")
    world.others.end_all()
    assert world.output() == "last words\n"
    assert world.said == []


def test_a_child_that_serves_keeps_the_writing_end_alone(world: World) -> None:
    old = world.add(world.program(COPY))
    world.take()
    new = world.add(world.program(COPY))
    world.take()
    world.others.retire(old)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            world.others.let_go(serves=True)
            served = (new.pipe.reader, new.pipe.fd >= 0, new.pipe.dropped >= 0, old.pipe.descriptors)
            world.others.let_go(serves=False)
            status = 0 if served == (-1, True, True, ()) and new.pipe.descriptors == () else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_every_life_has_a_fate() -> None:
    assert set(other_children.WHEN_IT_DIES) == set(Life)
