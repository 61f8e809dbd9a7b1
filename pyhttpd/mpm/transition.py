"""Restart, reload and stop, step by step. The master decides that; this says how."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhttpd.api.log import Level
from pyhttpd.mpm.generation import Generation, LogLine, Refused
from pyhttpd.mpm.listeners import BindError, Change, Failure, SocketOptions
from pyhttpd.mpm.pidfile import PidFileError
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.mpm.reclaim import LAST_STEPS, PATIENT_STEPS, STEPS, Step, reclaim
from pyhttpd.policy import Rate
from pyhttpd.scoreboard import Event

if TYPE_CHECKING:
    from pyhttpd.mpm.directives import MpmConfig
    from pyhttpd.mpm.listeners import Listeners
    from pyhttpd.mpm.master import Master

HOLD_OFF = 10  # passes after a graceful restart in which the spawn rate does not double


def socket_options(config: MpmConfig) -> SocketOptions:
    return SocketOptions(
        backlog=config.listen_backlog,
        defer_accept=config.listen_defer_accept,
        deferred_protocols=config.deferred_protocols,
        receive_buffer=config.receive_buffer_size,
        send_buffer=config.send_buffer_size,
        buckets=config.buckets,
    )


def bind(listeners: Listeners, config: MpmConfig) -> Change:
    """The sockets of a configuration, opened but not taken. Raises Refused."""
    if not config.listens:
        text = "no listening sockets available, shutting down"
        raise Refused([LogLine(Level.ALERT, "core", None, text)])
    try:
        return listeners.prepare(config.listens, socket_options(config))
    except BindError as error:
        raise Refused([_failed(failure) for failure in error.failures]) from error


def _failed(failure: Failure) -> LogLine:
    return LogLine(Level.CRIT, "core", "AH00072", failure.text, failure.errno)


def take(listeners: Listeners, change: Change, generation: Generation) -> None:
    """Commit the sockets; say what there is to say of the configuration, and which ports the kernel chose."""
    for line in generation.notes:
        line.write(generation.error_log)
    listeners.commit(change, socket_options(generation.config))
    if (reckoned := buckets_line(generation.config)) is not None:
        reckoned.write(generation.error_log)
    for listener in change.opened:
        for failure in listener.failures:
            _failed(failure).write(generation.error_log)
        if listener.address.port == 0:
            generation.error_log.log(Level.NOTICE, "core", "PH00201", f"listening on {listener.bound}")


def buckets_line(config: MpmConfig) -> LogLine | None:
    """What is said of ListenCoresBucketsRatio, where it counts: at the start and at a restart."""
    reckoned = config.buckets_reckoned
    return None if reckoned is None else LogLine(Level.INFO, "core", "AH02819", reckoned)


def commit(master: Master, prepared: Generation, *, graceful: bool) -> None:
    """Swap a prepared generation in. Raises Refused, and has then changed nothing, if its descriptors can't be had.

    The old children serve until the new ones are about to be forked: with many virtual hosts, what comes before that
    takes a good part of a second.
    """
    try:
        change = bind(master.listeners, prepared.config)
        pod = _pipe_of_death(change)
    except Refused:
        prepared.release()
        raise
    flavour, log = prepared.flavour, master.generation.error_log
    if graceful:
        log.log(Level.NOTICE, flavour.log_name, flavour.numbers["graceful"], flavour.graceful_text)
    else:
        text = "SIGHUP received.  Attempting to restart"
        log.log(Level.NOTICE, flavour.log_name, flavour.numbers["restart"], text)
    del log  # nothing here may keep the old generation
    steps = _steps(master.generation)
    master.number += 1
    _replace(master, prepared, change)
    master.scoreboard["generation"] = master.number
    master.scoreboard["config_generation"] += 1
    master.scoreboard.forget_refusal()
    kind, number = (Event.RELOADED, "graceful") if graceful else (Event.RESTARTED, "restart")
    master.scoreboard.note_event(kind, flavour.numbers[number], master.number)
    master.pod.close()  # no child of the new generation may inherit its writing end
    master.pod = pod
    if not graceful:
        for ended in reclaim(master.pool.children, master.pool.children, master.signals, prepared.error_log, steps):
            if ended.child is not None:
                master.pool.say_killed(ended)
        master.scoreboard.begin_anew()
    _start_children(master, graceful)


def _replace(master: Master, prepared: Generation, change: Change) -> None:
    """Let the new generation be the master's, and nothing be left of the old one."""
    release = master.generation.release
    master.generation = prepared
    take(master.listeners, change, prepared)
    prepared.take_stderr()
    master.others.take(master.number, prepared.error_log.log)
    master.write_pid_file()
    release()  # before a child could inherit its logs
    del release
    gc.unfreeze()
    gc.collect()  # the old generation is garbage; what is frozen with it would stay for ever
    gc.freeze()


def _steps(generation: Generation) -> tuple[Step, ...]:
    """With children that must go now."""
    return PATIENT_STEPS if generation.service.has_farewell else STEPS


def _pipe_of_death(change: Change) -> PipeOfDeath:
    try:
        return PipeOfDeath()
    except OSError as error:
        change.rollback()
        raise Refused([LogLine(Level.ERROR, "core", "PH00223", "no pipe of death", error.errno)]) from error


def _start_children(master: Master, graceful: bool) -> None:
    """At once after a restart. After a graceful one the first at once, the others one for one as old children end."""
    limits = master.generation.config.limits
    buckets = master.generation.config.buckets
    if not graceful:
        master.pool.rates = [Rate()] * buckets
        master.pool.fill(limits.start)
        master.pool.to_start = 0
        return
    master.pool.rates = [Rate(1, HOLD_OFF)] * buckets
    master.pool.to_start = max(0, limits.start - master.pool.fill(buckets))
    for child in master.pool.children:
        if child.generation != master.number:
            master.pool.children.tell(child)


def stop_now(master: Master, *, fatal: bool = False) -> int:
    """TERM: everybody goes, within a second. Returns the exit status. A fatal stop leaves the pid file, as Apache."""
    master.others.stopping = True
    master.abandon_reading()
    master.pod.close()
    children, steps = master.pool.children, _steps(master.generation)
    reclaim(children, children, master.signals, master.generation.error_log, steps)
    master.listeners.close()
    if not fatal and master.stopping is None:  # else that has been done
        _remove_pid_file(master)
        master.log(Level.NOTICE, master.generation.flavour.numbers["stop"], "caught SIGTERM, shutting down")
    return 0


def _remove_pid_file(master: Master) -> None:
    try:
        removed = master.pid_file.remove()
    except PidFileError as error:
        master.log(Level.ERROR, error.number, str(error), module="core")
        return
    if removed:
        text = f"removed PID file {master.pid_file.path} (pid={os.getpid()})"
        master.log(Level.INFO, "AH00096", text, module="core")


@dataclass(frozen=True, slots=True)
class GracefulStop:
    """A stop that waits for connections. `deadline` (CLOCK_MONOTONIC) is GracefulShutdownTimeout's, None for ever."""

    deadline: float | None

    def due(self) -> float:
        return time.monotonic() + 1.0 if self.deadline is None else self.deadline

    def finished(self, master: Master) -> int | None:
        """0 once nobody is left, ending those who are if time is up; None while there is something to wait for."""
        if len(master.pool.children) and (self.deadline is None or time.monotonic() < self.deadline):
            return None
        reclaim(master.pool.children, master.pool.children, master.signals, master.generation.error_log, LAST_STEPS)
        master.pool.children.trace_generation(master.number)
        return 0


def begin_graceful_stop(master: Master) -> GracefulStop:
    """WINCH: nobody accepts any more, everybody finishes."""
    master.abandon_reading()
    master.listeners.close()
    master.pod.close()
    for child in master.pool.children:
        master.pool.children.tell(child)
    _remove_pid_file(master)
    master.log(
        Level.NOTICE, master.generation.flavour.numbers["graceful_stop"], "caught SIGWINCH, shutting down gracefully"
    )
    timeout = master.generation.config.graceful_shutdown_timeout
    return GracefulStop(time.monotonic() + timeout if timeout else None)
