"""Expressions about a request: `condition.holds(variables_of(request))`, `text.value(variables_of(request))`."""

from __future__ import annotations

import grp
import pwd
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.url import scheme, server_name, server_port
from pyhttpd.api.version import server_banner
from pyhttpd.util.escape import native, wire
from pyhttpd.util.network import Network, parse_address

if TYPE_CHECKING:
    from pyhttpd.api.request import Request

_API_VERSION = "20120211"  # the major module magic number of 2.4


class RequestVariables:
    """What expressions ask of a request. Paths and the configuration's texts become wire text here."""

    __slots__ = ("request", "tells")

    def __init__(self, request: Request) -> None:
        self.request = request
        levels = request.config(CoreDir).log_levels
        self.tells = max((levels.default, *levels.modules.values())) >= Level.TRACE4

    def variable(self, name: str) -> str | None:
        return _VARIABLES[name](self.request)

    def field(self, table: str, name: str) -> str | None:
        request = self.request
        if table == "req":
            return request.headers_in.get(name)
        if table == "resp":
            found = request.headers_out.get(name)
            return request.err_headers_out.get(name) if found is None else found
        return _entry(request.notes if table == "note" else request.env, name)

    def in_network(self, network: Network) -> bool:
        address = parse_address(self.request.connection.client_ip)
        return address is not None and network.contains(address)

    def url_is_served(self, url: str, source: str, module: str) -> bool:
        """A subrequest for the same URL as its own request's is not asked about again, or it would go on for ever."""
        request = self.request
        if request.main is not None and request.main.uri == request.uri:
            return False
        status = request.services.lookup_uri(request, url).status
        request.log(Level.TRACE5, module, None, f"Subrequest for -U {native(url)} at {source} gave status: {status}")
        return status < 400

    def file_is_served(self, path: str, source: str, module: str) -> bool:
        request = self.request
        found = request.services.lookup_file(request, native(path))
        message = f"Subrequest for -F {native(path)} at {source} gave status: {found.status}"
        request.log(Level.TRACE5, module, None, message)
        return found.status < 300 and found.finfo is not None

    def vary(self, names: Sequence[str]) -> None:
        self.request.headers_out.merge("Vary", ", ".join(names))

    def bad_escape(self, kind: str, text: str, source: str) -> None:
        self.request.log(Level.DEBUG, "core", "AH00538", f"{kind} % escape in unescape('{text}') at {source}")

    def gave(self, value: bool | str, source: str, module: str) -> None:
        kind, shown = ("string expression", native(value)) if isinstance(value, str) else ("expression", int(value))
        self.request.log(Level.TRACE4, module, None, f"Evaluation of {kind} from {source} gave: {shown}")

    def failed(self, message: str, source: str, module: str) -> None:
        self.request.log(Level.ERROR, module, None, f"Evaluation of expression from {source} failed: {message}")


def variables_of(request: Request) -> RequestVariables:
    """For one or more evaluations of expressions about this request. They may ask for the time, or for any file."""
    request.do_not_keep()
    return RequestVariables(request)


def _entry(table: Mapping[str, str], name: str) -> str | None:
    """Apache's tables do not look at the case of a name."""
    value = table.get(name)
    if value is None:
        key = name.lower()
        value = next((value for known, value in table.items() if known.lower() == key), None)
    return None if value is None else wire(value)


def _wired(value: str | None) -> str | None:
    return None if value is None else wire(value)


def _document_root(request: Request) -> str:
    return wire(request.server_config(CoreServer).document_root_below(request.services.configuration.server_root))


def _server_name(request: Request) -> str:
    name = server_name(request)
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def _script_user(request: Request) -> str:
    try:
        return "" if request.finfo is None else pwd.getpwuid(request.finfo.st_uid).pw_name
    except KeyError:
        return ""


def _script_group(request: Request) -> str:
    try:
        return "" if request.finfo is None else grp.getgrgid(request.finfo.st_gid).gr_name
    except KeyError:
        return ""


def _stamp(seconds: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.localtime(seconds))


def _last_modified(request: Request) -> str:
    """The handler tells it; before, it is the beginning of time."""
    known = request.finfo is not None and "Last-Modified" in request.headers_out
    return _stamp(request.finfo.st_mtime if known and request.finfo is not None else 0)


def _is_ipv6(request: Request) -> str:
    address = parse_address(request.connection.client_ip)
    return "on" if address is not None and address[0] == 128 else "off"


def _now(format_: str) -> Callable[[Request], str]:
    return lambda request: time.strftime(format_)


_VARIABLES: dict[str, Callable[[Request], str | None]] = {
    "REQUEST_METHOD": lambda request: request.method,
    "REQUEST_SCHEME": scheme,
    "REQUEST_URI": lambda request: wire(request.uri),
    "REQUEST_FILENAME": lambda request: _wired(request.filename),
    "REMOTE_HOST": lambda request: request.remote_host(),
    "REMOTE_IDENT": lambda request: "",  # mod_ident is gone for good
    "REMOTE_USER": lambda request: request.user,
    "SERVER_ADMIN": lambda request: wire(request.server_config(CoreServer).server_admin),
    "SERVER_NAME": _server_name,
    "SERVER_PORT": lambda request: str(server_port(request)),
    "SERVER_PROTOCOL": lambda request: request.protocol,
    "SCRIPT_FILENAME": lambda request: _wired(request.filename),
    "PATH_INFO": lambda request: wire(request.path_info),
    "QUERY_STRING": lambda request: request.args,
    "IS_SUBREQ": lambda request: "false" if request.main is None else "true",
    "DOCUMENT_ROOT": _document_root,
    "AUTH_TYPE": lambda request: request.auth_type,
    "THE_REQUEST": lambda request: request.request_line,
    "CONTENT_TYPE": lambda request: request.content_type,
    "HANDLER": lambda request: _wired(request.handler),
    "REQUEST_LOG_ID": lambda request: request.log_id,
    "SCRIPT_USER": _script_user,
    "SCRIPT_GROUP": _script_group,
    "DOCUMENT_URI": lambda request: wire(request.env.get("DOCUMENT_URI", request.uri)),
    "LAST_MODIFIED": _last_modified,
    "CONTEXT_PREFIX": lambda request: wire(request.context_prefix),
    "CONTEXT_DOCUMENT_ROOT": lambda request: _wired(request.context_document_root) or _document_root(request),
    "REQUEST_STATUS": lambda request: str(request.status or ""),
    "REMOTE_ADDR": lambda request: request.connection.client_ip,
    "REMOTE_PORT": lambda request: str(request.connection.client_port),
    "HTTPS": lambda request: "off",
    "HTTP2": lambda request: "off",
    "IPV6": _is_ipv6,
    "CONN_LOG_ID": lambda request: request.connection.log_id,
    "CONN_REMOTE_ADDR": lambda request: request.connection.client_ip,
    "TIME_YEAR": _now("%Y"),
    "TIME_MON": _now("%m"),
    "TIME_DAY": _now("%d"),
    "TIME_HOUR": _now("%H"),
    "TIME_MIN": _now("%M"),
    "TIME_SEC": _now("%S"),
    "TIME_WDAY": _now("%w"),
    "TIME": _now("%Y%m%d%H%M%S"),
    "SERVER_SOFTWARE": lambda request: server_banner(request.server_config(CoreServer).server_tokens),
    "API_VERSION": lambda request: _API_VERSION,
}
