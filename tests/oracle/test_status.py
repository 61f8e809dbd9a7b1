"""server-status?auto: the same names in the same order on both servers."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Start
from tests.support.servers import SLOW, Server

# Only where the value is not zero, so a matter of the second in which one asks.
SOMETIMES = {"CPULoad"}
# As many children as there may be, so that there is never one more.
LIMITS = {
    "prefork": "StartServers 3\nMinSpareServers 1\nMaxSpareServers 3\nServerLimit 3\nMaxRequestWorkers 3",
    "worker": "StartServers 2\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 12\nServerLimit 2\n"
    "MaxRequestWorkers 8",
}


def _shape(value: str) -> str:
    """A value with each number replaced, so that what is left is its form."""
    return re.sub(r"\d+", "9", re.sub(r"\.\d+", "", value))


def _ask(server: Server) -> dict[str, str]:
    server.get("/")
    server.get("/a.txt")

    def settled() -> dict[str, str] | None:
        """ReqPerSec and BytesPerSec are there once the server has been up for a second. Nobody but the one that asks
        is busy once the connections of before have been closed, and all threads have started."""
        auto = server.auto()
        up = int(auto.get("ServerUptimeSeconds", "0")) >= 1
        return auto if up and auto["BusyWorkers"] == "1" and "S" not in auto["Scoreboard"] else None

    return server.wait_until(settled, SLOW, "an uptime, and nobody busy")


@pytest.mark.parametrize("extended", ["On", "Off"])
def test_names_in_order(pyhttpd: Start, apache: Start, mpm: str, extended: str) -> None:
    lines = f"ExtendedStatus {extended}"
    theirs, ours = (_ask(start(lines, mpm=mpm, limits=LIMITS[mpm])) for start in (apache, pyhttpd))
    assert [name for name in ours if name not in SOMETIMES] == [name for name in theirs if name not in SOMETIMES]
    for name in ("name", "ServerMPM", "ParentServerConfigGeneration", "ParentServerMPMGeneration", "GracefulWorkers"):
        assert ours[name] == theirs[name], name
    for name in ("CurrentTime", "RestartTime"):
        form = r"[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d UTC"
        assert re.fullmatch(form, theirs[name]), name
        assert re.fullmatch(form, ours[name]), name
    assert _shape(ours["ServerUptime"]).rstrip("s") == _shape(theirs["ServerUptime"]).rstrip("s")
    assert len(ours["Scoreboard"]) == len(theirs["Scoreboard"])
    assert (ours["BusyWorkers"], ours["IdleWorkers"]) == (theirs["BusyWorkers"], theirs["IdleWorkers"])
    assert ours["Scoreboard"].count("W") == int(ours["BusyWorkers"])
    assert ours["Scoreboard"].count("_") == int(ours["IdleWorkers"])
    if extended == "On":
        # the status requests before this one are counted, and this one is not; how many there were is a matter of time
        assert int(ours["Total Accesses"]) >= 2
        assert float(ours["BytesPerReq"]) >= 0


def test_content_type_and_generations(pyhttpd: Start, apache: Start) -> None:
    for start in (apache, pyhttpd):
        server = start(mpm="prefork")
        answer = server.get("/server-status?auto")
        assert answer.header("Content-Type") == "text/plain; charset=ISO-8859-1", server.program
        server.reload("USR1")
        server.reload("HUP")
        auto = server.auto()
        assert (auto["ParentServerConfigGeneration"], auto["ParentServerMPMGeneration"]) == ("3", "2"), server.program
        refreshed = server.get("/server-status?refresh=7&auto")
        assert refreshed.header("Refresh") == "7", server.program
        page = server.get("/server-status")
        assert page.header("Content-Type") == "text/html; charset=ISO-8859-1", server.program
        assert b"<title>Apache Status</title>" in page.body, server.program
