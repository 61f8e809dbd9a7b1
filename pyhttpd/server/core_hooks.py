"""The core's own functions in the phases: the path below DocumentRoot, TRACE, `OPTIONS *`, ForceType, SetHandler."""

from __future__ import annotations

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.expression import variables_of
from pyhttpd.api.filters import add_input_filter, add_output_filter
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DECLINED, DONE, OK, Hook, Order, Phase, on
from pyhttpd.api.request import Request, Services
from pyhttpd.expr import EvaluationError, Text
from pyhttpd.http.url import is_below
from pyhttpd.server.file_directives import handler_name
from pyhttpd.server.files import default_handler
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.trace import send_trace
from pyhttpd.server.upgrade import log_upgrade, log_upgrade_of_server
from pyhttpd.util.escape import native, wire

_PATH_MAX = 4096


def _translate(request: Request) -> int:
    """The last translate_name: the path below DocumentRoot."""
    assert isinstance(request, ServerRequest)
    if not request.uri.startswith("/") and request.uri != "*":
        message = f"Invalid URI in request '{request.uri}' '{native(request.request_line)}'"
        request.log(Level.ERROR, "core", "AH00126", message)
        return 400
    server = request.server.config(CoreServer)
    root = server.document_root_below(request.services.configuration.server_root)
    path = request.uri
    is_main = request.server is request.services.configuration.main
    prefix = server.main_server_path if is_main else server.server_path
    if prefix is not None and is_below(path, prefix):
        path = path[len(prefix) :]
    path = path.lstrip("/")
    if "//" in path:  # MergeSlashes Off
        path = "/".join(part for part in path.split("/") if part) + "/" * path.endswith("/")
    if len(root) + len(path) >= _PATH_MAX or ".." in path.split("/") or "\0" in path:
        request.log(Level.ERROR, "core", "AH00127", f"Cannot map {native(request.request_line)} to file")
        return 403
    request.filename = f"{root.rstrip('/')}/{path}"
    request.canonical_filename = request.filename
    return OK


def _ping(request: Request) -> int:
    """`OPTIONS *` asks about the server, not about a file."""
    return DONE if request.method == "OPTIONS" and request.uri == "*" else DECLINED


def _no_type(request: Request) -> int:
    """The last type_checker: having no type is no error."""
    return OK


def _override_type(request: Request) -> int:
    """The first fixup: ForceType and SetHandler win over what the type checkers found."""
    config = request.config(CoreDir)
    if config.force_type is not None and config.force_type != "none":
        request.content_type = wire(config.force_type)
    handler = config.handler
    if isinstance(handler, Text):
        try:
            handler = handler_name(native(handler.evaluate(variables_of(request))))
        except EvaluationError as error:
            request.log(Level.ERROR, "core", "AH03154", f"Can't evaluate handler expression: {error}")
            return 500
    if handler is not None and handler != "none":
        request.handler = handler
    return OK


def _insert_filters(request: Request) -> None:
    """SetOutputFilter and SetInputFilter."""
    config = request.config(CoreDir)
    for name in config.output_filters:
        add_output_filter(request, name)
    for name in config.input_filters:
        add_input_filter(request, name)


def _see_request_tail(service: Services) -> None:
    """Before the child has slots."""
    service.scoreboard.request_tail = service.configuration.main.config(CoreServer).see_request_tail


CORE_HOOKS: tuple[Hook, ...] = (
    on(Phase.CHILD_INIT, _see_request_tail),
    on(Phase.MAP_TO_STORAGE, log_upgrade_of_server, Order.REALLY_FIRST, pure=True),
    on(Phase.HANDLER, log_upgrade, Order.REALLY_FIRST, pure=True),
    on(Phase.TRANSLATE_NAME, _translate, Order.REALLY_LAST, pure=True),
    on(Phase.TYPE_CHECKER, _no_type, Order.REALLY_LAST, pure=True),
    on(Phase.FIXUPS, _override_type, Order.REALLY_FIRST, pure=True),
    on(Phase.INSERT_FILTER, _insert_filters, pure=True),
    on(Phase.HANDLER, default_handler, Order.REALLY_LAST, pure=True),
)
HTTP_HOOKS: tuple[Hook, ...] = (
    on(Phase.MAP_TO_STORAGE, send_trace, pure=True),
    on(Phase.MAP_TO_STORAGE, _ping, pure=True),
)
