"""What a module wants done from time to time, in the master and so once for the whole server.

    providers=(Provider("watchdog", "certificates", Watchdog(look_at_certificates, interval=3600)),)

The function must return soon: while it runs the master neither reaps children nor obeys signals. What takes longer is
for a process of its own (subprocess). The master may be root; it runs no threads, and none may be started in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyhttpd.api.request import Services


@dataclass(frozen=True, slots=True)
class Watchdog:
    """A provider of the group `watchdog`. It is called when a generation begins to serve, and then each `interval`
    seconds (None: WatchdogInterval); not oftener than once a second, in the master's pass. What it raises is logged."""

    function: Callable[[Services], None]
    interval: float | None = None
