"""The rehearsal: before it forks, the master lives the life of a child in small, on a site that nobody else sees.

What runs for the first time makes the interpreter write: bytecode specialises itself, types remember where they found
their attributes, functions of shared libraries are looked up. In a child each such write copies a page that was shared
with all others. What the master has run before it forks was written once, for everybody.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from pyhttpd.api.connection import Service, Wait, Woken
from pyhttpd.api.log import ErrorLog, Level, Levels
from pyhttpd.mpm.child import ChildProcess, Handler
from pyhttpd.mpm.compaction import close_up, gather
from pyhttpd.mpm.directives import MpmConfig
from pyhttpd.mpm.flavour import Flavour
from pyhttpd.mpm.generation import Generation
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.mpm.tuning import Tuning
from pyhttpd.mpm.waiting import ConnectionWaiter
from pyhttpd.policy import Limits
from pyhttpd.scoreboard import Scoreboard

AtEnd = Callable[[Callable[[], None]], object]
"""Takes what closes something that was opened."""
LIVES = 12
"""Bytecode specialises itself in the eighth call, and what fails to is tried again a few calls later."""
ENOUGH = 0.5
"""Seconds of the processor after which no further life begins: it is more important to serve."""
_LONGEST_WAIT = 0.1
_ALONE = Limits(start=1, min_spare=1, max_spare=1, server_limit=1, max_workers=1)
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGINT, signal.SIGWINCH, signal.SIGUSR1)


class _Client:
    """Says a half of what it has to say when it begins, the rest when it is waited for. Each saying is a packet, which
    the child reads by itself."""

    def __init__(self, stack: ExitStack, server: str, sayings: Sequence[bytes]) -> None:
        self._sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        self._sock.connect(server)
        half = (len(sayings) + 1) // 2
        self._left = [part for part in (sayings[half:], sayings[:half]) if part]
        self.speak()

    def speak(self) -> None:
        if not self._left:
            self._sock.shutdown(socket.SHUT_WR)
            return
        for saying in self._left.pop():
            self._sock.send(saying)


class _Waiter(ConnectionWaiter):
    speak: Callable[[], None]

    def wait(self, sock: socket.socket, wait: Wait) -> Woken:
        self.speak()
        return super().wait(sock, wait._replace(deadline=min(wait.deadline, time.monotonic() + _LONGEST_WAIT)))


class _Actor(ChildProcess):
    """A child that is none: this process keeps its signals."""

    clients: list[_Client]

    def waiter(self) -> ConnectionWaiter:
        waiter = _Waiter(self.death, self.stop, self.is_leaving, self.leave_listeners, self.crowd)
        waiter.speak = lambda: self.clients[self.connections - 1].speak()
        return waiter

    def _take_signals(self, stops: Mapping[signal.Signals, Handler] | None) -> None:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler is not None:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_BLOCK, ())

    def close(self) -> None:
        self.acceptor.close()
        os.close(self._stop_reader)
        os.close(self._stop_writer)


def rehearse(
    generation: Generation,
    make_service: Callable[[Scoreboard, ErrorLog, AtEnd], Service],
    requests: Callable[[int], tuple[Sequence[bytes], Sequence[bytes]]],
) -> object:
    """In each life, let a new service answer on a socket of our own what comes on two connections.

    `requests` are those of one life: of the connection that can stay, and of the last one, which begins when the child
    is leaving. What is returned is to be kept as long as children are forked. Raises OSError where the system has no
    such sockets.
    """
    with ExitStack() as stack:
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        stack.callback(os.close, null)
        log = ErrorLog(null, Levels(Level.EMERG))
        scoreboard = Scoreboard(1, 1)
        pod = PipeOfDeath()
        stack.callback(pod.close)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        listener.bind("")  # an abstract name that the kernel chooses
        listener.listen()
        listener.setblocking(False)
        collecting = gc.isenabled()

        def live_once(life: int) -> None:
            with ExitStack() as held:
                site = _site(generation, make_service(scoreboard, log, held.callback), log)
                clients = [_Client(held, listener.getsockname(), sayings) for sayings in requests(life)]
                actor = _Actor(site, scoreboard, 0, 0, [listener.dup()], pod.reader, pod.kick)
                actor.clients = clients
                try:
                    actor.live(stops={})
                finally:
                    actor.close()

        kept: list[object] = []
        until = time.process_time() + ENOUGH
        for life in range(LIVES):
            if life == 0:
                kept += gather(partial(live_once, life))
            else:
                live_once(life)
            if time.process_time() >= until:
                break
        if not collecting:
            gc.disable()
        kept += close_up()
        return kept


def _site(generation: Generation, service: Service, log: ErrorLog) -> Generation:
    """The generation of one life: it has two connections, no User to become, and changes nothing of this process."""
    config: MpmConfig = replace(
        generation.config, limits=_ALONE, buckets=1, max_connections_per_child=2, core_dump_directory=None,
        exception_hook=False, max_mem_free=None,
    )  # fmt: skip
    return replace(
        generation, config=config, service=service, error_log=log, identity=None, tuning=Tuning(config),
        flavour=_alone(generation.flavour),
    )  # fmt: skip


def _alone(flavour: Flavour) -> Flavour:
    """The master never has threads: what worker's do is done by the only one."""
    return flavour if flavour.run_alone is None else replace(flavour, run=flavour.run_alone)
