"""The HTTP service of one generation: what the MPM calls, and what modules may ask of the server."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyhttpd.api.connection import Child, Wait, Woken
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import ErrorLog, Level
from pyhttpd.api.module import Module, Preparation
from pyhttpd.api.phases import Phase
from pyhttpd.api.request import Request
from pyhttpd.api.version import server_banner
from pyhttpd.config.configuration import Configuration, ServerRecord
from pyhttpd.http.head import Limits
from pyhttpd.http.head_memo import HeadMemo
from pyhttpd.scoreboard import Scoreboard, Slot
from pyhttpd.server.answer_memo import LIMIT, AnswerMemo
from pyhttpd.server.connection import Connection
from pyhttpd.server.core import error_log_path
from pyhttpd.server.endpoint import Endpoints, limits_of
from pyhttpd.server.files import discard_body
from pyhttpd.server.log_directives import log_of_server
from pyhttpd.server.pipeline import Pipeline
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.tracing import is_traced
from pyhttpd.server.validators import set_validators
from pyhttpd.server.vhosts import VirtualHosts


class Nobody:
    """The child of a service that no process has yet. Implements api.connection.Child."""

    leaving = False
    turn = None

    def wait(self, sock: socket.socket, wait: Wait) -> Woken:
        return Woken.EXPIRED


class HttpService:
    """Implements api.connection.Service and api.request.Services. Made in the master, before the first fork."""

    def __init__(
        self,
        configuration: Configuration,
        modules: Sequence[Module],
        scoreboard: Scoreboard,
        error_log: ErrorLog,
        preparation: Preparation,
        make_pipeline: Callable[[HttpService, Sequence[Module]], Pipeline] = Pipeline,
    ) -> None:
        self.configuration = configuration
        self.scoreboard = scoreboard
        self.error_log = error_log
        self.modules: Sequence[Module] = tuple(modules)
        self._resources = preparation.resources
        self._providers: dict[str, dict[str, Any]] = {}
        for module in modules:
            for provider in module.providers:
                self._providers.setdefault(provider.group, {})[provider.name] = provider.value
        main = configuration.main.config(CoreServer)
        self.banner = server_banner(main.server_tokens)
        self.default_name = configuration.local_name
        if main.extended_status is not None:
            self.extended_status = main.extended_status
        else:
            self.extended_status = any(module.source == "mod_status.c" for module in modules)
        self.traced = is_traced(configuration)
        self.vhosts = VirtualHosts(configuration)
        self._limits = {id(server): limits_of(server.config(CoreServer)) for server in configuration.servers}
        self.endpoints = Endpoints(self.vhosts, self._limits)
        self._logs = {id(server): self._find_log(server) for server in configuration.servers}
        self.pipeline = make_pipeline(self, modules)
        self.welcomes = bool(self.pipeline.hooks[Phase.PRE_CONNECTION])
        self.loggers = self.pipeline.hooks[Phase.LOG_TRANSACTION]
        self.heads = HeadMemo() if main.head_memo and not self.traced else None
        self.answers = AnswerMemo(LIMIT if main.answer_memo and not self.traced else 0, lines=main.head_memo)
        self.child: Child = Nobody()
        self._farewells = preparation.farewells
        self._connections = 0
        _import_for_tracebacks()

    # -- api.request.Services

    def providers(self, group: str) -> Mapping[str, Any]:
        return self._providers.get(group, {})

    def resource(self, key: Any) -> Any:
        return self._resources[key]

    def internal_redirect(self, request: Request, uri: str) -> int:
        return self.pipeline.internal_redirect(request, uri)

    def lookup_uri(self, request: Request, uri: str) -> Request:
        return self.pipeline.lookup_uri(request, uri)

    def lookup_file(self, request: Request, path: str) -> Request:
        return self.pipeline.lookup_file(request, path)

    def lookup_entry(self, request: Request, name: str, *, is_directory: bool) -> Request:
        return self.pipeline.lookup_entry(request, name, is_directory=is_directory)

    def run_subrequest(self, found: Request) -> int:
        return self.pipeline.run_subrequest(found)

    def discard_body(self, request: Request) -> int:
        return discard_body(request)

    def set_validators(self, request: Request, fd: int, finfo: os.stat_result) -> None:
        assert isinstance(request, ServerRequest)
        set_validators(request, fd, finfo)

    def log_of(self, server: ServerRecord) -> ErrorLog:
        """The error log of a server."""
        return self._logs[id(server)]

    def limits_of(self, server: ServerRecord) -> Limits:
        """What the heads and trailers of a server's requests may look like."""
        return self._limits[id(server)]

    def _find_log(self, server: ServerRecord) -> ErrorLog:
        path = error_log_path(self.configuration, server.config(CoreServer))
        found = self._resources.get(("error_log", path), self.error_log)
        assert isinstance(found, ErrorLog)
        return log_of_server(found, self.configuration, server)

    # -- api.connection.Service

    @property
    def leaving(self) -> bool:
        return self.child.leaving

    def wait(self, sock: socket.socket, wait: Wait) -> Woken:
        """For a body, while its connection is served. See api.connection.Child."""
        return self.child.wait(sock, wait)

    def monitor(self) -> None:
        try:
            self.pipeline.run(Phase.MONITOR, self)
        except Exception:
            lines = traceback.format_exc().splitlines()
            self.error_log.log(Level.ERROR, "core", "PH00113", "a monitor hook raised", details=lines)

    def child_init(self, child: Child) -> None:
        self.child = child
        self.pipeline.run(Phase.CHILD_INIT, self)

    @property
    def has_farewell(self) -> bool:
        return bool(self._farewells)

    def child_exit(self) -> None:
        for function in self._farewells:
            try:
                function()
            except Exception:
                lines = traceback.format_exc().splitlines()
                what = "a function at the child's end raised"
                self.error_log.log(Level.ERROR, "core", "PH00110", what, details=lines)

    def open(self, sock: socket.socket, peer: Any, slot: Slot) -> Connection:
        self._connections += 1  # an unlucky thread may see a number twice; it only names the connection in logs
        return Connection(self, sock, peer, slot, self._connections)



def _import_for_tracebacks() -> None:
    """A traceback loads the modules that it needs when it is first made; a child must find them there."""
    try:
        os.stat("\0")
    except ValueError:
        traceback.format_exc()
