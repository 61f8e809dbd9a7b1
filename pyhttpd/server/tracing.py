"""What LogLevel trace1 to trace6 show of every request: its line, its fields, those of the answer, what is written; and
what debug shows of a line that could not be read. As Apache has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhttpd.api.core_config import CoreDir
from pyhttpd.api.log import Level, Levels
from pyhttpd.api.request import Request
from pyhttpd.config.configuration import Configuration, Scope
from pyhttpd.config.merging import Values
from pyhttpd.http.fields import Unread
from pyhttpd.server.sending import ClientGoneError, Sender
from pyhttpd.util.escape import log_item, native

if TYPE_CHECKING:
    import socket

    from pyhttpd.api.log import ErrorLog
    from pyhttpd.api.request import ConnectionInfo

_LESS_INTERESTING = ("Date", "Server")


def is_traced(configuration: Configuration) -> bool:
    """Whether any LogLevel is finer than debug. If none is, requests need not ask for each line."""
    return any(
        _traces(server.base) or any(map(_scope_traces, (*server.directories, *server.files, *server.locations)))
        for server in configuration.servers
    )


def _scope_traces(scope: Scope) -> bool:
    return _traces(scope.values) or any(map(_scope_traces, scope.files))


def _traces(values: Values) -> bool:
    levels = values.get(CoreDir, {}).get("log_levels")
    return isinstance(levels, Levels) and max((levels.default, *levels.modules.values())) > Level.DEBUG


def trace_line(request: Request, received: str | None) -> None:
    """The request line as it came. Of one that could not be read only the complaint is logged."""
    if received is not None:
        request.log(Level.TRACE5, "core", None, f"Request received from client: {log_item(received)}")


_COLUMNS = 16  # bytes in each line of a dump


def log_unread(request: Request, unread: Unread) -> None:
    """NUL bytes are shown in a dump, which in Apache belongs to no client."""
    if not request.wants(Level.DEBUG, "core"):
        return
    data, log = unread.data, request.error_log
    if data:
        log.log(Level.DEBUG, "core", None, f"NULL bytes in header ({len(data)} bytes)")
        for at in range(0, len(data), _COLUMNS):
            part = data[at : at + _COLUMNS]
            text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
            log.log(Level.DEBUG, "core", None, f"{text:{_COLUMNS}} {part.hex():{2 * _COLUMNS}}")
    if unread.errno is not None:
        message = f"Failed to read request header line {native(unread.shown)}"
        request.log(Level.DEBUG, "core", None, message, errno=unread.errno)


def trace_fields(request: Request) -> None:
    if request.wants(Level.TRACE4, "http"):
        request.log(Level.TRACE4, "http", None, "Headers received from client:")
        for name, value in request.headers_in:
            request.log(Level.TRACE4, "http", None, f"  {log_item(name)}: {log_item(value)}")


def trace_answer(request: Request, head: bytes) -> None:
    """`head` is what is about to be sent."""
    if not request.wants(Level.TRACE3, "http"):
        return
    fields = request.wants(Level.TRACE4, "http")
    more = ", headers:" if fields else ""
    request.log(Level.TRACE3, "http", None, f"Response sent with status {request.status}{more}")
    if not fields:
        return
    for line in head.decode("latin-1").split("\r\n")[1:-2]:
        level = Level.TRACE5 if line.partition(":")[0] in _LESS_INTERESTING else Level.TRACE4
        request.log(level, "http", None, f"  {log_item(line)}")


class TracingSender(Sender):
    """Says what it has written, and why it could not."""

    def __init__(self, sock: socket.socket, timeout: float, log: ErrorLog, connection: ConnectionInfo) -> None:
        super().__init__(sock, timeout)
        self._log = log
        self._connection = connection

    def _tell(self, call: str, before: int, length: int, error: ClientGoneError | None = None) -> None:
        message = f"{call}_nonblocking: {self.sent - before}/{length}"
        self._log.log(Level.TRACE6, "core", None, message, connection=self._connection)
        if error is not None:
            message = "core_output_filter: writing data to the network"
            self._log.log(Level.TRACE1, "core", None, message, errno=error.errno, connection=self._connection)

    def send(self, data: bytes, *, more: bool = False) -> None:
        before = self.sent
        try:
            super().send(data, more=more)
        except ClientGoneError as error:
            self._tell("writev", before, len(data), error)
            raise
        self._tell("writev", before, len(data))

    def send_file(self, fd: int, offset: int, length: int, *, sendfile: bool, read_size: int = 0) -> None:
        before = self.sent
        try:
            super().send_file(fd, offset, length, sendfile=sendfile, read_size=read_size)
        except ClientGoneError as error:
            if sendfile:  # else the copy has said it
                self._tell("sendfile", before, length, error)
            raise
        if sendfile:
            self._tell("sendfile", before, length)
