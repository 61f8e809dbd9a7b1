"""One request through the server's own phases, without a server: no socket, no log, no handler is run.

The service is the one that serves; its error log is a list, and the pipeline stops where the handler would begin.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from pyhttpd import boot
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import ErrorLog, Level, Levels
from pyhttpd.api.module import Module, Preparation
from pyhttpd.api.phases import DECLINED, DONE, OF_AN_ANSWER, OK, Order, Phase, in_order, on
from pyhttpd.api.request import DIRECTORY_TYPE, Request
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.trace import Trace, TracingBuilder
from pyhttpd.http.head import HeadError, parse_head
from pyhttpd.scoreboard import Scoreboard
from pyhttpd.server.connection import Connection, limits_of
from pyhttpd.server.exchange import Exchange
from pyhttpd.server.files import default_handler
from pyhttpd.server.pipeline import Pipeline
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.service import HttpService


class Nowhere:
    """A log sink that keeps nothing."""

    lost = 0
    fd = 2

    def append(self, line: bytes) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Said:
    """What the error log would be told, if its level wants it."""

    level: Level
    module: str
    number: str | None
    message: str
    wanted: bool


class ListLog(ErrorLog):
    """An error log for all servers that keeps every line, whatever LogLevel says."""

    def __init__(self) -> None:
        super().__init__(Nowhere())
        self.said: list[Said] = []

    def of_server(self, *_: Any) -> ErrorLog:
        return self

    def log(self, level: Level, module: str, number: str | None, message: str, **more: Any) -> None:
        wanted = (more.get("levels") or self.levels).wants(level, module)
        details = [f"    {line}" for line in more.get("details", ())]
        self.said.append(Said(level, module, number, "\n".join([message, *details]), wanted))


class NoSocket:
    """What a connection asks of a socket before anything is sent."""

    family = socket.AF_INET

    def __init__(self, address: str, port: int) -> None:
        self._name = (address, port)

    def getsockname(self) -> tuple[str, int]:
        return self._name

    def setblocking(self, flag: bool) -> None: ...

    def setsockopt(self, *_: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class Act:
    """One function of a module that did something: it ended its phase, or changed where the request goes."""

    request: ServerRequest
    uri: str  # as it was then
    phase: Phase
    module: str
    result: int
    changes: tuple[tuple[str, Any, Any], ...]  # attribute, before, after


_WATCHED = ("filename", "handler", "content_type", "user", "auth_type", "uri")


class RehearsingPipeline(Pipeline):
    """The pipeline with an eye on each function, which ends where the handler would begin."""

    def __init__(self, service: HttpService, modules: Sequence[Module]) -> None:
        super().__init__(service, modules)
        self.acts: list[Act] = []
        self.reached: list[ServerRequest] = []  # those whose handler would run
        self.asked_who = False  # whether it came to the Require lines
        self._lists_directories = any(module.source == "mod_autoindex.c" for module in modules)
        rows = [(module.source, hook) for module in modules for hook in module.hooks]
        rows.append(("core.c", on(Phase.MAP_TO_STORAGE, self._map_to_storage, Order.REALLY_LAST)))
        for phase in Phase:
            sources = [source for source, _ in in_order(rows, phase)]
            functions = self.hooks[phase]
            if phase in OF_AN_ANSWER and len(sources) == len(functions):
                pairs = zip(sources, functions, strict=True)
                self.hooks[phase] = tuple(self._watched(phase, *pair) for pair in pairs)

    def _watched(self, phase: Phase, source: str, function: Any) -> Any:
        def watched(request: ServerRequest, *more: Any) -> Any:
            uri = request.uri
            self.asked_who = self.asked_who or phase is Phase.ACCESS_CHECKER_EX
            before = [getattr(request, name) for name in _WATCHED]
            result = function(request, *more)
            after = [getattr(request, name) for name in _WATCHED]
            changes = tuple(
                (name, old, new) for name, old, new in zip(_WATCHED, before, after, strict=True) if old != new
            )
            if changes or result not in (OK, DECLINED, None):
                self.acts.append(Act(request, uri, phase, source, result, changes))
            return result

        return watched

    def invoke_handler(self, request: ServerRequest) -> int:
        """Only the server's own handler may look: it opens a file for reading, and that is all."""
        self.reached.append(request)
        listed = request.handler == DIRECTORY_TYPE and self._lists_directories
        if listed or request.handler not in (None, "default-handler", DIRECTORY_TYPE) or is_magic(request):
            return DONE
        try:
            return default_handler(request)
        finally:
            _let_go(request)


def is_magic(request: ServerRequest) -> bool:
    """Whether the content type may name a handler of its own (`application/x-httpd-status`), as Apache 1 had it."""
    return (request.content_type or "").startswith("application/x-httpd-")


def _let_go(request: ServerRequest) -> None:
    first = request.original
    assert isinstance(first, ServerRequest)
    first.done()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it. `request` is the one that the client sent, `status` that of the answer: 200 stands for what the
    handler will say. `refused`: the head was refused before there was a request to answer."""

    configuration: Configuration
    connection: Connection
    request: ServerRequest
    pipeline: RehearsingPipeline
    status: int
    log: ListLog
    refused: str | None = None

    @property
    def final(self) -> ServerRequest:
        """The request whose sections count: behind all internal redirects but those to an ErrorDocument."""
        request: Request = self.request
        while request.next is not None and not cast(ServerRequest, request).for_error:
            request = request.next
        return cast(ServerRequest, request)


def rehearse(
    configuration: Configuration, trace: Trace, head: bytes, local: tuple[str, int], client: tuple[str, int]
) -> Rehearsal:
    """Run the request whose head this is, as if it had come from `client` to the address `local`. `trace` gets to know
    the lines of .htaccess files. Raises PrepareError."""
    modules = boot.modules_of(configuration)
    log = ListLog()
    log.levels = Levels()
    preparation = Preparation(configuration.server_root)
    for module in modules:
        if module.prepare is not None and module.prepare_only_reads:
            module.prepare(configuration, preparation)
    service = HttpService(configuration, modules, Scoreboard(1, 1), log, preparation.resources)
    pipeline = RehearsingPipeline(service, modules)
    service.pipeline = pipeline
    for walker in pipeline.walkers.values():
        if walker._htaccess is not None:
            walker._htaccess._reader.builder = partial(TracingBuilder, trace=trace)
    connection = Connection(service, NoSocket(*local), client, service.scoreboard.slot(0), 1)  # type: ignore[arg-type]  # a stand-in
    now = time.time()
    exchange = Exchange(connection, now, now)
    request = exchange.request
    try:
        parsed = parse_head(head, limits_of(connection.base_server.config(CoreServer)))
    except HeadError as error:
        exchange._take(error.head)
        return Rehearsal(configuration, connection, request, pipeline, error.status, log, str(error) or "bad head")
    exchange._take(parsed)
    status = exchange._check()
    if status is not None:
        refused = log.said[-1].message if log.said else "the head was refused"
        return Rehearsal(configuration, connection, request, pipeline, status, log, refused)
    result = pipeline.guarded(request, pipeline.post_read_and_respond)
    last = request
    while isinstance(last.next, ServerRequest):
        last = last.next
    status = 200 if result in (OK, DONE) and last.status == 200 else last.status if result in (OK, DONE) else result
    return Rehearsal(configuration, connection, request, pipeline, status, log)
