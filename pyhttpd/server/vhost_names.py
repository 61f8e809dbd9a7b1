"""Virtual hosts without a ServerName: one with an address of its own has the name that the DNS gives that address."""

from __future__ import annotations

import socket
from dataclasses import replace

from pyhttpd.api.core_config import CoreServer
from pyhttpd.config.configuration import Configuration, ServerRecord
from pyhttpd.config.diagnostics import Diagnostic, Severity

NO_NAME = "bogus_host_without_reverse_dns"
_ANY = frozenset({"*", "_default_", "0.0.0.0", "::"})


def with_names(configuration: Configuration) -> tuple[Configuration, list[Diagnostic]]:
    """The configuration with such names, and what to say of addresses without one. Asks the DNS, as Apache does."""
    found: list[Diagnostic] = []
    vhosts = tuple(_named(server, found) if _needs_name(server) else server for server in configuration.vhosts)
    return replace(configuration, vhosts=vhosts), found


def _needs_name(server: ServerRecord) -> bool:
    """Whether it has addresses, none of them that of everybody: with one of these it goes by the main server's name."""
    anonymous = not server.config(CoreServer).named_itself
    return anonymous and bool(server.addresses) and not any(address.host in _ANY for address in server.addresses)


def _named(server: ServerRecord, found: list[Diagnostic]) -> ServerRecord:
    host = server.addresses[0].host.strip("[]")
    try:
        name = socket.getnameinfo((host, 0), socket.NI_NAMEREQD)[0]
    except OSError as error:
        message = f"Failed to resolve server name for {host} (check DNS) -- or specify an explicit ServerName"
        reason = f"(EAI {-error.errno}){error.strerror}" if isinstance(error, socket.gaierror) and error.errno else None
        found.append(Diagnostic(Severity.WARNING, "AH00549", message, server.location, reason=reason, level="error"))
        name = NO_NAME
    core = replace(server.config(CoreServer), server_name=name)
    return replace(server, settings={**server.settings, CoreServer: core})
