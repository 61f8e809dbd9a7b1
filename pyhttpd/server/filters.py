"""Filters at work: an answer's content before its head is made, what is sent of it afterwards, and a request's body."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from pyhttpd.api.body import FLUSH, Body, FileSlice, Piece, length_of
from pyhttpd.api.core_config import CoreDir
from pyhttpd.api.filters import Effect, Filter, Kind, begin, input_filter, loaded, output_filter, unchanged
from pyhttpd.api.log import Level
from pyhttpd.api.module import Provider
from pyhttpd.api.phases import OK
from pyhttpd.api.request import BodyError, Request, RequestBody
from pyhttpd.http.status import WITHOUT_BODY
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.sending import Sender
from pyhttpd.util.digits import is_number, value_of

_HELD = 16384  # bytes of an answer in memory before its head is sent: if it ends before, its length is known
_MOST = 64  # pieces, likewise
_READ = 65536  # bytes of a request's body at once


class LengthError(Exception):
    """The filters gave another number of bytes than the answer's Content-Length has promised."""


# What Apache registers without any further module. Here these are no filters but the server itself, which does their
# work once whether they are named or not. (Named in Apache, some do it twice: two heads, a head in chunks.)
_OWN_OUTPUT = (
    "CONTENT_LENGTH", "CORE", "SUBREQ_CORE", "OLD_WRITE", "BYTERANGE", "CHUNK", "HTTP_HEADER", "HTTP_OUTERROR",
    "FIXUP_HEADERS_OUT", "FIXUP_HEADERS_ERR", "LOGIO_TTFB_OUT", "reqtimeout",
)  # fmt: skip
_OWN_INPUT = ("CORE_IN", "HTTP_IN", "LOG_INPUT_OUTPUT", "reqtimeout")
OWN_FILTERS: tuple[Provider, ...] = (
    *(output_filter(name, unchanged, keeps_length=True, pure=True) for name in _OWN_OUTPUT),
    *(input_filter(name, unchanged) for name in _OWN_INPUT),
)


def set_up(request: Request) -> int:
    """Before the handler: what the filters want done first, and the body read through them. OK, or a status."""
    for each in (*request.input_filters, *request.output_filters):
        if each.init is not None:
            result = each.init(request)
            if result != OK:
                return result
    if any(each.effects & Effect.NO_BYTERANGE for each in request.output_filters):
        request.headers_in.unset("Range")
    received = unfiltered(request.body)
    if request.input_filters and received is not None:
        request.body = FilteredBody(received, request.input_filters, request)
    return OK


def kept_for_error(filters: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """Those that stay when something else than what they were for is sent: an error page, another URL's content."""
    return tuple(each for each in filters if each.kind >= Kind.PROTOCOL) if filters else filters


# -- the content


class _Begun:
    """Pieces whose first one is there. A filter that gives this very object back has nothing to do."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._rest = iter(pieces)
        self._first = next(self._rest, None)

    def __iter__(self) -> Iterator[Piece]:
        return self

    def __next__(self) -> Piece:
        first, self._first = self._first, None
        return next(self._rest) if first is None else first


def filter_content(request: ServerRequest) -> None:
    """Send the content through the filters that are for it. They have begun when this returns, so that the fields are
    known. What is soon over, by its pieces and its bytes in memory, becomes a list, and so gets a Content-Length and
    can be cut into ranges."""
    content: Body = request.content if request.content is not None else ()
    stages = tuple(each for each in request.output_filters if each.kind < Kind.PROTOCOL)
    request.output_filters = request.output_filters[len(stages) :]
    pieces = content
    for each in stages:
        _close_at_end(request, pieces)
        begun = _Begun(pieces)
        result = begin(each, request, begun)
        if result is not begun:
            pieces = result
        elif not isinstance(pieces, (list, tuple)):
            pieces = begun
    if pieces is content:
        return
    _close_at_end(request, pieces)
    is_flushed = False
    if not isinstance(pieces, (list, tuple)):
        pieces, is_flushed = _looked_into(pieces)
    if request.status in WITHOUT_BODY:
        request.content = None
    elif isinstance(pieces, (list, tuple)):
        size = sum(map(length_of, pieces))
        request.content, request.content_length = pieces, None
        if "Content-Length" in request.headers_out:  # it stays where it is
            request.headers_out.set("Content-Length", str(size))
    else:
        length = request.content_length = _promised(request)
        request.content = pieces if length is None else Measured(pieces, length, is_flushed=is_flushed)


def _promised(request: ServerRequest) -> int | None:
    """The length that some filter knows, by whichever of the two ways it says so."""
    field = request.headers_out.get("Content-Length")
    if request.content_length is None and field is not None:
        if is_number(field):
            return value_of(field)
        request.headers_out.unset("Content-Length")
    return request.content_length


def _looked_into(pieces: Body) -> tuple[Body, bool]:
    """A list, if the end comes soon; and whether a FLUSH came before that."""
    rest = iter(pieces)
    first: list[Piece] = []
    held = 0
    for piece in rest:
        first.append(piece)
        length = length_of(piece)
        held += length if isinstance(piece, bytes) else 0
        if held > _HELD or len(first) > _MOST or piece is FLUSH:
            return _one_behind_the_other(first, rest), piece is FLUSH
    return first, False


def _one_behind_the_other(first: list[Piece], rest: Iterator[Piece]) -> Iterator[Piece]:
    yield from first
    first.clear()
    yield from rest


class Measured:
    """The pieces, as long as they keep what the head has promised: more would be taken for the next answer."""

    def __init__(self, pieces: Body, length: int, *, is_flushed: bool = False) -> None:
        """`is_flushed`: what there is first is sent before the rest is known, so that no range is cut, as in Apache."""
        self._pieces = pieces
        self.length = length
        self.is_flushed = is_flushed

    def __iter__(self) -> Iterator[Piece]:
        left = self.length
        for piece in self._pieces:
            left -= length_of(piece)
            if left < 0:
                raise LengthError("a filter gives more bytes than Content-Length says")
            yield piece
        if left:
            raise LengthError(f"a filter gives {left} bytes less than Content-Length says")

    def between(self, first: int, last: int) -> Iterator[Piece]:
        """The bytes from `first` to `last`."""
        at = 0
        for piece in self._pieces:
            length = length_of(piece)
            start, end = max(first - at, 0), min(last + 1 - at, length)
            at += length
            if isinstance(piece, FileSlice) and start < end:
                yield FileSlice(piece.fd, piece.offset + start, end - start)
            elif isinstance(piece, bytes) and start < end:
                yield piece[start:end]
            if at > last:
                return
        raise LengthError(f"a filter gives {self.length - at} bytes less than Content-Length says")


def _close_at_end(request: ServerRequest, pieces: Body) -> None:
    """A generator that is not run to its end lets go of what it holds when the answer is done, not some time later."""
    close = getattr(pieces, "close", None)
    if close is not None:
        request.when_done(partial(_close, request, close))


def _close(request: ServerRequest, close: Callable[[], None]) -> None:
    try:
        close()
    except BaseException as error:
        request.log(Level.ERROR, "core", "PH00111", f"{request.request_line or '-'}: at the end of a filter: {error!r}")


# -- what is sent


def send_filtered(
    sender: Sender, answer: ServerRequest, head: bytes, pieces: Body | None, *, chunked: bool
) -> None:  # fmt: skip
    """Send an answer that has filters below its content. `pieces` None: it has no body. Sets `bytes_sent`."""
    stages = answer.output_filters
    answer.bytes_sent = 0
    if pieces is not None:
        for each in stages:
            if each.kind < Kind.CONNECTION:
                pieces = begin_below(each, answer, pieces)
        if answer.content_length is not None and not chunked:
            pieces = Measured(pieces, answer.content_length)
    sent: Body = _on_the_wire(answer, head, pieces, chunked=chunked)
    for each in stages:
        if each.kind >= Kind.CONNECTION:
            sent = begin_below(each, answer, sent)
    config = answer.config(CoreDir)
    held = b""  # the last bytes wait for the next ones, so that packets are filled
    for piece in sent:
        if held:
            sender.send(held, more=piece is not FLUSH)
            held = b""
        if isinstance(piece, FileSlice):
            sender.send_file(piece.fd, piece.offset, piece.length, sendfile=config.enable_sendfile,
                             read_size=config.read_buffer_size)  # fmt: skip
        elif isinstance(piece, bytes):
            held = piece
    if held:
        sender.send(held)


def begin_below(each: Filter, request: ServerRequest, pieces: Body) -> Body:
    """The head is made: nothing that this filter does to the fields is seen by anybody."""
    _close_at_end(request, pieces)
    length = request.content_length
    result = begin(each, request, pieces)
    request.content_length = length
    _close_at_end(request, result)
    return result


def _on_the_wire(answer: ServerRequest, head: bytes, pieces: Body | None, *, chunked: bool) -> Iterator[Piece]:
    if head:
        yield head
    for piece in () if pieces is None else pieces:
        length = length_of(piece)
        if piece is FLUSH:
            yield piece
        elif length:
            if chunked:
                yield b"%x\r\n" % length
            yield piece
            answer.bytes_sent += length
            if chunked:
                yield b"\r\n"
    if chunked and pieces is not None:
        yield b"0\r\n\r\n"


# -- the request's body


def unfiltered(body: RequestBody | None) -> RequestBody | None:
    """The body as it was sent."""
    return body.source if isinstance(body, FilteredBody) else body


class FilteredBody:
    """The body as the input filters give it. Implements api.request.RequestBody."""

    def __init__(self, source: RequestBody, filters: tuple[Filter, ...], request: Request) -> None:
        self.source = source
        self._filters = filters
        self._request = request
        self._pieces: Iterator[Piece] | None = None  # not begun
        self._ready = b""
        self._failed = False

    def _received(self) -> Iterator[Piece]:
        while data := self.source.read(_READ):
            yield data

    def _begin(self) -> Iterator[Piece]:
        pieces: Body = self._received()
        for each in reversed(self._filters):
            pieces = each.function(self._request, pieces)
        return loaded(pieces)

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes (-1: all that is left); b"" at the end. Raises BodyError, and what a filter raises."""
        if size >= 0:
            if size and not self._ready:
                self._next()
            part, self._ready = self._ready[:size], self._ready[size:]
            return part
        parts: list[bytes] = []
        while self._ready or self._next():
            parts.append(self._ready)
            self._ready = b""
        return b"".join(parts)

    def _next(self) -> bool:
        """Get the next piece. False at the end, which is not where a filter has failed."""
        if self._failed:
            raise BodyError("a filter of the body has failed", None)
        try:
            if self._pieces is None:
                self._pieces = self._begin()
            for piece in self._pieces:
                if length_of(piece) and isinstance(piece, bytes):
                    self._ready = piece
                    return True
        except BaseException:
            self._failed = True
            raise
        return False

    def skip(self, size: int) -> int:
        """What nobody wants is not filtered."""
        self._ready, self._pieces = b"", iter(())
        return self.source.skip(size)
