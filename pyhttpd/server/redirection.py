"""Requests that come out of a request: error documents, internal redirects, subrequests. How an error is answered."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pyhttpd.api.core_config import CoreDir, CoreServer, ErrorDocument
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DONE, OK, Phase
from pyhttpd.api.request import Request
from pyhttpd.expr import EvaluationError
from pyhttpd.http.status import DROPS_CONNECTION, is_redirect
from pyhttpd.http.url import UrlError, split_target
from pyhttpd.server.errors import answer_with_error
from pyhttpd.server.filters import kept_for_error, unfiltered
from pyhttpd.server.request import ServerRequest, first_of
from pyhttpd.util.escape import native, url_path, wire

if TYPE_CHECKING:
    from pyhttpd.server.pipeline import Pipeline

_OF_THE_BODY = frozenset({
    "content-encoding", "content-language", "content-length", "content-location", "content-md5", "content-range",
    "content-type", "expires", "last-modified", "transfer-encoding",
})  # fmt: skip


# -- errors


def die(pipeline: Pipeline, result: int, request: ServerRequest, recursive: int) -> None:
    """Decide what is sent: the request's own answer, its ErrorDocument, or the built-in page.

    `recursive` is the status of the error whose ErrorDocument `request` should have been, 0 if it is none.
    """
    original = first_of(request)
    if result in (OK, DONE) or (result == 200 and request.content is not None):
        if request.next is None:
            original.answer = request
        return
    if not 100 <= result < 600:
        request.log(Level.ERROR, "http", "AH01579", f"Invalid response status {result}")
        result = 500
    if result in DROPS_CONNECTION:
        original.drops_connection = True  # whatever an ErrorDocument makes of it
    if recursive:
        failed = request
        while isinstance(failed.prev, ServerRequest) and failed.prev.status != 200:
            failed = failed.prev
        request.status = result
        _error_page(pipeline, original, failed, also=recursive)
        return
    document = request.config(CoreDir).error_documents.get(result)
    request.status = result
    if document is not None and document.kind == "text":
        _error_page(pipeline, original, request, text=partial(_value, request, document))
        return
    value = _value(request, document) if document is not None and document.kind != "default" else None
    if document is None or value is None:
        _error_page(pipeline, original, request)
    else:
        _error_document(pipeline, original, request, document.kind, value)


def _error_page(
    pipeline: Pipeline,
    original: ServerRequest,
    request: ServerRequest,
    *,
    text: Callable[[], str | None] | None = None,
    also: int = 0,
) -> None:
    request.response_hooks.clear()  # those were for the answer that failed
    request.handled_by = None
    request.output_filters = kept_for_error(request.output_filters)
    pipeline.run(Phase.INSERT_ERROR_FILTER, request)
    answer_with_error(request, text=text, also=also)
    original.answer = request


def _value(request: ServerRequest, document: ErrorDocument) -> str | None:
    if isinstance(document.value, str):
        return document.value
    try:
        return native(document.value.evaluate(variables_of(request)))
    except EvaluationError as error:
        message = f"core: ErrorDocument: can't evaluate require expression: {error}"
        request.log(Level.ERROR, "core", "AH02841", message)
        return None


def _error_document(pipeline: Pipeline, original: ServerRequest, request: ServerRequest, kind: str, value: str) -> None:
    if kind == "url":
        request.status = 302
        request.headers_out.set("Location", wire(value))
        _error_page(pipeline, original, request)
        return
    if request.method != "-":  # there was none in what the client sent
        request.env["REQUEST_METHOD"] = request.method
    if "error-notes" in request.notes:
        request.env["ERROR_NOTES"] = request.notes["error-notes"]
    method, request.method = request.method, "GET"  # the document is asked for with GET, whatever the client did
    request.for_error = True
    try:
        internal_redirect(pipeline, request, wire(value))
    finally:
        request.method = method


# -- redirects and subrequests


def internal_redirect(pipeline: Pipeline, request: Request, uri: str) -> int:
    """Answer `request` with what `uri` gives. Returns DONE: the answer stands."""
    assert isinstance(request, ServerRequest)
    if _too_deep(request):
        die(pipeline, 500, request, request.status if request.status != 200 else 0)
        return DONE
    new = _derived(pipeline, request, uri)
    new.prev, request.next = request, new
    new.main = request.main
    new.status = request.status
    new.header_only = request.header_only
    new.for_error = request.for_error
    new.body = unfiltered(request.body)
    new.output_filters = kept_for_error(request.output_filters)
    new.no_cache = request.no_cache
    new.err_headers_out = request.err_headers_out
    new.env = {f"REDIRECT_{name}": value for name, value in request.env.items()}
    new.env["REDIRECT_STATUS"] = str(request.status)
    location = request.headers_out.get("Location")
    if is_redirect(new.status) and location is not None:
        new.headers_out.set("Location", location)
    vary = request.headers_out.joined("Vary")
    if vary is not None and "redirect-keeps-vary" in request.notes:
        new.headers_out.set("Vary", vary)
    result = pipeline.guarded(new, pipeline.post_read_and_respond)
    die(pipeline, result, new, new.status if new.status != 200 else 0)
    return DONE


def lookup_uri(pipeline: Pipeline, request: Request, uri: str) -> Request:
    """A subrequest for a path (or a name below the request's directory) and query, up to the fixups."""
    assert isinstance(request, ServerRequest)
    if not uri.startswith("/"):
        uri = url_path(request.uri[: request.uri.rfind("/") + 1]) + uri
    return _looked_up(pipeline, request, _derived(pipeline, request, uri))


def lookup_file(pipeline: Pipeline, request: Request, path: str) -> Request:
    """A subrequest for a file's name. It has a URL only if the file is in the request's own directory."""
    assert isinstance(request, ServerRequest)
    directory = (request.filename or "").rpartition("/")[0] + "/"
    filename = os.path.normpath(os.path.join(directory, path))
    name = filename.removeprefix(directory)
    uri = request.uri[: request.uri.rfind("/") + 1] + name if filename != name and name and "/" not in name else ""
    new = _derived(pipeline, request, url_path(uri))
    new.uri, new.filename, new.canonical_filename = uri, filename, filename
    return _looked_up(pipeline, request, new)


def lookup_entry(pipeline: Pipeline, request: Request, name: str, *, is_directory: bool) -> Request:
    """A subrequest for a name that stands in the directory that a request is for. There may be very many."""
    assert isinstance(request, ServerRequest)
    request.do_not_keep()  # what is in a directory is not recorded
    slash = "/" if is_directory else ""
    uri = f"{request.uri[: request.uri.rfind('/') + 1]}{name}{slash}"
    new = _derived(pipeline, request, url_path(uri), parsed=False)
    new.uri = uri
    new.recording = None  # so nothing needs to be noted of each entry
    new.filename = new.canonical_filename = f"{(request.filename or '').rpartition('/')[0]}/{name}{slash}"
    return _looked_up(pipeline, request, new)


def _looked_up(pipeline: Pipeline, request: ServerRequest, new: ServerRequest) -> Request:
    new.main = request
    new.method = "GET"
    new.headers_in = request.headers_in.without(_OF_THE_BODY)
    new.env = dict(request.env)
    if _too_deep(request):
        new.status = 500
        return new
    result = pipeline.guarded(new, pipeline.process)
    if result not in (OK, DONE):
        new.status = result
    return new


def _too_deep(request: ServerRequest) -> bool:
    """Whether LimitInternalRecursion forbids one more redirect or subrequest of this request."""
    core = request.server.config(CoreServer)
    redirects = subrequests = 0
    top: Request = request
    while top.prev is not None or top.main is not None:
        if top.prev is not None:
            redirects += 1
            if redirects >= core.redirect_limit:
                _log_too_deep(request, "AH00124", core.redirect_limit, "internal redirects")
                return True
            top = top.prev
        if top.prev is None and top.main is not None:
            subrequests += 1
            if subrequests >= core.subrequest_limit:
                _log_too_deep(request, "AH00125", core.subrequest_limit, "subrequest nesting levels")
                return True
            top = top.main
    return False


def _log_too_deep(request: ServerRequest, number: str, limit: int, what: str) -> None:
    message = (
        f"Request exceeded the limit of {limit} {what} due to probable configuration error. "
        "Use 'LimitInternalRecursion' to increase the limit if necessary. "
        "Use 'LogLevel debug' to get a backtrace."
    )
    request.log(Level.ERROR, "core", number, message)
    request.log(Level.DEBUG, "core", "AH00121", f"r->uri = {request.uri}")
    top: Request | None = request
    while top is not None:
        if top.prev is not None:
            top = top.prev
            request.log(Level.DEBUG, "core", "AH00122", f"redirected from r->uri = {top.uri}")
        elif top.main is not None:
            top = top.main
            request.log(Level.DEBUG, "core", "AH00123", f"subrequested from r->uri = {top.uri}")
        else:
            top = None


def _derived(pipeline: Pipeline, request: ServerRequest, uri: str, *, parsed: bool = True) -> ServerRequest:
    """A request for another URL on behalf of this one. Not `parsed`: it is a path without a query."""
    new = ServerRequest(request.connection, request.server, request.services, request.error_log)
    new.per_dir = pipeline.sections[id(request.server)].base
    new.request_line, new.method, new.target = request._request_line, request.method, uri  # nobody has read it yet
    new.protocol, new.version, new.simple = request.protocol, request.version, request.simple
    new.hostname, new.port = request.hostname, request.port
    new.headers_in, new.trailers_in = request.headers_in, request.trailers_in
    new.arrived, new.began, new.recording = request.arrived, request.began, request.recording
    new.expecting_100 = request.expecting_100
    new.htaccess = request.htaccess
    if not parsed:
        new.parts = new.parts._replace(path=uri)
        return new
    try:
        new.parts = split_target(uri, "GET")
    except UrlError:
        new.parts = new.parts._replace(path=uri or "/")
    new.uri, new.args = native(new.parts.path), new.parts.query
    return new
