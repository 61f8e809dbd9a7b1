"""Pure decisions about the pool: how the limits are clamped, how many children to start, whom to stop.

No clock, no process, no shared memory: values in, values out. The MPMs, the tests and the simulator share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

MAX_SPAWN_RATE = 32
BUSY_RATE = 8  # from this rate on the log says "server seems busy"


class Message(NamedTuple):
    """A warning about one clamp: for the terminal, and for the error log, where Apache has a shorter one."""

    number: str
    text: str
    log_number: str
    log_text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a pool, as configured or, after `clamp`, as they will be used.

    `min_spare` and `max_spare` count threads (for prefork: children). `max_workers` is MaxRequestWorkers.
    """

    start: int
    min_spare: int
    max_spare: int
    server_limit: int
    max_workers: int
    thread_limit: int = 1
    threads: int = 1

    @property
    def children(self) -> int:
        """How many children there may be."""
        return max(1, min(self.server_limit, self.max_workers // max(1, self.threads)))


@dataclass(frozen=True, slots=True)
class Family:
    """What differs between the MPMs when limits are clamped: Apache's compile-time limits and log numbers."""

    threaded: bool
    max_servers: int
    max_threads: int
    spare_name: str
    numbers: dict[str, tuple[str, str]]  # case -> number on the terminal, number in the log


PREFORK = Family(
    threaded=False,
    max_servers=200_000,
    max_threads=1,
    spare_name="Servers",
    numbers={
        "servers_high": ("AH00175", "AH00176"),
        "servers_low": ("AH00177", "AH00178"),
        "servers_changed": ("AH00179", "AH00179"),
        "workers_exceed": ("AH00180", "AH00181"),
        "workers_low": ("AH00182", "AH00183"),
        "start_low": ("AH00184", "AH00185"),
        "spare_low": ("AH00186", "AH00187"),
    },
)
WORKER = Family(
    threaded=True,
    max_servers=20_000,
    max_threads=20_000,
    spare_name="Threads",
    numbers={
        "servers_high": ("AH00300", "AH00301"),
        "servers_low": ("AH00302", "AH00303"),
        "servers_changed": ("AH00304", "AH00304"),
        "threads_high": ("AH00305", "AH00306"),
        "threads_low": ("AH00307", "AH00308"),
        "threads_changed": ("AH00309", "AH00309"),
        "per_child_high": ("AH00310", "AH00311"),
        "per_child_low": ("AH00312", "AH00313"),
        "workers_below_child": ("AH00314", "AH00315"),
        "workers_multiple": ("AH00316", "AH00317"),
        "workers_exceed": ("AH00318", "AH00319"),
        "start_low": ("AH00320", "AH00321"),
        "spare_low": ("AH00322", "AH00323"),
    },
)


def clamp(limits: Limits, family: Family, previous: Limits | None = None) -> tuple[Limits, list[Message]]:
    """The limits that will be used, and what is to be said about it, in Apache's order of checks.

    `previous` are the running limits at a restart: ServerLimit and ThreadLimit can't change then. What Apache corrects
    without a word comes last, with a warning of our own (PH).
    """
    return _Clamp(limits, family, previous).run()


def share_out(limits: Limits, family: Family, buckets: int) -> Limits:
    """Limits that leave something for each of several sets of listeners, as Apache raises them without a word.

    One child each at least, and spares that do not make a child be started and stopped in turn.
    """
    if buckets == 1:
        return limits
    threads = limits.threads
    low = max(limits.min_spare, threads * (buckets - 1) + buckets if family.threaded else buckets)
    room = (threads + 1 if family.threaded else 1) * buckets
    return replace(
        limits,
        start=max(limits.start, buckets),
        min_spare=low,
        max_spare=max(limits.max_spare, low + room),
        max_workers=max(limits.max_workers, threads * buckets),
    )


class _Clamp:
    def __init__(self, limits: Limits, family: Family, previous: Limits | None) -> None:
        self.limits = limits
        self.family = family
        self.previous = previous
        self.messages: list[Message] = []

    def run(self) -> tuple[Limits, list[Message]]:
        self._bound("server_limit", "ServerLimit", "servers", self.family.max_servers, "servers")
        if self.family.threaded:
            self._bound("thread_limit", "ThreadLimit", "threads", self.family.max_threads, "threads")
            self._threads_per_child()
            self._workers_of_threads()
        else:
            self._workers_of_processes()
        if self.limits.start < 1:
            self._say("start_low", *_not_allowed("StartServers", self.limits.start))
            self._set(start=1)
        self._spares()
        return self.limits, self.messages

    def _set(self, **changes: int) -> None:
        self.limits = replace(self.limits, **changes)

    def _say(self, case: str, text: str, log_text: str) -> None:
        number, log_number = self.family.numbers[case]
        self.messages.append(Message(number, text, log_number, log_text))

    def _bound(self, field: str, name: str, case: str, highest: int, unit: str) -> None:
        value: int = getattr(self.limits, field)
        if value > highest:
            self._say(
                f"{case}_high",
                f"WARNING: {name} of {value} exceeds compile-time limit of {highest} {unit}, decreasing to {highest}.",
                f"{name} of {value} exceeds compile-time limit of {highest}, decreasing to match",
            )
            self._set(**{field: highest})
        elif value < 1:
            self._say(f"{case}_low", *_not_allowed(name, value))
            self._set(**{field: 1})
        if self.previous is not None:
            running: int = getattr(self.previous, field)
            value = getattr(self.limits, field)
            if value != running:
                text = f"changing {name} to {value} from original value of {running} not allowed during restart"
                self._say(f"{case}_changed", text, text)
                self._set(**{field: running})

    def _threads_per_child(self) -> None:
        threads, limit = self.limits.threads, self.limits.thread_limit
        if threads > limit:
            self._say(
                "per_child_high",
                f"WARNING: ThreadsPerChild of {threads} exceeds ThreadLimit of {limit} threads, "
                f"decreasing to {limit}. To increase, please see the ThreadLimit directive.",
                f"ThreadsPerChild of {threads} exceeds ThreadLimit of {limit}, decreasing to match",
            )
            self._set(threads=limit)
        elif threads < 1:
            self._say("per_child_low", *_not_allowed("ThreadsPerChild", threads))
            self._set(threads=1)

    def _workers_of_threads(self) -> None:
        workers, threads = self.limits.max_workers, self.limits.threads
        if workers < threads:
            self._say(
                "workers_below_child",
                f"WARNING: MaxRequestWorkers of {workers} is less than ThreadsPerChild of {threads}, increasing to "
                f"{threads}. MaxRequestWorkers must be at least as large as the number of threads in a single server.",
                f"MaxRequestWorkers of {workers} is less than ThreadsPerChild of {threads}, increasing to match",
            )
            workers = threads
        children = workers // threads
        if workers % threads:
            rounded = children * threads
            short = (
                f"MaxRequestWorkers of {workers} is not an integer multiple of ThreadsPerChild of {threads}, "
                f"decreasing to nearest multiple {rounded}"
            )
            self._say("workers_multiple", f"WARNING: {short}, for a maximum of {children} servers.", short)
            workers = rounded
        limit = self.limits.server_limit
        if children > limit:
            self._say(
                "workers_exceed",
                f"WARNING: MaxRequestWorkers of {workers} would require {children} servers and would exceed "
                f"ServerLimit of {limit}, decreasing to {limit * threads}. "
                "To increase, please see the ServerLimit directive.",
                f"MaxRequestWorkers of {workers} would require {children} servers and exceed ServerLimit of {limit}, "
                f"decreasing to {limit * threads}",
            )
            workers = limit * threads
        self._set(max_workers=workers)

    def _workers_of_processes(self) -> None:
        workers, limit = self.limits.max_workers, self.limits.server_limit
        if workers > limit:
            self._say(
                "workers_exceed",
                f"WARNING: MaxRequestWorkers of {workers} exceeds ServerLimit value of {limit} servers, decreasing "
                f"MaxRequestWorkers to {limit}. To increase, please see the ServerLimit directive.",
                f"MaxRequestWorkers of {workers} exceeds ServerLimit value of {limit}, decreasing to match",
            )
            workers = limit
        elif workers < 1:
            self._say("workers_low", *_not_allowed("MaxRequestWorkers", workers))
            workers = 1
        self._set(max_workers=workers)

    def _spares(self) -> None:
        lowest, name = self.limits.min_spare, self.family.spare_name
        if lowest < 1:
            self._say(
                "spare_low",
                f"WARNING: MinSpare{name} of {lowest} not allowed, increasing to 1 to avoid almost certain "
                "server failure. Please read the documentation.",
                f"MinSpare{name} of {lowest} not allowed, increasing to 1",
            )
            self._set(min_spare=1)
        lowest, highest = self.limits.min_spare, self.limits.max_spare
        room = lowest + (self.limits.threads + 1 if self.family.threaded else 1)
        if highest < room:
            self._own("PH00211", f"MaxSpare{name} of {highest} leaves no room above MinSpare{name} of {lowest}: {room}")
            self._set(max_spare=room)
        if self.limits.start > self.limits.children:
            children = self.limits.children
            self._own(
                "PH00212",
                f"StartServers of {self.limits.start} exceeds the {children} servers there may be: {children}",
            )
            self._set(start=children)

    def _own(self, number: str, text: str) -> None:
        text = f"{text} will be used"
        self.messages.append(Message(number, text, number, text))


def _not_allowed(name: str, value: int) -> tuple[str, str]:
    text = f"{name} of {value} not allowed, increasing to 1"
    return f"WARNING: {text}.", text


# --- how many children -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of the scoreboard looks like to the planner.

    `occupied`: there is a process; `accepting`: it is of the running generation and has not been told to go. `idle`
    counts its threads that wait or have yet to start, `busy` those that serve, `dead` the slots without a thread.
    """

    index: int
    occupied: bool
    accepting: bool
    idle: int
    busy: int
    dead: int


class Full(Enum):
    """Why no child can be started although spares are wanted."""

    BUSY = "every slot is serving"
    NEAR = "fewer spares than wanted, and no room for more"
    STOPPING = "children that are going away hold the room"


@dataclass(frozen=True, slots=True)
class Rate:
    """The memory between two passes: how many to start the next time, and how long not to double that."""

    spawn: int = 1
    hold_off: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    start: tuple[int, ...]  # rows
    stop: int | None  # a row
    rate: Rate
    full: Full | None
    idle: int
    total: int


def plan_idle(rows: Sequence[Row], limits: Limits, rate: Rate, buckets: int = 1) -> Plan:
    """One pass of the idle maintenance over the rows that there may be (MaxRequestWorkers / ThreadsPerChild).

    With `buckets` sets of listeners the rows are those of one of them, and its share of the spares is kept.

    Too many idle threads: stop one child, the one with the least to finish, of these the highest. Too few: start
    `rate.spawn` children, empty rows first, then rows whose child is going away; and twice as many the next time.
    """
    idle = sum(row.idle for row in rows if row.accepting)
    total = sum(row.occupied for row in rows)
    if idle > limits.max_spare // buckets:
        stoppable = [row for row in rows if row.accepting]
        victim = min(stoppable, key=lambda row: (row.busy, -row.index))
        return Plan((), victim.index, Rate(1, rate.hold_off), None, idle, total)
    if idle >= limits.min_spare // buckets:
        return Plan((), None, Rate(1, rate.hold_off), None, idle, total)
    free = list(_free_rows(rows))[: rate.spawn]
    if not free:
        return Plan((), None, Rate(1, rate.hold_off), _why_full(rows, idle), idle, total)
    if rate.hold_off:
        following = Rate(rate.spawn, rate.hold_off - 1)
    else:
        following = Rate(min(rate.spawn * 2, MAX_SPAWN_RATE), 0)
    return Plan(tuple(free), None, following, None, idle, total)


def _free_rows(rows: Sequence[Row]) -> Iterator[int]:
    yield from (row.index for row in rows if not row.occupied)
    yield from (row.index for row in rows if row.occupied and not row.accepting and row.dead)


def _why_full(rows: Sequence[Row], idle: int) -> Full:
    if not all(row.accepting for row in rows):
        return Full.STOPPING
    return Full.NEAR if idle else Full.BUSY
