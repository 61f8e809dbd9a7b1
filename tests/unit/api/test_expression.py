"""What expressions learn of a request. Most of it is compared with Apache in tests/oracle/test_expressions.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.expr import parse_condition, parse_text
from pyhttpd.expr.vocabulary import HEADER_VARIABLES, VARIABLES
from tests.support.requests import FakeRequest, configure, make_request


@pytest.fixture
def request_(tmp_path: Path) -> FakeRequest:
    configuration = configure(f'ServerAdmin "m\u00e9@x"\nDocumentRoot "{tmp_path}"\n', tmp_path)
    return make_request(configuration, "/caf\u00e9", filename=f"{tmp_path}/caf\u00e9", args="a=1", user="joe")


def value(request: FakeRequest, text: str) -> str:
    return parse_text(text).evaluate(variables_of(request))


def test_every_variable_has_a_value(request_: FakeRequest) -> None:
    for name in VARIABLES - set(HEADER_VARIABLES):
        assert value(request_, f"%{{{name}}}").isprintable()


def test_paths_and_the_configuration_become_bytes(request_: FakeRequest, tmp_path: Path) -> None:
    assert value(request_, "%{REQUEST_URI}|%{SERVER_ADMIN}") == "/caf\xc3\xa9|m\xc3\xa9@x"
    assert value(request_, "%{REQUEST_FILENAME}") == f"{tmp_path}/caf\xc3\xa9"
    request_.env["PLACE"] = "\u00e9"
    assert value(request_, "%{reqenv:place}%{env:Place}") == "\xc3\xa9\xc3\xa9"
    request_.headers_in.add("X-Wire", "\xe9")
    assert value(request_, "%{req:x-wire}") == "\xe9"


def test_addresses(request_: FakeRequest) -> None:
    connection: Any = request_.connection
    cases = (("192.0.2.7", "off", True), ("::ffff:192.0.2.7", "off", True), ("2001:db8::1", "on", False))
    for address, ipv6, inside in cases:
        connection.client_ip = address
        assert value(request_, "%{IPV6}%{REMOTE_ADDR}") == ipv6 + address
        assert parse_condition("-R '192.0.2'").holds(variables_of(request_)) is inside


def test_log_ids(request_: FakeRequest) -> None:
    assert value(request_, "%{REQUEST_LOG_ID}%{CONN_LOG_ID}") == ""
    request_.log_id = "abc"
    assert value(request_, "%{REQUEST_LOG_ID}") == "abc"


def test_vary_is_added_to_the_answer(request_: FakeRequest) -> None:
    request_.headers_out.add("Vary", "Accept")
    parse_condition("%{HTTP_REFERER} == '' && req('X-A') == ''").holds(variables_of(request_))
    assert list(request_.headers_out) == [("Vary", "Accept, Referer, X-A")]


def test_what_goes_wrong_is_logged(request_: FakeRequest) -> None:
    condition = parse_condition("file('/none') == ''", source="httpd.conf:7", module="headers")
    assert not condition.holds(variables_of(request_))
    parse_text("%{unescape:%zz}", source="a:1").value(variables_of(request_))
    assert request_.lines == [
        (Level.ERROR, None, "Evaluation of expression from httpd.conf:7 failed: Cannot open file /none"),
        (Level.DEBUG, "AH00538", "Bad % escape in unescape('%zz') at a:1"),
    ]


def test_subrequests(request_: FakeRequest, tmp_path: Path) -> None:
    inner = make_request(request_.services.configuration, "/inner")
    asked: list[str] = []

    def found(request: Any, what: str) -> FakeRequest:
        asked.append(what)
        return inner

    request_.services.found = found
    variables = variables_of(request_)
    assert parse_condition("-U '/inner'").holds(variables)
    inner.status = 403
    assert not parse_condition("-A '/inner'").holds(variables)
    inner.status, inner.finfo = 200, tmp_path.stat()
    assert parse_condition("-F '\\303\\251'").holds(variables)
    inner.finfo = None
    assert not parse_condition("-F 'gone'").holds(variables)
    assert asked == ["/inner", "/inner", "\u00e9", "gone"]
    assert request_.lines == [
        (Level.TRACE5, None, "Subrequest for -U /inner at - gave status: 200"),
        (Level.TRACE5, None, "Subrequest for -U /inner at - gave status: 403"),
        (Level.TRACE5, None, "Subrequest for -F \u00e9 at - gave status: 200"),
        (Level.TRACE5, None, "Subrequest for -F gone at - gave status: 200"),
    ]
    request_.main = make_request(request_.services.configuration, request_.uri)
    assert not parse_condition("-U '/inner'").holds(variables), "its own URL again: it would never end"


@pytest.mark.parametrize("levels", ["trace4", "warn ssl:debug core:trace4", "warn"])
def test_what_expressions_gave_is_logged_where_it_is_wanted(levels: str, tmp_path: Path) -> None:
    request = make_request(configure(f"LogLevel {levels.replace('ssl', 'alias')}\n", tmp_path))
    variables = variables_of(request)
    assert parse_condition("%{REQUEST_METHOD} == 'GET'", source="f:1", module="core").holds(variables)
    parse_text("%{REQUEST_METHOD}\u00e9", source="f:2", module="core").value(variables)
    parse_text("constant", source="f:3", module="core").value(variables)
    told = [
        (Level.TRACE4, None, "Evaluation of expression from f:1 gave: 1"),
        (Level.TRACE4, None, "Evaluation of string expression from f:2 gave: GET\u00e9"),
    ]
    assert request.lines == ([] if levels == "warn" else told)
