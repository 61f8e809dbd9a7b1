"""What mod_status shows, gathered from the scoreboard as one value."""

from __future__ import annotations

from dataclasses import dataclass

from pyhttpd.scoreboard import Scoreboard, SlotView, Status

_TICK = 10_000  # microseconds: Apache counts processor time in hundredths of a second
_NOT_COUNTED = frozenset({Status.DEAD, Status.STARTING, Status.IDLE_KILL})


@dataclass(frozen=True, slots=True)
class Facts:
    """Times are seconds since the epoch, processor times seconds. `slots` are those that the pages list, by
    children; `saturations` and what follows are ours and stand on the page only."""

    name: str
    address: str
    version: str
    built: str
    mpm: str
    now: float
    restarted: float
    config_generation: int
    generation: int
    load: tuple[float, float, float]
    extended: bool
    accesses: int
    kilobytes: int
    duration_ms: int
    cpu: tuple[float, float, float, float]  # user, system, of children that are gone: user, system
    busy: int
    graceful: int
    idle: int
    scoreboard: str
    slots: tuple[SlotView, ...]
    saturations: int
    saturated_since: float  # 0: not now
    saturated_seconds: float  # of all events that have ended
    accept_queue_peak: int
    failed_reloads: int
    refusal: tuple[float, str] | None = None  # when and why the last configuration was not taken, if it was not

    @property
    def uptime(self) -> int:
        return max(0, int(self.now - self.restarted))


def gather(
    scoreboard: Scoreboard,
    *,
    name: str,
    address: str,
    version: str,
    built: str,
    mpm: str,
    children: int,
    threads: int,
    extended: bool,
    load: tuple[float, float, float],
    now: float,
) -> Facts:
    """`children` and `threads` are what may run now. Slots beyond them are shown only where something lives in them."""
    busy = graceful = idle = accesses = served = duration = user = system = 0
    letters: list[str] = []
    slots: list[SlotView] = []
    generation = scoreboard["generation"]
    for child in range(scoreboard.children):
        row = scoreboard.child(child)
        counted = bool(row["pid"]) and not row["quiescing"]
        child_user = child_system = 0
        for thread in range(scoreboard.threads):
            view = scoreboard.view(child, thread)
            if view.status is not Status.DEAD or (child < children and thread < threads):
                letters.append(view.letter)
            if view.letter == Status.GRACEFUL.letter:  # whoever counts the letters gets the same number
                graceful += 1
            elif counted and view.status is Status.READY:
                idle += row["generation"] == generation
            elif counted and view.status not in _NOT_COUNTED:
                busy += 1
            words = view.words
            if words["access_count"] or view.status not in (Status.READY, Status.DEAD):
                slots.append(view)
                accesses += words["access_count"]
                served += words["bytes_served"]
                duration += words["duration"]
                # each thread notes the time of its process
                child_user = max(child_user, words["cpu_user"])
                child_system = max(child_system, words["cpu_system"])
        user += child_user
        system += child_system
    gone = (scoreboard["cpu_user_gone"], scoreboard["cpu_system_gone"])
    return Facts(
        name=name, address=address, version=version, built=built, mpm=mpm, now=now,
        restarted=scoreboard["restarted"] / 1_000_000, config_generation=scoreboard["config_generation"],
        generation=generation, load=load, extended=extended, accesses=accesses, kilobytes=served >> 10,
        duration_ms=duration // 1000, cpu=(_ticks(user), _ticks(system), _ticks(gone[0]), _ticks(gone[1])),
        busy=busy, graceful=graceful, idle=idle, scoreboard="".join(letters), slots=tuple(slots),
        saturations=scoreboard["saturations"], saturated_since=scoreboard["saturated_since"] / 1_000_000,
        saturated_seconds=scoreboard["saturated_total"] / 1_000_000,
        accept_queue_peak=scoreboard["accept_queue_peak"], failed_reloads=scoreboard["failed_reloads"],
        refusal=scoreboard.refusal(),
    )  # fmt: skip


def _ticks(microseconds: int) -> float:
    return microseconds // _TICK / 100
