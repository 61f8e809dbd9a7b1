"""The answer memo: an answer that was given twice is sent again, while nothing that it depended on has changed.

Equal bytes of a head, on the same address of the server, under the same configuration (a memo belongs to one generation
of one child) run through the same code. What that code may see besides is recorded while an answer is made, see
api/recording.py: files by their stat, absent ones too; or the answer is not kept. So a hit skips reading the head, all
phases and making the answer's head. It looks at the same files again; it does not skip anything that is counted or
seen: Date, `Keep-Alive: max=`, the scoreboard, and the log, whose hooks get a whole request.

Not kept are answers to requests with a body, Expect or credentials; those whose files changed within the last two
seconds (times may not tell the next change), whose making wrote to the error log, or whose body is not made of files
and bytes. A file that is changed through a shared mapping has no new times until the kernel writes it back: an accepted
limit.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from pyhttpd.api.body import FileSlice, Piece
from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.recording import YOUNG, Check, OpenFile, Recording, signature
from pyhttpd.api.request import ConnectionInfo, Request
from pyhttpd.api.url import canonical_name
from pyhttpd.http.dates import parse_date
from pyhttpd.http.head import Head
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.sending import Sender

LIMIT = 1 << 20
"""Bytes of a child's memo. 150 children have 150 of them."""
LARGEST_HEAD = 4096
INLINE = 16384
"""Bytes of a body that is kept; a larger one is read from its files again."""
UNUSED = 60.0
"""Seconds after which what was not used is forgotten: heads have cookies in them."""
_REQUEST = 6144  # what a kept request takes, about
_SEEN = 4096  # heads that were seen once
_DATE = b"\r\nDate: "
_DATE_LENGTH = len("Sun, 06 Nov 1994 08:49:37 GMT")

Key = tuple[tuple[str, int], bytes]
"""The server's address and port, and the bytes of a head."""


class Part(NamedTuple):
    """A piece of a large body."""

    file: OpenFile
    offset: int
    length: int


Body = tuple[bytes, tuple[bytes | Part, ...]]
"""What is kept, and what is read again: one of the two is empty."""


class KeptAnswer:
    """What there is to send again."""

    __slots__ = (
        "before_date", "before_left", "checks", "idle_time", "inline", "limit", "parts", "request", "send_timeout",
        "stays", "tail", "tracks_first_byte", "vhost",
    )  # fmt: skip

    def __init__(
        self, request: ServerRequest, checks: tuple[Check, ...], head: bytes, body: Body, *, stays: bool,
        idle_time: float,
    ) -> None:  # fmt: skip
        """`head` has a Date. Where MaxKeepAliveRequests is a limit, and the client asked for it, it has a Keep-Alive
        field that tells how many requests are left. The connection `stays` open for `idle_time` seconds, or not."""
        core = request.server.config(CoreServer)
        self.request = request
        self.checks = checks
        self.stays = stays
        self.idle_time = idle_time
        self.limit = core.max_keep_alive_requests
        self.send_timeout = core.timeout
        self.vhost = f"{canonical_name(request)}:{request.connection.local_port}"
        self.tracks_first_byte = request.answer.first_byte > 0.0
        inline, self.parts = body
        self.inline = len(inline)
        at = head.index(_DATE) + len(_DATE)
        self.before_date = head[:at]
        rest = head[at + _DATE_LENGTH :]
        marker = b"\r\nKeep-Alive: timeout=%d, max=" % int(core.keep_alive_timeout)
        before, found, after = rest.partition(marker)
        self.before_left: bytes | None = before + found if found else None
        self.tail = (after[after.index(b"\r\n") :] if found else rest) + inline

    def let_go(self) -> None:
        """The request has been logged: from here on it is only copied, and nothing shall live as long as it does."""
        request: Request | None = self.request
        while request is not None:
            del request.connection
            request.content = None
            request = request.next

    def message(self, date: bytes, left: int) -> bytes:
        """The head and what is kept of the body. `left` is how many requests the connection may still bring."""
        if self.before_left is None:
            return b"%b%b%b" % (self.before_date, date, self.tail)
        return b"%b%b%b%d%b" % (self.before_date, date, self.before_left, left, self.tail)

    @property
    def cost(self) -> int:
        """Bytes that it takes."""
        return _REQUEST + len(self.before_date) + len(self.before_left or b"") + len(self.tail)


class AnswerMemo:
    """The kept answers of one child. Two generations of them: when the younger one is full, or old, it becomes the
    older, and what nobody has used since is gone. Plain reads and writes of dicts, right without the GIL: a thread may
    at worst forget what another has just put in."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit // 2
        self._young: dict[Key, KeptAnswer] = {}
        self._old: dict[Key, KeptAnswer] = {}
        self._size = 0
        self._turned = 0.0
        self._seen: set[int] = set()

    def get(self, key: Key) -> KeptAnswer | None:
        kept = self._young.get(key)
        if kept is None:
            kept = self._old.get(key)
            if kept is not None:
                self.put(key, kept)
        return kept

    def wanted(self, key: Key, now: float) -> bool:
        """Whether the answer to this head is worth recording: it has been asked for before. `now` in seconds."""
        if len(key[1]) > LARGEST_HEAD or not self._limit:
            return False
        if now - self._turned >= UNUSED or now < self._turned:
            self._turn()
            self._turned = now
        mark = hash(key)
        if mark in self._seen:
            return True
        if len(self._seen) >= _SEEN:
            self._seen = set()
        self._seen.add(mark)
        return False

    def put(self, key: Key, kept: KeptAnswer) -> None:
        cost = len(key[1]) + kept.cost
        if cost > self._limit // 4:
            return
        if self._size + cost > self._limit:
            self._turn()
        self._young[key] = kept
        self._size += cost

    def drop(self, key: Key) -> None:
        """It is no longer true."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def _turn(self) -> None:
        self._old, self._young, self._size = self._young, {}, 0


# -- keeping

_SECRET = frozenset({"authorization", "proxy-authorization", "expect"})
_DATES = ("If-Modified-Since", "If-Unmodified-Since", "If-Range")
_STRONG = 61.0
"""Seconds, and one, after which a date tells versions of a file apart (RFC 9110, section 8.8.2.2)."""


def record(head: Head, now: float) -> Recording | None:
    """A recording for the answer to this head; None if it cannot be kept anyway. `now` in seconds since the epoch."""
    if head.method not in ("GET", "HEAD") or head.has_body or head.simple or head.fields.has_any(_SECRET):
        return None
    for name in _DATES:
        value = head.fields.get(name)
        date = None if value is None else parse_date(value)
        if date is not None and date > now - _STRONG:
            return None  # another day, another answer
    return Recording(now, _STRONG if "Range" in head.fields else YOUNG)


def read_body(content: Sequence[Piece], recording: Recording) -> Body | None:
    """The body of an answer whose files are still open. None if it cannot be kept."""
    parts: list[bytes | Part] = []
    for piece in content:
        if isinstance(piece, bytes):
            parts.append(piece)
            continue
        file = recording.files.get(piece.fd) if isinstance(piece, FileSlice) else None
        if file is None or not isinstance(piece, FileSlice):
            return None
        parts.append(Part(file, piece.offset, piece.length))
    if sum(len(part) if isinstance(part, bytes) else part.length for part in parts) > INLINE:
        return b"", tuple(parts)
    body = b"".join(
        [
            os.pread(piece.fd, piece.length, piece.offset) if isinstance(piece, FileSlice) else piece
            for piece in content
            if isinstance(piece, (bytes, FileSlice))
        ]
    )
    for fd, file in recording.files.items():
        if signature(os.fstat(fd)) != file.signature:
            return None  # it changed while it was read
    return body, ()


# -- sending again


def copy_of(kept: ServerRequest, connection: ConnectionInfo, arrived: float, began: float) -> ServerRequest:
    """The kept request, and the requests that it was redirected to, as if they had come on this connection now.

    Log hooks get it; they may change variables and notes, not fields.
    """
    first = request = _copy(kept, connection, arrived, began)
    answer = kept.answer
    first.answer = first
    while request.next is not None:
        following = request.next
        assert isinstance(following, ServerRequest)
        copied = _copy(following, connection, arrived, began)
        if following is answer:
            first.answer = copied
        request.next, copied.prev = copied, request
        request = copied
    return first


def _copy(kept: ServerRequest, connection: ConnectionInfo, arrived: float, began: float) -> ServerRequest:
    request = ServerRequest.__new__(ServerRequest)
    values = request.__dict__
    values.update(kept.__dict__)
    values["connection"] = connection
    values["arrived"] = arrived
    values["began"] = began
    values["ended"] = 0.0
    values["env"] = kept.env.copy()
    values["notes"] = kept.notes.copy()
    values["_cleanups"] = []
    return request


def open_files(parts: tuple[bytes | Part, ...]) -> list[int] | None:
    """The files of a large body, opened. None if one of them is another by now."""
    files: list[int] = []
    for part in parts:
        if isinstance(part, bytes):
            continue
        try:
            fd = os.open(part.file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            break
        files.append(fd)
        if signature(os.fstat(fd)) != part.file.signature:
            break
    else:
        return files
    for fd in files:
        os.close(fd)
    return None


def send_parts(sender: Sender, parts: tuple[bytes | Part, ...], files: list[int], answer: ServerRequest) -> None:
    """Send a large body. `answer` says how. Raises ClientGoneError, TruncatedFileError."""
    config = answer.config(CoreDir)
    following = iter(files)
    for index, part in enumerate(parts, start=1):
        if isinstance(part, bytes):
            sender.send(part, more=index < len(parts))
        else:
            sender.send_file(
                next(following), part.offset, part.length, sendfile=config.enable_sendfile,
                read_size=config.read_buffer_size,
            )  # fmt: skip
