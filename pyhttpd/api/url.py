"""URLs of this server, as they stand in redirects: its name, its port, and both in front of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.util.escape import wire
from pyhttpd.util.lookup import host_name

if TYPE_CHECKING:
    from pyhttpd.api.request import Request

_SCHEME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_url(text: str) -> bool:
    """Whether a text begins with a scheme and a colon."""
    scheme, colon, _ = text.partition(":")
    return bool(scheme and colon) and _SCHEME.issuperset(scheme)


def scheme(request: Request) -> str:
    """`http`, or what ServerName says for a server behind a proxy that speaks TLS."""
    return request.server_config(CoreServer).server_scheme or "http"


def canonical_port(request: Request) -> int:
    """The port of ServerName, or of `<VirtualHost>` where that stands without a ServerName, or the scheme's."""
    return _configured_port(request) or _DEFAULT_PORTS.get(scheme(request), 80)


def _configured_port(request: Request) -> int:
    server, core = request.server, request.server_config(CoreServer)
    if server.addresses and not core.named_itself and server.addresses[0].port:
        return server.addresses[0].port
    return core.server_port


def canonical_name(request: Request) -> str:
    """ServerName, or what this machine is called."""
    return request.server_config(CoreServer).server_name or request.services.default_name


def server_name(request: Request) -> str:
    """As UseCanonicalName says: the name that the client used (Off), ServerName (On), or what the address that it came
    to is called (DNS)."""
    kind = request.config(CoreDir).use_canonical_name
    if kind == "dns":
        request.do_not_keep()  # the name may be another one next time
        connection = request.connection
        if connection.local_name is None:
            connection.local_name = host_name(connection.local_ip) or ""
        return connection.local_name or canonical_name(request)
    if kind == "on":
        return canonical_name(request)
    return canonical_name(request) if request.hostname is None else request.hostname


def server_port(request: Request) -> int:
    """The port that the client named, unless UseCanonicalName is On; then the configured one, then the scheme's. With
    UseCanonicalPhysicalPort the one that the connection came to stands before the configured one (before the scheme's
    where UseCanonicalName is On)."""
    config = request.config(CoreDir)
    physical = request.connection.local_port if config.use_canonical_phys_port else 0
    configured = _configured_port(request)
    if config.use_canonical_name == "on":
        return configured or physical or canonical_port(request)
    return request.port or physical or configured or canonical_port(request)


def construct_url(request: Request, path: str) -> str:
    """A path of this server, escaped already, as an absolute URL."""
    name, port = wire(server_name(request)), server_port(request)
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    port_part = "" if port == _DEFAULT_PORTS.get(scheme(request)) else f":{port}"
    return f"{scheme(request)}://{name}{port_part}{path}"
