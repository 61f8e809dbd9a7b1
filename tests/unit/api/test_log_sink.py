"""What a log's name opens: files, programs, syslog; who shares it, and what is said if it cannot be opened."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pyhttpd.api.log_sink import (
    ERROR_LOG,
    MAIN_ERROR_LOG,
    TRANSFER_LOG,
    FileSink,
    SyslogSink,
    Use,
    command_of,
    is_file,
    open_sink,
)
from pyhttpd.api.module import Preparation, PrepareError
from pyhttpd.api.program import Program
from pyhttpd.util.line_pipe import LinePipe


class Programs:
    def __init__(self) -> None:
        self.added: list[Program] = []
        self.retired: list[Program] = []

    def add(self, program: Program) -> None:
        if program.argv[0] == "/none":
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        self.added.append(program)

    def retire(self, program: Program) -> None:
        self.retired.append(program)
        program.pipe.close()


@pytest.fixture
def programs() -> Programs:
    return Programs()


@pytest.fixture
def preparation(programs: Programs) -> Preparation:
    return Preparation("/server/root", programs)


def test_a_file(tmp_path: Path, preparation: Preparation) -> None:
    path = tmp_path / "log"
    sink = open_sink(str(path), preparation)
    assert isinstance(sink, FileSink)
    assert sink.append(b"line\n")
    assert path.read_bytes() == b"line\n"
    assert sink.name == str(path)
    assert preparation.descriptors == [sink.fd]
    assert open_sink(str(path), preparation) is sink
    assert open_sink(str(path), preparation, ERROR_LOG) is not sink
    fd = sink.fd
    preparation.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize(
    ("use", "number", "text"),
    [
        (TRANSFER_LOG, "AH00649", "could not open transfer log file /none/log."),
        (ERROR_LOG, "AH00091", "pyhttpd: could not open error log file /none/log."),
    ],
)
def test_a_file_that_cannot_be_opened(preparation: Preparation, use: Use, number: str, text: str) -> None:
    with pytest.raises(PrepareError) as caught:
        open_sink("/none/log", preparation, use)
    assert (caught.value.number, str(caught.value), caught.value.errno) == (number, text, errno.ENOENT)


def test_a_program(preparation: Preparation, programs: Programs) -> None:
    sink = open_sink('|/bin/program "an argument" b', preparation)
    assert isinstance(sink, LinePipe)
    [program] = programs.added
    assert program.text == '/bin/program "an argument" b'
    assert program.argv == ("/bin/program", "an argument", "b")
    assert program.directory == "/server/root"
    assert program.pipe is sink
    assert not program.main
    assert open_sink('|/bin/program "an argument" b', preparation) is sink
    assert set(preparation.descriptors) == {sink.reader, sink.fd, sink.dropped}
    preparation.close()
    assert programs.retired == [program]


def test_the_main_error_log_is_shared_with_virtual_hosts(preparation: Preparation, programs: Programs) -> None:
    main = open_sink("|/bin/program", preparation, MAIN_ERROR_LOG)
    assert open_sink("|/bin/program", preparation, ERROR_LOG) is main
    assert [program.main for program in programs.added] == [True]
    preparation.close()


@pytest.mark.parametrize(
    ("spec", "text", "argv"),
    [
        ("|/bin/a b", "/bin/a b", ("/bin/a", "b")),
        ("||/bin/a b", "/bin/a b", ("/bin/a", "b")),
        ("|$a | b 'c  d'", "a | b 'c  d'", ("/bin/sh", "-c", "a | b 'c  d'")),
        ("||$a", "a", ("/bin/sh", "-c", "a")),
        ("|", "", ()),
        ("||", "", ()),
        ("|$ ", " ", ()),
    ],
)
def test_commands(spec: str, text: str, argv: tuple[str, ...]) -> None:
    assert command_of(spec) == (text, argv)


@pytest.mark.parametrize(
    ("spec", "use", "number", "text"),
    [
        ("|/none x", TRANSFER_LOG, "AH00104", "unable to start piped log program '/none x'"),
        ("||/none x", TRANSFER_LOG, "AH00104", "unable to start piped log program '/none x'"),
        ("||/none x", ERROR_LOG, "AH00089", "Couldn't start ErrorLog process '|/none x'."),
        ("|", TRANSFER_LOG, "AH00104", "unable to start piped log program ''"),
    ],
)
def test_a_program_that_is_not_there(
    preparation: Preparation, spec: str, use: Use, number: str, text: str
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PrepareError) as caught:
        open_sink(spec, preparation, use)
    assert (caught.value.number, str(caught.value), caught.value.errno) == (number, text, errno.ENOENT)
    assert len(os.listdir("/proc/self/fd")) == before
    assert preparation.descriptors == []


def test_without_a_master_there_are_no_programs() -> None:
    with pytest.raises(PrepareError) as caught:
        open_sink("|/bin/cat", Preparation())
    assert caught.value.number == "AH00104"


@pytest.mark.parametrize(
    ("spec", "facility", "ident"),
    [
        ("syslog", 23, "pyhttpd"),
        ("syslog:daemon", 3, "pyhttpd"),
        ("syslog:DAEMON:tag", 3, "tag"),
        ("syslog::tag", 23, "tag"),
        ("syslog:user:", 1, "pyhttpd"),
        ("syslog:", 23, "pyhttpd"),
    ],
)
def test_syslog(preparation: Preparation, spec: str, facility: int, ident: str) -> None:
    sink = open_sink(spec, preparation, ERROR_LOG)
    assert isinstance(sink, SyslogSink)
    assert sink.syslog
    assert (sink._socket.facility, sink._socket.ident) == (facility, ident)
    assert preparation.descriptors == [sink.fd]
    preparation.close()


def test_a_facility_that_is_none(preparation: Preparation) -> None:
    with pytest.raises(PrepareError) as caught:
        open_sink("syslog:nonsense:tag", preparation, ERROR_LOG)
    assert caught.value.number == "AH10036"
    assert str(caught.value) == "pyhttpd: could not open syslog error log nonsense:tag."


def test_messages_that_nobody_takes_are_counted(
    preparation: Preparation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sink = open_sink("syslog", preparation, ERROR_LOG)
    assert isinstance(sink, SyslogSink)
    monkeypatch.setattr(type(sink._socket), "_path", str(tmp_path / "none"))
    assert not sink.append(b"one\n    its traceback\n")
    assert sink.lost == 2
    preparation.close()


@pytest.mark.parametrize(
    ("spec", "transfer", "error"),
    [("/a", True, True), ("a", True, True), ("|a", False, False), ("syslog", True, False), ("syslog:a", True, False),
     ("syslogs", True, True)],
)  # fmt: skip
def test_what_is_a_file(spec: str, transfer: bool, error: bool) -> None:
    """There is no syslog for access logs, so there it is a file's name."""
    assert is_file(spec) is transfer
    assert is_file(spec, ERROR_LOG) is error
