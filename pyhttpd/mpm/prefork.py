"""prefork: one connection a child."""

from __future__ import annotations

from pyhttpd.api.module import Module
from pyhttpd.mpm.child import ChildProcess
from pyhttpd.mpm.directives import PREFORK_DIRECTIVES, MpmSettings, PreforkConfig
from pyhttpd.mpm.flavour import Flavour
from pyhttpd.policy import PREFORK, Full, Limits
from pyhttpd.scoreboard import Status


def run(child: ChildProcess) -> None:
    """Accept and serve until this child shall leave."""
    slot = child.slot()
    waiter = child.waiter()
    while not child.exhausted:
        slot.set_status(Status.READY)
        try:
            accepted = child.acceptor.accept(child.is_leaving)
        except OSError as error:
            child.accept_failed(error)
            break
        if accepted is None:
            break
        child.count_connection()
        connection = child.open(*accepted, slot)
        if connection is not None:
            child.converse(connection, accepted[0], waiter)
    slot.set_status(Status.DEAD)


_REACHED = ("AH00161", "server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting")

FLAVOUR = Flavour(
    name="prefork",
    threaded=False,
    replaces_killed=False,
    family=PREFORK,
    defaults=Limits(start=5, min_spare=5, max_spare=10, server_limit=256, max_workers=256),
    config_class=PreforkConfig,
    run=run,
    numbers={
        "resuming": "AH00163",
        "built": "AH00164",
        "mutex": "AH00165",
        "stop": "AH00169",
        "graceful_stop": "AH00170",
        "graceful": "AH00171",
        "restart": "AH00173",
        "fork": "AH00159",
        "busy": "AH00162",
        "old_fatal": "AH00166",
    },
    full={
        Full.BUSY: _REACHED,
        Full.NEAR: _REACHED,
        Full.STOPPING: ("PH00213", "children that are going away hold the room for new ones"),
    },
    busy_hint="StartServers, or Min/MaxSpareServers",
    graceful_text="Graceful restart requested, doing restart",
)

MODULE = Module("mpm_prefork_module", "prefork.c", per_server=MpmSettings, directives=PREFORK_DIRECTIVES)
