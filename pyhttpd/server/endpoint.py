"""What a connection has from the local address that it came to: the same for all of them, so it is looked up once."""

from __future__ import annotations

import socket
from typing import Any, NamedTuple

from pyhttpd.api.connection import RECEIVE_LIMIT
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.reqtimeout import ReadTimeouts
from pyhttpd.config.configuration import ServerRecord
from pyhttpd.http.head import Limits
from pyhttpd.http.methods import KNOWN
from pyhttpd.server.outlines import LONGEST
from pyhttpd.server.vhosts import Chain, VirtualHosts

_MOST = 1024  # endpoints; all of 127.0.0.0/8 may be one
_USUAL_BUFFER = 16384  # SO_SNDBUF; SendBufferSize makes it less, or more
_SURELY_SENT = 4608  # bytes that it has room for, whatever the client does
_LEAST_SENT = 2048  # that the smallest one there is has room for


class Endpoint(NamedTuple):
    """`address` is IPv4's for an IPv4 connection to an IPv6 socket. `server` is the first of `chain`, or the main one:
    whose directives hold until the request says which host it wants."""

    address: tuple[str, int]
    chain: Chain | None
    server: ServerRecord
    limits: Limits
    timeout: float  # seconds
    stages: ReadTimeouts
    limited: bool  # its sockets have RECEIVE_LIMIT from their listener
    outlined: bool  # its limits are such that a head that has an outline is within them
    sent_at_once: int  # bytes of a first answer that are sent without waiting, even to a client that takes none


class Endpoints:
    """Those of one generation that have been seen. Right without a lock: at worst one is made twice."""

    def __init__(self, vhosts: VirtualHosts, limits: dict[int, Limits]) -> None:
        """`limits` by id of the server."""
        self._vhosts = vhosts
        self._limits = limits
        self._known: dict[Any, Endpoint] = {}

    def find(self, sock: socket.socket) -> Endpoint:
        """For a connected socket."""
        name = sock.getsockname()
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _MOST:
                self._known = {}
            known = self._known[name] = self._make(name, sock)
        return known

    def _make(self, name: Any, sock: socket.socket) -> Endpoint:
        address = plain_name(name)
        chain = self._vhosts.at(*address)
        server = self._vhosts.main if chain is None else chain.default
        limits = self._limits[id(server)]
        limit = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, len(RECEIVE_LIMIT))
        buffer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        return Endpoint(
            address, chain, server, limits, server.config(CoreServer).timeout, server.config(ReadTimeouts),
            limit != bytes(len(RECEIVE_LIMIT)), limits.strict and min(limits.line, limits.field_size) >= LONGEST,
            _SURELY_SENT if buffer >= _USUAL_BUFFER else _LEAST_SENT,
        )  # fmt: skip


def plain_name(name: Any) -> tuple[str, int]:
    """Host and port of a socket name; an IPv4 client on an IPv6 socket in IPv4's spelling."""
    if not isinstance(name, tuple):
        return "127.0.0.1", 0  # a Unix socket
    host = str(name[0])
    return host.removeprefix("::ffff:") if "." in host else host, int(name[1])


def limits_of(core: CoreServer) -> Limits:
    """The LimitRequest directives and HttpProtocolOptions of a server."""
    methods = KNOWN.union(core.registered_methods) if core.http_registered_only else None
    return Limits(
        core.limit_request_line, core.limit_request_fields, core.limit_request_field_size,
        core.http_strict, core.http_09, methods,
    )  # fmt: skip
