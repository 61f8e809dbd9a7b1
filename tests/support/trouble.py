"""A user's own module, loaded by its dotted name: handlers that misbehave in one way each.

`SetHandler trouble-raise` and so on. `LoadModule trouble_module tests.support.trouble`
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Sequence

from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Preparation
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request, Services
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic


class Cancelled(BaseException):
    """No Exception, as asyncio.CancelledError is none."""


BEGUN = "PH99999"
"""The number of the line that says that a handler does now what it was told to, so that a test need not guess."""


def _tell(request: Request) -> None:
    request.log(Level.NOTICE, "trouble", BEGUN, f"{request.handler} has begun")


def _answer(request: Request, text: str) -> int:
    body = text.encode()
    request.content_type = "text/plain"
    request.content = [body]
    request.content_length = len(body)
    return OK


def handle(request: Request) -> int:
    """What the handler's name says."""
    match request.handler:
        case "trouble-raise":
            raise RuntimeError("trouble as ordered")
        case "trouble-system-exit":
            raise SystemExit(3)
        case "trouble-cancelled":
            raise Cancelled
        case "trouble-exit":
            os._exit(9)
        case "trouble-kill":
            os.kill(os.getpid(), signal.SIGSEGV)
            select.select([], [], [], 3600)  # until another thread has taken it
        case "trouble-memory":
            return _answer(request, str(len(bytearray(1 << 48))))
        case "trouble-hang":
            _tell(request)
            while True:
                select.select([], [], [], 3600)
        case "trouble-deaf":  # nothing but KILL ends it
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            _tell(request)
            while True:
                select.select([], [], [], 3600)
        case "trouble-wait":  # for the test, which opens the other end of this fifo
            assert request.args is not None
            _tell(request)
            os.close(os.open(request.args, os.O_RDONLY))
            return _answer(request, f"{os.getpid()}\n")
        case "trouble-pid":
            return _answer(request, f"{os.getpid()}\n")
        case "trouble-modules":
            return _answer(request, "\n".join(sorted(sys.modules)))
        case "trouble-descriptors":
            return _answer(request, "\n".join(sorted(os.listdir("/proc/self/fd"), key=int)))
        case _:
            return DECLINED
    raise AssertionError("a signal did not end the child")


def check_config(configuration: Configuration) -> Sequence[Diagnostic]:
    if "TROUBLE_CHECK" in configuration.defines:
        raise KeyError("check as ordered")
    return ()


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    if "TROUBLE_PREPARE" in configuration.defines:
        raise KeyError("prepare as ordered")


def child_init(services: Services) -> None:
    if "TROUBLE_CHILD_INIT" in services.configuration.defines:
        raise KeyError("child_init as ordered")


MODULE = Module(
    "trouble_module",
    "mod_trouble.c",
    hooks=(on(Phase.HANDLER, handle), on(Phase.CHILD_INIT, child_init)),
    check_config=check_config,
    prepare=prepare,
)
