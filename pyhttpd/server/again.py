"""A kept answer is sent once more: the short way through a request, for most of those that a busy site gets.

What is done here is all that is done for them, so each line is paid for by every request. See answer_memo.py for what
is kept, and why that is safe.
"""

from __future__ import annotations

import os
import socket
from time import monotonic
from typing import TYPE_CHECKING

from pyhttpd.api.recording import unchanged
from pyhttpd.http.head import Head, parse_head
from pyhttpd.scoreboard import Status
from pyhttpd.server.answer_memo import KeptAnswer, copy_of, copy_with, open_files, send_parts
from pyhttpd.server.exchange import log_request, note_failure
from pyhttpd.server.pipeline import log_exception
from pyhttpd.server.protocol_directives import HTTP_1
from pyhttpd.server.sending import ClientGoneError, Sender, TruncatedFileError

if TYPE_CHECKING:
    from pyhttpd.server.connection import Connection
    from pyhttpd.server.request import ServerRequest

# Members of an enum cost a look-up each time.
NOW = int(socket.MSG_DONTWAIT)
WRITE, LOG = int(Status.BUSY_WRITE), int(Status.BUSY_LOG)


def send_again(
    connection: Connection, kept: KeptAnswer, data: bytes, line: str | None = None, head: Head | None = None
) -> bool:
    """Send a kept answer for a head of these bytes. False if it does not hold, for this connection or at all. Where
    it was made for another head, this one's request `line` is given, and the `head` if it has been read."""
    service, left = connection.service, 0
    if connection.closing or service.child.leaving:
        return False
    if kept.limit:
        left = kept.limit - connection.kept
        if left <= 0:
            return False
    if not unchanged(kept.checks):
        kept.stale = True
        return False
    files = None
    if kept.parts:
        files = open_files(kept.parts)
        if files is None:
            return False
    slot = connection.slot
    if connection.last_kept is not kept:
        _adopt(connection, kept)
        if service.extended_status:
            slot.describe(connection.address, HTTP_1, kept.vhost, line or kept.request.request_line)
    elif line is not None and service.extended_status:
        slot.describe_request(line)
    slot.set_status(WRITE)
    if kept.stays:
        connection.kept += 1
    message = kept.message(int(connection.arrived), left)
    if kept.logs is None or head is not None:
        request = _request_of(connection, kept, data, line, head)
        _send_as_request(connection, kept, message, files, request)
        if not connection.aborted:  # else what this request says of itself is not what others will
            _sent_for(connection, request, kept, data, head)
        return True
    turn = service.child.turn if files is None else None  # files may take a while
    if turn is not None:
        turn.acquire()
    try:
        try:
            sent = connection.sock.send(message, NOW) if files is None else 0
        except OSError:
            sent = 0  # the Sender finds out whether the client has gone
        if sent != len(message):
            if turn is not None:
                turn.release()
                turn = None
            try:
                sent = _send_slowly(connection, kept, message, sent, files)
            except (ClientGoneError, TruncatedFileError) as error:
                request = _request_of(connection, kept, data, line)
                _note_failure(connection, request, error, len(message) - kept.inline)
                _log(connection, request)
                return True
        slot.set_status(LOG)
        connection.bytes_out = sent
        connection.request_line = line or kept.request_line
        connection.ended = ended = monotonic()
        try:
            for log in kept.logs:
                log(connection)
        except BaseException:
            log_exception(_request_of(connection, kept, data, line))
        if service.extended_status:
            slot.end_request(connection.arrived, connection.began, ended, sent)
    finally:
        if turn is not None:
            turn.release()
    return True


def _adopt(connection: Connection, kept: KeptAnswer) -> None:
    """From now on the connection is as it is after this answer."""
    connection.last_kept = kept
    connection.answered = True
    connection.keep_alive = kept.stays
    connection.client_closes = kept.client_closes
    connection.idle_time = kept.idle_time
    connection.sender.timeout = kept.send_timeout


def _send_slowly(
    connection: Connection, kept: KeptAnswer, message: bytes, sent: int, files: list[int] | None
) -> int:
    """What the client has not taken at once: the rest of a message of which so many bytes are `sent`, or a head and
    files. Returns how many bytes it is in all. Raises ClientGoneError, TruncatedFileError."""
    _note_beginning(connection)
    sender = connection.sender
    sender.sent = sent
    if files is None:
        sender.send(message[sent:])
    else:
        _send_files(sender, kept, message, files)
    sent, sender.sent = sender.sent, 0
    return sent


def _note_beginning(connection: Connection) -> None:
    """It may take a while: the scoreboard shall tell since when."""
    if connection.service.extended_status:
        connection.slot.begin_request(connection.arrived)


def _send_files(sender: Sender, kept: KeptAnswer, message: bytes, files: list[int]) -> None:
    """A head, and the large body from its files, which are closed. Raises ClientGoneError, TruncatedFileError."""
    try:
        sender.send(message, more=True)
        send_parts(sender, kept.parts, files, kept.request.answer)
    finally:
        for fd in files:
            os.close(fd)


def _send_as_request(
    connection: Connection, kept: KeptAnswer, message: bytes, files: list[int] | None, request: ServerRequest
) -> None:
    """The rest where a hook has to see a request: its log is not prepared for answers that are sent again, or not yet
    for a head like this one."""
    _note_beginning(connection)
    if kept.tracks_first_byte:
        request.answer.first_byte = monotonic()
    try:
        if files is None:
            connection.sender.send(message)
        else:
            _send_files(connection.sender, kept, message, files)
    except (ClientGoneError, TruncatedFileError) as error:
        _note_failure(connection, request, error, len(message) - kept.inline)
    _log(connection, request)


def _note_failure(
    connection: Connection, request: ServerRequest, error: ClientGoneError | TruncatedFileError, head_length: int
) -> None:
    """Of an answer, the head of which has so many bytes, only a part could be sent."""
    note_failure(connection, request, error)
    connection.keep_alive, connection.last_kept = False, None
    request.answer.bytes_sent = max(connection.sender.sent - head_length, 0)


def _log(connection: Connection, request: ServerRequest) -> None:
    log_request(connection, request)
    connection.ended = monotonic()
    request.done()
    connection.sender.sent = 0


def _request_of(
    connection: Connection, kept: KeptAnswer, data: bytes, line: str | None, head: Head | None = None
) -> ServerRequest:
    """The request that an answer is sent to again, for those who ask for more than its line."""
    if line is None:
        return copy_of(kept.request, connection, connection.arrived, connection.began)
    head = head or parse_head(data, connection.endpoint.limits)
    return copy_with(kept.request, head, connection, connection.arrived, connection.began)


def _sent_for(
    connection: Connection, request: ServerRequest, kept: KeptAnswer, data: bytes, head: Head | None
) -> None:
    """A kept answer was sent to this request, and logged. The next one shall have a shorter way to it."""
    answers, endpoint = connection.service.answers, connection.endpoint
    if head is None:
        if not kept.prepared:
            kept.prepare_logs(request, connection.service.pipeline.log_again)
        return
    connection.last_kept = None  # the slot tells this head's line
    other = kept.for_head(request)
    key = endpoint.address, data
    if answers.seen_before(key):
        other.let_go()
        answers.put_for_head(key, other)
        return
    outlines = answers.outlines
    found = outlines.of(endpoint.address, data) if endpoint.outlined else None
    if found is not None and outlines.seen_before(found[1]):
        logged = other.prepare_logs(request, connection.service.pipeline.log_again)
        other.let_go()
        answers.put_by_outline(outlines, found[1], other, logged)
