"""The site of the rehearsal (mpm/rehearsal.py): the modules that are loaded, on a configuration that says nothing.

Its document root is a directory of this package. Modules of users have no part in it: what they do in a hook is their
own, and the master may be root.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyhttpd.api.core_config import CoreDir, CoreServer, Overriding
from pyhttpd.api.log import ErrorLog
from pyhttpd.api.module import Module, Preparation
from pyhttpd.config.configuration import Configuration, Scope, ScopeKind, ServerRecord
from pyhttpd.config.directive import Override
from pyhttpd.config.merging import Values
from pyhttpd.config.nodes import Location
from pyhttpd.config.sections import Sections
from pyhttpd.scoreboard import Scoreboard, Slot
from pyhttpd.server.connection import Connection
from pyhttpd.server.service import HttpService
from pyhttpd.server.walk import may_be_looked_for

FILE = "/" + os.path.basename(__file__)
_DIRECTORY = os.path.dirname(os.path.abspath(__file__))
_FIELDS = (
    "Host: 127.0.0.1\r\nUser-Agent: rehearsal\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n"
)
_HTACCESS = "rehearsal.conf"
_EVERYTHING = Override.OPTIONS | Override.FILEINFO | Override.AUTHCONFIG | Override.LIMIT | Override.INDEXES
_LOOKED_AT = 10
_AGAIN = 4
_SHORTLY = 0.0  # seconds: not at all


class _Service(HttpService):
    """One that leaves every wait to the MPM."""

    def open(self, sock: socket.socket, peer: Any, slot: Slot) -> Connection:
        connection = super().open(sock, peer, slot)
        connection.shortly = _SHORTLY
        return connection


def make_service(
    configuration: Configuration,
    modules: Sequence[Module],
    settings: Mapping[type, Any],
    scoreboard: Scoreboard,
    log: ErrorLog,
    at_end: Callable[[Callable[[], None]], object],
) -> HttpService:
    """A service that writes to this log and to what `settings` (by per_server class) name. `at_end` takes what closes
    what is opened here. Raises what the modules' prepare raises."""
    main = configuration.main
    own = {module.per_server: module.per_server() for module in modules if module.per_server is not None}
    core = replace(
        CoreServer(), document_root=_DIRECTORY, server_name="rehearsal", error_log=os.devnull,
        access_names=(_HTACCESS,), extended_status=main.config(CoreServer).extended_status,
    )  # fmt: skip
    base: Values = {CoreDir: {"override": Overriding()}}
    allowed = Overriding(_EVERYTHING if _reads_htaccess(configuration) else Override.NONE)
    within: Values = {CoreDir: {"override": allowed}}
    place = Location(os.devnull, 0)
    directory = Scope(ScopeKind.DIRECTORY, f"{_DIRECTORY}/", None, wild=False, values=within, location=place)
    server = ServerRecord(None, (), {**own, CoreServer: core, **settings}, base, (directory,), (), ())
    site = replace(configuration, main=server, vhosts=(), diagnostics=(), macros=None)
    preparation = Preparation()
    at_end(preparation.close)
    for module in modules:
        if module.prepare is not None:
            module.prepare(site, preparation)
    return _Service(site, modules, scoreboard, log, preparation)


def _reads_htaccess(configuration: Configuration) -> bool:
    """Whether the main server, or one of the first virtual hosts, looks for such files."""
    return any(may_be_looked_for(Sections(server), server.directories) for server in configuration.servers[:_LOOKED_AT])


def requests(life: int) -> tuple[list[bytes], list[bytes]]:
    """Of one life: what is new each time, until the answer memo sends it again, and a page that it knows from then on;
    on the last connection an error."""
    new = [_head(f"{FILE}?{life}.{number}") for number in range(2)]
    return [*new * 3, *[_head(FILE)] * _AGAIN], [_head(f"/absent{life}")]


def _head(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\n{_FIELDS}\r\n".encode()
