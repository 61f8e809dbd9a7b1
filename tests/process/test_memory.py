"""What a child takes for itself, and that what the master does for it beforehand cannot be seen."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support.clients import Client

CHILDREN = 6
POOL = f"StartServers {CHILDREN}\nMinSpareServers 1\nMaxSpareServers {CHILDREN}\nMaxRequestWorkers {CHILDREN}"
OWN = 7 << 20
"""Bytes of a child that has served: well above what is usual, and below what a late import or a collection costs."""


def private(pid: int) -> int:
    """Bytes of a process that no other one shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Private_Dirty:", "Swap:")))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not tell")
def test_a_child_that_has_served_has_little_of_its_own(pyhttpd: Start) -> None:
    server = pyhttpd("KeepAliveTimeout 60", mpm="prefork", limits=POOL)
    with contextlib.ExitStack() as stack:
        for _ in range(CHILDREN):  # so many children, since each connection keeps one busy
            client = stack.enter_context(Client(server.port))
            for _ in range(3):
                assert client.ask("/a.txt").status == 200
        children = server.children()
        assert len(children) == CHILDREN
        assert max(map(private, children)) < OWN


def test_nothing_is_seen_of_the_rehearsal(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd("ExtendedStatus On", mpm=mpm)
    assert (server.root / "logs" / "access_log").read_text() == ""
    status = server.get("/server-status?auto").body.decode()
    assert "Total Accesses: 0\n" in status
    assert "Total kBytes: 0\n" in status
