"""mod_logio: bytes received and sent, with heads: %I, %O and %S of LogFormat."""

from __future__ import annotations

from pyhttpd.api.log_letter import LogLetter
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.request import Request


def bytes_in(request: Request, argument: str) -> str:
    return str(request.connection.bytes_in)


def bytes_out(request: Request, argument: str) -> str:
    return str(request.connection.bytes_out)


def bytes_both(request: Request, argument: str) -> str:
    return str(request.connection.bytes_in + request.connection.bytes_out)


def first_byte(request: Request, argument: str) -> None:
    """`%^FB` is `-` as long as nothing tracks the first byte: LogIOTrackTTFB is not there yet."""


MODULE = Module(
    "logio_module",
    "mod_logio.c",
    providers=(
        Provider("log_letter", "I", LogLetter(bytes_in)),
        Provider("log_letter", "O", LogLetter(bytes_out)),
        Provider("log_letter", "S", LogLetter(bytes_both)),
        Provider("log_letter", "^FB", LogLetter(first_byte)),
    ),
)
