"""One connection: from its first byte to its last, as a state machine that never waits for an idle client.

`serve` runs until it would have to wait for the client, and returns what it waits for and until when; the MPM waits.
"""

from __future__ import annotations

import os
import socket
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeVar

from pyhttpd.api.connection import CLOSE, RECEIVE_LIMIT, SHORTLY, For, Wait, Woken
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DONE, OK, Phase
from pyhttpd.api.recording import Recording, unchanged
from pyhttpd.http.fields import END_OF_FILE, Unread
from pyhttpd.http.head import Head, HeadBuffer, HeadError, check_lines, is_whole, parse_head
from pyhttpd.scoreboard import Slot, Status
from pyhttpd.server.answer_memo import KeptAnswer, Key, copy_of, copy_with, open_files, send_parts
from pyhttpd.server.deadline import ReadDeadline
from pyhttpd.server.endpoint import plain_name
from pyhttpd.server.exchange import Exchange, log_again, log_request
from pyhttpd.server.hosts import idle_time
from pyhttpd.server.pipeline import log_exception
from pyhttpd.server.protocol_directives import HTTP_1
from pyhttpd.server.sending import ClientGoneError, Sender, TruncatedFileError
from pyhttpd.server.tracing import TracingSender

if TYPE_CHECKING:
    from pyhttpd.server.service import HttpService
    from pyhttpd.server.vhosts import Chain

T = TypeVar("T")

_RECEIVE = 8192
READ, KEEPALIVE = Status.BUSY_READ, Status.BUSY_KEEPALIVE  # members of an enum cost a look-up each time
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
    answered = 0  # answers that were sent, or tried
    kept = 0  # those after which the connection stayed open
    keep_alive = False
    aborted = False
    closing = False  # nothing may be read as a request after this answer
    bytes_in = 0
    bytes_out = 0
    arrived = 0.0  # when the first byte of this head came, seconds since the epoch
    began = 0.0  # the same on CLOCK_MONOTONIC
    ended = 0.0  # of an answer that was sent again, when it had been sent
    _client_name: str | None = None
    _requests = 0
    _described: KeptAnswer | None = None  # what the slot says, if this
    _deadline: ReadDeadline | None = None
    _idle_time = 0.0
    _idle_until = 0.0
    _linger_short = False
    _linger_until = 0.0
    _lingering = 0.0

    def __init__(self, service: HttpService, sock: socket.socket, peer: Any, slot: Slot, number: int) -> None:
        self.service = service
        self.sock = sock
        self.slot = slot
        self._number = number
        self.address, self._client_port = plain_name(peer)
        self._endpoint = endpoint = service.endpoints.find(sock)
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
        return self._endpoint.chain

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

    @property
    def number(self) -> int:
        return self._told(self._number)

    @property
    def requests(self) -> int:
        return self._told(self._requests)

    def note_request(self) -> None:
        """As Apache counts for %k: the last one before a close twice."""
        self._requests = max(self.kept - 1, 0)

    # -- the state machine

    def serve(self, woken: Woken) -> Wait:
        """See api.connection.Conversation."""
        if self._state is State.LINGER:
            return CLOSE if woken in (Woken.EXPIRED, Woken.CROWDED) else self._linger()
        if woken is Woken.NEW:
            self.slot.set_status(READ)
            self.arrived, self.began = time.time(), time.monotonic()
            if self.service.welcomes and not self._welcome():
                return CLOSE
            chunk = self._receive()
            if chunk and self._repeat(chunk):
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
                head = self._input.take(self._endpoint.limits, between=self.answered > 0)
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
            self._take_in(chunk, time.monotonic())

    def _next(self, woken: Woken) -> Wait | None:
        """Between two requests: answer those whose answer is known, as long as one comes SHORTLY after another. None if
        something else has come, which is in `_input` then."""
        patient = 0 < self.shortly < self._idle_time and woken is not Woken.ENDED
        flags = self._blocking() if patient else socket.MSG_DONTWAIT
        receive = self.sock.recv
        while True:
            try:
                chunk = receive(_RECEIVE, flags)
            except BlockingIOError:
                return self._close() if woken is Woken.ENDED else Wait(For.IDLE, self._idle_until)
            except OSError:
                self.aborted = True
                return self._client_ended()
            if not chunk:
                return self._client_ended()
            self.bytes_in = len(chunk)
            self.arrived, self.began = time.time(), time.monotonic()
            if not self._repeat(chunk):
                if not is_whole(chunk, self._endpoint.limits):
                    break
                self._exchange(chunk)
                self.sender.sent = 0
                self.ended = time.monotonic()
            if not self.keep_alive or self.aborted:
                self.bytes_in = 0
                return self._close()
            if self._input.data:  # the next request, behind a body
                self.bytes_in = len(self._input.data)
                self._between_requests()
                return None
            self.bytes_in = 0
            self.slot.set_status(KEEPALIVE)
            self._idle_until = self.ended + self._idle_time
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

    def _repeat(self, head: bytes) -> bool:
        """Send the answer that the memo has for this head. False if it has none that still holds."""
        answers = self.service.answers
        kept = answers.get((self._endpoint.address, head))
        if kept is None:
            return False
        sent = self._send_again(kept)
        if kept.stale:
            answers.drop((self._endpoint.address, head))
        return sent

    def _send_again(self, kept: KeptAnswer, head: Head | None = None, key: Key | None = None) -> bool:
        """Send a kept answer. False if it does not hold, for this connection or at all. With a `head` it was made for
        another head; it is put into the memo for this one, whose `key` is given if it has come before."""
        service = self.service
        if self.closing or service.leaving:
            return False
        left = kept.limit - self.kept
        if kept.limit and left <= 0:
            return False
        if kept.stale or not unchanged(kept.checks):
            kept.stale = True
            return False
        files: list[int] | None = None
        if kept.parts:
            files = open_files(kept.parts)
            if files is None:
                return False
        slot, sender, arrived = self.slot, self.sender, self.arrived
        if service.extended_status:
            if head is not None:
                slot.describe(self.address, HTTP_1, kept.vhost, head.line)
                self._described = None
            elif self._described is not kept:
                slot.describe(self.address, HTTP_1, kept.vhost, kept.request.request_line)
                self._described = kept
            slot.begin_request(arrived)
        else:
            slot.set_status(Status.BUSY_WRITE)
        self.answered += 1
        self.keep_alive = kept.stays
        self._idle_time = kept.idle_time
        if kept.stays:
            self.kept += 1
        sender.timeout = kept.send_timeout
        request = None
        if head is not None:
            request = copy_with(kept.request, head, self, arrived, self.began)
        elif kept.logs is None:
            request = copy_of(kept.request, self, arrived, self.began)
        if request is not None and kept.tracks_first_byte:
            request.answer.first_byte = time.monotonic()
        message = kept.message(int(arrived), left)
        try:
            sender.send(message, more=files is not None)
            if files is not None:
                send_parts(sender, kept.parts, files, kept.request.answer)
        except (ClientGoneError, TruncatedFileError) as error:
            self.aborted, self.keep_alive = True, False
            if request is None:
                request = copy_of(kept.request, self, arrived, self.began)
            request.answer.bytes_sent = max(sender.sent - len(message) + kept.inline, 0)
            if isinstance(error, ClientGoneError) and error.timed_out:
                request.log(Level.INFO, "core", "AH01581", "flushing data to the client")
                sender.give_up()
        finally:
            for fd in files or ():
                os.close(fd)
        if request is None:
            log_again(self, kept)
        else:
            log_request(self, request)
            self.ended = time.monotonic()
            request.done()
            if self.aborted:
                pass  # what this request says of itself is not what others will
            elif key is not None:
                service.answers.put_for_head(key, kept.for_head(request))
            elif head is None and not kept.prepared:
                kept.prepare_logs(request, service.pipeline.log_again)
        sender.sent = 0
        return True

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
        pause = self._idle_time if between else self._endpoint.timeout  # until the request line is there
        self._deadline = ReadDeadline(self._endpoint.stages.header, pause, now)
        if between:
            self.slot.set_status(Status.BUSY_READ)

    def _between_requests(self) -> None:
        self._state = State.IDLE
        self._idle_until = time.monotonic() + self._idle_time
        if self._input.data:  # the next request is here already
            self.arrived, self.began = time.time(), time.monotonic()
            self._begin_head(self.began)
            self._state = State.HEAD
        else:
            self.slot.set_status(Status.BUSY_KEEPALIVE)

    def _wait(self) -> Wait:
        assert self._deadline is not None
        if self._input.has_line:
            self._deadline.allow_pause(self._endpoint.timeout)
        return Wait(For.FIRST if self._state is State.NEW else For.READ, self._deadline.at, self.began)

    def _make_room(self) -> Wait:
        """End an idle connection at once: what has been answered was answered a while ago, so nobody lingers for it."""
        if self._state is State.NEW:
            self._new_exchange().log_only(Head(), 408)
        self.slot.set_status(Status.CLOSING)
        return CLOSE

    def _expired(self) -> Wait:
        """The client was too slow. Only who has sent its request line is told so."""
        if self._state is State.IDLE:
            return self._close()
        if self._endpoint.stages.header.initial > 0:
            log = self.service.log_of(self.base_server)
            log.log(Level.INFO, "reqtimeout", "AH01382", "Request header read timeout", connection=self)
            self._linger_short = True
        if b"\n" in self._input.data:
            self._refuse_fields(408)
        elif self.answered == 0:
            self._new_exchange().log_only(Head(), 408)
        return self._close()

    def _client_ended(self) -> Wait:
        """The client's end of file. Within the fields of a head it is an error that is answered, as by Apache."""
        if b"\n" in self._input.data:
            self._refuse_fields(400, Unread(END_OF_FILE, "(null)"))
            return self._close()
        self.slot.set_status(Status.CLOSING)
        return CLOSE

    # -- input

    def _blocking(self) -> int:
        """The flags of a recv that ends SHORTLY."""
        if not self._limited:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, RECEIVE_LIMIT)
            self._limited = True
        return 0

    def _receive(self, flags: int = socket.MSG_DONTWAIT) -> bytes | None:
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
        self._described = None
        return Exchange(self, self.arrived, self.began)

    def _exchange(self, data: bytes) -> None:
        service, endpoint = self.service, self._endpoint
        try:
            known = None if service.heads is None else service.heads.parse(data, endpoint.limits)
            head = known or parse_head(data, endpoint.limits)
        except HeadError as error:
            self._refuse(error)
            return
        key = endpoint.address, data
        wish = service.answers.wanted(key, head, self.began)
        kept = service.answers.find(endpoint.address, head)
        if kept is not None and self._send_again(kept, head, wish and wish.key):
            return
        exchange = self._new_exchange()
        exchange.run(head, wish)
        self._idle_time = idle_time(exchange.request.server, self.base_server)

    def _refuse_fields(self, status: int, unread: Unread | None = None) -> None:
        """A head that broke off behind its request line. What was wrong before counts more."""
        try:
            head = check_lines(bytes(self._input.data), self._endpoint.limits)
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
        self._lingering = time.monotonic()
        return self._linger()

    def _linger(self) -> Wait:
        flags = self._blocking() if self.shortly else socket.MSG_DONTWAIT  # its end usually comes at once
        while True:
            chunk = self._receive(flags)
            now = time.monotonic()
            if chunk is None:
                idle = now + _LINGER_IDLE
                until = min(idle, self._linger_until) if self._linger_until else idle
                return Wait(For.LINGER, until, self._lingering)
            if not chunk or (self._linger_until and now >= self._linger_until):
                return CLOSE
            if not self._linger_until:
                self._linger_until = now + (_LINGER_IDLE if self._linger_short else _LINGER_TOTAL)
