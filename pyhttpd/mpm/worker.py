"""worker: ThreadsPerChild connections a child, a thread and a slot each.

One idle thread of a child at a time, the leader, waits for connections; it hands the lead on before it serves, unless
it knows the answer to all that a connection asks for. So a child accepts only when a thread is idle, a child stands in
the kernel's queue of waiters once, however many threads it has, and MaxConnectionsPerChild is counted under the
leader's lock and exact.
"""

from __future__ import annotations

import _thread
import os
import select
import socket

from pyhttpd.api.connection import Conversation
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.mpm.child import ChildProcess
from pyhttpd.mpm.directives import WORKER_DIRECTIVES, MpmSettings, WorkerConfig
from pyhttpd.mpm.flavour import EXIT_CHILD_SICK, Flavour
from pyhttpd.policy import WORKER, Full, Limits
from pyhttpd.scoreboard import Slot, Status

SQUAT_RETRY = 0.1  # seconds between looks at slots that threads of an older child still hold


class _Pool:
    """The threads of this child."""

    def __init__(self, child: ChildProcess) -> None:
        self.child = child
        self.lead = _thread.allocate_lock()
        self.counting = _thread.allocate_lock()
        self.waiting = set(range(child.config.limits.threads))  # slots whose thread has not been started
        self.alive = 0
        self.done_reader, self.done_writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def start_threads(self) -> None:
        """Start a thread in every slot that is free. Raises RuntimeError where the system has no more threads."""
        for thread in sorted(self.waiting):
            slot = self.child.scoreboard.slot(self.child.row, thread)
            if Status(slot["status"]) is not Status.DEAD:
                continue  # an older child's thread is finishing there
            with self.counting:
                self.alive += 1
            try:
                _thread.start_new_thread(self._thread, (thread,))
            except RuntimeError:
                self._thread_ended()
                raise
            self.waiting.discard(thread)
        if not self.waiting:
            self.child.note_complete()

    def _thread(self, thread: int) -> None:
        slot = self.child.slot(thread)
        slot["tid"] = _thread.get_native_id()
        try:
            self.serve(thread)
        except BaseException:  # the slot must be free again, whatever it was
            self.child.log_traceback("a worker thread failed")
        finally:
            slot.set_status(Status.DEAD)
            self._thread_ended()

    def _thread_ended(self) -> None:
        with self.counting:
            self.alive -= 1
            last = self.alive == 0
        if last:
            self.child.leave()
            os.write(self.done_writer, b"!")

    def serve(self, thread: int) -> None:
        child = self.child
        slot = child.scoreboard.slot(child.row, thread)
        waiter = child.waiter()
        while True:
            slot.set_status(Status.READY)
            with self.lead:
                taken = self._take(slot)
                if taken is None:
                    return
            child.converse(*taken, waiter)
            with self.counting:
                child.note_active(-1)

    def _take(self, slot: Slot) -> tuple[Conversation, socket.socket] | None:
        """The leader's work: the next connection that takes more than a moment. None when the child shall leave.

        Waking another thread costs more than a short answer, so the leader gives that itself.
        """
        child = self.child
        while not child.exhausted:
            try:
                accepted = child.acceptor.accept(child.is_leaving, child.polite)
            except OSError as error:
                child.accept_failed(error)
                return None
            if accepted is None:
                child.leave()
                return None
            child.count_connection()
            sock, peer = accepted
            connection = child.open(sock, peer, slot)
            if connection is not None:
                with self.counting:
                    child.note_active(1)
                return connection, sock
            slot.set_status(Status.READY)
        return None

    def _start_late(self) -> None:
        """More of the threads, whose slots an older child may have left by now. Without them the others go on."""
        try:
            self.start_threads()
        except RuntimeError as error:
            self.waiting.clear()
            self.say_no_thread(error)

    def say_no_thread(self, error: Exception) -> None:
        text = f"unable to create worker thread: {error}"
        self.child.error_log.log(Level.ALERT, "mpm_worker", "AH03142", text)

    def join(self) -> None:
        """Until every thread has ended. The main thread does nothing else: it is where signal handlers run."""
        poll = select.poll()
        poll.register(self.done_reader, select.POLLIN)
        poll.register(self.child.death, 0)
        poll.register(self.child.stop, select.POLLIN)
        while not self.child.leaving:
            events = poll.poll(int(SQUAT_RETRY * 1000) if self.waiting else None)
            if any(fd != self.done_reader for fd, _ in events):
                self.child.leave()
            if self.waiting:
                self._start_late()
        poll.unregister(self.child.death)
        poll.unregister(self.child.stop)
        with self.lead:  # the leader has woken, too
            self.child.acceptor.close()
        while self.alive:
            poll.poll(1000)


def run(child: ChildProcess) -> None:
    """Start the threads, wait until they have ended."""
    pool = _Pool(child)
    try:
        if child.config.thread_stack_size:
            _thread.stack_size(child.config.thread_stack_size)
        pool.start_threads()
    except (RuntimeError, ValueError) as error:
        pool.say_no_thread(error)
        child.exit_status = EXIT_CHILD_SICK
        child.leave()
    pool.join()


def run_alone(child: ChildProcess) -> None:
    """The work of one thread, by the thread that calls."""
    pool = _Pool(child)
    try:
        pool.serve(0)
    finally:
        os.close(pool.done_reader)
        os.close(pool.done_writer)


FLAVOUR = Flavour(
    name="worker",
    threaded=True,
    replaces_killed=True,
    family=WORKER,
    defaults=Limits(
        start=3, min_spare=75, max_spare=250, server_limit=16, max_workers=400, thread_limit=64, threads=25
    ),
    config_class=WorkerConfig,
    run=run,
    numbers={
        "resuming": "AH00292",
        "built": "AH00293",
        "mutex": "AH00294",
        "stop": "AH00295",
        "graceful_stop": "AH00296",
        "graceful": "AH00297",
        "restart": "AH00298",
        "fork": "AH00283",
        "busy": "AH00289",
        "old_fatal": "AH00290",
        "killed": "AH10393",
        "sick": "AH02325",
        "squat": "AH00263",
    },
    full={
        Full.BUSY: (
            "AH00286",
            "server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting",
        ),
        Full.NEAR: (
            "AH00287",
            "server is within MinSpareThreads of MaxRequestWorkers, consider raising the MaxRequestWorkers setting",
        ),
        Full.STOPPING: ("AH00288", "scoreboard is full, not at MaxRequestWorkers"),
    },
    busy_hint="StartServers, ThreadsPerChild or Min/MaxSpareThreads",
    graceful_text="SIGUSR1 received.  Doing graceful restart",
    run_alone=run_alone,
)

MODULE = Module("mpm_worker_module", "worker.c", per_server=MpmSettings, directives=WORKER_DIRECTIVES)
