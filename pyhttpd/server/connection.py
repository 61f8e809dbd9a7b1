"""One connection: from its first byte to its last, as a state machine that never waits for an idle client.

`serve` runs until it would have to wait for the client, and returns what it waits for and until when; the MPM waits.
"""

from __future__ import annotations

import socket
from enum import Enum, auto
from time import monotonic
from time import time as wall_time
from typing import TYPE_CHECKING, Any, TypeVar

from pyhttpd.api.connection import CLOSE, RECEIVE_LIMIT, SHORTLY, For, Wait, Woken
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DONE, OK, Phase
from pyhttpd.api.recording import Recording
from pyhttpd.http.fields import END_OF_FILE, Unread
from pyhttpd.http.head import Head, HeadBuffer, HeadError, check_lines, is_whole, parse_head
from pyhttpd.scoreboard import Slot, Status
from pyhttpd.server.again import send_again
from pyhttpd.server.answer_inputs import question_of
from pyhttpd.server.answer_memo import KeptAnswer
from pyhttpd.server.deadline import ReadDeadline
from pyhttpd.server.endpoint import plain_name
from pyhttpd.server.exchange import Exchange
from pyhttpd.server.hosts import idle_time
from pyhttpd.server.pipeline import log_exception
from pyhttpd.server.sending import ClientGoneError, Sender
from pyhttpd.server.tracing import TracingSender
from pyhttpd.util.escape import log_path

if TYPE_CHECKING:
    from pyhttpd.server.service import HttpService
    from pyhttpd.server.vhosts import Chain

T = TypeVar("T")

_RECEIVE = 8192
# Members of an enum cost a look-up each time.
READ, KEEPALIVE, CLOSING = int(Status.BUSY_READ), int(Status.BUSY_KEEPALIVE), int(Status.CLOSING)
NOW = int(socket.MSG_DONTWAIT)
_FLIGHT = 14_600  # bytes that leave at once, before the client confirms any (RFC 6928, section 2)
_LOOK = 8  # answers between two looks whether it is the same head that comes again and again
_LINGER_IDLE = 2.0  # seconds in which the client sends nothing, after our end
_LINGER_TOTAL = 30.0


class State(Enum):
    NEW = auto()  # nothing has arrived yet
    HEAD = auto()  # a part of a head is there
    IDLE = auto()  # between two requests
    LINGER = auto()  # our side is closed; read until the client's is, so that no reset eats our last answer


class Connection:
    """Implements api.connection.Conversation and api.request.ConnectionInfo."""

    shortly = SHORTLY
    recording: Recording | None = None  # of the answer that is being made, if it may be kept
    local_name: str | None = None
    log_id: str | None = None
    answered = False  # an answer was sent, or tried
    kept = 0  # those after which the connection stayed open
    keep_alive = False
    client_closes = False  # it has said that it sends nothing more
    aborted = False
    closing = False  # nothing may be read as a request after this answer
    _first: bytes | None = None  # what had come when the connection was accepted
    _found: tuple[KeptAnswer | None, str | None] | None = None  # what the memo has for that
    bytes_in = 0
    bytes_out = 0
    arrived = 0.0  # when the first byte of this head came, seconds since the epoch
    began = 0.0  # the same on CLOCK_MONOTONIC
    request_line = ""  # of an answer that was sent again, as it stands in a log line
    ended = 0.0  # likewise, when it had been sent
    _client_name: str | None = None
    last_kept: KeptAnswer | None = None  # what was sent last, if it was a kept answer
    _deadline: ReadDeadline | None = None
    idle_time = 0.0
    _linger_short = False
    _linger_until = 0.0
    _lingering = 0.0

    def __init__(self, service: HttpService, sock: socket.socket, peer: Any, slot: Slot, number: int) -> None:
        self.service = service
        self.sock = sock
        self.slot = slot
        self._number = number
        self.address, self._client_port = plain_name(peer)
        self.host = self.address
        self.endpoint = endpoint = service.endpoints.find(sock)
        self._limited = endpoint.limited  # whether a blocking recv ends SHORTLY
        self.local_ip, self.local_port = endpoint.address
        self.base_server = endpoint.server
        self.sender = (
            TracingSender(sock, endpoint.timeout, service.log_of(endpoint.server), self)
            if service.traced
            else Sender(sock, endpoint.timeout)
        )
        self._input = HeadBuffer()
        self._state = State.NEW

    @property
    def chain(self) -> Chain | None:
        """The virtual hosts of the address that it came to."""
        return self.endpoint.chain

    # -- what another client, or another request, may have otherwise: answers that depend on it are not kept

    def _told(self, value: T) -> T:
        if self.recording is not None:
            self.recording.spoil()
        return value

    @property
    def client_ip(self) -> str:
        return self._told(self.address)

    @property
    def client_port(self) -> int:
        return self._told(self._client_port)

    @property
    def client_name(self) -> str | None:
        return self._told(self._client_name)

    @client_name.setter
    def client_name(self, name: str | None) -> None:
        self._client_name = name
        self.host = log_path(name) if name else self.address

    @property
    def number(self) -> int:
        return self._told(self._number)

    @property
    def requests(self) -> int:
        """As Apache counts for %k: the last one before a close twice."""
        return self._told(max(self.kept - 1, 0))

    # -- the state machine

    def begin(self) -> bool:
        """See api.connection.Conversation. What is known, and small enough to be sent whatever the client does."""
        if self.service.welcomes:
            return False
        self._start()
        chunk = self._first = self._receive()
        if not chunk:
            return False
        kept, line = self._found = self._find(chunk)
        if kept is None or kept.logs is None or kept.parts or kept.size > self.endpoint.sent_at_once:
            return False
        self._found = None
        if not send_again(self, kept, chunk, line) or self.keep_alive or not (self.client_closes or self.aborted):
            return False
        self.slot.set_status(CLOSING)
        return True

    def _start(self) -> None:
        self.slot.set_status(READ)
        self.arrived, self.began = wall_time(), monotonic()

    def serve(self, woken: Woken) -> Wait:
        """See api.connection.Conversation."""
        if self._state is State.LINGER:
            return CLOSE if woken in (Woken.EXPIRED, Woken.CROWDED) else self._linger()
        if woken is Woken.NEW:
            if not self.began:
                self._start()
                if self.service.welcomes and not self._welcome():
                    return CLOSE
                self._first = self._receive()
            chunk, self._first = self._first, None
            if self.answered or (chunk and self._repeat(chunk)):
                self.bytes_in = 0
                if not self.keep_alive:
                    return self._close()
                self._between_requests()
            else:
                self._begin_head(self.began)
                if chunk is None:
                    return self._wait()
                if not chunk:
                    return self._client_ended()
                self._take_in(chunk, self.began)
        elif woken is Woken.EXPIRED:
            return self._expired()
        elif woken is Woken.CROWDED:
            return self._expired() if self._state is State.HEAD else self._make_room()
        while True:
            if self._state is State.IDLE:
                wait = self._next(woken)
                if wait is not None:
                    return wait
            try:
                head = self._input.take(self.endpoint.limits, between=self.answered)
            except HeadError as error:
                if error.status:
                    self._refuse(error)
                return self._close()
            if head is not None:
                self._answer(head)
                if not self.keep_alive or self.aborted:
                    return self._close()
                self._between_requests()
                continue
            chunk = self._receive()
            if chunk is None:
                return self._wait()
            if not chunk:
                return self._client_ended()
            self._take_in(chunk, monotonic())

    def _next(self, woken: Woken) -> Wait | None:
        """Between two requests: answer those whose answer is known, as long as one comes SHORTLY after another. None if
        something else has come, which is in `_input` then."""
        patient = 0 < self.shortly < self.idle_time and woken is not Woken.ENDED
        flags = self._blocking() if patient else NOW
        receive, set_status = self.sock.recv, self.slot.set_status
        address, by_head = self.endpoint.address, self.service.answers.by_head
        while True:
            try:
                chunk = receive(_RECEIVE, flags)
            except BlockingIOError:
                return self._close() if woken is Woken.ENDED else Wait(For.IDLE, self.ended + self.idle_time)
            except OSError:
                self.aborted = True
                return self._client_ended()
            if not chunk:
                return self._client_ended()
            self.bytes_in = len(chunk)
            self.arrived, self.began = wall_time(), monotonic()
            kept, line = by_head.young.get((address, chunk)), None
            if kept is None:
                kept, line = self._find(chunk)
            if kept is None or not send_again(self, kept, chunk, line):
                if not is_whole(chunk, self.endpoint.limits):
                    break
                self._exchange(chunk)
                self.sender.sent = 0
                self.ended = monotonic()
                if self._input.data:  # the next request, behind a body
                    self.bytes_in = len(self._input.data)
                    if not self.keep_alive or self.aborted:
                        return self._close()
                    self._between_requests()
                    return None
            if not self.keep_alive or self.aborted:
                return self._close()
            set_status(KEEPALIVE)
        self._begin_head(self.began)
        self._take_in(chunk, self.began)
        return None

    def _take_in(self, chunk: bytes, now: float) -> None:
        """A part of a head has come. `now` on CLOCK_MONOTONIC."""
        self._state = State.HEAD
        assert self._deadline is not None
        self._deadline.received(len(chunk), now)
        self._input.feed(chunk)

    def _answer(self, head: bytes) -> None:
        """Answer what came with this head, from the memo or anew."""
        self.bytes_in -= len(self._input.data)  # what has come behind this head belongs to the body or the next request
        if not self._repeat(head):
            self._exchange(head)
        self.bytes_in = len(self._input.data)
        self.sender.sent = 0

    def _repeat(self, data: bytes) -> bool:
        """Send the answer that the memo has for this head. False if it has none that holds."""
        kept, line = self._found or self._find(data)
        self._found = None
        return kept is not None and send_again(self, kept, data, line)

    def _find(self, data: bytes) -> tuple[KeptAnswer | None, str | None]:
        """What the memo has for this head, or for its outline: then with the request line."""
        answers, endpoint = self.service.answers, self.endpoint
        key = endpoint.address, data
        kept = answers.by_head.get(key)
        if kept is not None or not endpoint.outlined:
            return kept, None
        kept, line = answers.outlines.find(endpoint.address, data)
        if kept is not None and not self.kept % _LOOK and answers.seen_before(key):
            return None, None  # equal heads have a shorter way: let it be put there
        return kept, line

    def _welcome(self) -> bool:
        """Ask the pre_connection hooks. What they refuse, or fail at, is closed without an answer."""
        try:
            return self.service.pipeline.run(Phase.PRE_CONNECTION, self) in (OK, DONE)
        except BaseException:
            log_exception(self._new_exchange().request)
            return False

    def _begin_head(self, now: float) -> None:
        """`now` on CLOCK_MONOTONIC: from when on the client's time runs."""
        between = self._state is State.IDLE
        pause = self.idle_time if between else self.endpoint.timeout  # until the request line is there
        self._deadline = ReadDeadline(self.endpoint.stages.header, pause, now)
        if between:
            self.slot.set_status(Status.BUSY_READ)

    def _between_requests(self) -> None:
        self._state = State.IDLE
        self.ended = monotonic()
        if self._input.data:  # the next request is here already
            self.arrived, self.began = wall_time(), monotonic()
            self._begin_head(self.began)
            self._state = State.HEAD
        else:
            self.slot.set_status(Status.BUSY_KEEPALIVE)

    def _wait(self) -> Wait:
        assert self._deadline is not None
        if self._input.has_line:
            self._deadline.allow_pause(self.endpoint.timeout)
        return Wait(For.FIRST if self._state is State.NEW else For.READ, self._deadline.at, self.began)

    def _make_room(self) -> Wait:
        """End an idle connection at once: what has been answered was answered a while ago, so nobody lingers for it."""
        if self._state is State.NEW:
            self._new_exchange().log_only(Head(), 408)
        self.slot.set_status(CLOSING)
        return CLOSE

    def _expired(self) -> Wait:
        """The client was too slow. Only who has sent its request line is told so."""
        if self._state is State.IDLE:
            return self._close()
        if self.endpoint.stages.header.initial > 0:
            log = self.service.log_of(self.base_server)
            log.log(Level.INFO, "reqtimeout", "AH01382", "Request header read timeout", connection=self)
            self._linger_short = True
        if b"\n" in self._input.data:
            self._refuse_fields(408)
        elif not self.answered:
            self._new_exchange().log_only(Head(), 408)
        return self._close()

    def _client_ended(self) -> Wait:
        """The client's end of file. Within the fields of a head it is an error that is answered, as by Apache."""
        if b"\n" in self._input.data:
            self._refuse_fields(400, Unread(END_OF_FILE, "(null)"))
            return self._close()
        self.slot.set_status(CLOSING)
        return CLOSE

    # -- input

    def _blocking(self) -> int:
        """The flags of a recv that ends SHORTLY."""
        if not self._limited:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, RECEIVE_LIMIT)
            self._limited = True
        return 0

    def _receive(self, flags: int = NOW) -> bytes | None:
        """What has arrived; None if nothing has, b"" at the client's end."""
        try:
            chunk = self.sock.recv(_RECEIVE, flags)
        except BlockingIOError:
            return None
        except OSError:
            self.aborted = True
            return b""
        self.bytes_in += len(chunk)
        return chunk

    def receive_blocking(self, wait: Wait) -> bytes | None:
        """Bytes of a body: what is there, else what comes while `wait` lasts. None if nothing does."""
        if self._input.data:
            chunk = self._input.take_all()
            self.bytes_in += len(chunk)
            return chunk
        while True:
            received = self._receive()
            if received is not None:
                return received
            if self.service.wait(self.sock, wait) is not Woken.READY:
                return None

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
        self.last_kept = None
        return Exchange(self, self.arrived, self.began)

    def _exchange(self, data: bytes) -> None:
        service, answers, endpoint = self.service, self.service.answers, self.endpoint
        try:
            known = None if service.heads is None else service.heads.parse(data, endpoint.limits)
            head = known or parse_head(data, endpoint.limits)
        except HeadError as error:
            self._refuse(error)
            return
        answers.age(self.began)
        question = question_of(endpoint.address, head)
        kept = answers.find(question, head)
        if kept is not None and send_again(self, kept, data, head.line, head):
            return
        exchange = self._new_exchange()
        exchange.run(head, answers.wanted((endpoint.address, data), question))
        self.idle_time = idle_time(exchange.request.server, self.base_server)

    def _refuse_fields(self, status: int, unread: Unread | None = None) -> None:
        """A head that broke off behind its request line. What was wrong before counts more."""
        try:
            head = check_lines(bytes(self._input.data), self.endpoint.limits)
        except HeadError as error:
            self._refuse(error)
        else:
            self._refuse(HeadError(status, None, "", head, in_fields=True, unread=unread))

    def _refuse(self, error: HeadError) -> None:
        self.closing = True
        self._new_exchange().refuse(error)

    # -- the end

    def close(self) -> None:
        """See api.connection.Conversation."""
        try:
            self.sock.close()
        except OSError as error:
            self.service.error_log.log(Level.DEBUG, "core", None, "closing a connection", errno=error.errno)

    def _close(self) -> Wait:
        """Close our side and read until the client's end, or for a while: who sends into a closed connection gets a
        reset, which eats what it has not read yet. Who has promised to send nothing more need not be waited for, but
        where a promise that is not kept (a line end behind the request) would cost the rest of a large answer."""
        self.slot.set_status(CLOSING)
        self.keep_alive = False
        if self.aborted or (self.client_closes and not self._input.data and self.bytes_out <= _FLIGHT):
            return CLOSE
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return CLOSE
        self._state = State.LINGER
        self._linger_until = 0.0
        self._lingering = monotonic()
        return self._linger()

    def _linger(self) -> Wait:
        flags = self._blocking() if self.shortly else NOW  # its end usually comes at once
        while True:
            chunk = self._receive(flags)
            now = monotonic()
            if chunk is None:
                idle = now + _LINGER_IDLE
                until = min(idle, self._linger_until) if self._linger_until else idle
                return Wait(For.LINGER, until, self._lingering)
            if not chunk or (self._linger_until and now >= self._linger_until):
                return CLOSE
            if not self._linger_until:
                self._linger_until = now + (_LINGER_IDLE if self._linger_short else _LINGER_TOTAL)
