"""One request and its answer on a connection: from a parsed head to the log line."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pyhttpd.api.body import FLUSH, Piece, length_of
from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.api.recording import Recording
from pyhttpd.api.request import Request
from pyhttpd.api.url import canonical_name
from pyhttpd.http.head import Head, HeadError
from pyhttpd.http.headers import WatchedHeaders
from pyhttpd.http.status import DROPS_CONNECTION, WITHOUT_BODY
from pyhttpd.http.url import UrlError
from pyhttpd.scoreboard import Status
from pyhttpd.server.answer_inputs import names_read
from pyhttpd.server.answer_memo import KeptAnswer, Wish, read_body, record
from pyhttpd.server.body import ReceivedBody
from pyhttpd.server.files import discard_body
from pyhttpd.server.filters import send_filtered, unfiltered
from pyhttpd.server.hosts import bad_host, find_host, find_server, idle_time, names_this_server
from pyhttpd.server.pipeline import answer_with_500, log_exception
from pyhttpd.server.protocol_directives import HTTP_1
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.response import BadFieldError, KeepAlive, client_closes, response_head
from pyhttpd.server.sending import ClientGoneError, TruncatedFileError
from pyhttpd.server.tracing import log_unread, trace_answer, trace_line
from pyhttpd.util.escape import native

if TYPE_CHECKING:
    from pyhttpd.config.configuration import ServerRecord
    from pyhttpd.server.connection import Connection

_TOGETHER = 16384  # a head and a body up to this size are one send
_COUNTED = 8000  # a body without a length is looked at this far: if it ends before, its length is known
_PASSWORD = re.compile(r"(://[^/@: ]*:)[^/@ ]*@")
_DISCARD_LIMIT = 1 << 20  # bytes of an ignored body that are read to keep the connection


class Exchange:
    """What happens to one request of a connection."""

    def __init__(self, connection: Connection, arrived: float, started: float) -> None:
        self.connection = connection
        self.service = connection.service
        self.pipeline = connection.service.pipeline
        server = connection.base_server
        self.request = ServerRequest(connection, server, self.service, self.service.log_of(server))
        self.request.per_dir = self.pipeline.sections[id(server)].base
        self._framing = 0  # bytes of chunk sizes and ends, which are not counted as the body's
        self.request.arrived, self.request.began = arrived, started
        self._line = ""  # for the scoreboard
        self._sent: tuple[bytes, bool, bool] = (b"", False, False)  # head, stays, chunked

    # -- the ways in

    def run(self, head: Head, wish: Wish | None = None) -> None:
        """A head that could be read: answer it. With a `wish` the answer is kept, if it can be."""
        request = self.request
        recording = None if wish is None else record(head, request.arrived)
        self._take(head)
        if recording is not None:
            request.headers_in = WatchedHeaders(head.fields)
            request.recording = self.connection.recording = recording
        if head.has_body:
            request.body = ReceivedBody(self.connection, request, head)
            if head.chunked and head.version < (1, 1):
                self.connection.close_after()  # RFC 9112, section 6.1: its framing is not to be trusted
        status = self._check()
        self._begin()
        if status is None:
            self.pipeline.answer(request)
        else:
            self.pipeline.finish(status, request)
        self._read_before_error()
        self.connection.client_closes = client_closes(request)
        kept_before = self.connection.kept
        self._send()
        kept, names = None, None
        if recording is not None and status is None:
            kept = self._keep(recording, kept_before)
            names = names_read(request, recording)
        self.connection.recording = None
        member: Request | None = request
        while member is not None:
            member.recording = None
            member = member.next
        self._log()
        if recording is not None and wish is not None:
            if kept is not None:
                kept.let_go()
                self.service.answers.put(wish, head, names, kept)
            else:
                self.service.answers.note_in_vain(wish)
        if status is not None:
            self.connection.keep_alive = False  # what follows such a head is anybody's guess

    def _read_before_error(self) -> None:
        """An error page or a redirect waits for the request's body: where that is broken, this is what is told."""
        answer, body = self.request.answer, unfiltered(self.request.body)
        if body is None or answer.status < 300 or answer.status in (304, *DROPS_CONNECTION):
            return
        if isinstance(body, ReceivedBody) and not body.ended and not body.failed and body.announced <= _DISCARD_LIMIT:
            status = discard_body(self.request, _DISCARD_LIMIT)
            if status != OK and body.failed:
                answer.unmeasured = True
                also = status if body.failed_in_trailers else answer.status  # trailers have set it by then in Apache
                self.pipeline.finish(status, answer, also=also)

    def _keep(self, recording: Recording, kept_before: int) -> KeptAnswer | None:
        """The answer that has just been sent, if an equal request would have the same."""
        connection, request = self.connection, self.request
        answer, (head, stays, chunked) = request.answer, self._sent
        limit = request.server.config(CoreServer).max_keep_alive_requests
        transient = connection.closing or self.service.leaving or (limit and limit - kept_before <= 0)
        if (
            not recording.keepable or connection.aborted or transient or chunked
            or request.drops_connection or request.body is not None or answer.output_filters
        ):  # fmt: skip
            return None
        silent = answer.header_only or answer.status in WITHOUT_BODY
        content = () if silent or answer.content is None else answer.content
        body = read_body(content, recording) if isinstance(content, (list, tuple)) else None
        if body is None:
            return None
        idle = idle_time(request.server, connection.base_server)
        return KeptAnswer(request, recording.checks, head, body, stays=stays, idle_time=idle)

    def examine(self, head: Head | HeadError) -> int | None:
        """What `run` and `refuse` do before there is an answer, for those who want to know no more: the request is
        filled in. A status if it is refused here."""
        if isinstance(head, HeadError):
            self._take(head.head)
            return head.status
        self._take(head)
        return self._check()

    def refuse(self, error: HeadError) -> None:
        """A head that could not be read: say so."""
        self._take(error.head)
        request = self.request
        level = Level.INFO if error.limit or error.note else Level.DEBUG
        if error.unread is not None:
            log_unread(request, error.unread)
        if str(error):
            module = "http" if error.number == "AH01592" else "core"  # Apache's reader of bodies says that
            request.log(level, module, error.number, native(str(error)))
        if error.in_fields:
            request.log(Level.DEBUG, "core", "AH00567", "request failed: error reading the headers")
        if error.note is not None:
            request.notes["error-notes"] = error.note
        self._begin()
        self.pipeline.finish(error.status, request)
        self._send()
        self._log()

    def log_only(self, head: Head, status: int) -> None:
        """A client that never finished its request line is not answered, but logged."""
        self._take(head)
        self.request.status = status
        self._log()

    # -- the request

    def _take(self, head: Head) -> None:
        request = self.request
        request.request_line, request.method, request.target = head.line, head.method, head.target
        request.protocol, request.version, request.simple = head.protocol, head.version, head.simple
        request.header_only = head.method == "HEAD" and not head.simple  # HTTP/0.9 is all body
        if self.service.traced:
            trace_line(request, head.received)
        request.headers_in = head.fields
        request.parts = head.parts
        request.uri, request.args = native(head.parts.path), head.parts.query
        if head.parts.user:
            request.request_line = _PASSWORD.sub(r"\1XXXXXXXX@", request.request_line)
        self._line = request.request_line
        if head.parts.host is not None and names_this_server(request):
            request.hostname = native(head.parts.host)
        request.per_dir = self.pipeline.sections[id(request.server)].base

    def _check(self) -> int | None:
        """The host and what the client expects. A status if one of them is refused."""
        request = self.request
        core = request.server.config(CoreServer)
        try:
            host = find_host(request, strict=core.http_strict)
        except UrlError as error:
            bad_host(request, error, core)
            return 400
        server = find_server(
            request, self.connection.chain, host,
            must_match=core.strict_host_check, main_alone=self.service.vhosts.main_alone,
        )  # fmt: skip
        if server is None:
            return 400
        if server is not request.server:
            self._change_server(server)
        if request.version >= (1, 1) and (
            host is None or (request.version == (1, 1) and "Host" not in request.headers_in)
        ):
            message = f"client sent HTTP/1.1 request without hostname (see RFC2616 section 14.23): {request.uri}"
            request.log(Level.DEBUG, "core", "AH00569", message)
            return 400
        expect = request.headers_in.get("Expect")
        if expect:
            if expect.lower() != "100-continue":
                message = f"client sent an unrecognized expectation value of Expect: {native(expect)}"
                request.log(Level.INFO, "core", "AH00570", message)
                return 417
            request.expecting_100 = True
        return None

    def _change_server(self, server: ServerRecord) -> None:
        request = self.request
        request.server = server
        request.error_log = self.service.log_of(server)
        request.per_dir = self.pipeline.sections[id(server)].base
        self.connection.sender.timeout = server.config(CoreServer).timeout

    def _begin(self) -> None:
        slot, request = self.connection.slot, self.request
        if self.service.extended_status:
            vhost = f"{canonical_name(request)}:{self.connection.local_port}"
            slot.describe(self.connection.address, HTTP_1, vhost, self._line)
            slot.begin_request(request.arrived)
        else:
            slot.set_status(Status.BUSY_WRITE)

    # -- the answer

    def _send(self) -> None:
        """Send the answer. Whatever goes wrong ends the connection, not the child."""
        connection = self.connection
        connection.keep_alive = False
        connection.answered = True
        try:
            self._send_answer()
        except (ClientGoneError, TruncatedFileError) as error:
            note_failure(connection, self.request, error)
        except BaseException:
            connection.aborted = True  # the head is out: nothing else could be said any more
            log_exception(self.request)
        if connection.aborted:
            connection.keep_alive = False

    def _send_answer(self) -> None:
        try:
            answer, pieces, known = self._body()
            head, stays, chunked = self._head(answer)
        except BaseException as error:  # a field that cannot be sent, or a hook that raised
            if not isinstance(error, BadFieldError):
                log_exception(self.request.answer)
            answer, pieces, known = self._emergency()
            head, stays, chunked = self._head(answer)
        connection, sender = self.connection, self.connection.sender
        self._sent = head, stays, chunked
        connection.keep_alive = stays
        before = sender.sent
        if answer.simple:
            head = b""
        silent = answer.header_only or answer.status in WITHOUT_BODY
        if answer.output_filters:
            send_filtered(sender, answer, head, None if silent else pieces, chunked=chunked)
        elif silent:
            sender.send(head)
            _close(pieces)
        else:
            try:
                self._send_body(answer, head, pieces, chunked=chunked, known=known)
            finally:
                answer.bytes_sent = max(sender.sent - before - len(head) - self._framing, 0)
        if stays and not self._finish_body():
            connection.keep_alive = False

    def _head(self, answer: ServerRequest) -> tuple[bytes, bool, bool]:
        connection = self.connection
        keep = KeepAlive(connection.closing, self.service.leaving, connection.kept)
        answer.expecting_100 = self.request.expecting_100
        head, stays, chunked = response_head(answer, self.service.banner, keep)
        if self.service.traced and not answer.simple:
            trace_answer(answer, head)
        if stays:
            connection.kept += 1 if self.request.given_up is None else 2
        elif not connection.closing and connection.kept:
            limit = answer.server.config(CoreServer).max_keep_alive_requests
            connection.kept += connection.kept == limit  # as Apache counts the one that comes when it is reached
        return head, stays, chunked

    def _body(self) -> tuple[ServerRequest, Iterator[Piece], bool]:
        """The answer's pieces. Looks into a body of unknown length, so that short ones get a Content-Length; an
        exception in this part is still a 500."""
        answer = self.request.answer
        content: Iterable[Piece] = answer.content if answer.content is not None else ()
        if answer.status in WITHOUT_BODY:
            return answer, iter(content), True
        if answer.unmeasured:
            return answer, iter(content), False
        if isinstance(content, (list, tuple)):
            if answer.content_length is None and (content or not answer.header_only):
                answer.content_length = sum(length_of(piece) for piece in content)
            return answer, iter(content), True
        if answer.header_only or answer.content_length is not None:
            return answer, iter(content), answer.content_length is not None
        pieces = iter(content)
        first: list[Piece] = []
        size = 0
        try:
            for piece in pieces:
                first.append(piece)
                size += length_of(piece)
                if size > _COUNTED or piece is FLUSH:
                    return answer, _chain(first, pieces), False
        except BaseException:
            log_exception(answer)
            return self._emergency()
        answer.content_length = size
        return answer, iter(first), True

    def _emergency(self) -> tuple[ServerRequest, Iterator[Piece], bool]:
        """The answer cannot be sent: a plain 500 instead, with nothing of it."""
        answer = self.request.answer
        answer.headers_out.clear()
        answer.err_headers_out.clear()
        answer.response_hooks = []
        answer_with_500(answer)
        content = answer.content
        return answer, iter(content if content is not None else ()), True

    def _send_body(self, answer: ServerRequest, head: bytes, pieces: Iterator[Piece], *, chunked: bool,
                   known: bool) -> None:  # fmt: skip
        sender = self.connection.sender
        config = answer.config(CoreDir)
        waiting = head  # bytes that are sent together with the next ones
        left = answer.content_length if known and not chunked else None
        for piece in pieces:
            if piece is FLUSH:
                if waiting:
                    sender.send(waiting)
                    waiting = b""
                continue
            assert not isinstance(piece, type(FLUSH))
            length = length_of(piece)
            if length == 0:
                continue
            if chunked:
                size_line = b"%x\r\n" % length
                waiting += size_line
                self._framing += len(size_line) + 2
            if isinstance(piece, bytes):
                data = piece
            elif length <= _TOGETHER:
                data = os.pread(piece.fd, length, piece.offset)
                if len(data) < length:
                    raise TruncatedFileError
            else:
                if waiting:
                    sender.send(waiting, more=True)
                    waiting = b""
                sender.send_file(
                    piece.fd, piece.offset, length, sendfile=config.enable_sendfile, read_size=config.read_buffer_size
                )
                data = b""
            waiting += data
            if chunked:
                waiting += b"\r\n"
            if left is not None:
                left -= length
            if len(waiting) > _TOGETHER:
                sender.send(waiting)
                waiting = b""
        _close(pieces)
        if chunked:
            waiting += b"0\r\n\r\n"
            self._framing += 5
        if waiting:
            sender.send(waiting)
        if left:
            raise TruncatedFileError

    def _finish_body(self) -> bool:
        """Read what nobody read of the request's body, up to a limit; else the next head could not be found."""
        body = unfiltered(self.request.body)
        if not isinstance(body, ReceivedBody) or body.ended:
            return True
        if body.failed:
            return False
        if body.announced > _DISCARD_LIMIT:
            return False
        return discard_body(self.request, _DISCARD_LIMIT) == OK

    # -- the end

    def _log(self) -> None:
        log_request(self.connection, self.request)
        self.request.done()


def note_failure(
    connection: Connection, request: ServerRequest, error: ClientGoneError | TruncatedFileError
) -> None:
    """The rest of an answer cannot be sent, so the connection is of no use any more."""
    connection.aborted = True
    if isinstance(error, TruncatedFileError):
        message = f"{request.answer.filename} became shorter while it was sent"
        request.log(Level.ERROR, "core", "PH00112", message)
    elif error.timed_out:
        request.log(Level.INFO, "core", "AH01581", "flushing data to the client")
        connection.sender.give_up()


def log_request(connection: Connection, request: ServerRequest) -> None:
    """The end of a request that has been answered: its log lines, and what the scoreboard counts."""
    slot, service = connection.slot, connection.service
    slot.set_status(Status.BUSY_LOG)
    connection.bytes_out = connection.sender.sent
    try:
        for log in service.loggers:
            if log(request) not in (OK, DECLINED):
                break
    except BaseException:
        log_exception(request)
    if service.extended_status:
        slot.end_request(request.arrived, request.began, time.monotonic(), connection.bytes_out)


def _chain(first: list[Piece], rest: Iterator[Piece]) -> Iterator[Piece]:
    yield from first
    yield from rest


def _close(pieces: Iterator[Piece]) -> None:
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
