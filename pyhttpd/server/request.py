"""The server's own side of a request: what the pipeline and the connection keep beside what modules see."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyhttpd.api.log import ErrorLog
from pyhttpd.api.request import ConnectionInfo, Request, Services
from pyhttpd.http.headers import Headers
from pyhttpd.http.url import Target

if TYPE_CHECKING:
    from pyhttpd.config.configuration import Scope, ServerRecord
    from pyhttpd.config.directive import Allowed
    from pyhttpd.config.sections import PerDir, Sections


class ServerRequest(Request):
    """A request as the server runs it."""

    # the `<Location>` sections that apply to a URL, once they have been looked for and there are any
    located: tuple[Sections, str, list[Scope]] | None = None
    by_name = False  # a subrequest for a file's name, which has no phases before there is one

    parts = Target(None, None, None, "/", None)
    simple = False  # HTTP/0.9: the body alone is sent back
    expecting_100 = False  # the client waits for `100 Continue` before it sends the body
    handled_by: str | None = None  # `handler` while that ran
    for_error = False  # answers as an ErrorDocument: conditions of the request do not count
    unmeasured = False  # the answer's body gets no Content-Length, though its length could be told
    allowed: tuple[str, ...] = ()  # methods that the handler knows, for the Allow field
    without_etag = False  # no ETag is sent, whoever sets one (FileETag None)
    bare_charset = False  # AddDefaultCharset adds nothing (suppress-error-charset)
    drops_connection = False  # of the family's first member: an error after which the connection is closed
    # of the family's first member: the fields of an answer that was on its way when it became an error
    given_up: Headers | None = None
    shown_status = 0  # what the status line says, if not `status`
    # the directory that the walk has ended in, and what holds there: for subrequests and redirects to its files
    walked: tuple[str, PerDir] | None = None

    def __init__(self, connection: ConnectionInfo, server: ServerRecord, services: Services, log: ErrorLog) -> None:
        super().__init__(connection, server, services)
        self.error_log = log
        # .htaccess files that this family of requests has looked for, by directory and what they may say
        self.htaccess: dict[tuple[str, Allowed], Scope | None] = {}
        self.answer: ServerRequest = self  # of the family's first member: whose answer is sent
        self._cleanups: list[Callable[[], None]] = []

    def lstat(self, path: str) -> os.stat_result:
        """os.lstat, raising OSError. Read through the request like stat and open."""
        return self._look(os.lstat, path)

    def when_done(self, cleanup: Callable[[], None]) -> None:
        """Call this when the answer has been sent, or will not be: a descriptor that is closed then."""
        first = self.original
        while first.main is not None:
            first = first.main.original
        assert isinstance(first, ServerRequest)
        first._cleanups.append(cleanup)

    @contextmanager
    def as_if_within_handler(self) -> Iterator[None]:
        """For filters and response hooks, which see `handler` as it was while that ran."""
        given, self.handler = self.handler, self.handled_by or self.handler
        try:
            yield
        finally:
            self.handler = given

    def done(self) -> None:
        while self._cleanups:
            self._cleanups.pop()()


def first_of(request: ServerRequest) -> ServerRequest:
    """The request as the client sent it: its `answer` is sent."""
    first = request.original
    assert isinstance(first, ServerRequest)
    return first
