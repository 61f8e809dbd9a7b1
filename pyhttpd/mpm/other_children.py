"""The master's other children: programs that run beside those which serve, as long as somebody writes to them.

A program belongs to a generation. It is started with it, and again when it dies, until no child of that generation is
left; then it comes to the end of its input and has time to finish. The master holds both ends of every pipe: what is
written while a program is down waits there for its next incarnation, and no writer meets EPIPE.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from pyhttpd.api.log import Level
from pyhttpd.api.program import Program
from pyhttpd.mpm.generation import LogLine, Refused
from pyhttpd.mpm.reclaim import STEPS as CHILDREN_STEPS
from pyhttpd.mpm.reclaim import Step
from pyhttpd.mpm.signals import ALL

STABLE = 10.0  # seconds that a program has to live for its earlier deaths to be forgotten
DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # seconds before a restart: after the first death, the second, ...
QUIET = 3.0  # seconds without a dropped line after which a program is said to read again
LATER = 1.0  # seconds until the next look at a program of an old generation

_TERM, _KILL = CHILDREN_STEPS[-3], CHILDREN_STEPS[-2]
# Seconds after the end of a program's input. When the server stops, somebody waits for it; after a restart nobody does.
AT_STOP = (
    Step(1.0, signal.SIGTERM, _TERM.level, _TERM.number, _TERM.text),
    Step(4.0, signal.SIGKILL, _KILL.level, _KILL.number, _KILL.text),
)
AT_RESTART = (
    Step(10.0, signal.SIGTERM, _TERM.level, _TERM.number, _TERM.text),
    Step(13.0, signal.SIGKILL, _KILL.level, _KILL.number, _KILL.text),
)
PATIENCE = 1.0  # seconds after the last step


class Life(Enum):
    PREPARED = auto()  # its generation may still be given up
    NEEDED = auto()
    RETIRED = auto()  # its generation is over, but children of it are left
    ENDING = auto()  # its input has ended
    CONDEMNED = auto()  # it did not end with its input


class Again(Enum):
    """Whether a program that has died is started again."""

    ALWAYS = auto()
    FOR_THE_REST = auto()  # if something is left in its pipe
    NEVER = auto()


class Fate(NamedTuple):
    again: Again
    unexpected: bool  # so that it is logged


WHEN_IT_DIES = {
    Life.PREPARED: Fate(Again.ALWAYS, unexpected=True),
    Life.NEEDED: Fate(Again.ALWAYS, unexpected=True),
    Life.RETIRED: Fate(Again.ALWAYS, unexpected=True),
    Life.ENDING: Fate(Again.FOR_THE_REST, unexpected=False),
    Life.CONDEMNED: Fate(Again.NEVER, unexpected=False),
}
LAST_TRIES = 3  # starts for what is left in a pipe


@dataclass(slots=True, eq=False)
class OtherChild:
    program: Program
    generation: int  # the one that it was prepared for
    life: Life = Life.PREPARED
    pid: int = 0  # 0: it does not run
    started: float = 0.0  # CLOCK_MONOTONIC, as all times here
    deaths: int = 0  # in a row
    start_at: float | None = None  # when it is to be started again
    input_ended: float = 0.0
    steps: list[Step] = field(default_factory=list)  # still to be taken
    dropping: bool = False
    dropped: int = 0  # lines since that began
    dropped_at: float = 0.0

    @property
    def gone(self) -> bool:
        return self.pid == 0 and self.start_at is None and self.life in (Life.ENDING, Life.CONDEMNED)


def _silent(level: Level, module: str, number: str | None, text: str, *, errno: int | None = None) -> None:
    """Before there is an error log."""


def _sink() -> int:
    """A descriptor for what nobody wants to read. Where -X has gone into a ChrootDir there may be no /dev/null."""
    try:
        return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.close(reader)
        return writer


class OtherChildren:
    """Implements api.program.Programs."""

    def __init__(self) -> None:
        self._children: list[OtherChild] = []
        self._number = -1  # of the generation that runs
        self._log: Callable[..., None] = _silent
        self.stopping = False  # whoever told the server so may have told its programs, too: nobody is missed

    def __len__(self) -> int:
        return len(self._children)

    # -- a generation comes and goes

    def add(self, program: Program) -> None:
        check_executable(program)
        self._children.append(OtherChild(program, self._number + 1))

    def start_prepared(self, stderr: int) -> None:
        """Start what was added for the next generation, whose error log `stderr` is. Raises Refused."""
        for child in self._children:
            if child.life is Life.PREPARED:
                try:
                    self._start(child, stderr)
                except OSError as error:
                    raise Refused([LogLine(Level.ERROR, "core", *child.program.failure, error.errno)]) from error

    def take(self, number: int, log: Callable[..., None]) -> None:
        """The generation that was prepared runs now; `log` is its error log's."""
        self._number = number
        self._log = log
        for child in self._children:
            if child.life is Life.PREPARED:
                child.life = Life.NEEDED
                if child.pid == 0 and child.start_at is None:
                    self._start_or_wait(child)

    def retire(self, program: Program) -> None:
        for child in self._children:
            if child.program is program:
                if child.life is Life.PREPARED:
                    self._end_input(child, AT_RESTART)
                else:
                    child.life = Life.RETIRED
        self._forget_the_gone()

    # -- the life of a program

    def _start(self, child: OtherChild, stderr: int | None = None) -> None:
        child.start_at = None
        child.started = time.monotonic()
        child.pid = spawn(child.program, stderr)

    def _start_or_wait(self, child: OtherChild) -> None:
        try:
            self._start(child)
        except OSError as error:
            delay = self._plan_restart(child)
            number, text = child.program.failure
            self._log(Level.ERROR, "core", number, text + _when(delay), errno=error.errno)

    def _plan_restart(self, child: OtherChild) -> float:
        """When it is started again, in seconds."""
        now = time.monotonic()
        if now - child.started >= STABLE:
            child.deaths = 0
        delay = DELAYS[min(child.deaths, len(DELAYS) - 1)]
        child.deaths += 1
        child.start_at = now + delay
        return delay

    def reaped(self, pid: int, status: int) -> None:
        """A process that is none of the pool's has ended."""
        for child in self._children:
            if child.pid == pid and self.stopping:
                child.pid = 0
            elif child.pid == pid:
                self._bury(child, status)

    def _bury(self, child: OtherChild, status: int) -> None:
        child.pid = 0
        fate = WHEN_IT_DIES[child.life]
        delay = None
        rest = fate.again is Again.FOR_THE_REST and child.deaths < LAST_TRIES and child.program.pipe.unread() > 0
        if rest or fate.again is Again.ALWAYS:
            delay = self._plan_restart(child)
        if fate.unexpected:
            text = f"piped log program '{child.program.text}' failed unexpectedly: {_how(status)}{_when(delay)}"
            self._log(Level.ERROR, "core", "AH00106", text)

    def _end_input(self, child: OtherChild, steps: Sequence[Step]) -> None:
        child.program.pipe.close_writer()
        if child.life not in (Life.ENDING, Life.CONDEMNED):
            child.life = Life.ENDING
            child.input_ended = time.monotonic()
            child.deaths = 0
            if child.pid == 0:  # nobody has read the rest
                child.start_at = child.input_ended if child.program.pipe.unread() else None
        child.steps = list(steps)

    def tend(self, oldest: int) -> None:
        """Everything that is due now. `oldest` is the oldest generation that has a child."""
        now = time.monotonic()
        for child in self._children:
            if child.life is Life.RETIRED and oldest > child.generation:
                self._end_input(child, AT_RESTART)
            self._watch_dropping(child, now)
            if child.start_at is not None and now >= child.start_at:
                self._start_or_wait(child)
            self._press(child, now)
        self._forget_the_gone()

    def _press(self, child: OtherChild, now: float) -> None:
        """The next step with a program that does not end with its input."""
        if not child.steps or now < child.input_ended + child.steps[0].after:
            return
        step = child.steps.pop(0)
        child.input_ended = now - step.after  # a machine that stood still must not take the next step at once
        child.life = Life.CONDEMNED
        child.start_at = None
        if child.pid:
            assert step.text is not None
            assert step.signal is not None
            self._log(step.level, "core", step.number, step.text % child.pid)
            signal_group(child.pid, step.signal)

    def _watch_dropping(self, child: OtherChild, now: float) -> None:
        """Say once that lines are dropped, and once how many they were."""
        pipe, name = child.program.pipe, child.program.text
        dropped = pipe.take_dropped()
        if dropped:
            child.dropped += dropped
            child.dropped_at = now
            if not child.dropping:
                child.dropping = True
                text = f"piped log program '{name}' does not read: its pipe is full, lines are dropped until it does"
                self._log(Level.ERROR, "core", "PH00230", text)
        elif child.dropping and now >= child.dropped_at + QUIET and (pipe.fd < 0 or not pipe.is_full()):
            self._say_dropped(child)

    def _say_dropped(self, child: OtherChild) -> None:
        if child.dropping:
            text = f"{child.dropped} lines for piped log program '{child.program.text}' were dropped"
            child.dropping, child.dropped = False, 0
            self._log(Level.ERROR, "core", "PH00231", text)

    def _forget_the_gone(self) -> None:
        for child in [child for child in self._children if child.gone]:
            self._children.remove(child)
            child.dropped += child.program.pipe.take_dropped()
            self._say_dropped(child)
            child.program.pipe.close()

    # -- for the master's loop

    def watched(self) -> list[int]:
        """Descriptors that become readable when a program begins to drop lines."""
        return [child.program.pipe.dropped for child in self._children if not child.dropping]

    def due(self) -> float | None:
        """When `tend` has something to do at the latest; dead programs and signals come besides."""
        times = [child.start_at for child in self._children if child.start_at is not None]
        times += [child.input_ended + child.steps[0].after for child in self._children if child.steps]
        if any(child.life is Life.RETIRED or child.dropping for child in self._children):
            times.append(time.monotonic() + LATER)
        return min(times, default=None)

    def let_go(self, *, serves: bool) -> None:
        """In a forked process: close what is the master's. One that serves goes on writing to its generation's."""
        for child in self._children:
            if serves and child.life is Life.NEEDED:
                child.program.pipe.close_reader()
            else:
                child.program.pipe.close()

    def end_all(self) -> None:
        """The server stops: everybody comes to the end of its input and goes, the main error log's program last."""
        null = _sink()
        for main in (False, True):
            group = [child for child in self._children if child.program.main is main]
            if main and group:
                self._log = _silent
                os.dup2(null, 2)  # it holds the main error log, too
            for child in group:
                self._end_input(child, AT_STOP)
            self._wait_for(group)
        os.close(null)

    def _wait_for(self, group: Iterable[OtherChild]) -> None:
        waiting = list(group)
        last: float | None = None  # of our patience, once all steps have been taken
        while waiting:
            now = time.monotonic()
            if any(child.steps for child in waiting):
                last = None
            elif last is None:
                last = now + PATIENCE
            elif now >= last:
                break
            with _PidFds(child.pid for child in waiting if child.pid) as poll:
                wake = min(when for when in (self.due(), last) if when is not None)
                poll.poll(max(0, int((wake - now) * 1000)) + 1)
            for child in waiting:
                if child.pid and (status := _ended(child.pid)) is not None:
                    self._bury(child, status)
            self.tend(self._number)
            waiting = [child for child in waiting if not child.gone]


class _PidFds:
    """A poll object that wakes when one of some processes ends."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._fds: list[int] = []
        self._poll = select.poll()
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:  # reaped by somebody else, where whoever started us ignores SIGCHLD
                continue
            self._fds.append(fd)
            self._poll.register(fd, select.POLLIN)

    def __enter__(self) -> select.poll:
        return self._poll

    def __exit__(self, *exception: object) -> None:
        for fd in self._fds:
            os.close(fd)


def _ended(pid: int) -> int | None:
    """The status of a process of ours that has ended."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # reaped by somebody else
        return 0
    return status if found else None


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"signal {signal.strsignal(number)} ({number})"
    return f"exit status {os.waitstatus_to_exitcode(status)}"


def _when(delay: float | None) -> str:
    return f"; it is started again in {delay:.0f} seconds" if delay else ""


def check_executable(program: Program) -> None:
    """What can be said before anything is started. Raises OSError."""
    name = os.path.join(program.directory, program.argv[0])
    _check_file(name)
    try:
        with open(name, "rb") as file:
            head = file.read(256)
    except OSError:  # to be executed, but not read
        return
    if head.startswith(b"#!") and (words := head[2:].partition(b"\n")[0].split()):
        _check_file(os.path.join(program.directory, os.fsdecode(words[0])))


def _check_file(name: str) -> None:
    os.stat(name)
    if os.path.isdir(name) or not os.access(name, os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)


def spawn(program: Program, stderr: int | None = None) -> int:
    """Start a program, in ServerRoot and a session of its own, so that a terminal's Ctrl-C does not end it before the
    server has. It gets our environment, its pipe, standard output and standard error; `stderr` is ours if None.

    Returns its pid. Raises OSError.
    """
    if program.main:
        stderr = 1
    actions = [(os.POSIX_SPAWN_DUP2, program.pipe.reader, 0), (os.POSIX_SPAWN_DUP2, 2 if stderr is None else stderr, 2)]
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(program.directory)  # one thread, so nobody else is surprised
        return os.posix_spawn(
            program.argv[0],
            program.argv,
            os.environ,
            file_actions=[*actions, *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inherited())],
            setsid=True,
            setsigmask=(),
            setsigdef=ALL,
        )
    finally:
        os.fchdir(here)
        os.close(here)


def _inherited() -> list[int]:
    """Descriptors that whoever started the server left open; those of the server close themselves."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the one that listed the directory
            pass
    return found


def signal_group(pid: int, number: signal.Signals) -> None:
    """The program and what it has started. It has not been reaped, so the number is still its own."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # between its start and its setsid, or its end and our reaping
        os.kill(pid, number)
