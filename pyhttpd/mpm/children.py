"""The master's children: spawned, signalled one by one, reaped, and their rows of the scoreboard kept."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.api.log import Level
from pyhttpd.mpm.child import ChildProcess
from pyhttpd.mpm.generation import Generation
from pyhttpd.mpm.listeners import Listeners
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.mpm.signals import ALL
from pyhttpd.policy import Row
from pyhttpd.scoreboard import IDLE, Scoreboard, Status

FORK_PAUSE = 10.0  # seconds without a fork after one has failed


@dataclass(slots=True)
class Child:
    pid: int
    row: int
    generation: int
    told: bool = False  # to finish


class Ended(NamedTuple):
    """A process that was reaped: `child` is None if it was none of the pool's."""

    pid: int
    child: Child | None
    status: int  # as waitpid gives it


class Children:
    def __init__(
        self,
        scoreboard: Scoreboard,
        listeners: Listeners,
        let_go: Callable[[], None],
        reaped: Callable[[int, int], None],
        trace: Callable[[str], None],
    ) -> None:
        """`let_go` runs first in every child: it closes what is the master's alone. `reaped` is told of processes that
        are none of ours, with their status; `trace` what becomes of ours."""
        self._scoreboard = scoreboard
        self._listeners = listeners
        self._let_go = let_go
        self._reaped = reaped
        self._trace = trace
        self._children: dict[int, Child] = {}
        self._no_fork_before = 0.0

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self._children.values()))

    def spawn(self, row: int, generation: Generation, number: int, pod: PipeOfDeath) -> bool:
        """Fork a child into a row. False where the system has no room for a process; that has been logged."""
        if time.monotonic() < self._no_fork_before:
            return False
        assert len(os.listdir("/proc/self/task")) == 1, "the master has threads; a fork would copy their locks"
        flavour = generation.flavour
        words = self._scoreboard.child(row)
        squats = words["pid"] != 0
        if not flavour.threaded:
            self._scoreboard.slot(row).reset(0, number, Status.STARTING)
        # A signal between fork and the child's own handlers would be noted in the wrong process.
        signal.pthread_sigmask(signal.SIG_BLOCK, ALL)
        master = os.getpid()
        try:
            pid = os.fork()
            if pid == 0:
                self._in_child(row, generation, number, pod, master)
        except OSError as error:
            self._no_fork_before = time.monotonic() + FORK_PAUSE
            text = "fork: Unable to fork new process"
            generation.error_log.log(Level.ERROR, flavour.log_name, flavour.numbers["fork"], text, errno=error.errno)
            if not flavour.threaded:
                self._scoreboard.slot(row).set_status(Status.DEAD)
            return False
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ALL)
        words["pid"], words["generation"], words["started"] = pid, number, time.time_ns() // 1000
        words["quiescing"] = words["connections"] = words["complete"] = words["active"] = 0
        self._children[pid] = Child(pid, row, number)
        self._trace(f"mpm child {pid} (gen {number}/slot {row}) started")
        if squats:
            generation.error_log.log(
                Level.DEBUG, flavour.log_name, flavour.numbers.get("squat"), f"the new child {pid} shares row {row}"
            )
        return True

    def _in_child(self, row: int, generation: Generation, number: int, pod: PipeOfDeath, master: int) -> None:
        """Never returns: whatever happens here must not run the master's code."""
        status = 1
        try:
            self._let_go()
            buckets = generation.config.buckets
            bucket = self._listeners.bucket(row % buckets, buckets)
            child = ChildProcess(generation, self._scoreboard, row, number, bucket, pod.reader, pod.kick)
            if not generation.flavour.threaded:
                child.master = master
            status = child.live()
        except BaseException:
            lines = traceback.format_exc().splitlines()
            generation.error_log.log(
                Level.ERROR, generation.flavour.log_name, "PH00110", "a child failed", details=lines
            )
        finally:
            os._exit(status)

    def reap(self) -> Iterator[Ended]:
        """All processes that have ended, with their rows freed."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                self._free(child)
                self._trace_end(child)
                self._scoreboard["cpu_user_gone"] += int(usage.ru_utime * 1_000_000)
                self._scoreboard["cpu_system_gone"] += int(usage.ru_stime * 1_000_000)
            else:
                self._reaped(pid, status)
            yield Ended(pid, child, status)

    def _trace_end(self, child: Child) -> None:
        if child.generation != self._scoreboard["generation"]:
            self.trace_generation(child.generation)
        self._trace(f"mpm child {child.pid} (gen {child.generation}/slot {child.row}) exited")

    def trace_generation(self, number: int) -> None:
        """That a generation which is over has no child any more, if so."""
        if not any(child.generation == number for child in self._children.values()):
            self._trace(f"end of generation {number}")

    def _free(self, child: Child) -> None:
        words = self._scoreboard.child(child.row)
        for thread in range(self._scoreboard.threads):
            slot = self._scoreboard.slot(child.row, thread)
            if slot["pid"] in (child.pid, 0):  # not those that a newer child has taken over
                slot.set_status(Status.DEAD)
        if words["pid"] == child.pid:
            words["pid"] = words["quiescing"] = 0

    def signal(self, child: Child, number: signal.Signals) -> None:
        if child.pid in self._children:  # not reaped, so the number is still this process
            os.kill(child.pid, number)

    def tell(self, child: Child) -> None:
        """Let it finish what it has, and go."""
        if not child.told:
            child.told = True
            words = self._scoreboard.child(child.row)
            if words["pid"] == child.pid:
                words["quiescing"] = 1
        self.signal(child, signal.SIGUSR1)

    def in_row(self, row: int) -> Child | None:
        """The child that owns a row; an older one that shares it does not count."""
        pid = self._scoreboard.child(row)["pid"]
        return self._children.get(pid)

    def rows(self, generation: Generation, number: int) -> list[Row]:
        """What the planner looks at: the rows that MaxRequestWorkers allows."""
        limits = generation.config.limits
        return [self._row(index, limits.threads, number) for index in range(limits.children)]

    def _row(self, index: int, threads: int, number: int) -> Row:
        words = self._scoreboard.child(index)
        occupied = words["pid"] != 0
        accepting = occupied and words["generation"] == number and not words["quiescing"]
        complete = words["complete"] != 0
        idle = busy = dead = 0
        for thread in range(threads):
            status = self._scoreboard.status(index, thread)
            dead += status is Status.DEAD
            if status in IDLE or (status is Status.DEAD and not complete):  # yet to start, so it will be idle
                idle += 1
            elif status is not Status.DEAD:
                busy += 1
        return Row(index, occupied, accepting, idle if occupied else 0, busy if occupied else 0, dead)
