"""What the directives about requests do: protocol options, TRACE, hosts and their names, trailers, expectations."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import Level
from pyhttpd.boot import catalog
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions, read
from tests.unit.server.serving import Serving, parts, status_of

Make = Callable[..., Serving]

HOST = b"Host: www.example.com\r\n"
POST = b"POST /a.txt HTTP/1.1\r\n" + HOST


@pytest.fixture
def make(make_serving: Make) -> Make:
    def with_page(text: str = "", **options: object) -> Serving:
        serving = make_serving(text, **options)
        serving.page("a.txt", "hello world\n")
        return serving

    return with_page


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("HttpProtocolOptions foo",
         "HttpProtocolOptions accepts 'Unsafe' or 'Strict' (default), 'RegisteredMethods' or 'LenientMethods' "
         "(default), and 'Require1.0' or 'Allow0.9' (default)"),
        ("HttpProtocolOptions Strict Unsafe", "HttpProtocolOptions 'Strict' and 'Unsafe' are mutually exclusive"),
        ("HttpProtocolOptions Allow0.9\nHttpProtocolOptions require1.0",
         "HttpProtocolOptions 'Allow0.9' and 'Require1.0' are mutually exclusive"),
        ("HttpProtocolOptions LenientMethods RegisteredMethods",
         "HttpProtocolOptions 'RegisteredMethods' and 'LenientMethods' are mutually exclusive"),
        ("<VirtualHost *>\nRegisterHttpMethod FOO\n</VirtualHost>",
         "RegisterHttpMethod cannot occur within <VirtualHost> section"),
        ("RegisterHttpMethod",
         "RegisterHttpMethod requires at least one argument, Registers non-standard HTTP methods"),
        ("TraceEnable maybe", "TraceEnable must be one of 'on', 'off', or 'extended'"),
        ("MergeTrailers maybe", "MergeTrailers must be On or Off"),
        ("StrictHostCheck 1", "StrictHostCheck must be On or Off"),
        ("UseCanonicalName maybe", "parameter must be 'on', 'off', or 'dns'"),
        ("UseCanonicalPhysicalPort dns", "parameter must be 'on' or 'off'"),
        ("ProtocolsHonorOrder x", "ProtocolsHonorOrder must be 'on' or 'off'"),
        ("ServerPath", "ServerPath takes one argument, The pathname the server can be reached at"),
        ("<Directory />\nTraceEnable on\n</Directory>", "TraceEnable not allowed in <Directory> context"),
    ],
)  # fmt: skip
def test_wrong_lines(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "httpd.conf"
    path.write_text(f"ServerName x\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        read(ReadOptions(str(path), str(tmp_path)), catalog())
    messages = [diagnostic.message for diagnostic in caught.value.diagnostics]
    assert any(message in found for found in messages), messages


def test_protocols_that_are_not_there_are_told(make: Make) -> None:
    serving = make("Protocols h2 h2c http/1.1\nProtocolsHonorOrder Off")
    told = [d for d in serving.configuration.diagnostics if d.number == "PH00330"]
    assert [d.message.partition(":")[2].partition(" is")[0] for d in told] == [" h2, h2c"]
    fields = parts(serving.get("/a.txt"))[1]
    assert "upgrade" not in fields
    assert not make("Protocols http/1.1").configuration.diagnostics


def test_a_virtual_host_has_protocol_options_of_its_own(make: Make) -> None:
    serving = make("HttpProtocolOptions Unsafe\n<VirtualHost *>\nHttpProtocolOptions Strict Require1.0\n</VirtualHost>")
    main, host = (server.config(CoreServer) for server in serving.configuration.servers)
    assert (main.http_strict, main.http_09) == (False, True)
    assert (host.http_strict, host.http_09) == (True, False)


def test_unsafe_takes_bare_lf(make: Make) -> None:
    request = b"GET /a.txt HTTP/1.1\nHost: www.example.com\nConnection: close\n\n"
    assert make("HttpProtocolOptions Unsafe").ask(request).endswith(b"hello world\n")
    assert status_of(make().ask(request)) == 400


def test_require_1_0(make: Make) -> None:
    serving = make("HttpProtocolOptions Require1.0")
    assert status_of(serving.ask(b"GET /a.txt\r\n")) == 400
    assert "AH02401" in serving.log


def test_registered_methods(make: Make) -> None:
    serving = make("HttpProtocolOptions RegisteredMethods\nRegisterHttpMethod BREW")
    assert status_of(serving.get("/a.txt", method="BREW")) == 405
    answer = serving.get("/a.txt", method="FOO")
    assert status_of(answer) == 501
    assert parts(answer)[1]["allow"] == "TRACE"
    assert "AH02423" in serving.log


def test_a_registered_method_is_known_without_registered_methods(make: Make) -> None:
    serving = make("RegisterHttpMethod BREW")
    assert status_of(serving.get("/a.txt", method="BREW")) == 405
    assert status_of(serving.get("/a.txt", method="FOO")) == 501


# -- TRACE


def test_trace_with_a_length_that_is_no_number(make: Make) -> None:
    """Nobody checks what RequestHeader puts there."""
    serving = make("RequestHeader set Content-Length x early")
    assert status_of(serving.get("/a.txt", method="TRACE")) == 400
    assert "AH01594: Invalid Content-Length 'x'" in serving.log


def test_trace_sends_the_head_back(make: Make) -> None:
    line, fields, body = parts(make().get("/a.txt", "X-A: b", "Connection: close", method="TRACE"))
    assert line == "HTTP/1.1 200 OK"
    assert fields["content-type"] == "message/http"
    assert b"TRACE /a.txt HTTP/1.1\r\nHost: www.example.com\r\nX-A: b\r\nConnection: close\r\n\r\n" in body


def test_trace_can_be_switched_off(make: Make) -> None:
    serving = make("TraceEnable off")
    answer = serving.get("/a.txt", method="TRACE")
    assert status_of(answer) == 405
    assert parts(answer)[1]["allow"] == ""
    assert parts(serving.get("/a.txt", method="OPTIONS"))[1]["allow"] == "GET,POST,OPTIONS,HEAD"


def test_trace_with_a_body(make: Make) -> None:
    serving = make()
    assert status_of(serving.get("/a.txt", "Content-Length: 5", method="TRACE", body=b"hello")) == 413
    assert "AH01595" in serving.log


@pytest.mark.parametrize("fields", ["Content-Length: 5|hello", "Transfer-Encoding: chunked|5\r\nhello\r\n0\r\n\r\n"])
def test_extended_trace_sends_the_body_back(make: Make, fields: str) -> None:
    field, _, body = fields.partition("|")
    answer = make("TraceEnable extended").get("/", field, "Connection: close", method="TRACE", body=body.encode())
    assert b"Connection: close\r\n\r\nhello" in answer


@pytest.mark.parametrize(("size", "status"), [(65536, 200), (65537, 413)])
def test_extended_trace_has_a_limit(make: Make, size: int, status: int) -> None:
    serving = make("TraceEnable extended")
    answer = serving.get("/", f"Content-Length: {size}", method="TRACE", body=b"a" * size)
    assert status_of(answer) == status
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (size + 10000, b"a" * (size + 10000))
    assert status_of(serving.get("/", "Transfer-Encoding: chunked", method="TRACE", body=chunks)) == 413


# -- hosts

HOSTS = """
<VirtualHost *>
ServerName one.example
StrictHostCheck {strict}
</VirtualHost>
<VirtualHost *>
ServerName two.example
ServerAlias *.two.example
ServerPath /two
ServerAdmin two@example
</VirtualHost>
"""


@pytest.mark.parametrize(
    ("host", "strict", "status"),
    [
        ("one.example", "On", 404), ("TWO.example", "On", 404), ("www.two.example", "On", 404),
        ("other.example", "On", 400), ("other.example", "Off", 404), ("127.0.0.1", "On", 400),
    ],
)  # fmt: skip
def test_strict_host_check(make: Make, host: str, strict: str, status: int) -> None:
    serving = make(HOSTS.replace("{strict}", strict))
    assert status_of(serving.ask(f"GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())) == status
    log = (serving.root / "logs" / "error_log").read_text()  # of the virtual hosts
    assert ("AH10157" in log) is (status == 400)


def test_strict_host_check_without_virtual_hosts(make: Make) -> None:
    serving = make("StrictHostCheck On")
    assert status_of(serving.get("/a.txt")) == 200
    assert status_of(serving.ask(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")) == 400
    assert "AH10156" in serving.log


@pytest.mark.parametrize(
    ("path", "admin"), [("/two", True), ("/two/x", True), ("/twofold", False), ("/x", False), ("/two?x", True)]
)
def test_server_path_is_for_clients_that_name_no_host(make: Make, path: str, admin: bool) -> None:
    serving = make(HOSTS.replace("{strict}", "Off") + "\nLogFormat %v host\nCustomLog logs/hosts host\n")
    serving.ask(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    log = (serving.root / "logs" / "hosts").read_text()
    assert log == ("two.example\n" if admin else "one.example\n")


def test_a_server_path_is_not_inherited(make: Make) -> None:
    serving = make("ServerPath /x\n<VirtualHost *>\nServerName one.example\n</VirtualHost>")
    assert [server.config(CoreServer).server_path for server in serving.configuration.servers] == [None, None]


@pytest.mark.parametrize(
    ("directives", "host", "location"),
    [
        ("", "a.example", "http://a.example/d/"),
        ("", "a.example:81", "http://a.example:81/d/"),
        ("", "[::1]:81", "http://[::1]:81/d/"),
        ("ServerName b.example:82", "a.example", "http://a.example:82/d/"),
        ("UseCanonicalName On", "a.example:81", "http://www.example.com/d/"),
        ("UseCanonicalName On\nServerName b.example:82", "a.example:81", "http://b.example:82/d/"),
        ("UseCanonicalPhysicalPort On", "a.example", "http://a.example:PORT/d/"),
        ("UseCanonicalPhysicalPort On", "a.example:81", "http://a.example:81/d/"),
        ("UseCanonicalPhysicalPort On\nUseCanonicalName On", "a.example:81", "http://www.example.com:PORT/d/"),
        ("UseCanonicalPhysicalPort On\nUseCanonicalName On\nServerName b.example:82", "a", "http://b.example:82/d/"),
        ("ServerName https://b.example", "a.example", "https://a.example/d/"),
        ("<VirtualHost *>\n</VirtualHost>", "a.example", "http://a.example/d/"),
        ("<Location /d>\nUseCanonicalName On\n</Location>", "a.example", "http://www.example.com/d/"),
    ],
)
def test_how_the_server_names_itself(make: Make, directives: str, host: str, location: str) -> None:
    serving = make(directives)
    serving.page("d/x.txt", "x")
    dialogue = serving.connect()
    answer = dialogue.say(f"GET /d HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    expected = location.replace("PORT", str(dialogue.connection.local_port))
    assert parts(answer)[1]["location"] == expected


def test_an_absolute_target_replaces_host(make: Make) -> None:
    serving = make("LogFormat %{Host}i host\nCustomLog logs/hosts host")
    serving.ask(b"GET http://[::1]:81/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (serving.root / "logs" / "hosts").read_text() == "[::1]:81\n"
    assert "AH02417" in serving.log


def test_a_host_that_is_wrong_says_where(make: Make) -> None:
    serving = make()
    assert status_of(serving.ask(b"GET / HTTP/1.1\r\nHost: a$b\r\n\r\n")) == 400
    assert "AH02415: [strict] Invalid host name 'a$b', problem near: $b" in serving.log
    assert "AH00550: Client sent malformed Host header: a$b" in serving.log


# -- keep-alive of virtual hosts


@pytest.mark.parametrize(
    ("host", "own", "seconds"), [("two", "KeepAliveTimeout 40", 40), ("two", "", 20), ("one", "", 20)]
)
def test_keep_alive_timeout_is_the_hosts_own_or_the_first_ones(make: Make, host: str, own: str, seconds: int) -> None:
    serving = make(
        "KeepAliveTimeout 10\n<VirtualHost *>\nServerName one\nKeepAliveTimeout 20\n</VirtualHost>\n"
        f"<VirtualHost *>\nServerName two\n{own}\n</VirtualHost>"
    )
    dialogue = serving.connect()
    dialogue.say(f"GET /a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert dialogue.wait.deadline == pytest.approx(time.monotonic() + seconds, abs=5)


# -- bodies


@pytest.mark.parametrize(("merge", "field"), [("Off", "-"), ("On", "b")])
def test_trailers_are_kept_apart(make: Make, merge: str, field: str) -> None:
    serving = make(f'MergeTrailers {merge}\nLogFormat "%{{X-A}}^ti %{{X-A}}i" both\nCustomLog logs/trailers both')
    serving.ask(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: b\r\n\r\n")
    assert (serving.root / "logs" / "trailers").read_text() == f"b {field}\n"


@pytest.mark.parametrize(
    ("trailers", "number"), [(b"X\r\n\r\n", "AH02426"), (b"X: %s\r\n\r\n" % (b"a" * 9000), "AH00561")]
)
def test_bad_trailers(make: Make, trailers: bytes, number: str) -> None:
    serving = make()
    assert status_of(serving.ask(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + trailers)) == 400
    assert number in serving.log
    assert "AH02656: Error while reading HTTP trailer: 400" in serving.log


def test_chunks_beyond_the_limit_of_a_line(make: Make) -> None:
    serving = make("LimitRequestFieldSize 100")
    body = b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 100 + b"\r\nx\r\n0\r\n\r\n"
    assert status_of(serving.ask(POST + body)) == 413
    assert "AH01590: Error reading/parsing chunk (overflow)" in serving.log


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"Transfer-Encoding: chunked, chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),
        (b"Transfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding:\r\n", 400),
        (b"Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        (b"Content-Length:\r\n", 400),
        (b"Content-Length: 3 3\r\n", 400),
        (b"Content-Length: \xb3\r\n", 400),
    ],
)
def test_no_way_to_smuggle(make: Make, fields: bytes, status: int) -> None:
    dialogue = make().connect()
    answer = dialogue.say(POST + fields + b"\r\n0\r\n\r\nGET /a.txt HTTP/1.1\r\n" + HOST + b"\r\n")
    assert status_of(answer) == status
    assert answer.count(b"HTTP/1.1 ") == 1
    assert dialogue.closed


def test_an_http_1_0_client_with_a_coding_loses_its_connection(make: Make) -> None:
    dialogue = make().connect()
    head = b"POST /a.txt HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = dialogue.say(head + b"1\r\nx\r\n0\r\n\r\n")
    assert status_of(answer) == 200
    assert parts(answer)[1]["connection"] == "close"
    assert dialogue.closed


def test_a_body_is_read_before_a_redirect(make: Make) -> None:
    serving = make("Redirect /old /new")
    head = b"POST /old HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    assert status_of(serving.ask(head + b"1\r\nx\r\n0\r\n\r\n")) == 302
    answer = serving.ask(head + b"x\r\n")
    assert status_of(answer) == 400
    assert b"Additionally, a 302 Found" in answer


def test_no_100_for_what_is_refused(make: Make) -> None:
    serving = make("ErrorDocument 403 /a.txt\n<Location /no>\nRequire all denied\n</Location>")
    dialogue = serving.connect()
    answer = dialogue.say(b"POST /no HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert status_of(answer) == 403
    assert answer.endswith(b"hello world\n")
    assert dialogue.closed


def test_a_body_of_connect_has_no_time_limit_of_its_own(make: Make) -> None:
    serving = make("RequestReadTimeout body=1\nTimeout 50ms")
    head = b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\nContent-Length: 5\r\n\r\nhe"
    assert status_of(serving.ask(head)) == 408
    assert "AH01382" not in serving.log


def test_a_time_limit_that_is_off_is_not_logged(make: Make) -> None:
    serving = make("RequestReadTimeout header=0 body=0\nTimeout 50ms")
    assert status_of(serving.ask(POST + b"Content-Length: 5\r\n\r\nhe")) == 408
    assert "AH01382" not in serving.log


# -- Connection and Upgrade


@pytest.mark.parametrize(
    ("field", "closes"),
    [
        ("close", True), ("foo, CLOSE", True), ('x;close="y"', True), ("clo", True),
        ("closed", False), ("foo", False), ("xclose", False),
    ],
)
def test_words_of_connection(make: Make, field: str, closes: bool) -> None:
    dialogue = make().connect()
    dialogue.say(b"GET /a.txt HTTP/1.1\r\n" + HOST + f"Connection: {field}\r\n\r\n".encode())
    assert dialogue.closed is closes


@pytest.mark.parametrize(
    ("field", "number"),
    [
        ("h2c, foo/2", "AH02910"),
        ("h2c, foo bar", "AH02910: parsing Upgrade header: Encountered illegal whitespace in token"),
        ("h2c, foo", "AH03155: select protocol from , choices=h2c,foo for server www.example.com"),
    ],
)
def test_an_upgrade_is_looked_at_and_not_made(make: Make, field: str, number: str) -> None:
    serving = make()
    assert status_of(serving.get("/a.txt", f"Upgrade: {field}", "Connection: upgrade")) == 200
    assert number in serving.log


def test_an_upgrade_costs_nothing_where_nobody_wants_to_know(make: Make) -> None:
    serving = make(level=Level.WARN)
    assert status_of(serving.get("/a.txt", "Upgrade: h2c", "Connection: upgrade")) == 200
    assert serving.log == ""


# -- refused heads


def test_a_bad_request_line_is_refused_at_once(make: Make) -> None:
    dialogue = make().connect()
    assert status_of(dialogue.say(b"G@T / HTTP/1.1\r\nHost: ")) == 400
    assert dialogue.closed


def test_what_is_wrong_counts_more_than_the_end(make: Make) -> None:
    serving = make()
    answer = serving.ask(b"GET / HTTP/1.1\r\nA: b\r\nX\r\nY: z\r\nZ", end=True)
    assert status_of(answer) == 400
    assert "AH02426" in serving.log


def test_too_many_blank_lines_between_requests_end_the_connection(make: Make) -> None:
    dialogue = make().connect()
    answer = dialogue.say(b"GET /a.txt HTTP/1.1\r\n" + HOST + b"\r\n" + b"\r\n" * 11)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert dialogue.closed
