"""What mod_status shows, gathered from the scoreboard as one value: each slot is read once."""

from __future__ import annotations

from dataclasses import dataclass

from pyhttpd.policy import Limits
from pyhttpd.scoreboard import EventView, Sample, Scoreboard, SlotView, Status, word_number

_TICK = 10_000  # microseconds: Apache counts processor time in hundredths of a second
_NOT_COUNTED = frozenset({Status.DEAD, Status.STARTING, Status.IDLE_KILL})
_RECENT = 5.0  # seconds over which a rate is the present one
_UNUSED = {int(status): status for status in (Status.DEAD, Status.READY)}  # not worth a line, if never used


@dataclass(slots=True)
class Process:
    """One child. Times are seconds since the epoch; counts of threads are those of its slots."""

    row: int
    pid: int
    generation: int
    stopping: bool
    started: float
    accepted: int  # connections in its life
    connections: int  # just now
    busy: int = 0
    graceful: int = 0
    idle: int = 0
    accesses: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Times are seconds since the epoch, processor times seconds. `slots` are those that the pages list, by children:
    all that were used or are not idle. `living` are pid and letter of every slot that has a process."""

    name: str
    address: str
    version: str
    built: str
    mpm: str
    now: float
    started: float
    restarted: float
    config_generation: int
    generation: int
    load: tuple[float, float, float]
    extended: bool
    accesses: int
    bytes: int
    duration_ms: int
    cpu: tuple[float, float, float, float]  # user, system, of children that are gone: user, system
    busy: int
    graceful: int
    idle: int
    scoreboard: str
    living: tuple[tuple[int, str], ...]
    slots: tuple[SlotView, ...]
    processes: tuple[Process, ...]
    limits: Limits
    spare_name: str  # Servers or Threads, as in MinSpareServers
    max_connections: int  # MaxConnectionsPerChild
    samples: tuple[Sample, ...]  # oldest first, one a second
    events: tuple[EventView, ...]  # oldest first
    saturations: int
    saturated_since: float  # 0: not now
    saturated_by: str  # number of the line in the error log
    saturated_seconds: float  # of all events that have ended
    accept_queue_peak: int
    failed_reloads: int
    refusal: tuple[float, str] | None = None  # when and why the last configuration was not taken, if it was not

    @property
    def uptime(self) -> int:
        return max(0, int(self.now - self.restarted))

    @property
    def kilobytes(self) -> int:
        return self.bytes >> 10

    @property
    def cpu_load(self) -> float | None:
        """Percent of one processor since the last restart, as Apache reckons it; None where there is nothing to say."""
        total = sum(self.cpu)
        return total / self.uptime * 100 if total and self.uptime else None

    @property
    def present(self) -> tuple[float, float, float] | None:
        """Requests and bytes a second in the last seconds, and how many seconds these are; None in the first one."""
        earlier = [sample for sample in self.samples if self.now - sample.at >= 0.5]
        if not earlier:
            return None
        since = next((sample for sample in reversed(earlier) if self.now - sample.at >= _RECENT), earlier[0])
        seconds = self.now - since.at
        return (
            max(0, self.accesses - since.accesses) / seconds,
            max(0, self.bytes - since.bytes) / seconds,
            seconds,
        )

    @property
    def history(self) -> list[tuple[float, float, float, int]]:
        """For each second that is remembered: when it ended, requests and bytes a second, how many slots served."""
        return [
            (
                after.at,
                max(0, after.accesses - before.accesses) / (after.at - before.at),
                max(0, after.bytes - before.bytes) / (after.at - before.at),
                after.busy,
            )
            for before, after in zip(self.samples, self.samples[1:], strict=False)
            if after.at > before.at  # the clock may be put back
        ]

    @property
    def saturated_in_all(self) -> float:
        """Seconds, the present event included."""
        now = max(0.0, self.now - self.saturated_since) if self.saturated_since else 0.0
        return self.saturated_seconds + now


def gather(
    scoreboard: Scoreboard,
    *,
    name: str,
    address: str,
    version: str,
    built: str,
    mpm: str,
    limits: Limits,
    spare_name: str,
    max_connections: int,
    extended: bool,
    load: tuple[float, float, float],
    now: float,
) -> Facts:
    """`limits` say what may run now. Slots beyond them are shown only where something lives in them."""
    accesses = served = duration = user = system = 0
    letters: list[str] = []
    living: list[tuple[int, str]] = []
    slots: list[SlotView] = []
    processes: list[Process] = []
    graceful = 0
    generation = scoreboard["generation"]
    statuses, counts = scoreboard.column("status"), scoreboard.column("access_count")
    at = 0
    for child in range(scoreboard.children):
        process = _process(scoreboard, child)
        child_user = child_system = 0
        for thread in range(scoreboard.threads):
            status = _UNUSED.get(statuses[at])
            if status is not None and not counts[at]:
                view, letter = None, status.letter
            else:
                view = scoreboard.view(child, thread)
                status, letter = view.status, view.letter
            at += 1
            if status is not Status.DEAD or (child < limits.children and thread < limits.threads):
                letters.append(letter)
            if status is not Status.DEAD:
                living.append((process.pid, letter))
            if letter == Status.GRACEFUL.letter:  # whoever counts the letters gets the same number
                graceful += 1
                process.graceful += 1
            elif status is Status.READY:
                process.idle += 1
            elif status not in _NOT_COUNTED:
                process.busy += 1
            if view is not None and (view.words["access_count"] or status not in _UNUSED.values()):
                words = view.words
                slots.append(view)
                accesses += words["access_count"]
                process.accesses += words["my_access_count"]
                served += words["bytes_served"]
                duration += words["duration"]
                # each thread notes the time of its process
                child_user = max(child_user, words["cpu_user"])
                child_system = max(child_system, words["cpu_system"])
        user += child_user
        system += child_system
        if process.pid:
            # what no MPM counts: there is a thread for each
            process.connections = max(process.connections, process.busy + process.graceful)
            processes.append(process)
    counted = [process for process in processes if not process.stopping]
    gone = (scoreboard["cpu_user_gone"], scoreboard["cpu_system_gone"])
    return Facts(
        name=name, address=address, version=version, built=built, mpm=mpm, now=now,
        started=scoreboard["started"] / 1_000_000, restarted=scoreboard["restarted"] / 1_000_000,
        config_generation=scoreboard["config_generation"], generation=generation, load=load, extended=extended,
        accesses=accesses, bytes=served, duration_ms=duration // 1000,
        cpu=(_ticks(user), _ticks(system), _ticks(gone[0]), _ticks(gone[1])),
        busy=sum(process.busy for process in counted), graceful=graceful,
        idle=sum(process.idle for process in counted if process.generation == generation),
        scoreboard="".join(letters), living=tuple(living), slots=tuple(slots), processes=tuple(processes),
        limits=limits, spare_name=spare_name, max_connections=max_connections,
        samples=tuple(scoreboard.samples()), events=tuple(scoreboard.events()),
        saturations=scoreboard["saturations"], saturated_since=scoreboard["saturated_since"] / 1_000_000,
        saturated_by=word_number(scoreboard["saturated_by"]),
        saturated_seconds=scoreboard["saturated_total"] / 1_000_000,
        accept_queue_peak=scoreboard["accept_queue_peak"], failed_reloads=scoreboard["failed_reloads"],
        refusal=scoreboard.refusal(),
    )  # fmt: skip


def _process(scoreboard: Scoreboard, child: int) -> Process:
    row = scoreboard.child(child)
    return Process(
        child, row["pid"], row["generation"], bool(row["quiescing"]), row["started"] / 1_000_000, row["connections"],
        row["active"],
    )  # fmt: skip


def _ticks(microseconds: int) -> float:
    return microseconds // _TICK / 100
