"""The status page of a running server: present rates, events, and whatever bytes clients send."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_families
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Start
from tests.support.clients import Client, Load
from tests.support.servers import SLOW, Server

PAGE = "/server-status"
THREE = "StartServers 3\nMinSpareServers 1\nMaxSpareServers 3\nServerLimit 3\nMaxRequestWorkers 3"
TWO = "StartServers 2\nMinSpareServers 1\nMaxSpareServers 2\nServerLimit 2\nMaxRequestWorkers 2"


def told(server: Server) -> Any:
    answer = server.get(f"{PAGE}?json")
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    assert answer.body.isascii()
    return json.loads(answer.body)


def test_present_rate(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    with Load(server.port, clients=2):
        rates = server.wait_until(
            lambda: (found := told(server))["rates"]["requests_per_second"] and len(found["history"]) > 1 and found,
            SLOW,
            "samples of the master",
        )
    assert rates["rates"]["window"] > 0
    assert any(second["requests_per_second"] > 0 for second in rates["history"])
    assert b"/ second now" in server.get(PAGE).body


def test_processes_and_limits(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    found = server.wait_until(
        lambda: (now := told(server)) and {p["pid"] for p in now["processes"]} == set(server.children()) and now,
        SLOW,
        "the children that there are",
    )
    assert found["limits"]["max_request_workers"] == {"prefork": 12, "worker": 24}[mpm]
    assert sum(process["connections"] for process in found["processes"]) >= 1
    page = server.get(PAGE).body.decode("latin-1")
    assert f"of MaxRequestWorkers {found['limits']['max_request_workers']}" in page
    assert ("<td>Process 0</td>" in page) is (mpm == "worker")


def test_reloads_are_events(pyhttpd: Start) -> None:
    server = pyhttpd()
    server.expect("AH00526", "PH00220")
    server.reload("USR1")
    server.reload("HUP")
    server.configure('Header sat X "<script>"')
    place = server.signal("USR1")
    server.await_log("PH00220", place)
    found = told(server)
    kinds = [(event["kind"], event["value"], event["number"]) for event in found["events"]]
    assert kinds == [("reloaded", 1, "AH00171"), ("restarted", 2, "AH00173"), ("refused", 2, "PH00220")]
    assert found["reload"]["failed"] == 1
    assert "AH00526" in found["reload"]["refused"]["reason"]
    page = server.get(PAGE).body.decode("latin-1")
    assert "The configuration on the disk is not the one that runs" in page
    assert "<script>" not in page
    server.configure("")
    server.reload("USR1")
    found = told(server)
    assert found["reload"] == {"failed": 1, "refused": None}
    assert found["events"][-1]["kind"] == "reloaded"


def test_a_child_that_crashes_is_an_event(pyhttpd: Start) -> None:
    server = pyhttpd()
    server.expect("AH00051", "AH00052")
    children = set(server.await_children(2))
    os.kill(min(children), signal.SIGSEGV)
    server.await_change(children)
    (event,) = server.wait_until(lambda: told(server)["events"], SLOW, "an event")
    assert (event["kind"], event["value"]) == ("killed", signal.SIGSEGV)
    assert event["number"] in ("AH00051", "AH00052")
    assert b"a child was ended by signal 11" in server.get(PAGE).body


def test_saturation_is_an_event(pyhttpd: Start) -> None:
    server = pyhttpd(limits=TWO)
    server.await_children(2)
    clients = [Client(server.port) for _ in range(2)]
    for client in clients:
        client.ask("/")  # and keep the connection, which is what keeps a child busy
    server.await_log("AH00161")
    for client in clients:
        client.close()
    server.await_log("PH00210")
    found = told(server)
    assert found["saturation"]["count"] >= 1
    event = found["events"][0]
    assert (event["kind"], event["number"]) == ("saturated", "AH00161")
    assert 0 < event["seconds"] <= found["saturation"]["seconds"] + 0.01
    assert b"MaxRequestWorkers was reached for" in server.get(PAGE).body


def test_metrics(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    for _ in range(3):
        server.get("/")

    def counted(accept: str) -> tuple[str | None, dict[str, float]]:
        answer = server.get(f"{PAGE}?prometheus", Accept=accept)
        content_type = answer.header("Content-Type")
        parse: Any = open_metrics_families if "openmetrics" in str(content_type) else text_string_to_metric_families
        return content_type, {i.name: i.value for family in parse(answer.body.decode()) for i in family.samples}

    assert counted("*/*")[0] == "text/plain; version=0.0.4; charset=utf-8"
    strict = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5"
    assert counted(strict)[0] == "application/openmetrics-text; version=1.0.0; charset=utf-8"

    def all_counted() -> bool:
        """A request is counted after its answer was sent."""
        return all(counted(accept)[1]["pyhttpd_requests_total"] >= 5 for accept in ("*/*", strict))

    server.wait_until(all_counted, SLOW, "five that are counted")


HOSTILE = (
    b"GET /<script>alert(1)</script>?\"'&amp;<b>\\x HTTP/1.1",
    b"GET /\xe9\xff\x80\x9f%00%0a HTTP/1.1",
    b"GET /?</td></tr></table><!--&quot; HTTP/1.1",
    b"GET /?]]></style><svg/onload=x> HTTP/1.1",
)


@pytest.mark.parametrize("line", HOSTILE)
def test_what_a_client_sends_is_text(pyhttpd: Start, line: bytes) -> None:
    server = pyhttpd('<VirtualHost *>\n  ServerName "a.example"\n</VirtualHost>', limits=THREE)
    server.expect("AH00127", "AH00026")
    server.await_children(3)
    plain = server.get(PAGE).body
    with Client(server.port) as client:
        client.send(line + b"\r\nHost: a.example\r\nUser-Agent: <i>\r\n\r\n")
        client.answer()  # the connection stays, and with it what its slot says
        slots = [slot["request"] for slot in told(server)["slots"]]
        assert line.decode("latin-1") in slots
        for query in ("", "?notable"):
            page = server.get(PAGE + query, Host="a.example").body
            assert b"GET /" in page
            for markup in (b"<script>", b"<svg/", b"</style>", b"<!--", b"<b>\\"):
                assert markup not in page
            assert page.count(b"<table") == (plain.count(b"<table") if not query else 0)
        text_string_to_metric_families(server.get(f"{PAGE}?prometheus").body.decode())


@pytest.mark.parametrize("name", ["<b>.example", 'a"b', "a&b", "\xe9\xff"])
def test_a_hostile_host(pyhttpd: Start, name: str) -> None:
    server = pyhttpd()
    for query in ("", "?json", "?prometheus", "?auto"):
        answer = server.get(PAGE + query, Host=name)
        if answer.status == 200 and query in ("", "?prometheus"):
            assert b"<b>.example" not in answer.body
        elif answer.status == 200 and query == "?json":
            json.loads(answer.body)
        else:
            assert answer.status == 400 or query == "?auto"


def test_style_and_script_are_there_for_the_page(pyhttpd: Start) -> None:
    server = pyhttpd()
    page = server.get(PAGE).body.decode("latin-1")
    found = re.findall(r'(?:href|src)="(\?(?:style|script)=[0-9a-f]{8})"', page)
    assert len(found) == 2
    for query, content_type in zip(found, ("text/css", "text/javascript"), strict=True):
        for _ in range(3):  # the third may come from the memo
            answer = server.get(PAGE + query)
            assert (answer.status, answer.header("Content-Type")) == (200, content_type)
            assert answer.header("Cache-Control") == "max-age=31536000, immutable"
            assert answer.body.isascii()


def test_the_page_works_where_there_is_no_extended_status(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd("ExtendedStatus Off", mpm=mpm)

    def pids() -> set[int]:
        return {int(pid) for pid in re.findall(rb"(\d+) in state: ", server.get(PAGE).body)}

    server.wait_until(lambda: pids() == set(server.children()), SLOW, "the children that there are")
    assert told(server)["totals"] is None
