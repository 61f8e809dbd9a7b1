"""LogFormat: formats, letters, which request they speak of, escaping."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pyhttpd.http.headers import Headers
from pyhttpd.modules.log_format import compile_line
from pyhttpd.modules.log_letters import clf_time
from tests.support.requests import FakeRequest, configure, make_request


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("pyhttpd.modules.log_letters._clf", (-1, ""))
    yield
    monkeypatch.undo()
    time.tzset()


def _request(directory: Path) -> FakeRequest:
    request = make_request(
        configure("ServerName name.example:8443\n", directory), "/a b", filename="/srv/é", args='q="1"',
        request_line='GET /a%20b?q="1" HTTP/1.1', user="joe", hostname="client.example", port=81,
        env={"VAR": "é", "A": ""}, notes={"note": "n"}, bytes_sent=42, handler="h", content_type="text/html; charset=x",
        headers_in=Headers([("Referer", 'http://x/"'), ("Cookie", "a=1; B = two ; empty=; c")]),
        headers_out=Headers([("Set-Cookie", "x=1"), ("Set-Cookie", "y=2"), ("X-A", "1"), ("X-A", "2")]),
        arrived=1_700_000_000.123456, began=100.0, ended=101.2345678,
    )  # fmt: skip
    connection: Any = request.connection
    connection.requests = 3
    return request


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%h %a %{c}a %A %l %u", "192.0.2.7 192.0.2.7 192.0.2.7 192.0.2.1 - joe"),
        ("%r", 'GET /a%20b?q=\\"1\\" HTTP/1.1'),
        ("%m %U%q %H", 'GET /a b?q=\\"1\\" HTTP/1.1'),
        ("%f", "/srv/\\xc3\\xa9"),
        ("%s %>s %<s", "200 200 200"),
        ("%b %B", "42 42"),
        ("%v %V", "name.example client.example"),
        ("%p %{canonical}p %{local}p %{remote}p %{x}p", "8443 8443 8080 40000 x"),
        ("%{Referer}i %{nothing}i", 'http://x/\\" -'),
        ("%{Set-Cookie}o %{X-A}o %{Content-Type}o", "x=1, y=2 1 text/html"),
        ("%{a}C %{b}C %{empty}C %{c}C", "1 two - -"),
        ("%{VAR}e %{A}e %{NONE}e %{note}n %{x}n", "\\xc3\\xa9  - n -"),
        ("%{=a}C|%{A}C|%{b}C", "-|1|two"),
        ("%k %X %I %O %S %R", "3 - 120 450 570 h"),
        ("%L %{c}L %^FB", "- - -"),
        ("%t", "[14/Nov/2023:22:13:20 +0000]"),
        ("%{%Y-%m-%d}t %{sec}t %{msec}t %{usec}t", "2023-11-14 1700000000 1700000000123 1700000000123456"),
        ("%{msec_frac}t %{usec_frac}t %{begin:sec}t %{end:sec}t %{end}t",
         "123 123456 1700000000 1700000001 [14/Nov/2023:22:13:21 +0000]"),
        ("%{begin}t %{begin:}t %{end:}t", "[14/Nov/2023:22:13:20 +0000] [14/Nov/2023:22:13:20 +0000] "
         "[14/Nov/2023:22:13:21 +0000]"),
        ("%{begin:%T}t %{end:%T}t", "22:13:20 22:13:21"),
        ("%{end:msec_frac}t %{end:msec}t", "358 1700000001358"),
        ("%{begin%S}t %{end%S}t %{endsec}t %{msecx}t %{%T.msec_frac}t",
         "begin20 end20 1700000000 msecx 22:13:20.msec_frac"),
        ("%{X-None}e%{%Y \"q\"}t", '-2023 "q"'),
        ("%T %{s}T %{ms}T %{us}T %D %{x}T", "1 1 1234 1234567 1234567 x"),
        ("%%", "%"),
        ("a\\tb\\n\\\\\\x", "a\tb\n\\\\x"),
        ("%200,404{Referer}i %404{Referer}i %!404s %!200s", 'http://x/\\" - 200 -'),
        ("%^ti %{X}^to", "- -"),
    ],
)  # fmt: skip
def test_letters(text: str, expected: str, tmp_path: Path) -> None:
    request = _request(tmp_path)
    line = compile_line(text, request.services.providers("log_letter"))
    assert line(request, request) == expected + "\n"


def test_what_comes_late(tmp_path: Path) -> None:
    """Trailers, the time to the first byte, and the ids that the error log gave."""
    request = _request(tmp_path)
    request.trailers_in, request.trailers_out = Headers([("X-T", '\xe9"')]), Headers([("Y", "1")])
    request.first_byte, request.log_id, request.connection.log_id = 100.5, "request", "connection"
    line = compile_line("%{x-t}^ti %{Y}^to %^FB %L %{c}L", request.services.providers("log_letter"))
    assert line(request, request) == '\\xe9\\" 1 500000 request connection\n'


def test_process_letters(tmp_path: Path) -> None:
    request = _request(tmp_path)
    line = compile_line("%P %{pid}P %{tid}P %{hextid}P", request.services.providers("log_letter"))
    pid, same, tid, hextid = line(request, request).split()
    assert pid == same == str(os.getpid())
    assert int(tid) == int(hextid, 16)


@pytest.mark.parametrize(
    ("aborted", "keep_alive", "letter"), [(True, True, "X"), (False, True, "+"), (False, False, "-")]
)
def test_connection_state(aborted: bool, keep_alive: bool, letter: str, tmp_path: Path) -> None:
    request = _request(tmp_path)
    request.connection.aborted, request.connection.keep_alive = aborted, keep_alive
    line = compile_line("%X", request.services.providers("log_letter"))
    assert line(request, request) == letter + "\n"


@pytest.mark.parametrize(("limit", "kept", "letter"), [(0, 50, "+"), (3, 2, "+"), (3, 3, "-")])
def test_the_last_request_but_one(limit: int, kept: int, letter: str, tmp_path: Path) -> None:
    """Apache does not call the connection kept, though one more request may come."""
    request = make_request(configure(f"MaxKeepAliveRequests {limit}", tmp_path))
    request.connection.keep_alive, request.connection.kept = True, kept
    letters = request.services.providers("log_letter")
    assert compile_line("%X", letters)(request, request) == letter + "\n"
    again = letters["X"].again("", request)
    assert again(SimpleNamespace(aborted=False, keep_alive=True, requests=kept - 1)) == letter
    assert again(SimpleNamespace(aborted=True, keep_alive=True, requests=kept - 1)) == "X"


def test_empty_values_are_dashes(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path), request_line="", status=408, uri="")
    line = compile_line("%r|%b|%B|%u|%f|%q|%R", request.services.providers("log_letter"))
    assert line(request, request) == "-|-|0|-|-||-\n"
    request.user = ""
    assert compile_line("%u", request.services.providers("log_letter"))(request, request) == '""\n'


def test_after_an_internal_redirect_letters_choose_their_request(tmp_path: Path) -> None:
    configuration = configure("", tmp_path)
    first, second = make_request(configuration, "/first"), make_request(configuration, "/second")
    first.status, second.status = 404, 200
    first.next, second.prev = second, first
    line = compile_line("%U %>U %s %>s %<m %r", first.services.providers("log_letter"))
    assert line(first, second) == "/first /second 404 200 GET GET /first HTTP/1.1\n"


@pytest.mark.usefixtures("utc")
def test_a_second_is_formatted_once() -> None:
    assert clf_time(0) is clf_time(0)
    assert clf_time(1) == "[01/Jan/1970:00:00:01 +0000]"


def test_offsets_west_of_greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XXX+03:30")
    time.tzset()
    monkeypatch.setattr("pyhttpd.modules.log_letters._clf", (-1, ""))
    text = clf_time(0)
    monkeypatch.undo()
    time.tzset()
    assert text == "[31/Dec/1969:20:30:00 -0330]"
