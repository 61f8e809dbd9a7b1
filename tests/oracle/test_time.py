"""Time limits on both servers: for a head, for a body, for the next request of a kept connection."""

from __future__ import annotations

from tests.conftest import Start
from tests.support.clients import LIMIT, Client
from tests.support.servers import Server

LINES = """\
RequestReadTimeout header=1 body=1
KeepAliveTimeout 1
Timeout 2
"""


def _limits(server: Server) -> dict[str, object]:
    """What a client that stops in the middle gets, and in the end the numbers that were logged.

    A client that sends nothing at all is no case: Apache has the kernel hold it back (TCP_DEFER_ACCEPT).
    """
    got: dict[str, object] = {}
    with Client(server.port) as head, Client(server.port) as body, Client(server.port) as idle:
        head.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Half")
        body.send(b"POST /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        kept = idle.ask("/a.txt")
        got["kept"] = (kept.status, kept.header("Keep-Alive"))
        for name, client in (("head", head), ("body", body), ("idle", idle)):
            got[name] = client.rest().partition(b"\r\n")[0]
            got[f"{name} ended"] = client.ended(LIMIT)
    got["log"] = sorted(line.number or "" for line in server.error_log.lines() if line.module == "reqtimeout")
    return got


def test_time_limits(pyhttpd: Start, apache: Start, mpm: str) -> None:
    limits = {
        "prefork": "StartServers 6\nMinSpareServers 1\nMaxSpareServers 8\nMaxRequestWorkers 8",
        "worker": "StartServers 1\nThreadsPerChild 8\nMinSpareThreads 1\nMaxSpareThreads 16\nMaxRequestWorkers 8",
    }[mpm]
    servers = [start(LINES, mpm=mpm, limits=limits) for start in (apache, pyhttpd)]
    theirs, ours = (_limits(server) for server in servers)
    assert ours == theirs
