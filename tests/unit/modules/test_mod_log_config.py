"""LogFormat and CustomLog: formats, letters, conditions, who logs where, and disks that are full."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.api.module import PrepareError
from pyhttpd.http.headers import Headers
from pyhttpd.modules import mod_log_config
from pyhttpd.modules.log_format import compile_line
from pyhttpd.modules.log_letters import clf_time
from pyhttpd.modules.mod_log_config import LogConfig, LogFile, log_transaction
from tests.support.requests import FakeRequest, configure, make_request, prepared, refusals


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
        request_time=1_700_000_000.123456, started=100.0, ended=101.2345678,
    )  # fmt: skip
    request.connection.requests = 3
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
        ("%k %X %I %O %S %R %L", "3 - 120 450 570 h -"),
        ("%^FB", "-"),
        ("%t", "[14/Nov/2023:22:13:20 +0000]"),
        ("%{%Y-%m-%d}t %{sec}t %{msec}t %{usec}t", "2023-11-14 1700000000 1700000000123 1700000000123456"),
        ("%{msec_frac}t %{usec_frac}t %{begin:sec}t %{end:sec}t %{end}t",
         "123 123456 1700000000 1700000001 [14/Nov/2023:22:13:21 +0000]"),
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


def test_empty_values_are_dashes(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path), request_line="", uri="")
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


def _logged(text: str, directory: Path, *, host: int | None = None, **attributes: Any) -> dict[str, str]:
    """What each log file holds after one request."""
    configuration = configure(text, directory)
    preparation = prepared(configuration)
    request = make_request(configuration, "/x", host=host, resources=preparation.resources, **attributes)
    log_transaction(request)
    preparation.close()
    return {path.name: path.read_text() for path in sorted(directory.glob("*.log"))}


def test_nicknames_formats_and_the_common_format(tmp_path: Path) -> None:
    text = (
        'LogFormat "nick %m" nick\nLogFormat "default %m"\n'
        'CustomLog a.log nick\nCustomLog b.log "own %m"\nTransferLog c.log\nCustomLog d.log CLF\n'
    )
    logged = _logged(text, tmp_path, bytes_sent=5)
    assert (logged["a.log"], logged["b.log"], logged["c.log"]) == ("nick GET\n", "own GET\n", "default GET\n")
    assert logged["d.log"].endswith('] "GET /x HTTP/1.1" 200 5\n')


@pytest.mark.parametrize(("env", "count"), [({}, [0, 1]), ({"V": "1"}, [1, 0])])
def test_conditions(env: dict[str, str], count: list[int], tmp_path: Path) -> None:
    logged = _logged("CustomLog a.log %m env=V\nCustomLog b.log %m env=!V\n", tmp_path, env=env)
    assert [logged["a.log"].count("GET"), logged["b.log"].count("GET")] == count


@pytest.mark.parametrize(
    ("lines", "written"),
    [
        ("", ["main.log"]),
        ("CustomLog own.log %m\n", ["own.log"]),
    ],
)
def test_a_virtual_hosts_logs_replace_the_main_servers(lines: str, written: list[str], tmp_path: Path) -> None:
    text = f"CustomLog main.log %m\n<VirtualHost *>\n{lines}</VirtualHost>\n"
    assert [name for name, content in _logged(text, tmp_path, host=0).items() if content] == written


def test_global_logs_are_written_beside(tmp_path: Path) -> None:
    text = "GlobalLog main.log %m\n<VirtualHost *>\nCustomLog own.log %m\n</VirtualHost>\n"
    assert _logged(text, tmp_path, host=0) == {"main.log": "GET\n", "own.log": "GET\n"}


def test_a_file_that_two_logs_name_is_opened_once(tmp_path: Path) -> None:
    configuration = configure("CustomLog a.log %m\nCustomLog a.log %U\n", tmp_path)
    preparation = prepared(configuration)
    assert len([key for key in preparation.resources if isinstance(key, tuple) and key[0] is LogFile]) == 1
    preparation.close()


def test_a_log_that_cannot_be_opened_refuses_the_generation(tmp_path: Path) -> None:
    configuration = configure("CustomLog nowhere/a.log %m\n", tmp_path)
    with pytest.raises(PrepareError, match=r"could not open transfer log file .*/nowhere/a\.log\.") as raised:
        prepared(configuration)
    assert raised.value.number == "AH00649"
    assert raised.value.errno == 2


def test_lines_that_a_full_disk_lost_are_told_when_it_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = make_request(configure("", tmp_path))
    log = LogFile(str(tmp_path / "a.log"))
    real = os.write

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.write(b"lost 1\n", request)
    log.write(b"lost 2\n", request)
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:4]))
    log.write(b"torn line\n", request)
    assert request.lines == []
    monkeypatch.setattr(os, "write", real)
    log.write(b"whole\n", request)
    log.write(b"again\n", request)
    log.close()
    assert (tmp_path / "a.log").read_bytes() == b"whole\nagain\n"
    assert [(number, message) for _, number, message in request.lines] == [
        ("PH00310", f"3 lines could not be written to {tmp_path}/a.log")
    ]


def test_a_nickname_that_nobody_defines_is_a_warning(tmp_path: Path) -> None:
    text = 'LogFormat "%h" host\nCustomLog a.log comon\nCustomLog b.log CLF\nCustomLog c.log %m\nCustomLog d.log host\n'
    configuration = configure(text, tmp_path)
    assert [d.message for d in mod_log_config.check_config(configuration)] == [
        "no LogFormat defines 'comon': every line will be that word"
    ]
    assert configuration.main.config(LogConfig).nickname("CLF") == mod_log_config.COMMON


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('LogFormat "%y"', "Unrecognized LogFormat directive %y"),
        ('LogFormat "%{foo"', "Ran off end of LogFormat parsing args to some directive"),
        ('LogFormat "%>"', "Ran off end of LogFormat parsing args to some directive"),
        ("CustomLog a b c", "error in condition clause"),
        ("CustomLog a b env=!", "missing environment variable name"),
        ("CustomLog a b expr=true", "expr= is not there yet"),
        ('CustomLog "|/bin/cat" common', "piped log programs are not there yet"),
        ("<VirtualHost *>\nGlobalLog a b\n</VirtualHost>", "GlobalLog cannot occur within <VirtualHost> section"),
    ],
)
def test_wrong_lines(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(line + "\n", tmp_path) == [message]
