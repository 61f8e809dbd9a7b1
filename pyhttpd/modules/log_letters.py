"""The letters of LogFormat that mod_log_config brings: `%h %t %r %>s %b` and the others."""

from __future__ import annotations

import os
import time
from _thread import get_ident
from collections.abc import Callable

from pyhttpd.api.log_letter import Getter, LogLetter, Text, Value, letter
from pyhttpd.api.request import Request
from pyhttpd.api.url import canonical_name, canonical_port, server_name
from pyhttpd.http.dates import MONTHS

WIRE, NATIVE = Text.WIRE, Text.NATIVE


# -- the client, the connection, the server


def remote_host(request: Request) -> str:
    return request.remote_host()


def remote_address(request: Request) -> str:
    return request.connection.client_ip


def local_address(request: Request) -> str:
    return request.connection.local_ip


def nothing(request: Request) -> None:
    """`%l` without mod_ident."""


def remote_user(request: Request) -> str | None:
    return request.user


def virtual_host(request: Request) -> str:
    return canonical_name(request)


def name_of_server(request: Request) -> str:
    return server_name(request)


def port(argument: str) -> Getter:
    return _choice(argument, {
        "": canonical_port,
        "canonical": canonical_port,
        "remote": lambda request: request.connection.client_port,
        "local": lambda request: request.connection.local_port,
    })  # fmt: skip


def process(argument: str) -> Getter:
    return _choice(argument, {
        "": lambda request: os.getpid(),
        "pid": lambda request: os.getpid(),
        "tid": lambda request: get_ident(),
        "hextid": lambda request: f"{get_ident():x}",
    })  # fmt: skip


def _choice(argument: str, getters: dict[str, Getter]) -> Getter:
    """The getter for an argument, whatever its case. Of what it does not know Apache logs the name."""
    return getters.get(argument.lower(), lambda request: argument)


def connection_state(request: Request) -> str:
    if request.connection.aborted:
        return "X"
    return "+" if request.connection.keep_alive else "-"


def keepalive_requests(request: Request) -> int:
    return request.connection.requests


def log_id(argument: str) -> Getter:
    """What `%L` of ErrorLogFormat says of the same request, if anything of it was logged there; `%{c}L` its
    connection's."""
    if argument == "c":
        return lambda request: request.connection.log_id
    return lambda request: request.log_id


# -- the request


def request_line(request: Request) -> str | None:
    """Of a request line that did not come in time there is nothing, not even an empty text."""
    return None if request.status == 408 and not request.request_line else request.request_line


def request_file(request: Request) -> str | None:
    return request.filename


def request_uri(request: Request) -> str | None:
    return request.uri or None


def request_method(request: Request) -> str:
    return request.method


def request_protocol(request: Request) -> str:
    return request.protocol


def request_query(request: Request) -> str:
    return "" if request.args is None else "?" + request.args


def header_in(argument: str) -> Getter:
    return lambda request: request.headers_in.get(argument)


def trailer_in(argument: str) -> Getter:
    return lambda request: request.trailers_in.get(argument)


def cookie(argument: str) -> Getter:
    """A cookie of the Cookie field: names whatever their case, values as they stand."""
    wanted = argument.lower()

    def value_of(request: Request) -> str | None:
        for pair in (request.headers_in.get("Cookie") or "").split(";"):
            name, _, value = pair.lstrip("=").partition("=")
            if value and name.strip(" \t").lower() == wanted:
                return value.lstrip(" \t").rstrip()
        return None

    return value_of


def note(argument: str) -> Getter:
    return lambda request: request.notes.get(argument)


def environment(argument: str) -> Getter:
    return lambda request: request.env.get(argument)


# -- the answer


def status(request: Request) -> int | None:
    return request.status if request.status > 0 else None


def handler(request: Request) -> str | None:
    return request.handler


def bytes_sent(request: Request) -> int:
    return request.bytes_sent


def clf_bytes_sent(request: Request) -> int | None:
    return request.bytes_sent or None


def header_out(argument: str) -> Getter:
    """A field as it was sent. Content-Type is without parameters, all Set-Cookie fields are given.

    An ErrorDocument that failed sent none: what was sent are the fields of the request whose document it is.
    """
    name = argument.lower()

    def joined(request: Request) -> str | None:
        values = request.headers_out.get_all(argument)
        return ", ".join(values) if values else None

    def first(request: Request) -> str | None:
        return request.headers_out.get(argument)

    def content_type(request: Request) -> str | None:
        if request.content_type is None:
            return first(request)
        return request.content_type.partition(";")[0].rstrip(" \t")

    return {"set-cookie": joined, "content-type": content_type}.get(name, first)


def trailer_out(argument: str) -> Getter:
    return lambda request: request.trailers_out.get(argument)


# -- times


def _seconds(request: Request) -> float:
    """How long the request took. The same for every line and letter of one request."""
    if not request.ended:
        request.ended = time.monotonic()
    return max(0.0, request.ended - request.started)


def microseconds(request: Request) -> int:
    return int(_seconds(request) * 1_000_000)


def duration(argument: str) -> Getter:
    return _choice(argument, {
        "": lambda request: int(_seconds(request)),
        "s": lambda request: int(_seconds(request)),
        "ms": lambda request: int(_seconds(request) * 1_000),
        "us": microseconds,
    })  # fmt: skip


_clf: tuple[int, str] = (-1, "")  # replaced as a whole, so a thread sees one second's text or another's


def clf_time(seconds: int) -> str:
    """`[24/Nov/2026:05:41:34 +0000]`, local time."""
    global _clf
    known, text = _clf
    if known != seconds:
        t = time.localtime(seconds)
        sign, offset = ("-", -t.tm_gmtoff) if t.tm_gmtoff < 0 else ("+", t.tm_gmtoff)
        text = (
            f"[{t.tm_mday:02d}/{MONTHS[t.tm_mon - 1]}/{t.tm_year}:{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} "
            f"{sign}{offset // 3600:02d}{offset % 3600 // 60:02d}]"
        )
        _clf = (seconds, text)
    return text


def _formatted(form: str) -> Callable[[int], str]:
    """strftime, the last second's text kept."""
    last: tuple[int, str] = (-1, "")

    def text_of(micros: int) -> str:
        nonlocal last
        seconds = micros // 1_000_000
        known, text = last
        if known != seconds:
            text = time.strftime(form, time.localtime(seconds))
            last = (seconds, text)
        return text

    return text_of


_TIMES: dict[str, Callable[[int], Value]] = {
    "": lambda micros: clf_time(micros // 1_000_000),
    "sec": lambda micros: micros // 1_000_000,
    "msec": lambda micros: micros // 1_000,
    "usec": lambda micros: micros,
    "msec_frac": lambda micros: f"{micros // 1_000 % 1_000:03d}",
    "usec_frac": lambda micros: f"{micros % 1_000_000:06d}",
}


def request_time(argument: str) -> Getter:
    """`%t`, `%{begin:...}t`, `%{end:...}t`: a strftime format, or sec, msec, usec, msec_frac, usec_frac.

    Where a colon is missing behind `begin` or `end`, the time is the request's and one of the names is still known, but
    a strftime format is used with its prefix: so does Apache.
    """
    form, name, at_end = argument, argument, False
    for prefix in ("begin", "end"):
        if argument.startswith(prefix):
            name = argument[len(prefix) :]
            if name == "" or name.startswith(":"):
                form = name = name[1:]
                at_end = prefix == "end"
            break
    shown = _TIMES.get(name) or _formatted(form)

    def text(request: Request) -> Value:
        when = request.request_time
        if at_end:
            when += _seconds(request)
        return shown(int(when * 1_000_000))

    return text


LETTERS = {
    "a": letter(remote_address),
    "A": letter(local_address),
    "b": letter(clf_bytes_sent),
    "B": letter(bytes_sent),
    "C": LogLetter(cookie, WIRE),
    "D": letter(microseconds, original=True),
    "e": LogLetter(environment, NATIVE),
    "f": letter(request_file, NATIVE),
    "h": letter(remote_host, NATIVE),
    "H": letter(request_protocol, WIRE),
    "i": LogLetter(header_in, WIRE),
    "k": letter(keepalive_requests),
    "l": letter(nothing),
    "L": LogLetter(log_id, original=True),
    "m": letter(request_method, WIRE),
    "n": LogLetter(note, WIRE),
    "o": LogLetter(header_out, WIRE),
    "p": LogLetter(port),
    "P": LogLetter(process),
    "q": letter(request_query, WIRE),
    "r": letter(request_line, WIRE, original=True),
    "R": letter(handler, NATIVE, original=True),
    "s": letter(status, original=True),
    "t": LogLetter(request_time),
    "T": LogLetter(duration, original=True),
    "u": letter(remote_user, WIRE, empty='""'),
    "U": letter(request_uri, NATIVE, original=True),
    "v": letter(virtual_host, NATIVE),
    "V": letter(name_of_server, NATIVE),
    "X": letter(connection_state),
    "^ti": LogLetter(trailer_in, WIRE),
    "^to": LogLetter(trailer_out, WIRE),
}
