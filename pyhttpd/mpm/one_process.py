"""-X: no master and no other children; this process serves, with a debugger's prompt if you want one."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

from pyhttpd.api.log import Level
from pyhttpd.mpm.child import ChildProcess
from pyhttpd.mpm.generation import Generation
from pyhttpd.mpm.listeners import Listeners
from pyhttpd.mpm.other_children import OtherChildren
from pyhttpd.mpm.pidfile import PidFile, PidFileError
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.scoreboard import Scoreboard


def run_one_process(generation: Generation, listeners: Listeners, scoreboard: Scoreboard, others: OtherChildren) -> int:
    """Serve until TERM or INT, which end it in the middle of anything. Returns the exit status.

    Nobody is here to start a program again that dies, as in Apache.
    """
    log, flavour = generation.error_log, generation.flavour
    pid_file = PidFile(generation.config.pid_file)
    pid_file.write()
    pod = PipeOfDeath()
    child = ChildProcess(generation, scoreboard, 0, 0, listeners.bucket(0, 1), pod.reader, pod.kick)

    def clean_up() -> None:
        with contextlib.suppress(PidFileError):  # as User it may only be emptied
            pid_file.remove()
        scoreboard.close()

    def stop(number: int, frame: FrameType | None) -> None:
        generation.service.child_exit()
        clean_up()
        log.log(Level.NOTICE, flavour.log_name, flavour.numbers["stop"], "caught SIGTERM, shutting down")
        others.end_all()
        sys.stdout.flush()
        os._exit(0)

    for line in generation.announcement():
        line.write(log)
    for number in (signal.SIGHUP, signal.SIGWINCH, signal.SIGUSR1, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    status = child.live(stops=dict.fromkeys((signal.SIGTERM, signal.SIGINT), stop))
    clean_up()  # MaxConnectionsPerChild has been reached
    return status
