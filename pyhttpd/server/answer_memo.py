"""The answer memo: an answer that was given twice is sent again, while nothing that it depended on has changed.

Equal bytes of a head, on the same address of the server, under the same configuration (a memo belongs to one generation
of one child) run through the same code. What that code may see besides is recorded while an answer is made, see
api/recording.py: files by their stat, absent ones too; or the answer is not kept. So a hit skips reading the head, all
phases and making the answer's head. It looks at the same files again; it does not skip anything that is counted or
seen: Date, `Keep-Alive: max=`, the scoreboard, and the log. The logs' hooks prepare what they will say again of this
answer, where they can (api.phases.Hook.again); else they get a whole request.

Not kept are answers to requests with a body, Expect or credentials; those whose files changed within the last two
seconds (times may not tell the next change), whose making wrote to the error log, or whose body is not made of files
and bytes. A file that is changed through a shared mapping has no new times until the kernel writes it back: an accepted
limit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from copy import copy
from typing import NamedTuple

from pyhttpd.api.body import FileSlice, Piece
from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.log_letter import Again
from pyhttpd.api.recording import YOUNG, Check, OpenFile, Recording, signature
from pyhttpd.api.request import ConnectionInfo, Request
from pyhttpd.api.url import canonical_name
from pyhttpd.http.dates import format_date, parse_date
from pyhttpd.http.head import Head
from pyhttpd.http.headers import Headers, WatchedHeaders
from pyhttpd.server.answer_inputs import Answers, Question, names_read
from pyhttpd.server.outlines import Outline, Outlines
from pyhttpd.server.pipeline import log_exception
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.response import client_closes
from pyhttpd.server.sending import Sender
from pyhttpd.util.escape import log_item
from pyhttpd.util.generations import Generations

LIMIT = 2 << 20
"""Bytes of a child's memo by equal heads: half of it for what is in use, half for what was in use before. By each of
the two other ways it is half as large. 150 children have 150 of them."""
LARGEST_HEAD = 4096
INLINE = 16384
"""Bytes of a body that is kept; a larger one is read from its files again."""
UNUSED = 60.0
"""Seconds after which what was not used is forgotten: heads have cookies in them."""
_REQUEST = 7168  # what a kept request takes, about
_SEEN = 4096  # heads that were seen once
_DATE = b"\r\nDate: "
_DATE_LENGTH = len("Sun, 06 Nov 1994 08:49:37 GMT")

Key = tuple[tuple[str, int], bytes]
"""The server's address and port, and the bytes of a head."""


LogHooks = Sequence[Callable[[Request], Callable[[Again], None] | None] | None]
"""See api.phases.Hook.again."""


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
        "_recent", "before_date", "before_left", "checks", "client_closes", "idle_time", "inline", "limit", "logs",
        "names", "parts", "prepared", "request", "request_line", "send_timeout", "size", "stale", "stays", "tail",
        "tracks_first_byte", "vhost",
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
        self.stale = False  # it was found to be no longer true; the next one will take its place
        self.stays = stays
        self.client_closes = client_closes(request)
        self.idle_time = idle_time
        self.limit = core.max_keep_alive_requests
        self.send_timeout = core.timeout
        self.vhost = f"{canonical_name(request)}:{request.connection.local_port}"
        self.tracks_first_byte = request.answer.first_byte > 0.0
        # How each log_transaction hook logs it again; None: with a copy of the request, as if it were another one.
        self.logs: tuple[Callable[[Again], None], ...] | None = None
        self.prepared = False  # whether they have been asked
        self.request_line = ""  # as it stands in a log line, for those that are prepared
        self.names: frozenset[str] | None = None  # of what the answer has asked for; None: that cannot be told
        inline, self.parts = body
        self.inline = len(inline)
        self._recent = -1, b""  # replaced as a whole, so that threads need no lock
        at = head.index(_DATE) + len(_DATE)
        self.before_date = head[:at]
        rest = head[at + _DATE_LENGTH :]
        marker = b"\r\nKeep-Alive: timeout=%d, max=" % int(core.keep_alive_timeout)
        before, found, after = rest.partition(marker)
        self.before_left: bytes | None = before + found if found else None
        self.tail = (after[after.index(b"\r\n") :] if found else rest) + inline
        self.size = len(head) + len(inline)  # bytes

    def prepare_logs(self, request: ServerRequest, hooks: LogHooks) -> frozenset[str] | None:
        """When it has been sent again, to this request, which has been logged: see api.phases.Hook.again. Returns the
        names of what the hooks have asked for; None if that cannot be told, or nothing can be prepared."""
        self.prepared = True
        self.request_line = log_item(request.request_line)
        recording = Recording(0.0)
        fields, request.headers_in = request.headers_in, WatchedHeaders(request.headers_in)
        request.recording = recording
        try:
            prepared = []
            for hook in hooks:
                log = None if hook is None else hook(request)
                if log is None:
                    return None
                prepared.append(log)
            self.logs = tuple(prepared)
            return names_read(request, recording) if recording.keepable else None
        except BaseException:
            log_exception(request)
            return None
        finally:
            request.recording = None
            request.headers_in = fields

    def for_head(self, request: ServerRequest) -> KeptAnswer:
        """The same answer for another head, whose `request` has been answered with it and logged. Still to `let_go`."""
        other = copy(self)
        other.request, other.logs, other.prepared = request, None, False
        return other

    def let_go(self) -> None:
        """The request has been logged: from here on it is only copied, and nothing shall live as long as it does."""
        request: Request | None = self.request
        while request is not None:
            del request.connection
            request.content = None
            request.headers_in = Headers.of(request.headers_in.items())
            request = request.next

    def message(self, second: int, left: int) -> bytes:
        """The head, with this second (since the epoch) as Date, and what is kept of the body. `left` is how many
        requests the connection may still bring."""
        recent = self._recent
        if recent[0] != second:
            rest = self.tail if self.before_left is None else self.before_left
            self._recent = recent = second, self.before_date + format_date(second).encode() + rest
        if self.before_left is None:
            return recent[1]
        return b"%b%d%b" % (recent[1], left, self.tail)

    @property
    def cost(self) -> int:
        """Bytes that it takes. Its message of the last second is kept, too."""
        return _REQUEST + 2 * (len(self.before_date) + len(self.before_left or b"") + len(self.tail))


class Wish(NamedTuple):
    """What an answer that is to be made shall be kept under."""

    key: Key | None
    question: Question | None


class AnswerMemo:
    """The kept answers of one child: by equal heads, by outlines, and by what they have asked of different heads."""

    def __init__(self, limit: int = LIMIT, *, lines: bool = True) -> None:
        """`limit` as LIMIT; 0: nothing is kept. Without `lines` none of a head is remembered: there are no outlines."""
        self.by_head: Generations[Key, KeptAnswer] = Generations(limit, _cost_by_head, _SEEN)
        self._by_question: Generations[Question, Answers] = Generations(limit // 2, _cost_by_question, _SEEN)
        self.outlines = Outlines(frozenset(), limit // 2 if lines else 0)
        self._turned = 0.0

    def __len__(self) -> int:
        """How many heads it knows."""
        return len(self.by_head)

    def put_by_outline(
        self, outlines: Outlines, outline: Outline, kept: KeptAnswer, logged: frozenset[str] | None
    ) -> None:
        """Keep an answer whose logs are prepared and have asked for what is `logged`. Of these `outlines`, the outline
        may tell too little; then there are others from now on."""
        if kept.names is None or logged is None:
            return
        names = kept.names | logged
        if outlines.tell(names):
            outlines.put(outline, kept)
        elif self.outlines is outlines:
            self.outlines = outlines.with_names(names)

    def find(self, question: Question | None, head: Head) -> KeptAnswer | None:
        """The answer to a head that asks this, and differs from others in what does not matter."""
        answers = None if question is None else self._by_question.get(question)
        if answers is None or not _is_simple(head):
            return None
        kept = answers.find(head)
        if kept is not None and kept.stale:
            answers.drop(head)
            return None
        return kept

    def age(self, now: float) -> None:
        """Forget what has not been used for a while. `now` on CLOCK_MONOTONIC."""
        if now - self._turned >= UNUSED or now < self._turned:
            self.by_head.turn()
            self._by_question.turn()
            self.outlines.turn()
            self._turned = now

    def seen_before(self, key: Key) -> bool:
        """Whether this very head has come before, so that it is worth a place of its own."""
        return len(key[1]) <= LARGEST_HEAD and self.by_head.seen_before(key)

    def wanted(self, key: Key, question: Question | None) -> Wish | None:
        """Whether the answer to this head, which asks this, is worth recording: such a one has come before."""
        if len(key[1]) > LARGEST_HEAD or not self.by_head.limit:
            return None
        seen = self.by_head.seen_before(key)
        asked = question is not None and self._by_question.seen_before(question) and self._is_hopeful(question)
        return Wish(key if seen else None, question if asked else None) if seen or asked else None

    def put(self, wish: Wish, head: Head, names: frozenset[str] | None, kept: KeptAnswer) -> None:
        """Keep an answer. `names` are what it has asked for, None if that is not known."""
        kept.names = names
        if wish.key is not None:
            self.by_head.put(wish.key, kept)
        if names is None:
            self.note_in_vain(wish)
        elif wish.question is not None:
            answers = self._by_question.get(wish.question) or Answers()
            answers.put(names, head, kept)
            self._by_question.put(wish.question, answers)

    def note_in_vain(self, wish: Wish) -> None:
        """The answer was recorded, but cannot be kept for other heads."""
        if wish.question is not None:
            answers = self._by_question.get(wish.question) or Answers()
            answers.note_in_vain()
            self._by_question.put(wish.question, answers)

    def _is_hopeful(self, question: Question) -> bool:
        answers = self._by_question.get(question)
        return answers is None or answers.hopeful()

    def put_for_head(self, key: Key, kept: KeptAnswer) -> None:
        self.by_head.put(key, kept)


def _cost_by_head(key: Key, kept: KeptAnswer) -> int:
    return len(key[1]) + kept.cost


def _cost_by_question(question: Question, answers: Answers) -> int:
    return len(question[2]) + answers.cost


# -- keeping

_SECRET = frozenset({"authorization", "proxy-authorization", "expect"})
_DATES = ("If-Modified-Since", "If-Unmodified-Since", "If-Range")
_STRONG = 61.0
"""Seconds, and one, after which a date tells versions of a file apart (RFC 9110, section 8.8.2.2)."""


def _is_simple(head: Head) -> bool:
    """Whether an answer may be kept for it at all: a GET or HEAD that has neither body nor credentials."""
    return head.method in ("GET", "HEAD") and not (head.has_body or head.simple or head.fields.has_any(_SECRET))


def record(head: Head, now: float) -> Recording | None:
    """A recording for the answer to this head; None if it cannot be kept anyway. `now` in seconds since the epoch."""
    if not _is_simple(head):
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
    for fd in {piece.fd for piece in content if isinstance(piece, FileSlice)}:  # an .htaccess file is closed by now
        if signature(os.fstat(fd)) != recording.files[fd].signature:
            return None  # it changed while it was read
    return body, ()


# -- sending again


def copy_with(
    kept: ServerRequest, head: Head, connection: ConnectionInfo, arrived: float, began: float
) -> ServerRequest:
    """The kept request, as if it had come with this head. It is the only one of its family."""
    request = copy_of(kept, connection, arrived, began)
    request.headers_in, request.parts = head.fields, head.parts
    request.request_line, request.target, request.args = head.line, head.target, head.parts.query
    return request


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
