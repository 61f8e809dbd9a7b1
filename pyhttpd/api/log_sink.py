"""Where logs go: files, programs and syslog. What directives name as one word (`spec`) becomes something to append to.

    /var/log/access_log          a file; its path has to be absolute here
    |program argument "an argument"   a program without a shell; `||` is the same
    |$command                    a command line for /bin/sh
    syslog, syslog:facility:tag  the system's log daemon (error logs only)

Every sink has `append(line) -> bool`, `lost`, `fd` and `name`. None raises, and none makes a request wait.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from functools import partial

from pyhttpd.api.error_format import BAD_PATH
from pyhttpd.api.module import Preparation, PrepareError
from pyhttpd.api.program import Program
from pyhttpd.util.append import Appender, open_for_append
from pyhttpd.util.command import split_command
from pyhttpd.util.line_pipe import LinePipe
from pyhttpd.util.syslog_socket import INFO, SyslogSocket, facility_of

SHELL = "/bin/sh"
IDENT = "pyhttpd"
"""The tag of syslog messages, unless another is given."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a log is for, and Apache's messages where one cannot be opened: number and text. `module` says that of a
    file."""

    name: str
    file: tuple[str, str]
    program: tuple[str, str]
    syslog: bool = False
    main: bool = False
    module: str = "core"


TRANSFER_LOG = Use(
    "transfer log",
    ("AH00649", "could not open transfer log file {}."),
    ("AH00104", "unable to start piped log program '{}'"),
    module="log_config",
)
ERROR_LOG = Use(
    "error log",
    ("AH00091", "pyhttpd: could not open error log file {}."),
    ("AH00089", "Couldn't start ErrorLog process '{}'."),
    syslog=True,
)
MAIN_ERROR_LOG = Use(ERROR_LOG.name, ERROR_LOG.file, ERROR_LOG.program, syslog=True, main=True)
_NO_SYSLOG = ("AH10036", "pyhttpd: could not open syslog error log {}.")


class FileSink(Appender):
    """A file. What a full disk takes is counted in `lost`, for the writer to tell."""

    __slots__ = ("name",)

    def __init__(self, name: str, fd: int) -> None:
        super().__init__(fd)
        self.name = name


class SyslogSink:
    """The system's log daemon, which knows the time and the process itself."""

    __slots__ = ("_socket", "lost", "name")
    syslog = True

    def __init__(self, name: str, socket: SyslogSocket) -> None:
        self.name = name
        self.lost = 0
        self._socket = socket

    @property
    def fd(self) -> int:
        return self._socket.fileno()

    def append(self, line: bytes, level: int = INFO) -> bool:
        """A line, or several together, which become a message each. `level` is one of api.log.Level."""
        lost = sum(not self._socket.send(part, level) for part in line.split(b"\n") if part)
        self.lost += lost
        return not lost


AnySink = FileSink | LinePipe | SyslogSink


def is_program(spec: str) -> bool:
    return spec.startswith("|")


def is_syslog(spec: str) -> bool:
    return spec == "syslog" or spec.startswith("syslog:")


def is_file(spec: str, use: Use = TRANSFER_LOG) -> bool:
    """Whether a log is a file, so that its name is a path and its directory has to be there."""
    return not (is_program(spec) or (use.syslog and is_syslog(spec)))


def open_sink(spec: str, preparation: Preparation, use: Use = TRANSFER_LOG) -> AnySink:
    """What `spec` names, opened in the master; who names the same thing for the same use shares it.

    Raises PrepareError.
    """
    key = (use.name, spec)
    found = preparation.resources.get(key)
    if found is None:
        if is_program(spec):
            found = _program(spec, preparation, use, key)
        elif use.syslog and is_syslog(spec):
            found = _syslog(spec, preparation, key)
        else:
            found = _file(spec, preparation, use, key)
    assert isinstance(found, FileSink | LinePipe | SyslogSink)
    return found


def _file(path: str, preparation: Preparation, use: Use, key: object) -> FileSink:
    number, text = use.file
    try:
        sink = FileSink(path, open_for_append(path))
    except OSError as error:
        raise PrepareError(number, text.format(path), error.errno, module=use.module) from error
    preparation.keep(key, sink, partial(os.close, sink.fd))
    return sink


def _program(spec: str, preparation: Preparation, use: Use, key: object) -> LinePipe:
    number, text = use.program
    command, argv = command_of(spec)
    failure = (number, text.format(spec[1:] if use.name == ERROR_LOG.name else command))
    try:
        if not argv:
            raise OSError(errno.ENOENT, "no program")
        pipe = LinePipe(spec)
        program = Program(command, argv, preparation.directory, pipe, failure, use.main)
        preparation.run(key, program)
    except OSError as error:
        raise PrepareError(*failure, error.errno) from error
    return pipe


def command_of(spec: str) -> tuple[str, tuple[str, ...]]:
    """The command of `|command` as messages name it, and its arguments, the program's name first.

    The shell gets its command line as it stands; Apache would take the quotes out before.
    """
    command = spec[1:].removeprefix("|")
    if command.startswith("$"):
        command = command[1:]
        return command, (SHELL, "-c", command) if command.strip() else ()
    return command, split_command(command)


def _syslog(spec: str, preparation: Preparation, key: object) -> SyslogSink:
    _, _, rest = spec.partition(":")
    word, _, tag = rest.partition(":")
    facility = facility_of(word)
    number, text = _NO_SYSLOG
    if facility is None:
        raise PrepareError(number, text.format(rest), BAD_PATH)
    try:
        socket = SyslogSocket(facility, tag or IDENT)
    except OSError as error:
        raise PrepareError(number, text.format(rest), error.errno) from error
    sink = SyslogSink(spec, socket)
    preparation.keep(key, sink, socket.close)
    return sink
