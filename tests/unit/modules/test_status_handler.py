"""mod_status' handler: what is asked for by a query, what is sent with it, and who else has a say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.modules.mod_status import handle_status, refresh_seconds, sample
from pyhttpd.modules.status_style import SCRIPT, SCRIPT_KEY, STYLE, STYLE_KEY
from pyhttpd.scoreboard import Scoreboard
from tests.support.requests import FakeRequest, configure, make_request
from tests.unit.modules.status_board import LIMITS


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("refresh", 10), ("refresh=5", 5), ("auto&refresh=0", 10), ("refresh=x", 10), ("auto", None),
        ("refresh=-5", 10), ("refresh=+5", 5), ("refresh= 5x", 5), ("refresh&refresh=5", 10), ("refresh=%205", 10),
        ("notable&refresh=5", 5), ("norefreshing=1", 10), ("refresh=99999999999999999999", 2**63 - 1),
    ],
)  # fmt: skip
def test_refresh(query: str, seconds: int | None) -> None:
    assert refresh_seconds(query) == seconds


def test_a_refresh_of_more_digits_than_python_takes() -> None:
    assert refresh_seconds("refresh=" + "1" * 5000) is not None


def _request(scoreboard: Scoreboard, directory: Path, lines: str = "", **attributes: Any) -> FakeRequest:
    configuration = configure(lines, directory)
    mpm = SimpleNamespace(limits=LIMITS, family=SimpleNamespace(spare_name="Threads"), max_connections_per_child=0)
    configuration = replace(configuration, mpm_name="worker", mpm=mpm)
    request = make_request(configuration, "/server-status", handler="server-status", **attributes)
    request.services.scoreboard = scoreboard
    return request


def _answer(request: FakeRequest) -> bytes:
    assert handle_status(request) == OK
    body = b"".join(piece for piece in request.content or () if isinstance(piece, bytes))
    assert request.content_length == len(body)
    return body


def test_the_handler(scoreboard: Scoreboard, tmp_path: Path) -> None:
    request = _request(scoreboard, tmp_path, args="auto&refresh=3")
    body = _answer(request)
    assert request.content_type == "text/plain; charset=ISO-8859-1"
    assert request.headers_out.get("Refresh") == "3"
    assert body.startswith(b"www.example\nServerVersion: pyhttpd/")


@pytest.mark.parametrize(
    ("query", "content_type", "beginning"),
    [
        (None, "text/html; charset=ISO-8859-1", b"<!DOCTYPE html>"),
        ("json", "application/json", b'{"schema": 1,'),
        ("x=1&json", "application/json", b'{"schema": 1,'),
        ("json=1", "application/json", b'{"schema": 1,'),
        ("jsonp", "text/html; charset=ISO-8859-1", b"<!DOCTYPE html>"),
        ("prometheus", "text/plain; version=0.0.4; charset=utf-8", b"# HELP pyhttpd_build_info "),
        ("json&auto", "text/plain; charset=ISO-8859-1", b"www.example\n"),  # Apache's options go first
        ("notauto", "text/plain; charset=ISO-8859-1", b"www.example\n"),
        (f"style={STYLE_KEY}", "text/css", STYLE[:20].encode()),
        (f"script={SCRIPT_KEY}", "text/javascript", SCRIPT[:20].encode()),
    ],
)
def test_forms(query: str | None, content_type: str, beginning: bytes, scoreboard: Scoreboard, tmp_path: Path) -> None:
    request = _request(scoreboard, tmp_path, args=query)
    assert _answer(request).startswith(beginning)
    assert request.content_type == content_type


def test_open_metrics_for_who_asks(scoreboard: Scoreboard, tmp_path: Path) -> None:
    request = _request(scoreboard, tmp_path, args="prometheus")
    request.headers_in.add("Accept", "application/openmetrics-text;version=1.0.0")
    assert _answer(request).endswith(b"# EOF\n")
    assert request.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert request.headers_out.get("Vary") == "Accept"


def test_a_page_that_is_loaded_again_by_the_browser_has_no_script(scoreboard: Scoreboard, tmp_path: Path) -> None:
    assert b"<script" in _answer(_request(scoreboard, tmp_path))
    assert b"<script" not in _answer(_request(scoreboard, tmp_path, args="notable&refresh=5"))


def test_nothing_on_the_page_breaks_its_own_policy(scoreboard: Scoreboard, tmp_path: Path) -> None:
    request = _request(scoreboard, tmp_path)
    text = _answer(request).decode("latin-1")
    policy = request.headers_out.get("Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'")
    assert re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text) is None


def test_the_foot_of_the_page(scoreboard: Scoreboard, tmp_path: Path) -> None:
    assert b"<address>" not in _answer(_request(scoreboard, tmp_path, "ServerSignature Off"))
    request = _request(scoreboard, tmp_path, "ServerSignature On")
    assert re.search(rb"<address>pyhttpd/\S+ .*Server at www.example Port \d+</address>", _answer(request))


def test_what_other_modules_have_to_say(
    scoreboard: Scoreboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def more(request: Any, auto: bool) -> str:
        return "Proxies: 3\n" if auto else "<h2>Proxies</h2>"

    for query, text in (("auto", b"\nProxies: 3\n"), (None, b"<h2>Proxies</h2>")):
        request = _request(scoreboard, tmp_path, args=query)
        monkeypatch.setattr(request.services, "providers", {"status": {"proxy": more}}.__getitem__)
        assert text in _answer(request)


@pytest.mark.parametrize("attributes", [{"method": "POST"}, {"handler": "other"}, {"handler": None}])
def test_the_handler_declines(attributes: dict[str, Any], scoreboard: Scoreboard, tmp_path: Path) -> None:
    request = _request(scoreboard, tmp_path)
    for name, value in attributes.items():
        setattr(request, name, value)
    assert handle_status(request) == DECLINED


def test_the_master_takes_samples(scoreboard: Scoreboard, tmp_path: Path) -> None:
    services: Any = _request(scoreboard, tmp_path).services
    sample(services)
    (taken,) = scoreboard.samples()
    assert (taken.accesses, taken.bytes, taken.busy) == (1, 3_000_000, 2)
