"""The error log: Apache's line, escaping, levels, and what happens when it cannot be written."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyhttpd.api.error_format import Server, parse, timestamp
from pyhttpd.api.log import ErrorLog, Formats, Level, Levels
from pyhttpd.http.headers import Headers
from pyhttpd.util.append import Appender
from tests.support.requests import FakeConnection, FakeRequest, configure, make_request


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_a_line_is_apaches(pipe: tuple[int, int]) -> None:
    log = ErrorLog(pipe[1], Levels(Level.DEBUG))
    client = FakeConnection()
    log.log(Level.DEBUG, "core", "AH00132", "file\nname", errno=errno.EACCES, source="core.c(12)", connection=client)
    assert re.fullmatch(
        rb"\[\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.\d{6} \d{4}\] \[core:debug\] \[pid \d+:tid \d+\] core\.c\(12\): "
        rb"\(13\)Permission denied: \[client 192\.0\.2\.7:40000\] AH00132: file\\nname\n",
        os.read(pipe[0], 4096),
    )


def test_levels_of_single_modules(pipe: tuple[int, int]) -> None:
    log = ErrorLog(pipe[1], Levels(Level.WARN, {"dir": Level.DEBUG, "mime": Level.ERROR}))
    log.log(Level.DEBUG, "dir", None, "shown")
    log.log(Level.WARN, "mime", None, "hidden")
    log.log(Level.INFO, "core", None, "hidden")
    assert os.read(pipe[0], 4096).count(b"\n") == 1


def test_details_are_lines_of_the_same_write(pipe: tuple[int, int]) -> None:
    ErrorLog(pipe[1]).log(Level.ERROR, "core", "PH00111", "raised", details=["one", "two"])
    assert os.read(pipe[0], 4096).endswith(b"PH00111: raised\n    one\n    two\n")


def test_lost_lines_are_counted_and_told_once(pipe: tuple[int, int]) -> None:
    sink = Appender(os.open("/dev/full", os.O_WRONLY))
    log = ErrorLog(sink)
    for _ in range(3):
        log.log(Level.ERROR, "core", None, "lost")
    os.close(log.fd)
    sink.fd = pipe[1]
    log.log(Level.ERROR, "core", None, "written")
    log.log(Level.ERROR, "core", None, "written again")
    text = os.read(pipe[0], 4096)
    assert b"PH00101: 3 lines were lost" in text
    assert text.count(b"PH00101") == 1
    assert text.count(b"\n") == 3


def test_timestamp() -> None:
    assert re.fullmatch(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d\.500000 20\d\d", timestamp(1_700_000_000.5))


def test_the_place_of_the_call_is_shown_from_debug_on(pipe: tuple[int, int]) -> None:
    log = ErrorLog(pipe[1], Levels(Level.TRACE8))
    log.log(Level.INFO, "core", None, "one")
    log.log(Level.TRACE1, "core", None, "two")
    first, second = os.read(pipe[0], 4096).decode().splitlines()
    assert first.endswith("] one")
    assert re.search(r"\] test_log\.py\(\d+\): two$", second)


def test_long_lines_are_cut(pipe: tuple[int, int]) -> None:
    ErrorLog(pipe[1]).log(Level.ERROR, "core", None, "x" * 20000, details=["more"])
    line, detail, rest = os.read(pipe[0], 65536).split(b"\n")
    assert len(line) == 8190
    assert (detail, rest) == (b"    more", b"")


class Syslog:
    """A sink as log_sink's for syslog."""

    syslog = True
    fd, lost = 0, 0

    def __init__(self) -> None:
        self.lines: list[tuple[bytes, int]] = []

    def append(self, line: bytes, level: int = 0) -> bool:
        self.lines.append((line, level))
        return True


def test_syslog_has_no_time_and_no_exception_for_notices() -> None:
    syslog = Syslog()
    log = ErrorLog(syslog, Levels(Level.WARN))
    log.log(Level.NOTICE, "core", "AH00094", "not wanted")
    log.log(Level.WARN, "core", None, "wanted")
    assert syslog.lines == [(b"[core:warn] [pid %d:tid %d] wanted\n" % (os.getpid(), os.getpid()), Level.WARN)]


@pytest.fixture
def fake(tmp_path: Path) -> FakeRequest:
    return make_request(
        configure("", tmp_path), env={"V": '"\\x'}, notes={"n": "1"}, arrived=1.5,
        headers_in=Headers([("Referer", '\xe9"\\'), ("User-Agent", "me")]),
    )  # fmt: skip


def _written(pipe: tuple[int, int], formats: Formats, request: FakeRequest) -> list[str]:
    log = ErrorLog(pipe[1], formats=formats, server=Server("name", lambda request: "used", threaded=False))
    log.log(Level.ERROR, "core", "AH00001", "text", request=request, source="a.py(1)")
    return os.read(pipe[0], 65536).decode().splitlines()


def test_the_referer_of_a_request(pipe: tuple[int, int], fake: FakeRequest) -> None:
    (line,) = _written(pipe, Formats(), fake)
    assert line.endswith('[client 192.0.2.7:40000] AH00001: text, referer: \\xe9"\\\\')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("%M", "AH00001: text"),
        ("%a %A %k", "192.0.2.7:40000 192.0.2.1:8080 0"),
        ("%m:%l %F %E", "core:error a.py(1)"),
        ("[%{V}e] [%{X}e] [%{n}n] [%-{X}n]", '["\\\\x] [1] [-]'),
        ("%{Referer}i,%{X}i %v %V", " name used"),
        ("%T% %%% %T|", "%"),
        ("a%5m b%3m c%4m", " bcore"),
        ("\\ %T x\\ %T y", " y"),
        ("%T% x", "x"),
        ("\\t\\n\\r\\q\\\\", "\t\n\rq\\"),
        ("%{%Y}t %{unknown}t", "1970 Thu Jan 01 00:00:01.500000 1970"),
        ("%{c}t|%{cu}t|%t", "1970-01-01 00:00:01|1970-01-01 00:00:01.500000|Thu Jan 01 00:00:01 1970"),
    ],
)
def test_letters(
    text: str, line: str, pipe: tuple[int, int], fake: FakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1.5)
    monkeypatch.setattr("time.localtime", time.gmtime)
    written = _written(pipe, Formats(message=tuple(parse(f"{text} %M"))), fake)
    assert "\n".join(written) == f"{line} AH00001: text".replace("\r", "\n")


def test_what_is_written_once_for_a_connection_and_a_request(pipe: tuple[int, int], fake: FakeRequest) -> None:
    once = Formats(
        message=tuple(parse("%{c}L %L [%{C}L] %M")),
        connection=(tuple(parse("connection %{c}L %a %l%m%L", main=False)), tuple(parse("%+{X}e", main=False))),
        request=(tuple(parse("request %L %{Referer}i %-k %+m", main=False)), tuple(parse("%L %{C}L", main=False))),
    )
    first, second, third, *rest = _written(pipe, once, fake)
    connection, request = fake.connection.log_id, fake.log_id
    assert connection is not None
    assert request is not None
    assert len(connection) == len(request) == 11
    assert first == f"connection {connection} 192.0.2.7:40000"
    assert (second, third) == (request, f"{connection} {request} AH00001: text")
    assert rest == []
    assert _written(pipe, once, fake) == [third]


def test_a_subrequest_has_the_id_of_its_request(pipe: tuple[int, int], fake: FakeRequest, tmp_path: Path) -> None:
    inner = make_request(configure("", tmp_path))
    inner.main = fake
    (line,) = _written(pipe, Formats(message=tuple(parse("%L %M"))), inner)
    assert line == f"{fake.log_id} AH00001: text"
    assert inner.log_id is None


@pytest.mark.parametrize(
    ("text", "main", "message"),
    [
        ("%x", True, "Unrecognized error log format directive %x"),
        ("%", True, "Ran off end of error log format parsing args to some directive"),
        ("%{a", True, "Ran off end of error log format parsing args to some directive"),
        ("%+{a}i %M", True, "The '+' flag cannot be used in the main error log format"),
        ("%16l %M", True, "The specified loglevel modifier is out of range"),
        ("%t", True, "main ErrorLogFormat must contain message format string '%M'"),
        ("", True, "main ErrorLogFormat must contain message format string '%M'"),
        ("%M", False, "%M cannot be used in once-per-request or once-per-connection formats"),
        ("%3l", False,
         "The loglevel cannot be used as a condition in once-per-request or once-per-connection formats"),
    ],
)  # fmt: skip
def test_wrong_formats(text: str, main: bool, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(text, main=main)
