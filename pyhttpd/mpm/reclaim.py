"""Ending children that must go now: a table of steps, a clock, and patience that runs out after a second.

Apache's steps at a tenth of its times, so that a restart is over within a second even if a child does not listen.
Children that still have something to do at their end get more time.
"""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pyhttpd.api.log import ErrorLog, Level
from pyhttpd.mpm.children import Child, Children, Ended
from pyhttpd.mpm.signals import SignalQueue


@dataclass(frozen=True, slots=True)
class Step:
    after: float  # seconds
    signal: signal.Signals | None
    level: Level = Level.WARN
    number: str | None = None
    text: str | None = None


_AGAIN = "child process %d still did not exit, sending a SIGTERM"
STEPS = (
    Step(0.0, signal.SIGTERM),
    Step(0.3, signal.SIGTERM, Level.WARN, "AH00045", _AGAIN),
    Step(0.5, signal.SIGTERM, Level.WARN, "AH00045", _AGAIN),
    Step(0.7, signal.SIGTERM, Level.WARN, "AH00045", _AGAIN),
    Step(0.8, signal.SIGKILL, Level.ERROR, "AH00046", "child process %d still did not exit, sending a SIGKILL"),
    Step(2.0, None, Level.ERROR, "AH00047", "could not make child process %d exit, attempting to continue anyway"),
)
# What a child writes at its end (lines that wait in it) is lost if it is killed: the disk, or the machine, may be slow.
PATIENT_STEPS = tuple(replace(step, after=4 * step.after) for step in STEPS)


# At the end of GracefulShutdownTimeout: everybody has been asked before, and the time is over.
LAST_STEPS = (
    Step(0.0, signal.SIGTERM),
    Step(0.3, signal.SIGKILL, Level.ERROR, "AH00046", STEPS[-2].text),
    STEPS[-1],
)


def reclaim(
    children: Children,
    targets: Iterable[Child],
    signals: SignalQueue,
    log: ErrorLog,
    steps: Sequence[Step] = STEPS,
) -> list[Ended]:
    """End `targets` and reap them. Returns everything that was reaped meanwhile."""
    wanted = {child.pid: child for child in targets}
    ended: list[Ended] = []
    poll = select.poll()
    poll.register(signals, select.POLLIN)
    for step, following in zip(steps, (*steps[1:], None), strict=True):
        for child in wanted.values():
            if step.text is not None:
                log.log(step.level, "core", step.number, step.text % child.pid)
            if step.signal is not None:
                children.signal(child, step.signal)
        # From now on, not from the beginning: a machine that stood still must not spend all patience at once.
        until = time.monotonic() + (following.after - step.after if following else 0.0)
        while wanted:
            for item in children.reap():
                ended.append(item)
                wanted.pop(item.pid, None)
            remaining = until - time.monotonic()
            if not wanted or remaining <= 0:
                break
            poll.poll(int(remaining * 1000) + 1)
            signals.drain()
        if not wanted:
            break
    return ended
