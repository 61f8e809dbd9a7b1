"""Clients that stop in the middle, all at the same time: what RequestReadTimeout and Timeout make of them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tests.conftest import Start
from tests.support.clients import BrokenError, Client
from tests.support.logs import LogFile
from tests.support.servers import Server

HOST = b"Host: x\r\n"
POST = b"POST /a.txt HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
KEPT = b"GET /a.txt HTTP/1.1\r\n" + HOST + b"\r\n"
ANSWER = None  # wait for an answer
END = b""  # our end

CASES: dict[str, list[bytes | None]] = {
    "half a request line": [b"GET / HT"],
    "blank line": [b"\r\n"],
    "request line": [b"GET / HTTP/1.1\r\n"],
    "fields": [b"GET / HTTP/1.1\r\n" + HOST],
    "half a field": [b"GET / HTTP/1.1\r\n" + HOST + b"X: y"],
    "a bad field and more": [b"GET / HTTP/1.1\r\nX\r\nY: z\r\n"],
    "a bad request line": [b"G@T / HTTP/1.1\r\n"],
    "nothing more": [KEPT, ANSWER],
    "half of the next request line": [KEPT, ANSWER, b"GET /"],
    "fields of the next": [KEPT, ANSWER, b"GET / HTTP/1.1\r\nA: b\r\n"],
    "half a body": [POST + b"Content-Length: 5\r\n\r\nhe"],
    "half a body, and the end": [POST + b"Content-Length: 5\r\n\r\nhe", END],
    "half a chunk": [CHUNKED + b"5\r\nhe"],
    "half a chunk's size": [CHUNKED + b"5"],
    "half of the trailers": [CHUNKED + b"0\r\nA: b\r\n"],
    "half of the trailers, and the end": [CHUNKED + b"0\r\nA: b\r\n", END],
    "half a body for a redirect": [b"POST /dir HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhe"],
    "half a body for CONNECT": [b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\nContent-Length: 5\r\n\r\nhe"],
    "no body for 100 Continue": [POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"],
    "no body for a redirect": [b"POST /dir HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"],
    "a head, and the end": [b"GET / HTTP/1.1\r\n" + HOST, END],
    "half a request line, and the end": [b"GET / HT", END],
    "a request, and the end": [KEPT, END],
}
LIMITS = {
    "short": "RequestReadTimeout header=1 body=1\nTimeout 3\nKeepAliveTimeout 2",
    "rate": "RequestReadTimeout header=1-2,MinRate=100 body=1-2,MinRate=100\nTimeout 3\nKeepAliveTimeout 1",
    "off": "RequestReadTimeout header=0 body=0\nTimeout 1\nKeepAliveTimeout 2",
    "host": "RequestReadTimeout header=1 body=3\nTimeout 3\nKeepAliveTimeout 2\n"
    "<VirtualHost *>\nServerName first\n</VirtualHost>\n"
    "<VirtualHost *>\nServerName x\nRequestReadTimeout header=3 body=1\n</VirtualHost>",
}
LINES = 'LogFormat "%{remote}p %>s %r %m %U %H" slow\nCustomLog logs/slow slow\n'
_VARYING = re.compile(r"^(?:Date|Server): .*\r\n", re.MULTILINE)
_CLIENT = re.compile(r"\[client [^\]]*:(\d+)\]")


class Seen(NamedTuple):
    answers: str
    log: list[str]
    errors: list[str]


def _play(server: Server) -> dict[str, Seen] | None:
    """What became of each case; None if a client found its connection closed before it had said all."""
    try:
        return _played(server)
    except BrokenError:
        return None


def _played(server: Server) -> dict[str, Seen]:
    with ExitStack() as stack:
        clients = {name: stack.enter_context(Client(server.port)) for name in CASES}
        for name, steps in CASES.items():
            for step in steps:
                if step is ANSWER:
                    clients[name].answer()
                elif step == END:
                    clients[name].end()
                else:
                    clients[name].send(step)
        answers = {name: _VARYING.sub("", client.rest().decode("latin-1")) for name, client in clients.items()}
        ports = {name: str(client.sock.getsockname()[1]) for name, client in clients.items()}
    log = [line.partition(" ") for line in LogFile(server.root / "logs" / "slow").lines()]
    errors = [(line.number, _CLIENT.search(line.line)) for line in server.error_log.lines() if line.number]
    return {
        name: Seen(
            answers[name],
            [rest for port, _, rest in log if port == ports[name]],
            [number for number, client in errors if client is not None and client[1] == ports[name]],
        )
        for name in CASES
    }


TRIES = 5  # who is kept from running for a second meets another limit than it should


@pytest.mark.parametrize("limits", LIMITS)
def test_clients_that_stop(pyhttpd: Start, apache: Start, limits: str) -> None:
    different: list[object] = []
    for _ in range(TRIES):
        different = _differences([start(start=False, mpm="worker") for start in (apache, pyhttpd)], limits)
        if not different:
            return
    raise AssertionError(different)


def _differences(servers: list[Server], limits: str) -> list[object]:
    """The cases that the two servers see differently."""
    pool = f"StartServers 1\nThreadsPerChild 64\nMinSpareThreads 1\nMaxSpareThreads 64\nMaxRequestWorkers 64\n{LINES}"
    for server in servers:
        server.log_level = "notice core:debug http:debug reqtimeout:info"
        server.configure(LIMITS[limits], limits=pool)
        server.write("dir/x.txt", "x")
        server.start()
    with ThreadPoolExecutor() as both:
        played = list(both.map(_play, servers))
    for server in servers:  # what a client provokes is compared
        server.stop()
        server.expect(*(line.number for line in server.error_log.lines() if line.number))
    if None in played:
        return ["a client was too late"]
    theirs, ours = played
    assert theirs is not None
    assert ours is not None
    if not theirs["half a body"].answers.startswith("HTTP/1.1 408 "):
        return ["the case tells nothing", theirs["half a body"]]
    return [(name, theirs[name], ours[name]) for name in CASES if theirs[name] != ours[name]]
