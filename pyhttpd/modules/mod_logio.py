"""mod_logio: bytes received and sent, with heads, and the time to the first byte: %I, %O, %S and %^FB of LogFormat."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pyhttpd.api.log_letter import Fact, Value, letter
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.phases import OK, Order, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.directive import ANYWHERE, Args, Directive
from pyhttpd.config.language import ALL


@dataclass(frozen=True, slots=True)
class LogioDir:
    track_first_byte: bool = False


DIRECTIVES = (
    Directive("LogIOTrackTTFB", Args.flag(), ANYWHERE, "Set to 'ON' to enable tracking time to first byte",
              into=LogioDir, sets="track_first_byte", override=ALL),
)  # fmt: skip


def track_first_byte(request: Request) -> int:
    """Only what a handler answers is tracked, as in Apache: an error page begins anew, without this hook."""
    if request.config(LogioDir).track_first_byte:
        request.response_hooks.append(_note_first_byte)
    return OK


def _note_first_byte(request: Request) -> None:
    request.first_byte = time.monotonic()


def bytes_in(request: Request) -> int:
    return request.connection.bytes_in


def bytes_out(request: Request) -> int:
    return request.connection.bytes_out


def bytes_both(request: Request) -> int:
    return request.connection.bytes_in + request.connection.bytes_out


def first_byte(request: Request) -> Value:
    """Microseconds from the beginning of the request to the beginning of its answer."""
    return int((request.first_byte - request.started) * 1_000_000) if request.first_byte else None


MODULE = Module(
    "logio_module",
    "mod_logio.c",
    per_dir=LogioDir,
    directives=DIRECTIVES,
    hooks=(on(Phase.INSERT_FILTER, track_first_byte, Order.LAST, pure=True),),
    providers=(
        Provider("log_letter", "I", letter(bytes_in, again=Fact("bytes_in"))),
        Provider("log_letter", "O", letter(bytes_out, again=Fact("bytes_out"))),
        Provider("log_letter", "S", letter(bytes_both, again=lambda again: again.bytes_in + again.bytes_out)),
        Provider("log_letter", "^FB", letter(first_byte)),
    ),
)
