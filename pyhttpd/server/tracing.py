"""What LogLevel trace3 to trace5 show of every request: its line, its fields, those of the answer. As Apache has it."""

from __future__ import annotations

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.log import Level, Levels
from pyhttpd.api.request import Request
from pyhttpd.config.configuration import Configuration, Scope
from pyhttpd.config.merging import Values
from pyhttpd.util.escape import log_item

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


def trace_line(request: Request) -> None:
    """A line that is too long is only complained of."""
    if 0 < len(request.request_line) <= request.server_config(CoreServer).limit_request_line:
        request.log(Level.TRACE5, "core", None, f"Request received from client: {log_item(request.request_line)}")


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
