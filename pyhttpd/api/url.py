"""URLs of this server, as they stand in redirects: its name, its port, and both in front of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhttpd.api.core_config import CoreServer

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
    """The port of ServerName, or the scheme's."""
    return request.server_config(CoreServer).server_port or _DEFAULT_PORTS.get(scheme(request), 80)


def canonical_name(request: Request) -> str:
    """ServerName, or what this machine is called."""
    return request.server_config(CoreServer).server_name or request.services.default_name


def server_name(request: Request) -> str:
    """The name that the client used, else the canonical one (UseCanonicalName Off)."""
    return request.hostname or canonical_name(request)


def server_port(request: Request) -> int:
    """The port that the client named, else the canonical one (UseCanonicalName Off)."""
    return request.port or canonical_port(request)


def construct_url(request: Request, path: str) -> str:
    """A path of this server, escaped already, as an absolute URL."""
    name, port = server_name(request), server_port(request)
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    port_part = "" if port == _DEFAULT_PORTS.get(scheme(request)) else f":{port}"
    return f"{scheme(request)}://{name}{port_part}{path}"
