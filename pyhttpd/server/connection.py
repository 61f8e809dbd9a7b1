"""One connection: from its first byte to its last, as a state machine that never waits for an idle client.

`serve` runs until it would have to wait for the client, and returns what it waits for and until when; the MPM waits.
"""

from __future__ import annotations

import os
import select
import socket
import time
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeVar

from pyhttpd.api.connection import CLOSE, For, Wait, Woken
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DONE, OK, Phase
from pyhttpd.api.recording import Recording, unchanged
from pyhttpd.api.reqtimeout import ReadTimeouts
from pyhttpd.config.configuration import ServerRecord
from pyhttpd.http.dates import format_date
from pyhttpd.http.head import Head, HeadBuffer, HeadError, Limits, check_lines, parse_head
from pyhttpd.http.methods import KNOWN
from pyhttpd.scoreboard import Slot, Status
from pyhttpd.server.answer_memo import copy_of, open_files, send_parts
from pyhttpd.server.deadline import ReadDeadline
from pyhttpd.server.exchange import Exchange, log_request
from pyhttpd.server.hosts import idle_time
from pyhttpd.server.pipeline import log_exception
from pyhttpd.server.protocol_directives import HTTP_1
from pyhttpd.server.sending import ClientGoneError, Sender, TruncatedFileError

if TYPE_CHECKING:
    from pyhttpd.server.service import HttpService

T = TypeVar("T")

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
        self._number = number
        self.recording: Recording | None = None  # of the answer that is being made, if it may be kept
        self.address, self._client_port = _address(peer)
        self._client_name: str | None = None
        self.local_name: str | None = None
        self.log_id: str | None = None
        self.local_ip, self.local_port = self._key = _address(sock.getsockname())
        self.chain = service.vhosts.at(self.local_ip, self.local_port)
        self.base_server: ServerRecord = service.vhosts.main if self.chain is None else self.chain.default
        self._requests = 0
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
        self._lingering = 0.0
        self._arrived = 0.0  # when the first byte of this head came, seconds since the epoch
        self._started = 0.0
        core = self.base_server.config(CoreServer)
        self._limits = service.limits_of(self.base_server)
        self._timeout = core.timeout
        self._stages = self.base_server.config(ReadTimeouts)
        self.sender.set_timeout(self._timeout)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

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
        """See api.connection.Service."""
        if self._state is State.LINGER:
            return CLOSE if woken in (Woken.EXPIRED, Woken.CROWDED) else self._linger()
        if woken is Woken.NEW:
            self.slot.set_status(Status.BUSY_READ)
            self._begin_head()
            if not self._welcome():
                return CLOSE
        elif woken is Woken.EXPIRED:
            return self._expired()
        elif woken is Woken.CROWDED:
            return self._expired() if self._state is State.HEAD else self._make_room()
        if self._state is State.IDLE and woken is Woken.READY:
            wait = self._again()
            if wait is not None:
                return wait
        while True:
            try:
                head = self._input.take(self._limits, between=self.answered > 0)
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

    def _again(self) -> Wait | None:
        """The next request in the most usual form: one head, whole, whose answer is known. None if it is not; what has
        arrived then waits in `_input`."""
        try:
            chunk = self.sock.recv(_RECEIVE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return self._wait()
        except OSError:
            self.aborted = True
            return self._client_ended()
        if not chunk:
            return self._client_ended()
        self.bytes_in = len(chunk)
        self._arrived, self._started = time.time(), time.monotonic()
        if self._repeat(chunk):
            self.bytes_in = 0
            if not self.keep_alive:
                return self._close()
            self._state = State.IDLE
            self.slot.set_status(Status.BUSY_KEEPALIVE)
            self._idle_until = time.monotonic() + self._idle_time
            return Wait(For.IDLE, self._idle_until)
        self._begin_head()
        self._state = State.HEAD
        assert self._deadline is not None
        self._deadline.received(len(chunk), self._started)
        self._input.feed(chunk)
        return None

    def _answer(self, head: bytes) -> None:
        """Answer what came with this head, from the memo or anew."""
        self.bytes_in -= len(self._input.data)  # what has come behind this head belongs to the body or the next request
        if not self._repeat(head):
            self._exchange(head)
        self.bytes_in = len(self._input.data)
        self.sender.sent = 0

    def _repeat(self, head: bytes) -> bool:
        """Send the answer that the memo has for this head. False if it has none that still holds."""
        key = self._key, head
        service = self.service
        kept = service.answers.get(key)
        if kept is None or self.closing or service.leaving:
            return False
        left = kept.limit - self.kept
        if kept.limit and left <= 0:
            return False
        if not unchanged(kept.checks):
            service.answers.drop(key)
            return False
        files = open_files(kept.parts)
        if files is None:
            return False
        slot, sender, first = self.slot, self.sender, kept.request
        if service.extended_status:
            slot.describe(self.address, HTTP_1, kept.vhost, first.request_line)
            slot.begin_request(self._arrived)
        slot.set_status(Status.BUSY_WRITE)
        request = copy_of(first, self, self._arrived, self._started)
        self.answered += 1
        self.keep_alive = kept.stays
        self._idle_time = kept.idle_time
        if kept.stays:
            self.kept += 1
        sender.set_timeout(kept.send_timeout)
        message = kept.message(format_date(self._arrived).encode(), left)
        if kept.tracks_first_byte:
            request.answer.first_byte = time.monotonic()
        try:
            sender.send(message, more=bool(files))
            if files:
                send_parts(sender, kept.parts, files, request.answer)
        except (ClientGoneError, TruncatedFileError) as error:
            self.aborted, self.keep_alive = True, False
            sent_of_body = sender.sent - len(message) + kept.inline
            request.answer.bytes_sent = max(sent_of_body, 0)
            if isinstance(error, ClientGoneError) and error.timed_out:
                request.log(Level.INFO, "core", "AH01581", "flushing data to the client")
                sender.give_up()
        finally:
            for fd in files:
                os.close(fd)
        log_request(self, request)
        request.done()
        sender.sent = 0
        return True

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
        pause = self._idle_time if self._state is State.IDLE else self._timeout  # until the request line is there
        self._deadline = ReadDeadline(self._stages.header, pause, now)
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
        if self._input.has_line:
            self._deadline.allow_pause(self._timeout)
        return Wait(For.FIRST if self._state is State.NEW else For.READ, self._deadline.at, self._started)

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
        if self._stages.header.initial > 0:
            log = self.service.log_of(self.base_server)
            log.log(Level.INFO, "reqtimeout", "AH01382", "Request header read timeout", connection=self)
            self._linger_short = True
        if b"\n" in self._input.data:
            self._refuse_fields(408, "")
        elif self.answered == 0:
            self._new_exchange().log_only(Head(), 408)
        return self._close()

    def _client_ended(self) -> Wait:
        """The client's end of file. Within the fields of a head it is an error that is answered, as by Apache."""
        if b"\n" in self._input.data:
            self._refuse_fields(400, "Failed to read request header line")
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
        try:
            head = parse_head(data, self._limits)
        except HeadError as error:
            self._refuse(error)
        else:
            exchange = self._new_exchange()
            key = self._key, data
            exchange.run(head, key if self.service.answers.wanted(key, self._started) else None)
            self._idle_time = idle_time(exchange.request.server, self.base_server)

    def _refuse_fields(self, status: int, message: str) -> None:
        """A head that broke off behind its request line. What was wrong before counts more."""
        try:
            head = check_lines(bytes(self._input.data), self._limits)
        except HeadError as error:
            self._refuse(error)
        else:
            self._refuse(HeadError(status, None, message, head, in_fields=True))

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
        self._lingering = time.monotonic()
        return self._linger()

    def _linger(self) -> Wait:
        while True:
            chunk = self._receive()
            now = time.monotonic()
            if chunk is None:
                idle = now + _LINGER_IDLE
                until = min(idle, self._linger_until) if self._linger_until else idle
                return Wait(For.LINGER, until, self._lingering)
            if not chunk or (self._linger_until and now >= self._linger_until):
                return CLOSE
            if not self._linger_until:
                self._linger_until = now + (_LINGER_IDLE if self._linger_short else _LINGER_TOTAL)


def limits_of(core: CoreServer) -> Limits:
    """The LimitRequest directives and HttpProtocolOptions of a server."""
    methods = KNOWN.union(core.registered_methods) if core.http_registered_only else None
    return Limits(
        core.limit_request_line, core.limit_request_fields, core.limit_request_field_size,
        core.http_strict, core.http_09, methods,
    )  # fmt: skip


def _address(address: Any) -> tuple[str, int]:
    """Host and port of a socket name; an IPv4 client on an IPv6 socket in IPv4's spelling."""
    if not isinstance(address, tuple):
        return "127.0.0.1", 0  # a Unix socket
    host = str(address[0])
    return host.removeprefix("::ffff:") if "." in host else host, int(address[1])
