"""The letters of LogFormat that mod_log_config brings: `%h %t %r %>s %b` and the others."""

from __future__ import annotations

import os
import time
from _thread import get_ident
from collections.abc import Callable

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.env import variable
from pyhttpd.api.log_letter import (
    Again,
    AgainGetter,
    AgainText,
    EachSecond,
    Fact,
    Getter,
    LogLetter,
    Text,
    Value,
    letter,
)
from pyhttpd.api.request import Request
from pyhttpd.api.url import canonical_name, canonical_port, server_name
from pyhttpd.http.dates import MONTHS

WIRE, NATIVE = Text.WIRE, Text.NATIVE


# -- the client, the connection, the server


def remote_host(request: Request) -> str:
    return request.remote_host()


def remote_host_again(argument: str, request: Request) -> AgainText:
    if request.config(CoreDir).hostname_lookups != "off":
        return None
    return Fact("host")


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


def port_again(argument: str, request: Request) -> AgainText:
    if argument.lower() == "remote":
        return None
    known = port(argument)(request)
    return known if isinstance(known, int) else None


def process(argument: str) -> Getter:
    return _choice(argument, {
        "": lambda request: os.getpid(),
        "pid": lambda request: os.getpid(),
        "tid": lambda request: get_ident(),
        "hextid": lambda request: f"{get_ident():x}",
    })  # fmt: skip


def process_again(argument: str, request: Request) -> AgainText:
    """The answers that are kept are those of this process."""
    return os.getpid() if argument.lower() in ("", "pid") else None


def _choice(argument: str, getters: dict[str, Getter]) -> Getter:
    """The getter for an argument, whatever its case. Of what it does not know Apache logs the name."""
    return getters.get(argument.lower(), lambda request: argument)


def connection_state(request: Request) -> str:
    """After the last answer but one that MaxKeepAliveRequests permits it is not kept alive any more, for Apache."""
    connection, limit = request.connection, request.server_config(CoreServer).max_keep_alive_requests
    if connection.aborted:
        return "X"
    return "+" if connection.keep_alive and (not limit or connection.kept < limit) else "-"


def connection_state_again(argument: str, request: Request) -> AgainGetter:
    limit = request.server_config(CoreServer).max_keep_alive_requests

    def state(again: Again) -> str:
        if again.aborted:
            return "X"
        return "+" if again.keep_alive and (not limit or again.requests + 1 < limit) else "-"

    return state


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


def request_line_again(argument: str, request: Request) -> AgainText:
    return Fact("request_line") if _is_alone(request) else None


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


def request_query_again(argument: str, request: Request) -> AgainText:
    """From the line, in which it is escaped as it has to be."""

    def query(again: Again) -> str:
        _, mark, rest = again.request_line.partition("?")
        return mark + rest.rpartition(" ")[0]

    return query if _is_alone(request) else None


def _is_alone(request: Request) -> bool:
    """Whether there was no internal redirect: all of such a family say the first one's line, but not its query."""
    return request.prev is None and request.next is None


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
    return lambda request: variable(request.env, argument)


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


_UNITS = {"": 1, "s": 1, "ms": 1_000, "us": 1_000_000}


def duration(argument: str) -> Getter:
    unit = _UNITS.get(argument.lower())
    if unit is None:
        return lambda request: argument
    return lambda request: int(_seconds(request) * unit)


def microseconds_again(argument: str, request: Request) -> AgainText:
    return duration_again("us", request)


def duration_again(argument: str, request: Request) -> AgainText:
    unit = _UNITS.get(argument.lower())
    if unit is None:
        return None
    return lambda again: int(max(0.0, again.ended - again.began) * unit)


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


_TIMES: dict[str, Callable[[int], str | int]] = {
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
    shown, at_end = _time_form(argument)

    def text(request: Request) -> Value:
        when = request.request_time
        if at_end:
            when += _seconds(request)
        return shown(int(when * 1_000_000))

    return text


def request_time_again(argument: str, request: Request) -> AgainText:
    if not argument:
        return EachSecond(clf_time)
    shown, at_end = _time_form(argument)
    if at_end:
        return lambda again: shown(int((again.arrived + again.ended - again.began) * 1_000_000))
    return lambda again: shown(int(again.arrived * 1_000_000))


def _time_form(argument: str) -> tuple[Callable[[int], str | int], bool]:
    """How microseconds since the epoch are shown, and whether they are those of the request's end."""
    form, name, at_end = argument, argument, False
    for prefix in ("begin", "end"):
        if argument.startswith(prefix):
            name = argument[len(prefix) :]
            if name == "" or name.startswith(":"):
                form = name = name[1:]
                at_end = prefix == "end"
            break
    return _TIMES.get(name) or _formatted(form), at_end


SAME = False
"""For `varies`: part of the answer, or of what was asked, so that it is said again with it."""

LETTERS = {
    "a": letter(remote_address, again=Fact("address")),
    "A": letter(local_address, varies=SAME),
    "b": letter(clf_bytes_sent, varies=SAME),
    "B": letter(bytes_sent, varies=SAME),
    "C": LogLetter(cookie, WIRE, varies=SAME),
    "D": LogLetter(lambda argument: duration("us"), original=True, again=microseconds_again),
    "e": LogLetter(environment, NATIVE, varies=SAME),
    "f": letter(request_file, NATIVE, varies=SAME),
    "h": LogLetter(lambda argument: remote_host, NATIVE, again=remote_host_again),
    "H": letter(request_protocol, WIRE, varies=SAME),
    "i": LogLetter(header_in, WIRE, varies=SAME),
    "k": letter(keepalive_requests, again=Fact("requests")),
    "l": letter(nothing, varies=SAME),
    "L": LogLetter(log_id, original=True),
    "m": letter(request_method, WIRE, varies=SAME),
    "n": LogLetter(note, WIRE, varies=SAME),
    "o": LogLetter(header_out, WIRE, varies=SAME),
    "p": LogLetter(port, again=port_again),
    "P": LogLetter(process, again=process_again),
    "q": LogLetter(lambda argument: request_query, WIRE, again=request_query_again),
    "r": LogLetter(lambda argument: request_line, WIRE, original=True, again=request_line_again),
    "R": letter(handler, NATIVE, original=True, varies=SAME),
    "s": letter(status, original=True, varies=SAME),
    "t": LogLetter(request_time, again=request_time_again),
    "T": LogLetter(duration, original=True, again=duration_again),
    "u": letter(remote_user, WIRE, empty='""', varies=SAME),
    "U": letter(request_uri, NATIVE, original=True, varies=SAME),
    "v": letter(virtual_host, NATIVE, varies=SAME),
    "V": letter(name_of_server, NATIVE),
    "X": LogLetter(lambda argument: connection_state, again=connection_state_again),
    "^ti": LogLetter(trailer_in, WIRE, varies=SAME),
    "^to": LogLetter(trailer_out, WIRE, varies=SAME),
}
