"""-X: no master and no other children; this process serves, with a debugger's prompt if you want one."""

from __future__ import annotations

import signal
from types import FrameType

from pyhttpd.api.log import Level
from pyhttpd.mpm.child import ChildProcess
from pyhttpd.mpm.generation import Generation
from pyhttpd.mpm.listeners import Listeners
from pyhttpd.mpm.pidfile import PidFile
from pyhttpd.mpm.pod import PipeOfDeath
from pyhttpd.scoreboard import Scoreboard


def run_one_process(generation: Generation, listeners: Listeners, scoreboard: Scoreboard) -> int:
    """Serve until TERM or INT. Returns the exit status."""
    log, flavour = generation.error_log, generation.flavour
    pid_file = PidFile(generation.config.pid_file)
    pid_file.write()
    pod = PipeOfDeath()
    child = ChildProcess(generation, scoreboard, 0, 0, listeners.bucket(0), pod.reader)
    words = scoreboard.child(0)
    words["pid"], words["generation"] = child.pid, 0

    def stop(number: int, frame: FrameType | None) -> None:
        child.leave()

    resuming = f"{generation.description} configured -- resuming normal operations"
    log.log(Level.NOTICE, flavour.log_name, flavour.numbers["resuming"], resuming)
    log.log(Level.NOTICE, "core", "AH00094", f"Command line: '{generation.command_line}'")
    for number in (signal.SIGHUP, signal.SIGWINCH, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    status = child.live(stops=dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGUSR1), stop))
    if pid_file.remove():
        log.log(Level.NOTICE, flavour.log_name, flavour.numbers["stop"], "caught SIGTERM, shutting down")
    return status
