"""The phases of one request, in Apache's order: from the URL to an answer that can be sent."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pyhttpd.api.core_config import CoreDir, CoreServer, ErrorDocument
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, DONE, OK, Hook, Order, Phase, Rule, in_order, on
from pyhttpd.api.request import Request
from pyhttpd.config.sections import Sections
from pyhttpd.http import status
from pyhttpd.http.headers import Headers
from pyhttpd.http.url import UrlError, decode_path, decode_unreserved, normalise, split_target
from pyhttpd.server.core import document_root_of
from pyhttpd.server.errors import answer_with_error
from pyhttpd.server.files import default_handler
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.walk import Walker
from pyhttpd.util.escape import native

if TYPE_CHECKING:
    from pyhttpd.server.service import HttpService

_REDIRECT_LIMIT = 10  # internal redirects of one request, and subrequests in each other
_PATH_MAX = 4096
_OF_THE_BODY = ("Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-MD5",
                "Content-Range", "Content-Type", "Expires", "Last-Modified", "Transfer-Encoding")  # fmt: skip


def _translate(request: Request) -> int:
    """The last translate_name: the path below DocumentRoot."""
    assert isinstance(request, ServerRequest)
    if not request.uri.startswith("/") and request.uri != "*":
        message = f"Invalid URI in request '{request.uri}' '{request.request_line}'"
        request.log(Level.ERROR, "core", "AH00126", message)
        return 400
    root = document_root_of(request.services.configuration, request.server.config(CoreServer))
    path = request.uri.lstrip("/")
    if len(root) + len(path) >= _PATH_MAX or ".." in path.split("/") or "\0" in path:
        request.log(Level.ERROR, "core", "AH00127", f"Cannot map {request.request_line} to file")
        return 403
    request.filename = f"{root.rstrip('/')}/{path}"
    request.canonical_filename = request.filename
    return OK


def _ping(request: Request) -> int:
    """`OPTIONS *` asks about the server, not about a file."""
    return DONE if request.method == "OPTIONS" and request.uri == "*" else DECLINED


def _trace(request: Request) -> int:
    """TRACE sends the head back (RFC 9110, section 9.3.8)."""
    assert isinstance(request, ServerRequest)
    if request.method != "TRACE":
        return DECLINED
    original = request.original
    if original.headers_in.get("Transfer-Encoding") or (original.headers_in.get("Content-Length") or "0") != "0":
        request.notes["error-notes"] = "TRACE with a request body is not allowed"
        request.log(Level.INFO, "http", "AH01595", f"TRACE with body is not allowed for {request.uri}")
        return 413
    lines = [original.request_line, *(f"{name}: {value}" for name, value in original.headers_in), "", ""]
    request.content_type = "message/http"
    request.content = ["\r\n".join(lines).encode("latin-1")]
    request.unmeasured = True
    return DONE


def _no_type(request: Request) -> int:
    """The last type_checker: having no type is no error."""
    return OK


def _override_type(request: Request) -> int:
    """The first fixup: SetHandler wins over what the type checkers found."""
    handler = request.config(CoreDir).handler
    if handler is not None and handler != "none":
        request.handler = handler
    return OK


CORE_HOOKS: tuple[tuple[str, Hook], ...] = (
    ("core.c", on(Phase.TRANSLATE_NAME, _translate, Order.REALLY_LAST, pure=True)),
    ("http_core.c", on(Phase.MAP_TO_STORAGE, _trace)),
    ("http_core.c", on(Phase.MAP_TO_STORAGE, _ping)),
    ("core.c", on(Phase.TYPE_CHECKER, _no_type, Order.REALLY_LAST, pure=True)),
    ("core.c", on(Phase.FIXUPS, _override_type, Order.REALLY_FIRST, pure=True)),
    ("core.c", on(Phase.HANDLER, default_handler, Order.REALLY_LAST)),
)


class Pipeline:
    """Runs requests. One for a generation; it keeps nothing of a request."""

    def __init__(self, service: HttpService, modules: Sequence[Module]) -> None:
        self.service = service
        hooks = [(module.source, hook) for module in modules for hook in module.hooks]
        hooks += CORE_HOOKS
        hooks.append(("core.c", on(Phase.MAP_TO_STORAGE, self._map_to_storage, Order.REALLY_LAST)))
        self.hooks: dict[Phase, tuple[Callable[..., Any], ...]] = {
            phase: tuple(hook.function for _, hook in in_order(hooks, phase)) for phase in Phase
        }
        self.sections = {id(server): Sections(server) for server in service.configuration.servers}
        self.walkers = {key: Walker(sections) for key, sections in self.sections.items()}

    # -- hooks

    def run(self, phase: Phase, *arguments: Any) -> int:
        """Run a phase by its rule. DECLINED only where FIRST found nobody."""
        functions = self.hooks[phase]
        if phase.rule is Rule.VOID:
            for function in functions:
                function(*arguments)
            return OK
        for function in functions:
            result: int = function(*arguments)
            if phase.rule is Rule.ALL:
                if result not in (OK, DECLINED):
                    return result
            elif result != DECLINED:
                return result
        return OK if phase.rule is Rule.ALL else DECLINED

    # -- a request from its URL to its answer

    def answer(self, request: ServerRequest) -> None:
        """Run a request that has been read. Afterwards `request.answer` is what is to be sent. Never raises."""
        self.finish(self._guarded(request, self._post_read_and_respond), request)

    def finish(self, result: int, request: ServerRequest) -> None:
        """Make an answer of what the phases returned. Never raises."""
        original = _first(request)
        try:
            self.die(result, request, 0)
        except BaseException:
            log_exception(request)
            failed = original.answer if original.answer.status >= 400 else original
            failed.status = 500
            answer_with_error(failed)
            original.answer = failed

    def _guarded(self, request: ServerRequest, step: Callable[[ServerRequest], int]) -> int:
        """What raises costs its own request: a 500 with one traceback.

        Here, and where answers are sent, BaseException is caught: SystemExit, or asyncio's CancelledError, out of a
        module's function must not end a child either. Children get no KeyboardInterrupt: they do not handle SIGINT.
        """
        try:
            return step(request)
        except BaseException:
            log_exception(request)
            return 500

    def _post_read_and_respond(self, request: ServerRequest) -> int:
        result = self.post_read(request)
        return result if result != OK else self.respond(request)

    def post_read(self, request: ServerRequest) -> int:
        result = self.run(Phase.POST_READ_REQUEST, request)
        if result != OK:
            return result
        return OK if request.parts.scheme in (None, "http", "https") else 400

    def respond(self, request: ServerRequest) -> int:
        result = self.run(Phase.QUICK_HANDLER, request)
        if result != DECLINED:
            return result
        result = self.process(request)
        return self.invoke_handler(request) if result == OK else result

    def process(self, request: ServerRequest) -> int:
        """All phases up to the fixups. OK, or the status (or DONE) that ended them."""
        sections = self.sections[id(request.server)]
        base = request.per_dir = sections.base
        if self.hooks[Phase.PRE_TRANSLATE_NAME]:
            try:
                request.uri = native(normalise(decode_unreserved(request.parts.path)))
            except UrlError as error:
                return self._bad_path(request, error)
            request.per_dir = sections.location(base, request.uri, request.env)
            result = self.run(Phase.PRE_TRANSLATE_NAME, request)
            if result not in (OK, DECLINED, DONE):
                return result
        try:
            request.uri = decode_path(request.parts.path)
        except UrlError as error:
            return self._bad_path(request, error)

        request.per_dir = sections.location(base, request.uri, request.env)
        result = self.run(Phase.TRANSLATE_NAME, request)
        if result != OK:
            return self._declined(request, result, "translate")
        request.per_dir = base
        result = self.run(Phase.MAP_TO_STORAGE, request)
        if result != OK:
            return result
        request.per_dir = sections.location(request.per_dir, request.uri, request.env)
        result = self.run(Phase.POST_PERDIR_CONFIG, request)
        if result == OK and request.main is None:
            result = self.run(Phase.HEADER_PARSER, request)
        if result == OK:
            result = self._authorise(request)
        if result != OK:
            return result
        result = self.run(Phase.TYPE_CHECKER, request)
        if result != OK:
            return self._declined(request, result, "find types")
        return self.run(Phase.FIXUPS, request)

    def _bad_path(self, request: ServerRequest, error: UrlError) -> int:
        if error.status == 404:
            request.log(Level.INFO, "core", error.number, f"{error} ({request.target}), returning 404")
        else:
            request.log(Level.ERROR, "core", error.number, f"{error} ({request.target})")
        return error.status

    def _map_to_storage(self, request: ServerRequest) -> int:
        return self.walkers[id(request.server)].walk(request)

    def _authorise(self, request: ServerRequest) -> int:
        """Access, authentication, authorization, as with Satisfy All. Not again for what the same sections rule."""
        for other in (request.prev, request.main):
            if other is not None and other.per_dir is request.per_dir:
                request.user, request.auth_type = other.user, other.auth_type
                return OK
        result = self.run(Phase.ACCESS_CHECKER, request)
        if result != OK:
            return self._declined(request, result, "check access (with Satisfy All)")
        result = self.run(Phase.ACCESS_CHECKER_EX, request)
        if result != DECLINED:
            return result
        if not self.hooks[Phase.CHECK_USER_ID] and not self.hooks[Phase.AUTH_CHECKER]:
            return OK  # no module restricts anything
        result = self.run(Phase.CHECK_USER_ID, request)
        if result != OK:
            return self._declined(request, result, "check user")
        if request.user is None:
            message = (
                f"No authentication done but request not allowed without authentication for {request.uri}. "
                "Authentication not configured?"
            )
            request.log(Level.ERROR, "core", "AH00027", message)
            return 500
        return self._declined(request, self.run(Phase.AUTH_CHECKER, request), "check authorization")

    def _declined(self, request: ServerRequest, result: int, what: str) -> int:
        if result != DECLINED:
            return result
        request.log(Level.CRIT, "core", "AH00025", f"configuration error:  couldn't {what}: {request.uri}")
        return 500

    def invoke_handler(self, request: ServerRequest) -> int:
        """Run the handler. `request.handler` is its name; without one the content type is, as in Apache."""
        self.run(Phase.INSERT_FILTER, request)
        given = request.handler
        if request.handler is None:
            request.handler = (request.content_type or "default-handler").partition(";")[0].strip()
        result = self.run(Phase.HANDLER, request)
        handler, request.handler = request.handler, given
        if result == DECLINED:
            request.log(Level.INFO, "core", "AH00523", f'handler "{handler}" not found for: {request.filename}')
            return 500
        if result not in (OK, DONE) and not 100 <= result < 600:
            message = f"Handler for {handler} returned invalid result code {result}"
            request.log(Level.ERROR, "core", "AH00524", message)
            return 500
        return result

    # -- errors

    def die(self, result: int, request: ServerRequest, recursive: int) -> None:
        """Decide what is sent: the request's own answer, its ErrorDocument, or the built-in page.

        `recursive` is the status of the error whose ErrorDocument `request` should have been, 0 if it is none.
        """
        original = _first(request)
        if result in (OK, DONE, 200):
            if request.next is None:
                original.answer = request
            return
        if not 100 <= result < 600:
            request.log(Level.ERROR, "http", "AH01579", f"Invalid response status {result}")
            result = 500
        if recursive:
            failed = request
            while isinstance(failed.prev, ServerRequest) and failed.prev.status != 200:
                failed = failed.prev
            request.status = result
            self._error_page(original, failed, also=recursive)
            return
        document = request.config(CoreDir).error_documents.get(result) if hasattr(request, "per_dir") else None
        request.status = result
        if document is None or document.kind == "default":
            self._error_page(original, request)
        else:
            self._error_document(original, request, document)

    def _error_page(self, original: ServerRequest, request: ServerRequest, *, text: str | None = None,
                    also: int = 0) -> None:  # fmt: skip
        request.response_hooks.clear()  # those were for the answer that failed
        self.run(Phase.INSERT_ERROR_FILTER, request)
        answer_with_error(request, text=text, also=also)
        original.answer = request

    def _error_document(self, original: ServerRequest, request: ServerRequest, document: ErrorDocument) -> None:
        if document.kind == "text":
            self._error_page(original, request, text=document.value)
            return
        if document.kind == "url":
            request.status = 302
            request.headers_out.set("Location", document.value)
            self._error_page(original, request)
            return
        request.env["REQUEST_METHOD"] = request.method
        if "error-notes" in request.notes:
            request.env["ERROR_NOTES"] = request.notes["error-notes"]
        method, request.method = request.method, "GET"  # the document is asked for with GET, whatever the client did
        request.for_error = True
        try:
            self.internal_redirect(request, document.value)
        finally:
            request.method = method

    # -- redirects and subrequests

    def internal_redirect(self, request: Request, uri: str) -> int:
        """Answer `request` with what `uri` gives. Returns DONE: the answer stands."""
        assert isinstance(request, ServerRequest)
        depth = 0
        earlier = request.prev
        while earlier is not None:
            depth, earlier = depth + 1, earlier.prev
        if depth >= _REDIRECT_LIMIT:
            message = (
                f"Request exceeded the limit of {_REDIRECT_LIMIT} internal redirects due to probable configuration "
                "error. Use 'LimitInternalRecursion' to increase the limit if necessary. "
                "Use 'LogLevel debug' to get a backtrace."
            )
            request.log(Level.ERROR, "core", "AH00124", message)
            self.die(500, request, request.status if request.status != 200 else 0)
            return DONE
        new = self._derived(request, uri)
        new.prev, request.next = request, new
        new.main = request.main
        new.status = request.status
        new.header_only = request.header_only
        new.for_error = request.for_error
        new.body = request.body
        new.no_cache = request.no_cache
        new.err_headers_out = request.err_headers_out
        new.env = {f"REDIRECT_{name}": value for name, value in request.env.items()}
        new.env["REDIRECT_STATUS"] = str(request.status)
        location = request.headers_out.get("Location")
        if status.is_redirect(new.status) and location is not None:
            new.headers_out.set("Location", location)
        result = self._guarded(new, self._post_read_and_respond)
        self.die(result, new, new.status if new.status != 200 else 0)
        return DONE

    def lookup_uri(self, request: Request, uri: str) -> Request:
        """A subrequest for a path (or a name below the request's directory) and query, up to the fixups."""
        assert isinstance(request, ServerRequest)
        if not uri.startswith("/"):
            uri = request.uri[: request.uri.rfind("/") + 1] + uri
        new = self._derived(request, uri)
        new.main = request
        new.method = "GET"
        new.headers_in = Headers((n, v) for n, v in request.headers_in if n.title() not in _OF_THE_BODY)
        new.env = dict(request.env)
        depth = 0
        outer: Request | None = request
        while outer is not None:
            depth, outer = depth + 1, outer.main
        if depth >= _REDIRECT_LIMIT:
            request.log(Level.ERROR, "core", "AH00125", f"Request exceeded the limit of {_REDIRECT_LIMIT} subrequests")
            new.status = 500
            return new
        result = self._guarded(new, self.process)
        if result not in (OK, DONE):
            new.status = result
        return new

    def _derived(self, request: ServerRequest, uri: str) -> ServerRequest:
        """A request for another URL on behalf of this one."""
        new = ServerRequest(request.connection, request.server, request.services, request.error_log)
        new.per_dir = self.sections[id(request.server)].base
        new.request_line, new.method, new.target = request.request_line, request.method, uri
        new.protocol, new.version, new.simple = request.protocol, request.version, request.simple
        new.hostname, new.port = request.hostname, request.port
        new.headers_in = request.headers_in
        new.request_time, new.started = request.request_time, request.started
        new.expecting_100 = request.expecting_100
        try:
            new.parts = split_target(uri, "GET")
        except UrlError:
            new.parts = new.parts._replace(path=uri or "/")
        new.uri, new.args = native(new.parts.path), new.parts.query
        return new


def _first(request: ServerRequest) -> ServerRequest:
    first = request.original
    assert isinstance(first, ServerRequest)
    return first


def log_exception(request: ServerRequest) -> None:
    """The exception that is being handled, with its traceback, as one write to the error log."""
    lines = traceback.format_exc().splitlines()
    client = f"{request.connection.client_ip}:{request.connection.client_port}"
    message = f"{request.request_line or '-'}: {lines[-1]}"
    request.error_log.log(Level.ERROR, "core", "PH00111", message, client=client, details=lines)
