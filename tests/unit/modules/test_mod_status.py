"""The status pages, from a scoreboard that was written by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from prometheus_client.parser import text_string_to_metric_families

from pyhttpd.modules import status_lines
from pyhttpd.modules.status_facts import Facts
from pyhttpd.modules.status_json import as_json
from pyhttpd.modules.status_metrics import as_metrics, wants_open_metrics
from pyhttpd.modules.status_page import page as whole_page
from pyhttpd.modules.status_page import rate
from pyhttpd.scoreboard import Event, EventView, Sample, Scoreboard, Status
from tests.unit.modules.status_board import LIMITS, NOW, Visible, see

WITHOUT_TABLES = re.compile(r"<(table|tr|td|th)\b")


def page(facts: Facts, *, table: bool = True, live: bool = True) -> str:
    return whole_page(facts, table=table, live=live)


# -- what is gathered


def test_what_is_counted(facts: Facts) -> None:
    assert (facts.busy, facts.graceful, facts.idle) == (1, 1, 1)
    assert facts.scoreboard == "W_G__."
    assert (facts.accesses, facts.bytes, facts.kilobytes, facts.duration_ms) == (1, 3_000_000, 2929, 250)
    assert facts.cpu == (0.12, 0.07, 0.05, 0.0)
    assert [(slot.child, slot.thread) for slot in facts.slots] == [(0, 0), (1, 0)]
    assert facts.living == ((100, "W"), (100, "_"), (101, "G"), (101, "_"), (102, "_"))


def test_processes(facts: Facts) -> None:
    shown = [(p.row, p.pid, p.generation, p.stopping, p.busy, p.graceful, p.idle, p.accesses) for p in facts.processes]
    assert shown == [
        (0, 100, 1, False, 1, 0, 1, 1),
        (1, 101, 0, False, 0, 1, 1, 0),
        (2, 102, 1, True, 0, 0, 1, 0),
    ]
    assert {(p.accepted, p.connections, NOW - p.started) for p in facts.processes} == {(7, 1, 3700.0)}


def test_slots_beyond_the_limits_show_where_something_lives(scoreboard: Scoreboard) -> None:
    scoreboard.slot(3, 1).reset(200, 1, Status.STARTING)
    assert see(scoreboard, replace(LIMITS, max_workers=1, threads=1)).scoreboard == "W_G__S"


def test_every_g_that_is_shown_is_counted(scoreboard: Scoreboard) -> None:
    scoreboard.child(1)["quiescing"] = 1
    facts = see(scoreboard, replace(LIMITS, max_workers=8))
    assert (facts.busy, facts.graceful) == (1, facts.scoreboard.count("G") == 1)


def test_the_present_rate_is_that_of_the_last_seconds(facts: Facts) -> None:
    taken = tuple(Sample(NOW - 20 + at, at * 100, at * 1000, 3) for at in range(20))
    busy = replace(facts, samples=taken, accesses=2000, bytes=20_000)
    assert busy.present == (100.0, 1000.0, 5.0)
    assert busy.history[0] == (NOW - 19, 100.0, 1000.0, 3)
    assert len(busy.history) == 19
    assert replace(busy, samples=taken[-2:]).present == (100.0, 1000.0, 2.0)
    assert replace(busy, samples=()).present is None
    assert replace(busy, samples=(Sample(NOW - 0.1, 0, 0, 0),)).present is None


def test_a_clock_that_was_put_back(facts: Facts) -> None:
    taken = (Sample(NOW + 100, 10, 10, 0), Sample(NOW + 101, 20, 20, 0), Sample(NOW - 1, 30, 30, 0))
    odd = replace(facts, samples=taken, accesses=40, bytes=40)
    assert odd.present == (10.0, 10.0, 1.0)
    assert [row[0] for row in odd.history] == [NOW + 101]
    assert "0 seconds" in page(replace(facts, now=NOW - 90_000))


# -- ?auto


def _names(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.splitlines()[1:]]


def test_auto(facts: Facts) -> None:
    text = status_lines.lines(facts)
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
    text = status_lines.lines(replace(facts, restarted=NOW, accesses=0, bytes=0, duration_ms=0, cpu=(0, 0, 0, 0)))
    assert "\nServerUptime:\n" in text
    assert not {"CPULoad", "ReqPerSec", "BytesPerSec", "BytesPerReq", "DurationPerReq"} & set(_names(text))


def test_auto_without_extended_status(facts: Facts) -> None:
    assert _names(status_lines.lines(replace(facts, extended=False)))[11:] == [
        "Load15", "BusyWorkers", "GracefulWorkers", "IdleWorkers", "Scoreboard",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 6, "0"), (1.5, 6, "1.5"), (0.75, 6, ".75"), (0.05, 6, ".05"), (0.001234567, 6, ".00123457"),
        (0.00001, 6, "1.e-5"), (0.0000123, 6, "1.23e-5"), (123456, 6, "123456"), (1234567, 6, "1234570"),
        (100000, 6, "1.e+5"), (2500000, 6, "2.5e+6"), (1228.8, 3, "1230"), (-0.5, 6, "-.5"), (99.9999999, 6, "100"),
    ],
)  # fmt: skip
def test_numbers(value: float, digits: int, text: str) -> None:
    assert status_lines.general(value, digits) == text


@pytest.mark.parametrize(
    ("write", "count", "text"),
    [
        (status_lines.size, 5119, "5119 B"), (status_lines.size, 5120, "5.0 kB"), (status_lines.size, 524288, "0.5 MB"),
        (status_lines.size, 1 << 30, "1.0 GB"), (status_lines.span, 3661, " 1 hour 1 minute 1 second"),
        (status_lines.span, 172802, " 2 days 2 seconds"), (status_lines.span, 0, ""), (rate, 0, "0"),
        (rate, 0.4213, "0.42"), (rate, 12.34, "12.3"), (rate, 4567.8, "4568"),
    ],
)  # fmt: skip
def test_units(write: Callable[[float], str], count: float, text: str) -> None:
    assert write(count) == text


# -- the page


def test_the_page_escapes_everything(facts: Facts) -> None:
    for table in (True, False):
        text = page(facts, table=table)
        assert "www.&lt;example&gt;" in text
        assert "GET /&lt;b&gt;\\&quot;x\\&quot; HTTP/1.1" in text
        assert '<b>"x' not in text


@given(st.text(st.characters(max_codepoint=255), max_size=200), st.booleans())
def test_nothing_that_a_client_sends_becomes_markup_or_breaks_the_json(text: str, table: bool) -> None:
    def of(value: str) -> Facts:
        board = Scoreboard(1, 1)
        board.child(0)["pid"] = 100
        board["started"] = board["restarted"] = int(NOW * 1_000_000)
        slot = board.slot(0)
        slot.reset(100, 0, Status.BUSY_WRITE)
        slot.describe(value, value, value, value)
        return replace(see(board, replace(LIMITS, max_workers=1, threads=1)), name=value, refusal=(NOW, value))

    plain, hostile = of("x"), of(text)
    assert Visible(page(hostile, table=table)).tags == Visible(page(plain, table=table)).tags
    told = json.loads(as_json(hostile))
    kept = {name: text.encode("latin-1")[:size].decode("latin-1") for name, size in (("vhost", 64), ("request", 128))}
    assert {name: told["slots"][0][name] for name in kept} == kept
    assert as_json(hostile).isascii()
    assert told["server"]["name"] == text
    assert as_metrics(hostile, open_metrics=False) == as_metrics(plain, open_metrics=False)


def test_the_table(facts: Facts) -> None:
    text = page(facts)
    row = (
        '<tr><td><b>0-1</b></td><td>100</td><td>1/1/1</td><td><b class="W">W</b>\n</td><td>0.20</td><td>5</td>'
        "<td>250</td><td>250</td><td>2929.7</td><td>2.86</td><td>2.86\n</td><td>192.0.2.7</td><td>http/1.1</td>"
        "<td>www.example:80</td>"
    )
    assert row in text
    assert '<tr><td><b>1-0</b></td><td>101</td><td>0/0/0</td><td><b class="G">G</b>\n</td>' in text
    seen = Visible(text).text
    assert "Total accesses: 1 - Total Traffic: 2.9 MB - Total Duration: 250" in seen
    assert "Server uptime: 1 day 1 hour" in seen


def test_what_takes_long_stands_out(scoreboard: Scoreboard) -> None:
    slot = scoreboard.slot(0, 1)
    slot.set_status(Status.BUSY_WRITE)
    slot.begin_request(NOW - 60)
    assert page(see(scoreboard)).count('<tr class="long">') == 1


def test_the_list(facts: Facts) -> None:
    text = page(facts, table=False)
    assert "<b>Server 0-1</b> (100): 1|1|1 [<b>Write</b>] u.12 s.07 cu0 cs0\n 5 250 250(2.9 MB|2.9 MB|2.9 MB)\n" in text
    assert "[Graceful]" in text
    assert WITHOUT_TABLES.search(text) is None


def test_without_extended_status_the_page_lists_processes(facts: Facts) -> None:
    text = page(replace(facts, extended=False))
    assert (
        "   100 in state: W ,   100 in state: _ ,   101 in state: G \n   101 in state: _ ,   102 in state: _ ," in text
    )
    assert "Srv" not in text
    assert "requests/sec" not in text
    assert "/ second now" not in text


def test_generations_and_processes(facts: Facts) -> None:
    seen = Visible(page(facts)).text
    assert "Generation 1 2 processes 1 2 14 1 0 2 1 1 hour 1 minute Process 0 100 no 1 7 1 0 1 1" in seen
    assert "Generation 0 (old) 1 process 0 1 7 0 1 1 0" in seen
    prefork = replace(facts, limits=replace(facts.limits, threads=1, thread_limit=1))
    seen = Visible(page(prefork)).text
    assert "Generation 1 2 processes" in seen
    assert "Process 0" not in seen  # its slot tells all of it


def test_the_pool_beside_its_bounds(facts: Facts) -> None:
    seen = Visible(page(facts)).text
    for text in (
        "Busy 1 of MaxRequestWorkers 6", "Idle 1, kept between MinSpareThreads 1 and MaxSpareThreads 4",
        "Processes 3, 1 of them stopping, at most 3 (ServerLimit 4)", "ThreadsPerChild 2 (ThreadLimit 2)",
        "1 sending", "1 graceful", "3 waiting", "1 open",
    ):  # fmt: skip
        assert text in seen
    assert "MaxConnectionsPerChild" not in seen
    assert "MaxConnectionsPerChild 50" in Visible(page(replace(facts, max_connections=50))).text


def test_the_present_rate_on_the_page(facts: Facts) -> None:
    assert "- / second now" in Visible(page(facts)).text
    taken = tuple(Sample(NOW - 20 + at, at * 3, at * 5000, 3) for at in range(20))
    busy = replace(facts, samples=taken, accesses=60, bytes=100_000)
    seen = Visible(page(busy)).text
    assert "3.00 / second now" in seen
    assert "5000 B / second now" in seen
    assert page(busy).count("requests a second in the last 19 seconds: at most 3.00") == 1


def test_our_own_lines_show_only_where_there_is_something(facts: Facts) -> None:
    assert "The server was full" not in page(facts)
    assert "The server is full" not in page(facts)
    busy = replace(
        facts, saturations=2, saturated_since=NOW - 1, saturated_by="AH00287", saturated_seconds=3.5,
        accept_queue_peak=7, failed_reloads=1,
    )  # fmt: skip
    text = page(busy)
    assert "The server was full 2 times (4.5 s in all, at most 7 connections waiting), and is now" in text
    assert "MaxRequestWorkers was nearly reached (AH00287), 1 of 6 workers are busy" in Visible(text).text
    assert "Failed reloads: 1" in text
    assert status_lines.lines(busy) == status_lines.lines(facts)


def test_events(facts: Facts) -> None:
    events = (
        EventView(Event.RESTARTED, NOW - 86_400, 0.0, 1, "AH00173"),
        EventView(Event.RELOADED, NOW - 50, 0.0, 2, "AH00171"),
        EventView(Event.REFUSED, NOW - 40, 0.0, 2, "PH00220"),
        EventView(Event.KILLED, NOW - 30, 0.0, 11, "AH00052"),
        EventView(Event.SATURATED, NOW - 20, 3.25, 7, "AH00161"),
    )
    seen = Visible(page(replace(facts, events=events))).text
    texts = [
        "MaxRequestWorkers was reached for 3.2 s, up to 7 connections waited (AH00161)",
        "a child was ended by signal 11 (AH00052)",
        "a configuration was refused, generation 2 serves on (PH00220)",
        "graceful restart, generation 2 serves (AH00171)",
        "restart, generation 1 serves (AH00173)",
        " start ",
    ]
    places = [seen.find(text) for text in texts]
    assert -1 not in places
    assert places == sorted(places)
    many = Visible(page(replace(facts, events=events * 6))).text
    assert many.count("generation 1 serves (AH00173)") == 2
    assert " start " not in many


def test_rows_of_the_scoreboard(facts: Facts) -> None:
    text = page(replace(facts, scoreboard="_" * 65 + "WW."))
    board = text.partition("<pre")[2].partition(">")[2].partition("</pre>")[0]
    assert re.sub("<[^>]*>", "", board) == f"{'_' * 64}\n_WW."
    assert '<span class="W">WW</span><span class="o">.</span>' in board


def test_a_refused_configuration_is_shown_on_the_page_alone(facts: Facts) -> None:
    refused = replace(facts, refusal=(NOW, 'AH00526: Syntax error on line 3 of /x:\nInvalid command "<b>é\udcff"'))
    text = page(refused)
    assert "AH00526: Syntax error on line 3 of /x:" in text
    assert "<b>é" not in text
    assert status_lines.lines(refused) == status_lines.lines(facts)
    assert "its reload failed on" not in page(facts)


# -- JSON and metrics


def test_json(facts: Facts) -> None:
    taken = (Sample(NOW - 9, 0, 0, 1), Sample(NOW - 8, 1, 1000, 2))
    event = EventView(Event.SATURATED, NOW - 20, 3.25, 7, "AH00161")
    told = json.loads(as_json(replace(facts, samples=taken, events=(event,), refusal=(NOW - 3, "why"))))
    assert list(told) == [
        "schema", "server", "time", "generation", "load", "extended_status", "totals", "rates", "workers", "limits",
        "scoreboard", "saturation", "reload", "events", "history", "processes", "slots",
    ]  # fmt: skip
    assert told["schema"] == 1
    assert told["time"] == {"now": NOW, "started": NOW - 90_061, "restarted": NOW - 90_061, "uptime": 90_061}
    assert told["workers"] == {"busy": 1, "graceful": 1, "idle": 1, "processes": 3, "stopping": 1}
    assert told["totals"]["bytes"] == 3_000_000
    assert told["rates"]["requests_per_second"] == 0
    assert told["rates"]["window"] == 8
    assert told["limits"] == {
        "start_servers": 1, "min_spare": 1, "max_spare": 4, "spare_unit": "threads", "server_limit": 4,
        "max_request_workers": 6, "max_processes": 3, "thread_limit": 2, "threads_per_child": 2,
        "max_connections_per_child": 0,
    }  # fmt: skip
    assert told["events"] == [{"kind": "saturated", "at": NOW - 20, "seconds": 3.25, "value": 7, "number": "AH00161"}]
    assert told["history"] == [{"at": NOW - 8, "requests_per_second": 1.0, "bytes_per_second": 1000.0, "busy": 2}]
    assert told["reload"] == {"failed": 0, "refused": {"at": NOW - 3, "reason": "why"}}
    assert [process["pid"] for process in told["processes"]] == [100, 101, 102]
    slot = told["slots"][0]
    assert slot["request"] == 'GET /<b>"x" HTTP/1.1'
    assert (slot["state"], slot["letter"], slot["age"], slot["last_ms"]) == ("busy_write", "W", 5, 250)
    assert slot["accesses"] == {"connection": 1, "child": 1, "slot": 1}


def test_the_readme_names_every_member(facts: Facts) -> None:
    def members(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for item in value.values() for name in members(item)}
        return {name for item in value for name in members(item)} if isinstance(value, list) else set()

    taken = (Sample(NOW - 9, 0, 0, 1), Sample(NOW - 8, 1, 1000, 2))
    event = EventView(Event.SATURATED, NOW - 20, 3.25, 7, "AH00161")
    told = json.loads(as_json(replace(facts, samples=taken, events=(event,), refusal=(NOW - 3, "why"))))
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    section = readme.partition("\n## The status page\n")[2].partition("\n## ")[0]
    assert members(told) <= set(re.findall(r"\w+", section))


def test_json_without_extended_status(scoreboard: Scoreboard) -> None:
    told = json.loads(as_json(see(scoreboard, extended=False)))
    assert (told["totals"], told["rates"], told["extended_status"]) == (None, None, False)
    assert told["scoreboard"] == "W_G__."


def test_json_of_a_server_that_has_done_nothing(facts: Facts) -> None:
    told = json.loads(as_json(replace(facts, restarted=NOW, accesses=0, bytes=0, cpu=(0, 0, 0, 0))))
    assert set(told["rates"].values()) == {None}
    assert told["saturation"] == {"count": 0, "since": None, "number": None, "seconds": 0, "accept_queue_peak": 0}


def _samples(text: str, parse: Callable[[str], Any]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (item.name, tuple(sorted(item.labels.items()))): item.value for family in parse(text) for item in family.samples
    }


def test_metrics_are_what_prometheus_reads(facts: Facts) -> None:
    text = as_metrics(facts, open_metrics=False)
    families = list(text_string_to_metric_families(text))
    for family in families:
        assert re.fullmatch(r"pyhttpd_[a-z0-9_]+", family.name), family.name
        assert family.documentation.endswith("."), family.name
        assert family.type in ("counter", "gauge"), family.name
        for item in family.samples:
            assert item.name.endswith("_total") == (family.type == "counter"), item.name
        for unit in ("_ms", "_kb", "_kilobytes", "_minutes", "_percent"):  # base units only
            assert unit not in family.name
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    values = _samples(text, text_string_to_metric_families)
    assert values["pyhttpd_requests_total", ()] == 1
    assert values["pyhttpd_sent_bytes_total", ()] == 3_000_000
    assert values["pyhttpd_request_duration_seconds_total", ()] == 0.25
    assert values["pyhttpd_workers", (("state", "busy"),)] == 1
    assert values["pyhttpd_slots", (("state", "waiting"),)] == 3
    assert sum(value for (name, _), value in values.items() if name == "pyhttpd_slots") == len(facts.scoreboard)
    assert values["pyhttpd_processes", (("state", "stopping"),)] == 1
    assert values["pyhttpd_load_average", (("minutes", "5"),)] == 1.25
    assert values["pyhttpd_max_request_workers", ()] == 6


def test_open_metrics_say_the_same(facts: Facts) -> None:
    text = as_metrics(facts, open_metrics=True)
    assert text.endswith("\n# EOF\n")
    plain = as_metrics(facts, open_metrics=False)
    assert _samples(text, open_metrics_families) == _samples(plain, text_string_to_metric_families)


def test_metrics_without_extended_status(scoreboard: Scoreboard) -> None:
    text = as_metrics(see(scoreboard, extended=False), open_metrics=False)
    assert "pyhttpd_requests_total" not in text
    assert "\npyhttpd_workers{" in text


def test_labels_are_escaped(facts: Facts) -> None:
    odd = replace(facts, version='a"b\\c\nd')
    for open_metrics, parse in ((False, text_string_to_metric_families), (True, open_metrics_families)):
        found = _samples(as_metrics(odd, open_metrics=open_metrics), parse)
        assert next(labels for name, labels in found if name == "pyhttpd_build_info")[2] == ("version", 'a"b\\c\nd')


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False), ("*/*", False), ("text/plain", False), ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4", True),
        ("text/html, Application/OpenMetrics-Text ;q=0.75", True), ("application/openmetrics-text;q=0.0", False),
        ("application/openmetrics-text;q=0", False), ("application/openmetrics-textual", False),
    ],
)  # fmt: skip
def test_who_gets_open_metrics(accept: str, wanted: bool) -> None:
    assert wants_open_metrics(accept) is wanted
