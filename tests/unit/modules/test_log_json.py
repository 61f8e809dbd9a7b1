"""The JSON form of LogFormat: one valid object a line, whatever the client sent, and nothing of it lost."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyhttpd.http.headers import Headers
from pyhttpd.modules.log_json import compile_json
from pyhttpd.modules.mod_log_config import log_transaction
from tests.support.requests import FakeRequest, configure, make_request, prepared

FORMAT = (
    "time=%{%Y-%m-%d %H}t line=%r status=%>s bytes=%b all=%B path=%U file=%f url=%U%q agent=%{User-Agent}i user=%u "
    "micros=%D port=%p none=%{none}n only=%404{User-Agent}i id=%L state=%X quoted='a b %m' service=web percent=%%"
)

wire = st.text(st.characters(min_codepoint=0, max_codepoint=255))
native = st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> FakeRequest:
    return make_request(configure("ServerName x:81\n", tmp_path_factory.mktemp("json")), ended=101.5, began=100.0)


def _object(request: FakeRequest, text: str) -> dict[str, Any]:
    line = compile_json(text, request.services.providers("log_letter"))(request, request)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert line.isascii()
    found = json.loads(line)
    assert isinstance(found, dict)
    json.dumps(found, ensure_ascii=False).encode()  # no half of a surrogate pair, which strict readers refuse
    return found


def _kept(found: dict[str, Any], name: str) -> bytes:
    """The bytes that a member stands for."""
    twin = found.get(name + "_base64")
    if twin is None:
        text = found[name]
        assert isinstance(text, str)
        return text.encode()
    data = base64.b64decode(twin, validate=True)
    assert found[name] == data.decode("utf-8", "replace")
    return data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=300)
@given(line=wire, agent=wire, user=wire, args=wire, uri=native, filename=native, status=st.integers(100, 999))
def test_any_bytes(
    request_: FakeRequest, line: str, agent: str, user: str, args: str, uri: str, filename: str, status: int
) -> None:
    request = request_
    request.request_line, request.user, request.args, request.uri, request.filename = line, user, args, uri, filename
    request.headers_in = Headers([("User-Agent", agent)])
    request.status = status
    found = _object(request, FORMAT)
    assert found["status"] == status
    texts = [("line", line), ("agent", agent), ("user", user)]
    if status == 408 and not line:  # it did not come in time
        assert found[texts.pop(0)[0]] is None
    for name, text in texts:
        assert _kept(found, name) == text.encode("latin-1")
    path = uri.encode("utf-8", "surrogateescape")
    if path:
        assert _kept(found, "path") == path
    assert _kept(found, "file") == filename.encode("utf-8", "surrogateescape")
    assert _kept(found, "url") == (path or b"-") + b"?" + args.encode("latin-1")


def test_types(request_: FakeRequest) -> None:
    request_.headers_in, request_.user = Headers([("User-Agent", "é")]), None
    request_.request_line, request_.status, request_.bytes_sent = "GET / HTTP/1.1", 200, 0
    found = _object(request_, FORMAT)
    assert found["bytes"] is found["user"] is found["none"] is found["only"] is found["id"] is None
    assert (found["all"], found["micros"], found["port"], found["status"]) == (0, 1_500_000, 81, 200)
    assert found["time"] == "1970-01-01 00"
    assert (found["quoted"], found["service"], found["percent"], found["state"]) == ("a b GET", "web", "%", "-")
    assert found["agent"] == "\ufffd"
    assert base64.b64decode(found["agent_base64"]) == b"\xe9"
    assert "line_base64" not in found


def test_the_form_is_the_third_argument(tmp_path: Path) -> None:
    """Two arguments name a format, whatever the name is: files have one that is called json."""
    text = (
        'LogFormat "{\\"m\\":\\"%m\\"}" json\nLogFormat "method=%m uri=%U" own JSON\nCustomLog a.log json\n'
        'CustomLog b.log own\nLogFormat "own"\nTransferLog c.log\n'
    )
    configuration = configure(text, tmp_path)
    preparation = prepared(configuration)
    log_transaction(make_request(configuration, '/é\n"', resources=preparation.resources))
    preparation.close()
    assert (tmp_path / "a.log").read_text() == '{"m":"GET"}\n'
    expected = '{"method":"GET","uri":"/\\u00e9\\n\\""}\n'
    assert (tmp_path / "b.log").read_text() == (tmp_path / "c.log").read_text() == expected
