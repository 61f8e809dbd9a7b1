"""The master: it reaps, takes one signal at a time, keeps the spares, and sleeps.

What a restart, a reload or a stop does, step by step, stands in transition.py.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import time

from pyhttpd.api.log import Level
from pyhttpd.mpm.children import Children, Ended
from pyhttpd.mpm.flavour import EXIT_CHILD_FATAL, EXIT_CHILD_INIT, EXIT_CHILD_SICK
from pyhttpd.mpm.generation import Generation, Loader, LogLine, Reading, Refused
from pyhttpd.mpm.listeners import Listeners
from pyhttpd.mpm.pidfile import PidFile, PidFileError
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.mpm.saturation import Saturation
from pyhttpd.mpm.signals import Action, SignalQueue
from pyhttpd.mpm.transition import GracefulStop, begin_graceful_stop, commit, stop_now
from pyhttpd.policy import BUSY_RATE, Plan, Rate, Row, plan_idle
from pyhttpd.scoreboard import Scoreboard

PASS = 1.0  # seconds between two passes of the idle maintenance
LONGEST_SLEEP = 3600.0
KILLED_IN_A_ROW = 3  # children that died of signals and are replaced at once


class Master:
    """The process that everybody else is a child of. It serves nothing itself."""

    def __init__(
        self, generation: Generation, listeners: Listeners, scoreboard: Scoreboard, loader: Loader, signals: SignalQueue
    ) -> None:
        self.generation = generation
        self.listeners = listeners
        self.scoreboard = scoreboard
        self.loader = loader
        self.signals = signals
        self.children = Children(scoreboard, listeners, self.let_go)
        self.pid_file = PidFile(generation.config.pid_file)
        self.pod = PipeOfDeath()
        self.number = 0  # of the generation
        self.to_start = 0  # children still to be started one for one as old ones end
        self.rates = [Rate()] * generation.config.buckets
        self.saturation = Saturation(scoreboard)
        self.reading: Reading | None = None
        self.reading_for = Action.GRACEFUL
        self.reading_next: Action | None = None
        self.stopping: GracefulStop | None = None
        self.exit_status: int | None = None
        self._next_pass = 0.0
        self._killed_in_a_row = 0
        self._resize_noted = False
        self._sick = False
        self._healthy = False  # a child of this server once had all its threads, or a connection

    def run(self) -> int:
        """Until the server is told to stop. Returns its exit status."""
        gc.disable()
        gc.freeze()  # what is there now is never collected, so a child does not touch its pages
        self.write_pid_file()
        self.fill(self.generation.config.limits.start)
        self.announce()
        self._next_pass = time.monotonic() + PASS
        while self.exit_status is None:
            self.step()
            if self.exit_status is None:
                self.sleep()
        return self.exit_status

    def step(self) -> None:
        """Everything that is to be done now; it may end the server, by setting `exit_status`."""
        for ended in self.children.reap():
            self.bury(ended)
        while self.exit_status is None and (action := self.signals.take()) is not None:
            self.act(action)
        if self.exit_status is not None:
            return
        if self.stopping is not None:
            self.exit_status = self.stopping.finished(self)
        elif time.monotonic() >= self._next_pass:
            self.maintain()

    # -- signals

    def act(self, action: Action) -> None:
        match action:
            case Action.STOP:
                self.exit_status = stop_now(self)
            case Action.GRACEFUL_STOP if self.stopping is None:
                self.stopping = begin_graceful_stop(self)
            case Action.RESTART | Action.GRACEFUL if self.stopping is None:
                self.start_reading(action)
            case Action.RESIZED:
                self.note_resize()
            case _:
                pass  # a server that stops does not restart

    def note_resize(self) -> None:
        """A window was resized; Apache would stop here."""
        if not self._resize_noted:
            self._resize_noted = True
            self.log(Level.NOTICE, "PH00214", "SIGWINCH ignored: this is a foreground process of a terminal")

    # -- reload

    def start_reading(self, action: Action) -> None:
        """Prepare the next generation; meanwhile everything goes on.

        Who asks while one is being read may have changed the files since, so they are read once more afterwards. A
        restart wins over a graceful one.
        """
        if self.reading is not None:
            self.reading_next = Action.RESTART if Action.RESTART in (action, self.reading_next) else action
            return
        self.reading_for = action
        try:
            self.reading = self.loader.start(self.generation, self.let_go_of_listeners)
        except OSError as error:
            text = "cannot read the configuration"
            self.refused(Refused([LogLine(Level.ERROR, "core", "PH00221", text, error.errno)]))

    def let_go(self) -> None:
        """In a process that we have forked: close what would wake this one, or tell others that it is still there."""
        self.signals.close_in_child()
        self.pod.close_writer()
        self.pid_file.close()
        if self.reading is not None:
            self.reading.forget()

    def let_go_of_listeners(self) -> None:
        """In a process that does not serve, too: the addresses must be free when the server is gone."""
        self.let_go()
        self.listeners.close()

    def collect(self) -> None:
        """The reader has something to say: take the new generation, or say why not and go on with the old one."""
        assert self.reading is not None
        action = self.reading_for
        try:
            prepared = self.reading.collect()
            if prepared is None:
                return
            self.reading = None
            commit(self, prepared, graceful=action is Action.GRACEFUL)
        except Refused as refusal:
            self.reading = None
            self.refused(refusal)
        else:
            self.announce()
            self._next_pass = time.monotonic() + PASS
        if self.reading_next is not None:
            action, self.reading_next = self.reading_next, None
            self.start_reading(action)

    def refused(self, refusal: Refused) -> None:
        for line in refusal.lines:
            line.write(self.generation.error_log)
        self.scoreboard["failed_reloads"] += 1
        self.log(Level.ERROR, "PH00220", f"the new configuration was not taken; generation {self.number} serves on")

    def abandon_reading(self) -> None:
        self.reading_next = None
        if self.reading is not None:
            self.reading.abandon()
            self.reading = None

    # -- children

    def bury(self, ended: Ended) -> None:
        """A process was reaped: say why it died, and replace it where that can't wait for the next pass."""
        child = ended.child
        if child is None:
            return  # the reader of a configuration; its pipe has told the rest
        self.say_killed(ended)
        killed = os.WIFSIGNALED(ended.status)
        status = os.waitstatus_to_exitcode(ended.status)
        numbers = self.generation.flavour.numbers
        if status == EXIT_CHILD_FATAL:
            if child.generation == self.number:
                text = f"Child {ended.pid} returned a Fatal error... pyhttpd is exiting!"
                self.log(Level.ALERT, "AH00050", text, module="core")
                stop_now(self, fatal=True)
                self.exit_status = 1
                return
            text = f"Ignoring fatal error in child of previous generation (pid {ended.pid})."
            self.log(Level.WARN, numbers["old_fatal"], text)
        if killed:
            os.eventfd_write(self.pod.kick, 1)  # it may have been woken for a connection that nobody else looks at
        if status in (EXIT_CHILD_INIT, EXIT_CHILD_SICK, EXIT_CHILD_FATAL):
            self._sick = True
            self._healthy = self._healthy or self.scoreboard.child(child.row)["connections"] > 0
            self.rates = [Rate(1, rate.hold_off) for rate in self.rates]
        elif self.stopping is None and self.children.in_row(child.row) is None:
            if self.to_start and child.row < self.generation.config.limits.children:
                self.to_start -= 1
                self.spawn(child.row)
            elif killed and child.generation == self.number and not child.told:
                self.replace_killed(child.row)

    def replace_killed(self, row: int) -> None:
        """Up to three in a row at once; then something is wrong, and the next quiet pass is early enough."""
        if not self.generation.flavour.replaces_killed or row >= self.generation.config.limits.children:
            return
        self._killed_in_a_row += 1
        if self._killed_in_a_row <= KILLED_IN_A_ROW:
            self.spawn(row)
        elif self._killed_in_a_row % 10 == KILLED_IN_A_ROW + 1:
            self.log(Level.WARN, self.generation.flavour.numbers["killed"], "children are killed successively!")

    def say_killed(self, ended: Ended) -> None:
        """Why a child died, if a signal ended it that nobody sent on purpose."""
        if not os.WIFSIGNALED(ended.status):
            return
        number = os.WTERMSIG(ended.status)
        if number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGKILL):
            return  # an administrator's, or ours
        what = f"child pid {ended.pid} exit signal {signal.strsignal(number)} ({number})"
        if os.WCOREDUMP(ended.status):
            where = self.generation.config.core_dump_directory or os.getcwd()
            self.log(Level.NOTICE, "AH00051", f"{what}, possible coredump in {where}", module="core")
        else:
            self.log(Level.NOTICE, "AH00052", what, module="core")

    def spawn(self, row: int) -> bool:
        return self.children.spawn(row, self.generation, self.number, self.pod)

    def fill(self, count: int) -> int:
        """Start up to `count` children in empty rows. Returns how many were started."""
        started = 0
        for row in range(self.generation.config.limits.children):
            if started >= count:
                break
            if self.children.in_row(row) is None:
                if not self.spawn(row):
                    break
                started += 1
        return started

    # -- the pass

    def maintain(self) -> None:
        """Keep the spares between their bounds: one pass, once a second."""
        self._next_pass = time.monotonic() + PASS
        self._killed_in_a_row = 0
        self.generation.service.monitor()
        self.listeners.end_draining()
        if self.to_start:  # a quiet second after a graceful restart: the rest at once
            started = self.fill(self.to_start)
            self.to_start = 0
            if started:
                return
        rows = self.children.rows(self.generation, self.number)
        self._healthy = self._healthy or any(row.occupied and not row.dead for row in rows)
        if self._sick and not self.recovers():
            return
        full = None
        buckets = self.generation.config.buckets
        for bucket in range(buckets):
            plan = self.plan(rows, bucket, buckets)
            full = full or plan.full
            for row in plan.start:
                self.spawn(row)
            if plan.stop is not None and (child := self.children.in_row(plan.stop)) is not None:
                self.children.tell(child)
        queue = self.listeners.queue_length() if full else 0
        self.saturation.note(full, queue, self.generation.flavour, self.generation.error_log)

    def plan(self, rows: list[Row], bucket: int, buckets: int) -> Plan:
        limits = self.generation.config.limits
        mine = [row for row in rows if row.index % buckets == bucket]
        plan = plan_idle(mine, limits, self.rates[bucket], buckets)
        rate = self.rates[bucket].spawn
        if plan.start and rate >= BUSY_RATE:
            flavour = self.generation.flavour
            idle = f"around {plan.idle} idle threads" if flavour.threaded else f"{plan.idle} idle"
            self.log(
                Level.INFO, flavour.numbers["busy"],
                f"server seems busy, (you may need to increase {flavour.busy_hint}), spawning {len(plan.start)} "
                f"children, there are {idle}, and {plan.total} total children",
            )  # fmt: skip
        self.rates[bucket] = plan.rate
        return plan

    def recovers(self) -> bool:
        """A child was short of a resource. If none was ever healthy there is no use in going on."""
        if self._healthy or not self.generation.flavour.threaded:
            self._sick = False
            return True
        self.log(
            Level.ALERT, self.generation.flavour.numbers["sick"],
            "A resource shortage or other unrecoverable failure was encountered before any child process initialized "
            "successfully... pyhttpd is exiting!",
        )  # fmt: skip
        stop_now(self, fatal=True)
        self.exit_status = 1
        return False

    # -- what is said and written

    def log(self, level: Level, number: str, text: str, module: str | None = None) -> None:
        self.generation.error_log.log(level, module or self.generation.flavour.log_name, number, text)

    def announce(self) -> None:
        """The lines that tell that a generation serves."""
        generation, numbers = self.generation, self.generation.flavour.numbers
        self.log(
            Level.NOTICE, numbers["resuming"], f"{generation.description} configured -- resuming normal operations"
        )
        self.log(Level.INFO, numbers["built"], f"Server built: {generation.built}")
        self.log(Level.NOTICE, "AH00094", f"Command line: '{generation.command_line}'", module="core")
        self.log(Level.DEBUG, numbers["mutex"], "Accept mutex: none (default: none)")

    def write_pid_file(self) -> None:
        path = self.generation.config.pid_file
        if self.pid_file.path != path:
            self.pid_file.remove()
            self.pid_file.close()
            self.pid_file = PidFile(path)
        try:
            left_over = self.pid_file.write()
        except PidFileError as error:
            self.log(Level.ERROR, error.number, str(error), module="core")
            return
        if left_over:
            text = f"pid file {path} overwritten -- Unclean shutdown of previous pyhttpd run?"
            self.log(Level.WARN, "AH00098", text, module="core")

    # -- sleep

    def sleep(self) -> None:
        """Until a signal comes, the reader has something, or the next thing is due."""
        poll = select.poll()
        poll.register(self.signals, select.POLLIN)
        if self.reading is not None:
            poll.register(self.reading, select.POLLIN)
        due = self._next_pass if self.stopping is None else self.stopping.due()
        events = poll.poll(int(min(max(0.0, due - time.monotonic()), LONGEST_SLEEP) * 1000) + 1)
        self.signals.drain()
        if self.reading is not None and not self.signals.stopping():
            descriptor = self.reading.fileno()
            if any(fd == descriptor for fd, _ in events):
                self.collect()
