"""The phases of one request, in Apache's order: from the URL to an answer that can be sent."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, DONE, OF_AN_ANSWER, OK, Hook, Order, Phase, Rule, in_order, on
from pyhttpd.api.request import Request
from pyhttpd.config.configuration import Scope
from pyhttpd.config.sections import PerDir, Sections
from pyhttpd.expr import Condition, EvaluationError
from pyhttpd.http.url import UrlError, decode_path, decode_unreserved, normalise, refused_path
from pyhttpd.server.byteranges import apply_ranges
from pyhttpd.server.errors import LAST_PAGE, answer_with_error
from pyhttpd.server.filters import filter_content, set_up
from pyhttpd.server.redirection import die, internal_redirect, lookup_entry, lookup_file, lookup_uri
from pyhttpd.server.request import ServerRequest, first_of
from pyhttpd.server.tracing import trace_fields
from pyhttpd.server.walk import Walker, may_be_looked_for
from pyhttpd.util.escape import native
from pyhttpd.util.regex import MatchLimitError

if TYPE_CHECKING:
    from pyhttpd.server.htaccess import HtaccessFiles
    from pyhttpd.server.service import HttpService


_FIRST, _ALL = Rule.FIRST, Rule.ALL  # members of an enum cost a look-up each time


class Pipeline:
    """Runs requests. One for a generation; it keeps nothing of a request."""

    def __init__(self, service: HttpService, modules: Sequence[Module]) -> None:
        self.service = service
        hooks = [(module.source, hook) for module in modules for hook in module.hooks]
        hooks.append(("core.c", on(Phase.MAP_TO_STORAGE, self._map_to_storage, Order.REALLY_LAST, pure=True)))
        self.hooks: dict[Phase, tuple[Callable[..., Any], ...]] = {
            phase: tuple(_function(hook) for _, hook in in_order(hooks, phase)) for phase in Phase
        }
        logs = in_order(hooks, Phase.LOG_TRANSACTION)
        self.log_again = tuple(hook.again for _, hook in logs)
        self.sections = {id(server): Sections(server) for server in service.configuration.servers}
        self._slashes = {}  # what AllowEncodedSlashes says
        for server in service.configuration.servers:
            core = server.config(CoreServer)
            own = core.main_encoded_slashes if server is service.configuration.main else core.encoded_slashes
            self._slashes[id(server)] = own
        self.htaccess_files: HtaccessFiles | None = None  # where no section lets any be looked for
        self.walkers = self._walkers(modules)
        # `Satisfy`, where there is a module that has it
        self._any_suffices: Callable[[Request], bool] | None = service.providers("satisfy").get("any")

    def _walkers(self, modules: Sequence[Module]) -> dict[int, Walker]:
        """Of each server. What reads .htaccess files is there only where one may be looked for."""
        service = self.service
        servers = service.configuration.servers
        if any(may_be_looked_for(self.sections[id(server)], server.directories) for server in servers):
            from pyhttpd.server.htaccess import HtaccessFiles

            self.htaccess_files = HtaccessFiles(service.configuration, modules, service.error_log)
        return {
            id(server): Walker(self.sections[id(server)], self.htaccess_files, server.config(CoreServer).access_names)
            for server in servers
        }

    # -- hooks

    def run(self, phase: Phase, *arguments: Any) -> int:
        """Run a phase by its rule. DECLINED only where FIRST found nobody."""
        functions, rule = self.hooks[phase], phase.rule
        if rule is _FIRST:
            for function in functions:
                result: int = function(*arguments)
                if result != DECLINED:
                    return result
            return DECLINED
        for function in functions:
            result = function(*arguments)
            if result != OK and result != DECLINED and rule is _ALL:  # a tuple is slower
                return result
        return OK

    # -- a request from its URL to its answer

    def answer(self, request: ServerRequest) -> None:
        """Run a request that has been read. Afterwards `request.answer` is what is to be sent. Never raises."""
        self.finish(self.guarded(request, self.post_read_and_respond), request)

    def finish(self, result: int, request: ServerRequest, *, also: int = 0) -> None:
        """Make an answer of what the phases returned. Never raises.

        `also` is the status of an answer that was ready and is not sent because of this.
        """
        original = first_of(request)
        try:
            die(self, result, request, also)
            if original.answer.output_filters:
                self._filter(original)
            if original.answer.status == 200:
                status = apply_ranges(original.answer)
                if status is not None:
                    die(self, status, original.answer, 0)
                    self._filter(original)
        except BaseException:
            log_exception(request)
            failed = original.answer if original.answer.status >= 400 else original
            answer_with_500(failed)
            original.answer = failed

    def _filter(self, original: ServerRequest) -> None:
        """Let the filters of the content begin. What one raises is a 500, with its ErrorDocument; where that has a
        filter that raises too, it is the page. May raise, if there is something that filters pages."""
        for _ in range(2):
            answer = original.answer
            if not answer.output_filters:
                return
            result = self.guarded(answer, filtered)
            if result == OK:
                return
            die(self, result, answer, answer.status if answer.status != 200 else 0)
        if original.answer.output_filters:
            filter_content(original.answer)

    def guarded(self, request: ServerRequest, step: Callable[[ServerRequest], int]) -> int:
        """What raises costs its own request: a 500 with one traceback.

        Here, and where answers are sent, BaseException is caught: SystemExit, or asyncio's CancelledError, out of a
        module's function must not end a child either. Children get no KeyboardInterrupt: they do not handle SIGINT.
        """
        try:
            return step(request)
        except BaseException:
            log_exception(request)
            return 500

    def post_read_and_respond(self, request: ServerRequest) -> int:
        result = self.post_read(request)
        if result != OK:
            return result
        if self.service.traced and request.prev is None:
            trace_fields(request)
        return self.respond(request)

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
        if request.main is not None and request.filename is not None:
            request.by_name = True
            return self._from_storage(request, sections)
        merge = request.server.config(CoreServer).merge_slashes
        if self.hooks[Phase.PRE_TRANSLATE_NAME] or sections.has_early_ifs:
            try:
                request.uri = native(normalise(decode_unreserved(request.parts.path), merge=merge))
            except UrlError as error:
                return self._bad_path(request, error)
            request.per_dir = self._location_and_if(request, sections)
            result = self.run(Phase.PRE_TRANSLATE_NAME, request)
            if result not in (OK, DECLINED, DONE):
                return result
        try:
            request.uri = decode_path(request.parts.path, self._slashes[id(request.server)], merge=merge)
        except UrlError as error:
            return self._bad_path(request, error)

        request.per_dir = base
        request.per_dir = self._location_and_if(request, sections)
        result = self.run(Phase.TRANSLATE_NAME, request)
        if result != OK:
            return self._declined(request, result, "translate")
        request.per_dir = base
        return self._from_storage(request, sections)

    def _from_storage(self, request: ServerRequest, sections: Sections) -> int:
        """The phases from the file's name on."""
        result = self.run(Phase.MAP_TO_STORAGE, request)
        if result != OK:
            return result
        request.per_dir = self._location_and_if(request, sections)
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
        result = self.run(Phase.FIXUPS, request)
        if result != OK and self.service.traced:
            request.log(Level.TRACE3, "core", None, f"fixups hook gave {result}: {request.uri}")
        return result

    def _location_and_if(self, request: ServerRequest, sections: Sections) -> PerDir:
        """What holds so far, and the sections for the URL and for the request itself: these are evaluated each time."""
        request.per_dir = sections.merged(request.per_dir, _located(request, sections))
        if not request.per_dir.ifs:
            return request.per_dir
        variables = variables_of(request)

        def holds(condition: Condition) -> bool:
            try:
                return condition.evaluate(variables)
            except EvaluationError as error:
                request.log(Level.ERROR, "core", "AH00039", f"Failed to evaluate <If > condition: {error}")
                return False

        return sections.conditions(request.per_dir, holds)

    def _bad_path(self, request: ServerRequest, error: UrlError) -> int:
        merge = request.server.config(CoreServer).merge_slashes
        slashes = self._slashes[id(request.server)]
        request.uri = refused_path(request.parts.path, slashes if error.status == 404 else None, merge=merge)
        if error.status != 404:
            request.log(Level.ERROR, "core", error.number, f"{error} ({native(request.target)})")
        elif slashes == "off":
            request.log(Level.INFO, "core", error.number, f"{error} ({native(request.target)}), returning 404")
        return error.status

    def _map_to_storage(self, request: ServerRequest) -> int:
        return self.walkers[id(request.server)].walk(request)

    def _authorise(self, request: ServerRequest) -> int:
        """Access, authentication, authorization. Not again for what the same sections rule."""
        for other in (request.prev, request.main):
            if isinstance(other, ServerRequest) and other.per_dir is request.per_dir:
                if request.located is not None and request.by_name is not other.by_name:
                    continue  # Apache has merged <Location> sections anew then, and so takes them for others
                request.user, request.auth_type = other.user, other.auth_type
                return OK
        either = self._any_suffices is not None and self._any_suffices(request)
        result = self.run(Phase.ACCESS_CHECKER, request)
        if either and result == OK:
            return self._authorised(request, "access_checker hook and 'Satisfy any'")
        if not either and result != OK:
            return self._declined(request, result, "check access (with Satisfy All)")
        result = self.run(Phase.ACCESS_CHECKER_EX, request)
        if result == OK and self.run(Phase.FORCE_AUTHN, request) != OK:
            return self._authorised(request, "access_checker_ex hook")
        if result not in (OK, DECLINED):
            return self._declined(request, result, "check access")
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
            request.log(Level.ERROR, "core", "AH00028" if either else "AH00027", message)
            return 500
        return self._declined(request, self.run(Phase.AUTH_CHECKER, request), "check authorization")

    def _authorised(self, request: ServerRequest, by: str) -> int:
        if self.service.traced:
            message = f"request authorized without authentication by {by}: {request.uri}"
            request.log(Level.TRACE3, "core", None, message)
        return OK

    def _declined(self, request: ServerRequest, result: int, what: str) -> int:
        if result != DECLINED:
            if result != OK and self.service.traced:
                message = f"auth phase '{what}' gave status {result}: {request.uri}"
                request.log(Level.TRACE3, "core", None, message)
            return result
        request.log(Level.CRIT, "core", "AH00025", f"configuration error:  couldn't {what}: {request.uri}")
        return 500

    def invoke_handler(self, request: ServerRequest) -> int:
        """Run the handler. `request.handler` is its name; without one the content type is, as in Apache."""
        self.run(Phase.INSERT_FILTER, request)
        if request.input_filters or request.output_filters:
            result = set_up(request)
            if result != OK:
                return result
        given = request.handler
        if request.handler is None:
            request.handler = (request.content_type or "default-handler").partition(";")[0].strip()
        result = self.run(Phase.HANDLER, request)
        request.handled_by = handler = request.handler
        request.handler = given
        if result == DECLINED:
            if given is not None and request.filename is not None:
                request.log(Level.WARN, "core", "AH00523", f'handler "{given}" not found for: {request.filename}')
            return 500
        if result not in (OK, DONE) and not 100 <= result < 600:
            message = f"Handler for {handler} returned invalid result code {result}"
            request.log(Level.ERROR, "core", "AH00524", message)
            return 500
        return result

    # -- what modules may ask for

    def internal_redirect(self, request: Request, uri: str) -> int:
        """Answer `request` with what `uri` gives. Returns DONE: the answer stands."""
        return internal_redirect(self, request, uri)

    def lookup_uri(self, request: Request, uri: str) -> Request:
        """A subrequest for a path (or a name below the request's directory) and query, up to the fixups."""
        return lookup_uri(self, request, uri)

    def lookup_file(self, request: Request, path: str) -> Request:
        """The same for a file's name, in the request's directory if it is not absolute."""
        return lookup_file(self, request, path)

    def lookup_entry(self, request: Request, name: str, *, is_directory: bool) -> Request:
        """The same for a name in the directory that a request is for."""
        return lookup_entry(self, request, name, is_directory=is_directory)

    def run_subrequest(self, found: Request) -> int:
        """Run the handler of what was looked up. OK: its content is there."""
        assert isinstance(found, ServerRequest)
        found.for_error = found.simple = True  # a part of another answer: without conditions and fields of its own
        result = self.guarded(found, self.invoke_handler)
        if result in (OK, DONE):
            return self.guarded(found, filtered) if found.output_filters else OK
        return result


def _located(request: ServerRequest, sections: Sections) -> list[Scope]:
    """The `<Location>` sections for a request's URL. As in Apache a URL that was looked at before, by the request or
    by the one that it comes out of, is not matched again: what `<DirectoryMatch>` has named since stays."""
    for each in (request, request.prev, request.main):
        if isinstance(each, ServerRequest) and each.located is not None:
            before, uri, scopes = each.located
            if before is sections and uri == request.uri:
                break
    else:
        scopes = sections.located(request.uri, request.env)
    if scopes:
        request.located = (sections, request.uri, scopes)
    return scopes


def filtered(request: ServerRequest) -> int:
    """A step for `guarded`."""
    with request.as_if_within_handler():
        filter_content(request)
    return OK


def _function(hook: Hook) -> Callable[..., Any]:
    """The hook's function. Where it does not promise to be pure, an answer that it has a part in is not kept."""
    function = hook.function
    if hook.pure or hook.phase not in OF_AN_ANSWER:
        return function

    @wraps(function)
    def impure(request: Request) -> Any:
        request.do_not_keep()
        return function(request)

    return impure


def answer_with_500(request: ServerRequest) -> None:
    """The built-in page for 500. Where making that raises too (a module's note, ServerSignature), a page that has
    nothing of the request in it. Never raises."""
    request.status, request.status_line = 500, None
    request.output_filters = ()
    try:
        answer_with_error(request)
    except BaseException:
        log_exception(request)
        request.headers_out.clear()
        request.err_headers_out.clear()
        request.content_type = "text/html; charset=iso-8859-1"
        request.content, request.content_length = [LAST_PAGE], len(LAST_PAGE)


def log_exception(request: ServerRequest) -> None:
    """The exception that is being handled, with its traceback, as one write to the error log."""
    request.do_not_keep()
    error = sys.exception()
    if isinstance(error, MatchLimitError):  # a pattern's fault, which no traceback explains
        message = f"{request.request_line or '-'}: a regular expression gave up: {error}"
        request.error_log.log(Level.ERROR, "core", "PH00114", message, request=request)
        return
    lines = traceback.format_exc().splitlines()
    message = f"{request.request_line or '-'}: {lines[-1]}"
    request.error_log.log(Level.ERROR, "core", "PH00111", message, request=request, details=lines)
