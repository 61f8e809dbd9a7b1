"""LogFormat, CustomLog and their like: nicknames, conditions, who logs where, buffers, and disks that are full."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.api.log_sink import FileSink
from pyhttpd.api.module import PrepareError
from pyhttpd.modules import mod_log_config
from pyhttpd.modules.mod_log_config import LogConfig, Writer, log_transaction
from pyhttpd.util.append import open_for_append
from tests.support.requests import configure, make_request, prepared, refusals


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


@pytest.mark.parametrize(("status", "count"), [(200, [0, 1, 1]), (404, [1, 0, 1]), (500, [1, 1, 1])])
def test_expressions(status: int, count: list[int], tmp_path: Path) -> None:
    text = (
        'CustomLog a.log "%m" "expr=%{REQUEST_STATUS} >= 400"\n'
        "CustomLog b.log %m \"EXPR=! (%{REQUEST_STATUS} == '404')\"\n"
        'CustomLog c.log %m ""\n'
    )
    logged = _logged(text, tmp_path, status=status)
    assert [logged[name].count("GET") for name in ("a.log", "b.log", "c.log")] == count


def test_an_expression_without_a_value_logs_nothing(tmp_path: Path) -> None:
    configuration = configure("CustomLog a.log %m \"expr=file('/none/such') == 'x'\"\n", tmp_path)
    preparation = prepared(configuration)
    request = make_request(configuration, resources=preparation.resources)
    log_transaction(request)
    preparation.close()
    assert (tmp_path / "a.log").read_bytes() == b""
    _, number, message = request.lines[-1]
    assert number == "AH00644"
    assert message.startswith("Error evaluating log condition: ")


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


def test_global_logs_keep_their_format(tmp_path: Path) -> None:
    """A virtual host that has logs of its own may call another format by the same name."""
    text = 'LogFormat "main" name\nGlobalLog main.log name\n<VirtualHost *>\nLogFormat "host" name\n%s</VirtualHost>\n'
    assert _logged(text % "CustomLog own.log name\n", tmp_path, host=0) == {"main.log": "main\n", "own.log": "host\n"}
    assert _logged(text % "", tmp_path, host=0)["main.log"] == "main\nhost\n"


def test_a_file_that_two_logs_name_is_opened_once(tmp_path: Path) -> None:
    configuration = configure("CustomLog a.log %m\nCustomLog a.log %U\n", tmp_path)
    preparation = prepared(configuration)
    assert len([sink for sink in preparation.resources.values() if isinstance(sink, FileSink)]) == 1
    preparation.close()


def test_a_log_that_cannot_be_opened_refuses_the_generation(tmp_path: Path) -> None:
    configuration = configure("CustomLog nowhere/a.log %m\n", tmp_path)
    with pytest.raises(PrepareError, match=r"could not open transfer log file .*/nowhere/a\.log\.") as raised:
        prepared(configuration)
    assert raised.value.number == "AH00649"
    assert raised.value.errno == 2


def test_lines_that_a_full_disk_lost_are_told_when_it_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = make_request(configure("", tmp_path))
    path = str(tmp_path / "a.log")
    sink = FileSink(path, open_for_append(path))
    log = Writer(path, sink, buffered=False)
    real = os.write

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.write("lost 1\n", request.log)
    log.write("lost 2\n", request.log)
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:4]))
    log.write("torn line\n", request.log)
    assert [(number, message) for _, number, message in request.lines] == [("AH00646", f"Error writing to {path}")]
    request.lines.clear()
    monkeypatch.setattr(os, "write", real)
    log.write("whole\n", request.log)
    log.write("again\n", request.log)
    os.close(sink.fd)
    assert (tmp_path / "a.log").read_bytes() == b"whole\nagain\n"
    assert [(number, message) for _, number, message in request.lines] == [
        ("PH00310", f"3 lines could not be written to {tmp_path}/a.log")
    ]


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ("<VirtualHost *>\nBufferedLogs On\n</VirtualHost>\n", 1),
        ("BufferedLogs Off\n<VirtualHost *>\nBufferedLogs On\n</VirtualHost>\n", 1),
        ("<VirtualHost *>\nBufferedLogs On\n</VirtualHost>\nBufferedLogs Off\n", 0),
        ("", 0),
    ],
)
def test_the_last_line_buffers_the_logs_of_all_servers(lines: str, count: int, tmp_path: Path) -> None:
    preparation = prepared(configure(f"CustomLog log %U\n{lines}", tmp_path))
    assert len(preparation.farewells) == count
    preparation.close()


def test_a_nickname_that_nobody_defines_is_a_warning(tmp_path: Path) -> None:
    text = 'LogFormat "%h" host\nCustomLog a.log comon\nCustomLog b.log CLF\nCustomLog c.log %m\nCustomLog d.log host\n'
    configuration = configure(text, tmp_path)
    assert [d.message for d in mod_log_config.check_config(configuration)] == [
        "no LogFormat defines 'comon': every line will be that word"
    ]
    assert configuration.main.config(LogConfig).nickname("CLF") == (mod_log_config.COMMON, False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('LogFormat "%y"', "Unrecognized LogFormat directive %y"),
        ('LogFormat "%{foo"', "Ran off end of LogFormat parsing args to some directive"),
        ('LogFormat "%>"', "Ran off end of LogFormat parsing args to some directive"),
        ("CustomLog a b c", "error in condition clause"),
        ("CustomLog a b env=!", "missing environment variable name"),
        ("CustomLog a b env=", "missing environment variable name"),
        ("CustomLog a b expr=", "missing condition"),
        ("CustomLog a b nothing=x", "error in condition clause"),
        ('LogFormat "a=%h" "" json', "a json LogFormat needs a name"),
        ('LogFormat "%h" host xml', "LogFormat has no form 'xml', only json"),
        ('LogFormat "%h" host json', "a json LogFormat is a list of name=value, not '%h'"),
        ('LogFormat " " empty json', "a json LogFormat needs at least one name=value"),
        ('LogFormat "a=%h a=%m" twice json', "a json LogFormat has two members for 'a'"),
        ('LogFormat "a_base64=%h a=%m" twice json', "a json LogFormat has two members for 'a'"),
        ('LogFormat "a=%y" wrong json', "Unrecognized LogFormat directive %y"),
        ("<VirtualHost *>\nGlobalLog a b\n</VirtualHost>", "GlobalLog cannot occur within <VirtualHost> section"),
    ],
)
def test_wrong_lines(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(line + "\n", tmp_path) == [message]
