"""The status pages, from a scoreboard that was written by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.modules import status_page
from pyhttpd.modules.mod_status import handle_status, refresh_seconds
from pyhttpd.modules.status_facts import Facts, gather
from pyhttpd.scoreboard import Scoreboard, Status
from tests.support.requests import FakeRequest, configure, make_request

NOW = 1_700_000_000.0


@pytest.fixture
def scoreboard() -> Scoreboard:
    """Four children of two threads: one of this generation, one of the last, one that is leaving, none."""
    board = Scoreboard(4, 2)
    board["generation"] = 1
    board["config_generation"] = 2
    board["restarted"] = int((NOW - 90_061) * 1_000_000)
    board["cpu_user_gone"] = 50_000
    states = [(Status.BUSY_WRITE, Status.READY), (Status.BUSY_KEEPALIVE, Status.READY), (Status.READY, Status.DEAD)]
    for child, statuses in enumerate(states):
        board.child(child)["pid"] = 100 + child
        board.child(child)["generation"] = 0 if child == 1 else 1
        for thread, status in enumerate(statuses):
            board.slot(child, thread).reset(100 + child, 0 if child == 1 else 1, status)
    board.child(2)["quiescing"] = 1
    slot = board.slot(0, 0)
    slot.begin_request(NOW - 5)
    slot.end_request(NOW - 5, 1.0, 1.25, 3_000_000)
    slot["cpu_user"], slot["cpu_system"] = 129_000, 70_000
    slot.describe("192.0.2.7", "http/1.1", "www.example:80", 'GET /<b>"x" HTTP/1.1')
    return board


@pytest.fixture
def facts(scoreboard: Scoreboard) -> Facts:
    return gather(
        scoreboard, name="www.<example>", address="192.0.2.1", version="pyhttpd/1 (Unix)", built="2026-11-12T08:58:41",
        mpm="worker", children=3, threads=2, extended=True, load=(0.5, 1.25, 2.0), now=NOW,
    )  # fmt: skip


def test_what_is_counted(facts: Facts) -> None:
    assert (facts.busy, facts.graceful, facts.idle) == (1, 1, 1)
    assert facts.scoreboard == "W_G__."
    assert (facts.accesses, facts.kilobytes, facts.duration_ms) == (1, 2929, 250)
    assert facts.cpu == (0.12, 0.07, 0.05, 0.0)
    assert [(slot.child, slot.thread) for slot in facts.slots] == [(0, 0), (1, 0)]


def test_slots_beyond_the_limits_show_where_something_lives(scoreboard: Scoreboard) -> None:
    scoreboard.slot(3, 1).reset(200, 1, Status.STARTING)
    facts = gather(
        scoreboard, name="", address="", version="", built="", mpm="worker", children=1, threads=1, extended=False,
        load=(0.0, 0.0, 0.0), now=NOW,
    )  # fmt: skip
    assert facts.scoreboard == "W_G__S"


def test_every_g_that_is_shown_is_counted(scoreboard: Scoreboard) -> None:
    scoreboard.child(1)["quiescing"] = 1
    facts = gather(
        scoreboard, name="", address="", version="", built="", mpm="worker", children=4, threads=2, extended=False,
        load=(0.0, 0.0, 0.0), now=NOW,
    )  # fmt: skip
    assert (facts.busy, facts.graceful) == (1, facts.scoreboard.count("G") == 1)


def _names(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.splitlines()[1:]]


def test_auto(facts: Facts) -> None:
    text = status_page.lines(facts)
    values = dict(line.split(": ", 1) for line in text.splitlines()[1:] if ": " in line)
    assert text.splitlines()[0] == "www.<example>"
    assert "\nServerUptime: 1 day 1 hour 1 minute 1 second\n" in text
    assert _names(text) == [
        "ServerVersion", "ServerMPM", "Server Built", "CurrentTime", "RestartTime", "ParentServerConfigGeneration",
        "ParentServerMPMGeneration", "ServerUptimeSeconds", "ServerUptime", "Load1", "Load5", "Load15",
        "Total Accesses", "Total kBytes", "Total Duration", "CPUUser", "CPUSystem", "CPUChildrenUser",
        "CPUChildrenSystem", "CPULoad", "Uptime", "ReqPerSec", "BytesPerSec", "BytesPerReq", "DurationPerReq",
        "BusyWorkers", "GracefulWorkers", "IdleWorkers", "Scoreboard",
    ]  # fmt: skip
    assert re.fullmatch(r"\w+day, \d\d-\w{3}-20\d\d \d\d:\d\d:\d\d \w+", values["CurrentTime"])
    wanted = {
        "ParentServerConfigGeneration": "2", "ParentServerMPMGeneration": "1", "ServerUptimeSeconds": "90061",
        "Load5": "1.25", "CPUUser": ".12", "CPUChildrenSystem": "0", "CPULoad": ".000266486", "BytesPerReq": "2999300",
        "DurationPerReq": "250", "Scoreboard": "W_G__.",
    }  # fmt: skip
    assert {name: values[name] for name in wanted} == wanted


def test_auto_of_a_server_that_has_done_nothing(facts: Facts) -> None:
    text = status_page.lines(replace(facts, restarted=NOW, accesses=0, kilobytes=0, duration_ms=0, cpu=(0, 0, 0, 0)))
    assert "\nServerUptime:\n" in text
    assert not {"CPULoad", "ReqPerSec", "BytesPerSec", "BytesPerReq", "DurationPerReq"} & set(_names(text))


def test_auto_without_extended_status(facts: Facts) -> None:
    assert _names(status_page.lines(replace(facts, extended=False)))[11:] == [
        "Load15", "BusyWorkers", "GracefulWorkers", "IdleWorkers", "Scoreboard",
    ]  # fmt: skip


def test_the_page_escapes_everything(facts: Facts) -> None:
    for table in (True, False):
        text = status_page.page(facts, table=table)
        assert "www.&lt;example&gt;" in text
        assert "GET /&lt;b&gt;\\&quot;x\\&quot; HTTP/1.1" in text
        assert '<b>"x' not in text


def test_the_table(facts: Facts) -> None:
    text = status_page.page(facts, table=True)
    row = (
        "<tr><td><b>0-1</b></td><td>100</td><td>1/1/1</td><td><b>W</b>\n</td><td>0.20</td><td>5</td><td>250</td>"
        "<td>250</td><td>2929.7</td><td>2.86</td><td>2.86\n</td><td>192.0.2.7</td><td>http/1.1</td>"
        "<td nowrap>www.example:80</td>"
    )
    assert row in text
    assert "<tr><td><b>1-0</b></td><td>101</td><td>0/0/0</td><td>G\n</td>" in text
    assert "<dt>Total accesses: 1 - Total Traffic: 2.9 MB - Total Duration: 250</dt>\n" in text
    assert "<dt>Server uptime:  1 day 1 hour" in text


def test_the_list(facts: Facts) -> None:
    text = status_page.page(facts, table=False)
    assert "<b>Server 0-1</b> (100): 1|1|1 [<b>Write</b>] u.12 s.07 cu0 cs0\n 5 250 250(2.9 MB|2.9 MB|2.9 MB)\n" in text
    assert "[Graceful]" in text


def test_without_extended_status_the_page_lists_processes(facts: Facts) -> None:
    text = status_page.page(replace(facts, extended=False), table=True)
    assert "   100 in state: W ," in text
    assert "<table" not in text


def test_our_own_lines_show_only_where_there_is_something(facts: Facts) -> None:
    assert "All workers were busy" not in status_page.page(facts, table=True)
    busy = replace(
        facts, saturations=2, saturated_since=NOW, saturated_seconds=3.5, accept_queue_peak=7, failed_reloads=1
    )
    text = status_page.page(busy, table=True)
    assert "All workers were busy 2 times (3.5 s in all, at most 7 connections waiting), and is now" in text
    assert "Failed reloads: 1" in text
    assert status_page.lines(busy) == status_page.lines(facts)


def test_rows_of_the_scoreboard(facts: Facts) -> None:
    text = status_page.page(replace(facts, scoreboard="_" * 65), table=True)
    assert f"<pre>{'_' * 64}\n_</pre>\n" in text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 6, "0"), (1.5, 6, "1.5"), (0.75, 6, ".75"), (0.05, 6, ".05"), (0.001234567, 6, ".00123457"),
        (0.00001, 6, "1.e-5"), (0.0000123, 6, "1.23e-5"), (123456, 6, "123456"), (1234567, 6, "1234570"),
        (100000, 6, "1.e+5"), (2500000, 6, "2.5e+6"), (1228.8, 3, "1230"), (-0.5, 6, "-.5"), (99.9999999, 6, "100"),
    ],
)  # fmt: skip
def test_numbers(value: float, digits: int, text: str) -> None:
    assert status_page.general(value, digits) == text


@pytest.mark.parametrize(
    ("write", "count", "text"),
    [
        (status_page.size, 5119, "5119 B"), (status_page.size, 5120, "5.0 kB"), (status_page.size, 524288, "0.5 MB"),
        (status_page.size, 1 << 30, "1.0 GB"), (status_page.span, 3661, " 1 hour 1 minute 1 second"),
        (status_page.span, 172802, " 2 days 2 seconds"), (status_page.span, 0, ""),
    ],
)  # fmt: skip
def test_units(write: Callable[[int], str], count: int, text: str) -> None:
    assert write(count) == text


@pytest.mark.parametrize(
    ("query", "seconds"), [("refresh", 10), ("refresh=5", 5), ("auto&refresh=0", 10), ("refresh=x", 10), ("auto", None)]
)
def test_refresh(query: str, seconds: int | None) -> None:
    assert refresh_seconds(query) == seconds


def _request(scoreboard: Scoreboard, directory: Path, **attributes: Any) -> FakeRequest:
    configuration = configure("", directory)
    limits = SimpleNamespace(children=3, threads=2)
    configuration = replace(configuration, mpm_name="worker", mpm=SimpleNamespace(limits=limits))
    request = make_request(configuration, "/server-status", handler="server-status", **attributes)
    request.services.scoreboard = scoreboard
    return request


def test_the_handler(scoreboard: Scoreboard, tmp_path: Path) -> None:
    request = _request(scoreboard, tmp_path, args="auto&refresh=3")
    assert handle_status(request) == OK
    body = b"".join(piece for piece in request.content or () if isinstance(piece, bytes))
    assert request.content_type == "text/plain; charset=ISO-8859-1"
    assert request.headers_out.get("Refresh") == "3"
    assert request.content_length == len(body)
    assert body.startswith(b"www.example\nServerVersion: pyhttpd/")


@pytest.mark.parametrize("attributes", [{"method": "POST"}, {"handler": "other"}, {"handler": None}])
def test_the_handler_declines(attributes: dict[str, Any], scoreboard: Scoreboard, tmp_path: Path) -> None:
    request = _request(scoreboard, tmp_path)
    for name, value in attributes.items():
        setattr(request, name, value)
    assert handle_status(request) == DECLINED


def test_a_refresh_of_more_digits_than_python_takes() -> None:
    assert refresh_seconds("refresh=" + "1" * 5000) is not None


def test_a_refused_configuration_is_shown_on_the_page_alone(facts: Facts) -> None:
    refused = replace(facts, refusal=(NOW, 'AH00526: Syntax error on line 3 of /x:\nInvalid command "<b>é\udcff"'))
    text = status_page.page(refused, table=True)
    assert "AH00526: Syntax error on line 3 of /x:" in text
    assert "<b>é" not in text
    assert status_page.lines(refused) == status_page.lines(facts)
    assert "its reload failed on" not in status_page.page(facts, table=True)
