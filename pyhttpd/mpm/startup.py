"""Between the terminal and the first child: the scoreboard is made, the server detached, stderr is the error log's."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyhttpd.api.log import Level
from pyhttpd.mpm.generation import Generation, LogLine, Refused
from pyhttpd.scoreboard import Scoreboard

if TYPE_CHECKING:
    from pyhttpd.mpm.directives import MpmConfig


def make_scoreboard(config: MpmConfig) -> tuple[Scoreboard, LogLine | None]:
    """It, and what is to be said if it cannot be in its file. Raises Refused."""
    size = (config.limits.server_limit, config.limits.thread_limit)
    line = None
    if config.scoreboard_file is not None:
        try:
            return Scoreboard(*size, config.scoreboard_file), None
        except OSError as error:
            text = f'unable to create or access scoreboard "{config.scoreboard_file}": other programs cannot read it'
            line = LogLine(Level.WARN, "core", "AH00001", text, error.errno)
    try:
        return Scoreboard(*size), line
    except OSError as error:
        text = "Unable to create or access scoreboard (anonymous shared memory failure)"
        raise Refused([LogLine(Level.CRIT, "core", "AH00004", text, error.errno)]) from error


def detach(generation: Generation, kept: Sequence[object]) -> None:
    """Become a daemon; the parent exits with 0 here. python-daemon's defaults are not Apache's."""
    from daemon import DaemonContext

    sys.stdout.flush()
    sys.stderr.flush()
    umask = os.umask(0)
    os.umask(umask)
    DaemonContext(
        detach_process=True,
        prevent_core=False,
        umask=umask,
        signal_map={},
        files_preserve=[*kept, *generation.open_files()],
        working_directory="/",
        pidfile=None,
    ).open()


def become_quiet(generation: Generation, *, detached: bool) -> None:
    """From here on stderr is the error log: of the server, of faulthandler, of what it spawns."""
    sys.stderr.flush()
    generation.take_stderr()
    if detached:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)
