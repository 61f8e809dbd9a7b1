"""The pool: how many children there are, who is buried, who is started. Decided in policy.py, done here."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from pyhttpd.api.log import Level
from pyhttpd.mpm.children import Children, Ended
from pyhttpd.mpm.flavour import EXIT_CHILD_FATAL, EXIT_CHILD_INIT, EXIT_CHILD_SICK
from pyhttpd.mpm.saturation import Saturation
from pyhttpd.mpm.transition import stop_now
from pyhttpd.policy import BUSY_RATE, Limits, Plan, Rate, Row, plan_idle
from pyhttpd.scoreboard import Event

if TYPE_CHECKING:
    from pyhttpd.mpm.master import Master

_NAMES: dict[int, str] = {  # where APR's are not the system's
    signal.SIGTRAP: "Trace/BPT trap",
    signal.SIGABRT: "Abort",
    signal.SIGFPE: "Arithmetic exception",
    signal.SIGXCPU: "exceeded cpu limit",
}
KILLED_IN_A_ROW = 3  # children that died of signals and are replaced at once


class Pool:
    """The children of a master, of all generations."""

    def __init__(self, master: Master) -> None:
        self.master = master
        self.children = Children(master.scoreboard, master.listeners, master.let_go, master.other_ended, master.trace)
        self.to_start = 0  # children still to be started one for one as old ones end
        self.rates = [Rate()] * master.generation.config.buckets  # one for each bucket
        self.saturation = Saturation(master.scoreboard)
        self.killed_in_a_row = 0
        self.sick = False  # a child was short of a resource since the last pass
        self.healthy = False  # a child of this server once had all its threads, or a connection

    @property
    def limits(self) -> Limits:
        return self.master.generation.config.limits

    def oldest_generation(self) -> int:
        """Of those that have a child; the one that runs if there is none."""
        return min((child.generation for child in self.children), default=self.master.number)

    def reap(self) -> None:
        """Bury everybody who has ended, unless one of them has ended the server."""
        for ended in self.children.reap():
            if self.master.exit_status is None:
                self.bury(ended)

    def bury(self, ended: Ended) -> None:
        """A process was reaped: say why it died, and replace it where that can't wait for the next pass."""
        child = ended.child
        if child is None:
            return  # the reader of a configuration, whose pipe has told the rest, or one of the other children
        self.say_killed(ended)
        killed = os.WIFSIGNALED(ended.status)
        status = os.waitstatus_to_exitcode(ended.status)
        numbers = self.master.generation.flavour.numbers
        if status == EXIT_CHILD_FATAL:
            if child.generation == self.master.number:
                text = f"Child {ended.pid} returned a Fatal error... pyhttpd is exiting!"
                self.master.log(Level.ALERT, "AH00050", text, module="core")
                stop_now(self.master, fatal=True)
                self.master.exit_status = 1
                return
            text = f"Ignoring fatal error in child of previous generation (pid {ended.pid})."
            self.master.log(Level.WARN, numbers["old_fatal"], text)
        if killed:
            # It may have been woken for a connection that nobody else looks at.
            os.eventfd_write(self.master.pod.kick, 1)
        if status in (EXIT_CHILD_INIT, EXIT_CHILD_SICK, EXIT_CHILD_FATAL):
            self.sick = True
            self.healthy = self.healthy or self.master.scoreboard.child(child.row)["connections"] > 0
            self.rates = [Rate(1, rate.hold_off) for rate in self.rates]
        elif self.master.stopping is None and self.children.in_row(child.row) is None:
            if self.to_start and child.row < self.limits.children:
                self.to_start -= 1
                self.spawn(child.row)
            elif killed and child.generation == self.master.number and not child.told:
                self.replace_killed(child.row)

    def replace_killed(self, row: int) -> None:
        """Up to three in a row at once; then something is wrong, and the next quiet pass is early enough."""
        if not self.master.generation.flavour.replaces_killed or row >= self.limits.children:
            return
        self.killed_in_a_row += 1
        if self.killed_in_a_row <= KILLED_IN_A_ROW:
            self.spawn(row)
        elif self.killed_in_a_row % 10 == KILLED_IN_A_ROW + 1:
            self.master.log(
                Level.WARN, self.master.generation.flavour.numbers["killed"], "children are killed successively!"
            )

    def say_killed(self, ended: Ended) -> None:
        """Why a child died, if a signal ended it that nobody sent on purpose."""
        if not os.WIFSIGNALED(ended.status):
            return
        number = os.WTERMSIG(ended.status)
        if number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGKILL):
            return  # an administrator's, or ours
        what = f"child pid {ended.pid} exit signal {_NAMES.get(number) or signal.strsignal(number)} ({number})"
        if os.WCOREDUMP(ended.status):
            where = self.master.generation.config.core_dump_directory or os.getcwd()
            log_number, what = "AH00051", f"{what}, possible coredump in {where}"
        else:
            log_number = "AH00052"
        self.master.log(Level.NOTICE, log_number, what, module="core")
        self.master.scoreboard.note_event(Event.KILLED, log_number, number)

    def spawn(self, row: int) -> bool:
        return self.children.spawn(row, self.master.generation, self.master.number, self.master.pod)

    def fill(self, count: int) -> int:
        """Start up to `count` children in empty rows. Returns how many were started."""
        started = 0
        for row in range(self.limits.children):
            if started >= count:
                break
            if self.children.in_row(row) is None:
                if not self.spawn(row):
                    break
                started += 1
        return started

    def maintain(self) -> None:
        """Keep the spares between their bounds: one pass, once a second."""
        self.killed_in_a_row = 0
        if self.to_start:  # a quiet second after a graceful restart: the rest at once
            started = self.fill(self.to_start)
            self.to_start = 0
            if started:
                return
        rows = self.children.rows(self.master.generation, self.master.number)
        self.healthy = self.healthy or any(row.occupied and not row.dead for row in rows)
        if self.sick and not self.recovers():
            return
        full = None
        buckets = self.master.generation.config.buckets
        for bucket in range(buckets):
            plan = self.plan(rows, bucket, buckets)
            full = full or plan.full
            for row in plan.start:
                self.spawn(row)
            if plan.stop is not None and (child := self.children.in_row(plan.stop)) is not None:
                self.children.tell(child)
        queue = self.master.listeners.queue_length() if full else 0
        self.saturation.note(full, queue, self.master.generation.flavour, self.master.generation.error_log)

    def plan(self, rows: list[Row], bucket: int, buckets: int) -> Plan:
        limits = self.master.generation.config.limits
        mine = [row for row in rows if row.index % buckets == bucket]
        plan = plan_idle(mine, limits, self.rates[bucket], buckets)
        rate = self.rates[bucket].spawn
        if plan.start and rate >= BUSY_RATE:
            flavour = self.master.generation.flavour
            idle = f"around {plan.idle} idle threads" if flavour.threaded else f"{plan.idle} idle"
            self.master.log(
                Level.INFO, flavour.numbers["busy"],
                f"server seems busy, (you may need to increase {flavour.busy_hint}), spawning {len(plan.start)} "
                f"children, there are {idle}, and {plan.total} total children",
            )  # fmt: skip
        self.rates[bucket] = plan.rate
        return plan

    def recovers(self) -> bool:
        """A child was short of a resource. If none was ever healthy there is no use in going on."""
        if self.healthy or not self.master.generation.flavour.threaded:
            self.sick = False
            return True
        self.master.log(
            Level.ALERT, self.master.generation.flavour.numbers["sick"],
            "A resource shortage or other unrecoverable failure was encountered before any child process initialized "
            "successfully... pyhttpd is exiting!",
        )  # fmt: skip
        stop_now(self.master, fatal=True)
        self.master.exit_status = 1
        return False
