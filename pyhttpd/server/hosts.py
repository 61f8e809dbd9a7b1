"""Which host a request is for: from its target or its Host field to the server that answers (RFC 9110, section 7.2)."""

from __future__ import annotations

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.url import scheme
from pyhttpd.config.configuration import ServerRecord
from pyhttpd.http.url import Host, UrlError, parse_host, target_host
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.vhosts import Chain
from pyhttpd.util.escape import native


def names_this_server(request: ServerRequest) -> bool:
    """Whether the target names a host, as one of this server: it then counts instead of the Host field."""
    parts = request.parts
    return parts.host is not None and (parts.scheme is None or parts.scheme == scheme(request))


def find_host(request: ServerRequest, *, strict: bool) -> Host | None:
    """The host that was asked for, None if none was named; sets `hostname`, `port` and Host. Raises UrlError."""
    parts = request.parts
    field = request.headers_in.get("Host")
    request.port = parts.port
    if names_this_server(request):
        host = target_host(parts, strict=strict)
        assert host is not None  # an empty one was refused
        if strict:
            _replace_field(request, host.name)
    else:
        host = parse_host(field, strict=strict) if field is not None else None
        if host is not None and host.port is not None:
            request.port = host.port
    if host is not None:
        request.hostname = native(host.name)
    return host


def _replace_field(request: ServerRequest, name: str) -> None:
    """Where the target names the host, a Host field has to say the same (RFC 9112, section 3.2.2)."""
    field = request.headers_in.get("Host")
    if field is None:
        return
    shown = f"[{name}]" if ":" in name else name
    if request.parts.port_text is not None:
        shown = f"{shown}:{request.parts.port_text}"
    request.headers_in.set("Host", shown)
    message = f"Replacing host header '{native(field)}' with host '{native(shown)}' given in the request uri"
    request.log(Level.DEBUG, "core", "AH02417", message)


def bad_host(request: ServerRequest, error: UrlError, core: CoreServer) -> None:
    """Log a host that is malformed. StrictHostCheck tells in addition that no server has this name."""
    if error.first is not None:
        number, message = error.first
        request.log(Level.DEBUG, "core", number, native(message))
    request.log(Level.DEBUG, "core", error.number, native(str(error)))
    if core.strict_host_check and request.parts.host is not None and names_this_server(request):
        if core.http_strict:
            _replace_field(request, request.parts.host)
        _log_no_match(request)


def find_server(
    request: ServerRequest, chain: Chain | None, host: Host | None, *, must_match: bool, main_alone: Chain
) -> ServerRecord | None:
    """The server for a host, or by ServerPath for a client that names none. None: StrictHostCheck refuses it."""
    if host is None:
        return chain.by_path(request.parts.path) if chain is not None else request.server
    if chain is None:
        if not must_match:
            return request.server
        found = main_alone.find(host.name)
    else:
        found = chain.find(host.name)
        if found is None and not must_match:
            return chain.default
    if found is None:
        _log_no_match(request)
    return found


def _log_no_match(request: ServerRequest) -> None:
    place = request.server.location
    begin = f"Requested hostname '{request.hostname}' did not match any ServerName/ServerAlias in the "
    if place is None:
        request.log(Level.WARN, "core", "AH10156", f"{begin}global server configuration ")
    else:
        message = f"{begin}matching virtual host (default vhost for current connection is {place.file}:{place.line})"
        request.log(Level.WARN, "core", "AH10157", message)


def idle_time(server: ServerRecord, base: ServerRecord) -> float:
    """KeepAliveTimeout: a host's own, else that of the first host at the connection's address."""
    core = server.config(CoreServer)
    return core.keep_alive_timeout if core.own_keep_alive_timeout else base.config(CoreServer).keep_alive_timeout
