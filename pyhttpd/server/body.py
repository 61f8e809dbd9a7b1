"""The body of a request, read from the connection on demand, with the time limits of RequestReadTimeout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn

from pyhttpd.api.connection import For, Wait
from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.reqtimeout import NO_LIMIT, ReadTimeouts
from pyhttpd.api.request import BodyError
from pyhttpd.http.chunked import ChunkedReader, ChunkError
from pyhttpd.http.fields import END_OF_FILE, FieldError, Unread
from pyhttpd.http.head import Head
from pyhttpd.http.headers import Headers
from pyhttpd.http.status import is_success
from pyhttpd.server.deadline import ReadDeadline
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.tracing import log_unread
from pyhttpd.util.escape import native

if TYPE_CHECKING:
    from pyhttpd.server.connection import Connection

_LARGEST_BODY = (1 << 63) - 1


class ReceivedBody:
    """Implements api.request.RequestBody. Holds no more of the body than one receive gave."""

    def __init__(self, connection: Connection, request: ServerRequest, head: Head) -> None:
        self._connection = connection
        self._request = request
        self._length = head.content_length
        self._left = head.content_length or 0  # of a body with Content-Length
        self._chunks: ChunkedReader | None = None
        self._chunked = head.chunked
        self._ready = b""
        self.announced = head.content_length or 0  # bytes
        self._begun = False
        self.ended = False
        self.failed = self.failed_in_trailers = False
        self._received = 0
        self._stage = NO_LIMIT
        self._unwanted_since = 0.0  # CLOCK_MONOTONIC; 0: whoever reads it wants it
        self._deadline: ReadDeadline | None = None

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes (-1: all that is left); b"" at the end. Raises BodyError."""
        if size >= 0:
            if size and not self._ready:
                self._next()
            part, self._ready = self._ready[:size], self._ready[size:]
            return part  # what is there is enough; the caller asks again
        parts: list[bytes] = []
        while self._ready or self._next():
            parts.append(self._ready)
            self._ready = b""
        return b"".join(parts)

    def skip(self, size: int) -> int:
        """Read on behalf of nobody. How many bytes it was, at most `size`; 0 at the end. Raises BodyError."""
        if not self._unwanted_since:
            self._unwanted_since = time.monotonic()
        return len(self.read(size))

    def _next(self) -> bool:
        """Get the next piece. False at the end."""
        if self.failed:
            raise BodyError("the body could not be read", None)
        if self.ended or not (self._begun or self._begin()):
            return False
        data = self._next_of_chunks() if self._chunks is not None else self._next_of_length()
        if not data:
            self.ended = True
            return False
        self._received += len(data)
        self._check_limit(self._received)
        self._ready = data
        return True

    def _begin(self) -> bool:
        """Look at what is announced, and ask for it (RFC 9110, section 10.1.1). False if it will not be read."""
        self._begun = True
        request = self._request
        limit = request.config(CoreDir).limit_request_body
        if self._length is not None and 0 < limit < self._length:
            message = f"Requested content-length of {self._length} is larger than the configured limit of {limit}"
            self._fail(message, 413, "AH01588")
        if self._chunked:
            self._chunks = ChunkedReader(self._connection.service.limits_of(request.server))
        if request.expecting_100 and request.version >= (1, 1):
            if not is_success(request.status):  # the answer is decided: the body need not come
                self.ended = True
                self._connection.close_after()
                return False
            request.expecting_100 = False
            self._connection.send_interim(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _next_of_length(self) -> bytes:
        if not self._left:
            return b""
        data = self._receive()
        if len(data) > self._left:
            self._connection.put_back(data[self._left :])
            data = data[: self._left]
        self._left -= len(data)
        return data

    def _next_of_chunks(self) -> bytes:
        chunks = self._chunks
        assert chunks is not None
        try:
            while (data := chunks.read()) is None:
                self._check_limit(min(self._received + chunks.remaining, _LARGEST_BODY))
                chunks.feed(self._receive())
        except ChunkError as error:
            self._fail(str(error), error.status, "AH01590")
        except FieldError as error:
            self._fail_trailers(error)
        if not data:
            self._connection.put_back(chunks.rest)
            self._take_trailers(chunks.trailers)
        return data

    def _take_trailers(self, trailers: Headers) -> None:
        request = self._request
        merged = request.server.config(CoreServer).merge_trailers
        for name, value in trailers:  # added in place: derived requests share the fields
            request.trailers_in.add(name, value)
            if merged:
                request.headers_in.add(name, value)

    def _check_limit(self, received: int) -> None:
        """A chunk that is too large is refused when its size is there, not when its bytes are."""
        limit = self._request.config(CoreDir).limit_request_body
        if 0 < limit < received:
            message = f"Read content length of {received} is larger than the configured limit of {limit}"
            self._fail(message, 413, "AH01591")

    def _receive(self) -> bytes:
        request, connection = self._request, self._connection
        if self._deadline is None:
            if request.method != "CONNECT":
                self._stage = request.server.config(ReadTimeouts).body
            timeout = request.server.config(CoreServer).timeout
            self._deadline = ReadDeadline(self._stage, timeout, time.monotonic())
        reason = For.DISCARD if self._unwanted_since else For.BODY
        chunk = connection.receive_blocking(Wait(reason, self._deadline.at, self._unwanted_since))
        if chunk:
            self._deadline.received(len(chunk), time.monotonic())
            return chunk
        status, message = 400, "the client closed the connection within the body"
        if chunk is None:
            status, message = 408, "the body did not arrive in time"
            if self._stage.initial > 0:
                request.log(Level.INFO, "reqtimeout", "AH01382", "Request body read timeout")
                connection.linger_shortly()
        if self._chunks is not None and self._chunks.in_trailers:
            error = FieldError(None, unread=Unread(END_OF_FILE, "(null)") if chunk is not None else None)
            error.fields = self._chunks.trailers_so_far()
            self._fail_trailers(error, status)
        return self._fail(message, status, None, unmeasured=False)

    def _fail_trailers(self, error: FieldError, status: int = 400) -> NoReturn:
        request = self._request
        self._take_trailers(error.fields or Headers())
        self.failed_in_trailers = True
        if error.unread is not None:
            log_unread(request, error.unread)
        if error.number is not None:
            request.log(Level.DEBUG if error.note is None else Level.INFO, "core", error.number, native(str(error)))
        note = "" if error.note is None else f": {error.note}"
        if error.note is not None:
            request.notes["error-notes"] = error.note
        self._fail(f"Error while reading HTTP trailer: {status}{note}", 400, "AH02656", unmeasured=False)

    def _fail(self, message: str, status: int, number: str | None, *, unmeasured: bool = True) -> NoReturn:
        self.failed = True
        self._request.unmeasured = unmeasured  # as in Apache, which sends some of these answers from within reading
        self._connection.close_after()
        if number is not None:
            self._request.log(Level.INFO, "http", number, message)
        raise BodyError(message, status)
