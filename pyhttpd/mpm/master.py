"""The master: it reaps, takes one signal at a time, keeps the spares, and sleeps.

What happens to children stands in pool.py; what a restart, a reload or a stop does, step by step, in transition.py.
"""

from __future__ import annotations

import contextlib
import gc
import select
import time

from pyhttpd.api.log import Level
from pyhttpd.mpm.generation import Generation, Loader, LogLine, Reading, Refused
from pyhttpd.mpm.listeners import Listeners
from pyhttpd.mpm.other_children import OtherChildren
from pyhttpd.mpm.pidfile import PidFile, PidFileError
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.mpm.pool import Pool
from pyhttpd.mpm.signals import Action, SignalQueue
from pyhttpd.mpm.transition import GracefulStop, begin_graceful_stop, commit, stop_now
from pyhttpd.scoreboard import Event, Scoreboard

PASS = 1.0  # seconds between two passes of the idle maintenance
LONGEST_SLEEP = 3600.0


class Master:
    """The process that everybody else is a child of. It serves nothing itself."""

    def __init__(
        self,
        generation: Generation,
        listeners: Listeners,
        scoreboard: Scoreboard,
        loader: Loader,
        signals: SignalQueue,
        others: OtherChildren,
    ) -> None:
        self.generation = generation
        self.listeners = listeners
        self.scoreboard = scoreboard
        self.loader = loader
        self.signals = signals
        self.others = others
        self.pid_file = PidFile(generation.config.pid_file)
        self.pod = PipeOfDeath()
        self.number = 0  # of the generation
        self.reading: Reading | None = None
        self.reading_for = Action.GRACEFUL
        self.reading_next: Action | None = None
        self.stopping: GracefulStop | None = None
        self.exit_status: int | None = None
        self._next_pass = 0.0
        self.pool = Pool(self)
        self._resize_noted = False

    def run(self) -> int:
        """Until the server is told to stop. Returns its exit status."""
        gc.disable()
        gc.freeze()  # what is there now is never collected, so a child does not touch its pages
        self.write_pid_file()
        self.pool.fill(self.generation.config.limits.start)
        self.announce()
        self._next_pass = time.monotonic() + PASS
        while self.exit_status is None:
            self.step()
            if self.exit_status is None:
                self.sleep()
        return self.exit_status

    def step(self) -> None:
        """Everything that is to be done now; it may end the server, by setting `exit_status`."""
        self.pool.reap()
        while self.exit_status is None and (action := self.signals.take()) is not None:
            self.act(action)
        if self.exit_status is not None:
            return
        self.others.tend(self.pool.oldest_generation())
        if self.stopping is not None:
            self.exit_status = self.stopping.finished(self)
        elif time.monotonic() >= self._next_pass:
            self._next_pass = time.monotonic() + PASS
            self.generation.service.monitor()
            self.listeners.end_draining()
            self.pool.maintain()

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
            graceful = action is Action.GRACEFUL
            self.reading = self.loader.start(self.generation, self.let_go_of_listeners, graceful=graceful)
        except OSError as error:
            text = "cannot read the configuration"
            self.refused(Refused([LogLine(Level.ERROR, "core", "PH00221", text, error.errno)]))

    def other_ended(self, pid: int, status: int) -> None:
        """A process that is none of the pool's: one of the other children, or the reader of a configuration."""
        self.others.stopping = self.others.stopping or self.signals.stopping()
        self.others.reaped(pid, status)

    def let_go(self) -> None:
        """In a process that we have forked: close what would wake this one, or tell others that it is still there."""
        self.signals.close_in_child()
        self.others.let_go(serves=True)
        self.pod.close_writer()
        self.pid_file.close()
        if self.reading is not None:
            self.reading.forget()

    def let_go_of_listeners(self) -> None:
        """In a process that does not serve, too: the addresses must be free when the server is gone."""
        self.let_go()
        self.others.let_go(serves=False)
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
        self.scoreboard.note_refusal(refusal.summary)
        self.scoreboard.note_event(Event.REFUSED, "PH00220", self.number)
        self.log(Level.ERROR, "PH00220", f"the new configuration was not taken; generation {self.number} serves on")

    def abandon_reading(self) -> None:
        self.reading_next = None
        if self.reading is not None:
            self.reading.abandon()
            self.reading = None

    # -- what is said and written

    def log(self, level: Level, number: str, text: str, module: str | None = None) -> None:
        self.generation.error_log.log(level, module or self.generation.flavour.log_name, number, text)

    def announce(self) -> None:
        """The lines that tell that a generation serves."""
        for line in self.generation.announcement():
            line.write(self.generation.error_log)

    def trace(self, text: str) -> None:
        """What LogLevel trace4 tells of the children."""
        self.generation.error_log.log(Level.TRACE4, "core", None, text)

    def write_pid_file(self) -> None:
        path = self.generation.config.pid_file
        if self.pid_file.path != path:
            with contextlib.suppress(PidFileError):
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
        for fd in self.others.watched():
            poll.register(fd, select.POLLIN)
        due = self._next_pass if self.stopping is None else self.stopping.due()
        if (others_due := self.others.due()) is not None:
            due = min(due, others_due)
        events = poll.poll(int(min(max(0.0, due - time.monotonic()), LONGEST_SLEEP) * 1000) + 1)
        self.signals.drain()
        if self.reading is not None and not self.signals.stopping():
            descriptor = self.reading.fileno()
            if any(fd == descriptor for fd, _ in events):
                self.collect()
