"""The letters of LogFormat that mod_log_config brings: `%h %t %r %>s %b` and the others."""

from __future__ import annotations

import os
import time
from _thread import get_native_id

from pyhttpd.api.log_letter import LogLetter
from pyhttpd.api.request import Request
from pyhttpd.api.url import canonical_name, canonical_port, server_name
from pyhttpd.http.dates import MONTHS
from pyhttpd.util.escape import log_item, log_path


def remote_address(request: Request, argument: str) -> str:
    return request.connection.client_ip


def local_address(request: Request, argument: str) -> str:
    return request.connection.local_ip


def nothing(request: Request, argument: str) -> None:
    """`%l` without mod_ident, `%L` before anything was logged, trailers of a protocol without them."""


def remote_user(request: Request, argument: str) -> str:
    if request.user is None:
        return "-"
    return log_item(request.user) if request.user else '""'


def request_line(request: Request, argument: str) -> str | None:
    return log_item(request.request_line) if request.request_line else None


def request_file(request: Request, argument: str) -> str | None:
    return None if request.filename is None else log_path(request.filename)


def request_uri(request: Request, argument: str) -> str | None:
    return log_path(request.uri) if request.uri else None


def request_method(request: Request, argument: str) -> str:
    return log_item(request.method)


def request_protocol(request: Request, argument: str) -> str:
    return log_item(request.protocol)


def request_query(request: Request, argument: str) -> str:
    return "" if request.args is None else "?" + log_item(request.args)


def status(request: Request, argument: str) -> str:
    return str(request.status) if request.status > 0 else "-"


def handler(request: Request, argument: str) -> str | None:
    return None if request.handler is None else log_path(request.handler)


def bytes_sent(request: Request, argument: str) -> str:
    return str(request.bytes_sent)


def clf_bytes_sent(request: Request, argument: str) -> str:
    return str(request.bytes_sent) if request.bytes_sent else "-"


def _item(value: str | None) -> str | None:
    return None if value is None else log_item(value)


def header_in(request: Request, argument: str) -> str | None:
    return _item(request.headers_in.get(argument))


def header_out(request: Request, argument: str) -> str | None:
    name = argument.lower()
    if name == "content-type" and request.content_type is not None:
        return log_item(request.content_type.partition(";")[0].rstrip())
    table = request.err_headers_out if argument in request.err_headers_out else request.headers_out
    return _item(table.joined(argument) if name == "set-cookie" else table.get(argument))


def note(request: Request, argument: str) -> str | None:
    return _item(request.notes.get(argument))


def environment(request: Request, argument: str) -> str | None:
    value = request.env.get(argument)
    return None if value is None else log_path(value)


def cookie(request: Request, argument: str) -> str | None:
    """A cookie of the first Cookie field: names whatever their case, values as they stand."""
    for pair in (request.headers_in.get("Cookie") or "").split(";"):
        name, equals, value = pair.partition("=")
        if equals and value and name.strip(" \t").lower() == argument.lower():
            return log_item(value.strip(" \t"))
    return None


def virtual_host(request: Request, argument: str) -> str:
    return log_path(canonical_name(request))


def name_of_server(request: Request, argument: str) -> str:
    return log_path(server_name(request))


def port(request: Request, argument: str) -> str:
    kind = argument.lower()
    if kind in ("", "canonical"):
        return str(canonical_port(request))
    if kind == "remote":
        return str(request.connection.client_port)
    return str(request.connection.local_port) if kind == "local" else argument


def process(request: Request, argument: str) -> str:
    kind = argument.lower()
    if kind in ("", "pid"):
        return str(os.getpid())
    if kind == "tid":
        return str(get_native_id())
    return f"{get_native_id():x}" if kind == "hextid" else argument


def connection_state(request: Request, argument: str) -> str:
    if request.connection.aborted:
        return "X"
    return "+" if request.connection.keep_alive else "-"


def keepalive_requests(request: Request, argument: str) -> str:
    return str(request.connection.requests)


def _seconds(request: Request) -> float:
    """How long the request took. The same for every line and letter of one request."""
    if not request.ended:
        request.ended = time.monotonic()
    return max(0.0, request.ended - request.started)


def microseconds(request: Request, argument: str) -> str:
    return str(int(_seconds(request) * 1_000_000))


def duration(request: Request, argument: str) -> str:
    kind = argument.lower()
    scale = {"": 1, "s": 1, "ms": 1_000, "us": 1_000_000}.get(kind)
    return argument if scale is None else str(int(_seconds(request) * scale))


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


def request_time(request: Request, argument: str) -> str:
    """`%t`, `%{begin:...}t`, `%{end:...}t`: a strftime format, or sec, msec, usec, msec_frac, usec_frac."""
    when = request.request_time
    form = argument
    for prefix in ("begin", "end"):
        if form == prefix or form.startswith(prefix + ":"):
            form = form[len(prefix) + 1 :]
            if prefix == "end":
                when += _seconds(request)
            break
    micros = int(when * 1_000_000)
    if form == "":
        return clf_time(micros // 1_000_000)
    number = {
        "sec": micros // 1_000_000, "msec": micros // 1_000, "usec": micros,
    }.get(form)  # fmt: skip
    if number is not None:
        return str(number)
    if form == "msec_frac":
        return f"{micros // 1_000 % 1_000:03d}"
    if form == "usec_frac":
        return f"{micros % 1_000_000:06d}"
    return time.strftime(form, time.localtime(micros // 1_000_000))


LETTERS = {
    "a": LogLetter(remote_address),
    "A": LogLetter(local_address),
    "b": LogLetter(clf_bytes_sent),
    "B": LogLetter(bytes_sent),
    "C": LogLetter(cookie),
    "D": LogLetter(microseconds, original=True),
    "e": LogLetter(environment),
    "f": LogLetter(request_file),
    "h": LogLetter(remote_address),
    "H": LogLetter(request_protocol),
    "i": LogLetter(header_in),
    "k": LogLetter(keepalive_requests),
    "l": LogLetter(nothing),
    "L": LogLetter(nothing, original=True),
    "m": LogLetter(request_method),
    "n": LogLetter(note),
    "o": LogLetter(header_out),
    "p": LogLetter(port),
    "P": LogLetter(process),
    "q": LogLetter(request_query),
    "r": LogLetter(request_line, original=True),
    "R": LogLetter(handler, original=True),
    "s": LogLetter(status, original=True),
    "t": LogLetter(request_time),
    "T": LogLetter(duration, original=True),
    "u": LogLetter(remote_user),
    "U": LogLetter(request_uri, original=True),
    "v": LogLetter(virtual_host),
    "V": LogLetter(name_of_server),
    "X": LogLetter(connection_state),
    "^ti": LogLetter(nothing),
    "^to": LogLetter(nothing),
}
