"""A scoreboard that was written by hand, and how a status page sees it: for the tests of mod_status."""

from __future__ import annotations

from html.parser import HTMLParser

from pyhttpd.modules.status_facts import Facts, gather
from pyhttpd.policy import Limits
from pyhttpd.scoreboard import Scoreboard, Status

NOW = 1_700_000_000.0
LIMITS = Limits(start=1, min_spare=1, max_spare=4, server_limit=4, max_workers=6, thread_limit=2, threads=2)


def see(scoreboard: Scoreboard, limits: Limits = LIMITS, *, extended: bool = True) -> Facts:
    return gather(
        scoreboard, name="www.<example>", address="192.0.2.1", version="pyhttpd/1 (Unix)", built="2026-11-12T08:58:41",
        mpm="worker", limits=limits, spare_name="Threads", max_connections=0, extended=extended, load=(0.5, 1.25, 2.0),
        now=NOW,
    )  # fmt: skip


class Visible(HTMLParser):
    """The text of a page as it is seen, blanks as one."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.feed(html)
        self.close()
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data


def make_scoreboard() -> Scoreboard:
    """Four children of two threads: one of this generation, one of the last, one that is leaving, none."""
    board = Scoreboard(4, 2)
    board["generation"] = 1
    board["config_generation"] = 2
    board["started"] = board["restarted"] = int((NOW - 90_061) * 1_000_000)
    board["cpu_user_gone"] = 50_000
    states = [(Status.BUSY_WRITE, Status.READY), (Status.BUSY_KEEPALIVE, Status.READY), (Status.READY, Status.DEAD)]
    for child, statuses in enumerate(states):
        row = board.child(child)
        row["pid"], row["generation"] = 100 + child, 0 if child == 1 else 1
        row["started"], row["connections"], row["active"] = int((NOW - 3700) * 1_000_000), 7, 1
        for thread, status in enumerate(statuses):
            board.slot(child, thread).reset(100 + child, 0 if child == 1 else 1, status)
    board.child(2)["quiescing"] = 1
    slot = board.slot(0, 0)
    slot.begin_request(NOW - 5)
    slot.end_request(NOW - 5, 1.0, 1.25, 3_000_000)
    slot["cpu_user"], slot["cpu_system"] = 129_000, 70_000
    slot.describe("192.0.2.7", "http/1.1", "www.example:80", 'GET /<b>"x" HTTP/1.1')
    return board
