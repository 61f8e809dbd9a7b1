"""One request through the server's own phases, without a server: no socket, no log, no program is started.

The service is the one that serves; its error log is a list, and a handler that would do more than look is not run.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from pyhttpd.http.head import Head, HeadError, parse_head
from pyhttpd.scoreboard import Scoreboard
from pyhttpd.server.connection import Connection
from pyhttpd.server.endpoint import limits_of
from pyhttpd.server.exchange import Exchange
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
    """What a connection asks of a socket before anything is sent, in place of one."""

    family = socket.AF_INET

    def __init__(self, address: str, port: int) -> None:
        self._name = (address, port)

    def getsockname(self) -> tuple[str, int]:
        return self._name

    def setblocking(self, flag: bool) -> None: ...

    def setsockopt(self, *_: Any) -> None: ...

    def getsockopt(self, level: int, option: int, length: int = 0) -> bytes | int:
        return bytes(length) if length else 0


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
    """The pipeline with an eye on each function. Of the handlers it runs those that only look (`pure`), since what they
    say decides the status."""

    def __init__(self, service: HttpService, modules: Sequence[Module]) -> None:
        super().__init__(service, modules)
        self.acts: list[Act] = []
        self.reached: list[ServerRequest] = []  # those that came to a handler
        self.asked_who = False  # whether it came to the Require lines
        self._named = False  # whether the request names its handler
        rows = [(module.source, hook) for module in modules for hook in module.hooks]
        rows.append(("core.c", on(Phase.MAP_TO_STORAGE, self._map_to_storage, Order.REALLY_LAST, pure=True)))
        for phase in OF_AN_ANSWER:
            functions = zip(in_order(rows, phase), self.hooks[phase], strict=True)
            self.hooks[phase] = tuple(
                self._watched(phase, source, self._not_run if phase is Phase.HANDLER and not hook.pure else function)
                for (source, hook), function in functions
            )

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
        self.reached.append(request)
        self._named = request.handler not in (None, "default-handler", DIRECTORY_TYPE) or is_magic(request)
        try:
            return super().invoke_handler(request)
        finally:
            _let_go(request)

    def _not_run(self, request: ServerRequest) -> int:
        """In place of a handler that may do something: it is taken to answer what names one."""
        return DONE if self._named else DECLINED


def is_magic(request: ServerRequest) -> bool:
    """Whether the content type may name a handler of its own (`application/x-httpd-status`), as Apache 1 had it."""
    return (request.content_type or "").startswith("application/x-httpd-")


def _let_go(request: ServerRequest) -> None:
    first = request.original
    assert isinstance(first, ServerRequest)
    first.done()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it. `request` is the one that the client sent, `status` that of the answer: 200 stands for what a
    handler would say that was not run. `error` is that of the request itself where it failed: an ErrorDocument may make
    another one of it. `refused`: the head was refused before there was a request to answer."""

    configuration: Configuration
    connection: Connection
    request: ServerRequest
    pipeline: RehearsingPipeline
    status: int
    log: ListLog
    error: int | None = None
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
    limits = configuration.mpm.limits
    scoreboard = Scoreboard(limits.server_limit, limits.thread_limit)
    service = HttpService(configuration, modules, scoreboard, log, preparation, RehearsingPipeline)
    pipeline = cast(RehearsingPipeline, service.pipeline)
    if pipeline.htaccess_files is not None:
        pipeline.htaccess_files.build_with(partial(TracingBuilder, trace=trace))
    sock = cast(socket.socket, NoSocket(*local))
    connection = Connection(service, sock, client, service.scoreboard.slot(0), 1)
    now = time.time()
    exchange = Exchange(connection, now, now)
    request = exchange.request
    parsed: Head | HeadError
    try:
        parsed = parse_head(head, limits_of(connection.base_server.config(CoreServer)))
    except HeadError as error:
        parsed = error
    refused = None
    result = exchange.examine(parsed)
    if result is not None:
        said = log.said[-1].message if log.said else "the head is refused"
        refused = (str(parsed) or "bad head") if isinstance(parsed, HeadError) else said
    else:
        result = pipeline.guarded(request, pipeline.post_read_and_respond)
    pipeline.finish(result, request)
    _let_go(request)
    status = request.answer.status
    found = Rehearsal(configuration, connection, request, pipeline, status, log, refused=refused)
    failed = result if 100 <= result < 600 else found.final.status if found.final.for_error else status
    return replace(found, error=failed if failed >= 400 else None)
