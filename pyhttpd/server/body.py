"""The body of a request, read from the connection on demand, with the time limits of RequestReadTimeout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import h11

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.reqtimeout import ReadTimeouts
from pyhttpd.api.request import BodyError
from pyhttpd.server.deadline import ReadDeadline
from pyhttpd.server.request import ServerRequest

if TYPE_CHECKING:
    from pyhttpd.server.connection import Connection

_CHUNK = 65536
_LARGEST_BODY = (1 << 63) - 1


def _rest_of_chunk(reader: h11.Connection) -> int:
    """How much of the chunk whose size has been read is still to come. h11 knows, and has no public name for it."""
    rest = getattr(getattr(reader, "_reader", None), "_bytes_in_chunk", 0)
    return rest if isinstance(rest, int) else 0


class ReceivedBody:
    """Implements api.request.RequestBody over h11, which takes Content-Length and chunked apart."""

    def __init__(self, connection: Connection, request: ServerRequest, reader: h11.Connection) -> None:
        self._connection = connection
        self._request = request
        self._reader = reader
        self._ready = b""
        self.ended = False
        self.failed = False
        self._received = 0
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

    def _next(self) -> bool:
        """Get the next piece. False at the end."""
        if self.failed:
            raise BodyError("the body could not be read", None)
        if self._received == 0 and not self.ended:
            self._check_announced()
            self._ask_for_it()
        while not self.ended:
            try:
                event = self._reader.next_event()
            except h11.RemoteProtocolError:
                self._fail("Error reading/parsing chunk ", 400, "AH01590")
            if event is h11.NEED_DATA:
                self._check_chunk()
                self._receive()
            elif isinstance(event, h11.Data):
                data = bytes(event.data)
                self._received += len(data)
                self._check_limit(self._received)
                if data:
                    self._ready = data
                    return True
            else:  # the end of the message, or of the connection's use for HTTP
                self.ended = True
                self._connection.put_back(bytes(self._reader.trailing_data[0]))
        return False

    def _check_announced(self) -> None:
        length = self._request.headers_in.get("Content-Length")
        limit = self._request.config(CoreDir).limit_request_body
        if length is not None and 0 < limit < int(length):
            message = f"Requested content-length of {length} is larger than the configured limit of {limit}"
            self._fail(message, 413, "AH01588")

    def _ask_for_it(self) -> None:
        """A client that waits for `100 Continue` gets it when somebody wants its body (RFC 9110, section 10.1.1)."""
        if self._request.expecting_100 and self._request.version >= (1, 1):
            self._request.expecting_100 = False
            self._connection.send_interim(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _check_limit(self, received: int) -> None:
        limit = self._request.config(CoreDir).limit_request_body
        if 0 < limit < received:
            message = f"Read content length of {received} is larger than the configured limit of {limit}"
            self._fail(message, 413, "AH01591")

    def _check_chunk(self) -> None:
        """A chunk that is too large is refused when its size is there, not when its bytes are."""
        declared = self._received + _rest_of_chunk(self._reader)
        if declared > _LARGEST_BODY:
            self._fail("Error reading/parsing chunk ", 413, "AH01590")
        self._check_limit(declared)

    def _receive(self) -> None:
        request, connection = self._request, self._connection
        if self._deadline is None:
            stage = request.server.config(ReadTimeouts).body
            self._deadline = ReadDeadline(stage, request.server.config(CoreServer).timeout, time.monotonic())
        chunk = connection.receive_blocking(self._deadline.at)
        if chunk is None:
            request.log(Level.INFO, "reqtimeout", "AH01382", "Request body read timeout")
            connection.linger_shortly()
            self._fail("the body did not arrive in time", 408, None)
        elif not chunk:
            self._fail("the client closed the connection within the body", 400, None)
        else:
            self._deadline.received(len(chunk), time.monotonic())
            self._reader.receive_data(chunk)

    def _fail(self, message: str, status: int, number: str | None) -> None:
        self.failed = True
        self._request.unmeasured = True  # as in Apache, which sends this answer from within reading
        self._connection.close_after()
        if number is not None:
            self._request.log(Level.INFO, "http", number, message)
        raise BodyError(message, status)
