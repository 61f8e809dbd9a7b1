"""One connection: from its first byte to its last, as a state machine that never waits for an idle client.

`serve` runs until it would have to wait for the client, and returns what it waits for and until when; the MPM waits.
"""

from __future__ import annotations

import select
import socket
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from pyhttpd.api.connection import CLOSE, For, Wait, Woken
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DONE, OK, Phase
from pyhttpd.api.reqtimeout import ReadTimeouts
from pyhttpd.config.configuration import ServerRecord
from pyhttpd.http.head import Head, HeadBuffer, HeadError, Limits, parse_head, parse_request_line
from pyhttpd.scoreboard import Slot, Status
from pyhttpd.server.deadline import ReadDeadline
from pyhttpd.server.exchange import Exchange
from pyhttpd.server.pipeline import log_exception
from pyhttpd.server.sending import ClientGoneError, Sender

if TYPE_CHECKING:
    from pyhttpd.server.service import HttpService

_RECEIVE = 8192
_LINGER_IDLE = 2.0  # seconds in which the client sends nothing, after our end
_LINGER_TOTAL = 30.0


class State(Enum):
    NEW = auto()  # nothing has arrived yet
    HEAD = auto()  # a part of a head is there
    IDLE = auto()  # between two requests
    LINGER = auto()  # our side is closed; read until the client's is, so that no reset eats our last answer


class Connection:
    """Implements api.connection.ConnectionInfo."""

    def __init__(self, service: HttpService, sock: socket.socket, peer: Any, slot: Slot, number: int) -> None:
        self.service = service
        self.sock = sock
        self.slot = slot
        self.number = number
        self.client_ip, self.client_port = _address(peer)
        self.local_ip, self.local_port = _address(sock.getsockname())
        self.chain = service.vhosts.at(self.local_ip, self.local_port)
        self.base_server: ServerRecord = service.vhosts.main if self.chain is None else self.chain.default
        self.requests = 0
        self.answered = 0  # answers that were sent, or tried
        self.kept = 0  # those after which the connection stayed open
        self.keep_alive = False
        self.aborted = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.closing = False  # nothing may be read as a request after this answer
        self.sender = Sender(sock)
        self._input = HeadBuffer()
        self._state = State.NEW
        self._linger_short = False
        self._deadline: ReadDeadline | None = None
        self._idle_time = 0.0
        self._idle_until = 0.0
        self._linger_until = 0.0
        self._arrived = 0.0  # when the first byte of this head came, seconds since the epoch
        self._started = 0.0
        core = self.base_server.config(CoreServer)
        self._limits = Limits(core.limit_request_line, core.limit_request_fields, core.limit_request_field_size)
        self._timeout = core.timeout
        self._stages = self.base_server.config(ReadTimeouts)
        self.sender.set_timeout(self._timeout)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # -- the state machine

    def serve(self, woken: Woken) -> Wait:
        """See api.connection.Service."""
        if self._state is State.LINGER:
            return CLOSE if woken is Woken.EXPIRED else self._linger()
        if woken is Woken.NEW:
            self.slot.set_status(Status.BUSY_READ)
            self._begin_head()
            if not self._welcome():
                return CLOSE
        elif woken is Woken.EXPIRED:
            return self._expired()
        while True:
            try:
                head = self._input.take(self._limits, lenient_blanks=self.answered > 0)
            except HeadError as error:
                self._refuse(error)
                return self._close()
            if head is not None:
                self._exchange(head)
                if not self.keep_alive or self.aborted:
                    return self._close()
                self._between_requests()
                continue
            chunk = self._receive()
            if chunk is None:
                return self._close() if woken is Woken.ENDED else self._wait()
            if not chunk:
                return self._client_ended()
            if self._state is State.IDLE:
                self._begin_head()
            self._state = State.HEAD
            if self._deadline is not None:
                self._deadline.received(len(chunk), time.monotonic())
            self._input.feed(chunk)
            woken = Woken.READY

    def _welcome(self) -> bool:
        """Ask the pre_connection hooks. What they refuse, or fail at, is closed without an answer."""
        try:
            return self.service.pipeline.run(Phase.PRE_CONNECTION, self) in (OK, DONE)
        except BaseException:
            log_exception(self._new_exchange().request)
            return False

    def _begin_head(self) -> None:
        now = time.monotonic()
        self._arrived, self._started = time.time(), now
        self._deadline = ReadDeadline(self._stages.header, self._timeout, now)
        if self._state is State.IDLE:
            self.slot.set_status(Status.BUSY_READ)

    def _between_requests(self) -> None:
        self._state = State.IDLE
        self._idle_until = time.monotonic() + self._idle_time
        if self._input.data:  # the next request is here already
            self._begin_head()
            self._state = State.HEAD
        else:
            self.slot.set_status(Status.BUSY_KEEPALIVE)

    def _wait(self) -> Wait:
        if self._state is State.IDLE:
            return Wait(For.IDLE, self._idle_until)
        assert self._deadline is not None
        return Wait(For.READ, self._deadline.at)

    def _expired(self) -> Wait:
        """The client was too slow. Only who has sent its request line is told so."""
        if self._state is State.IDLE:
            return self._close()
        log = self.service.log_of(self.base_server)
        client = f"{self.client_ip}:{self.client_port}"
        log.log(Level.INFO, "reqtimeout", "AH01382", "Request header read timeout", client=client)
        self._linger_short = True
        line, end, _ = bytes(self._input.data).partition(b"\r\n")
        if end:
            self._refuse_fields(408, line)
        elif self.answered == 0:
            self._new_exchange().log_only(Head(line=line.decode("latin-1")), 408)
        return self._close()

    def _client_ended(self) -> Wait:
        """The client's end of file. Within the fields of a head it is an error that is answered, as by Apache."""
        line, end, _ = bytes(self._input.data).partition(b"\r\n")
        if end and line:
            self._refuse_fields(400, line)
            return self._close()
        self.slot.set_status(Status.CLOSING)
        return CLOSE

    # -- input

    def _receive(self) -> bytes | None:
        """What has arrived; None if nothing has, b"" at the client's end."""
        try:
            chunk = self.sock.recv(_RECEIVE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            self.aborted = True
            return b""
        self.bytes_in += len(chunk)
        return chunk

    def receive_blocking(self, until: float) -> bytes | None:
        """Bytes of a body: what is there, else what comes before `until` (monotonic). None if nothing does."""
        if self._input.data:
            chunk = self._input.take_all()
            self.bytes_in += len(chunk)
            return chunk
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        while True:
            received = self._receive()
            if received is not None:
                return received
            remaining = until - time.monotonic()
            if remaining <= 0:
                return None
            poll.poll(min(int(remaining * 1000) + 1, 1_000_000))

    def put_back(self, chunk: bytes) -> None:
        """What was read behind the end of a body belongs to the next request."""
        if chunk:
            self._input.put_back(chunk)
            self.bytes_in -= len(chunk)

    def send_interim(self, data: bytes) -> None:
        """A 1xx answer. Whoever cannot take it will not take the final one either."""
        try:
            self.sender.send(data)
        except ClientGoneError:
            self.aborted = True

    def close_after(self) -> None:
        """The state of the input is unknown: this answer is the last."""
        self.closing = True

    def linger_shortly(self) -> None:
        self._linger_short = True

    # -- requests

    def _new_exchange(self) -> Exchange:
        return Exchange(self, self._arrived, self._started)

    def _exchange(self, data: bytes) -> None:
        self.bytes_in -= len(self._input.data)  # what has come behind this head belongs to the body or the next request
        try:
            head, reader = parse_head(data, self._limits)
        except HeadError as error:
            self._refuse(error)
        else:
            exchange = self._new_exchange()
            exchange.run(head, reader)
            self._idle_time = exchange.request.server.config(CoreServer).keep_alive_timeout
        self.bytes_in = len(self._input.data)
        self.sender.sent = 0

    def _refuse_fields(self, status: int, line: bytes) -> None:
        """A head that broke off behind its request line."""
        try:
            head = parse_request_line(line, self._limits)
        except HeadError as error:
            head = error.head
        self._refuse(HeadError(status, "AH00567", "request failed: error reading the headers", head))

    def _refuse(self, error: HeadError) -> None:
        self.closing = True
        self._new_exchange().refuse(error)

    # -- the end

    def _close(self) -> Wait:
        """Close our side and read until the client's end, or for a while."""
        self.slot.set_status(Status.CLOSING)
        self.keep_alive = False
        if self.aborted:
            return CLOSE
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return CLOSE
        self._state = State.LINGER
        self._linger_until = 0.0
        return self._linger()

    def _linger(self) -> Wait:
        while True:
            chunk = self._receive()
            now = time.monotonic()
            if chunk is None:
                idle = now + _LINGER_IDLE
                return Wait(For.LINGER, min(idle, self._linger_until) if self._linger_until else idle)
            if not chunk or (self._linger_until and now >= self._linger_until):
                return CLOSE
            if not self._linger_until:
                self._linger_until = now + (_LINGER_IDLE if self._linger_short else _LINGER_TOTAL)


def _address(address: Any) -> tuple[str, int]:
    """Host and port of a socket name; an IPv4 client on an IPv6 socket in IPv4's spelling."""
    if not isinstance(address, tuple):
        return "127.0.0.1", 0  # a Unix socket
    host = str(address[0])
    return host.removeprefix("::ffff:") if "." in host else host, int(address[1])
