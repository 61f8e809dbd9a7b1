"""Clients on raw sockets: single answers, load that counts what was lost, half requests that are held."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import Counter
from types import TracebackType
from typing import NamedTuple, Self

LIMIT = 60.0  # seconds until a client gives up
PROMPT = 0.5  # seconds: who takes longer for the next request may find the kept connection closed, and rightly so


class BrokenError(Exception):
    """The connection ended before the answer was complete."""

    def __init__(self, message: str, *, received: int, unread: bool) -> None:
        super().__init__(message)
        self.received = received  # bytes of the answer
        self.unread = unread  # the server's kernel refused our bytes, so nobody can have read the request


class Answer(NamedTuple):
    """One response."""

    status: int
    reason: str
    version: str  # HTTP/1.1
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        for known, value in self.headers:
            if known.lower() == name.lower():
                return value
        return None

    @property
    def keeps_alive(self) -> bool:
        connection = (self.header("Connection") or "").lower()
        return connection != "close" if self.version == "HTTP/1.1" else connection == "keep-alive"


class Client:
    """A connection that reads whole answers. `local` chooses the source port's address family by `host`."""

    def __init__(self, port: int, host: str = "127.0.0.1", limit: float = LIMIT) -> None:
        self.sock = socket.create_connection((host, port), timeout=limit)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""
        self._received = 0
        self.raw = b""  # all that came since the answer that was asked for last began

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def end(self) -> None:
        """Close our side alone: nothing more is sent, and answers can still be read."""
        with contextlib.suppress(OSError):  # the server's reset was first
            self.sock.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise BrokenError(str(error), received=0, unread=True) from error

    def ask(self, target: str, *, method: str = "GET", version: str = "HTTP/1.1", **fields: str) -> Answer:
        """One request and its answer."""
        self.send(request(target, method=method, version=version, **fields))
        return self.answer(head_only=method == "HEAD")

    def _more(self) -> bool:
        """Read once. False at the end of file."""
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError as error:
            raise BrokenError("reset", received=self._received, unread=True) from error
        self._data += piece
        self.raw += piece
        self._received += len(piece)
        return bool(piece)

    def _ended(self, where: str) -> BrokenError:
        refused = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0  # EPIPE: a reset followed the FIN
        return BrokenError(f"end of file {where}", received=self._received, unread=refused and not self._received)

    def _line(self) -> bytes:
        while b"\n" not in self._data:
            if not self._more():
                raise self._ended("in the head")
        line, _, self._data = self._data.partition(b"\n")
        return line.rstrip(b"\r")

    def _exactly(self, size: int) -> bytes:
        while len(self._data) < size:
            if not self._more():
                raise self._ended("in the body")
        body, self._data = self._data[:size], self._data[size:]
        return body

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer on this connection. Raises BrokenError, or TimeoutError."""
        self.raw = self._data
        self._received = len(self._data)
        version, _, rest = self._line().decode("latin-1").partition(" ")
        status, _, reason = rest.partition(" ")
        headers: list[tuple[str, str]] = []
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name, value.strip()))
        answer = Answer(int(status), reason, version, headers, b"")
        if head_only or answer.status in (204, 304) or answer.status < 200:
            return answer
        return answer._replace(body=self._body(answer))

    def _body(self, answer: Answer) -> bytes:
        if (answer.header("Transfer-Encoding") or "").lower() == "chunked":
            body = b""
            while size := int(self._line().split(b";")[0], 16):
                body += self._exactly(size)
                self._line()
            while self._line():
                pass
            return body
        length = answer.header("Content-Length")
        if length is not None:
            return self._exactly(int(length))
        with contextlib.suppress(BrokenError):
            while self._more():
                pass
        body, self._data = self._data, b""
        return body

    def readable(self, limit: float = 0) -> bool:
        """Whether bytes, or the end of file, are there or come within `limit` seconds."""
        return bool(self._data) or bool(select.select([self.sock], [], [], limit)[0])

    def ended(self, limit: float = 0) -> bool:
        """Whether the server has closed its side, or does within `limit` seconds. Bytes that come are not an end."""
        if self._data or not self.readable(limit):
            return False
        try:
            return not self._more()
        except BrokenError:
            return True

    def rest(self, limit: float = LIMIT) -> bytes:
        """Everything up to the end of file; what has come if there is none within `limit` seconds of silence."""
        with contextlib.suppress(BrokenError):
            while select.select([self.sock], [], [], limit)[0] and self._more():
                pass
        data, self._data = self._data, b""
        return data


def request(target: str, *, method: str = "GET", version: str = "HTTP/1.1", **fields: str) -> bytes:
    """The bytes of a head. Fields are keywords: `Connection="close"`; `_` stands for `-`."""
    lines = [f"{method} {target} {version}"]
    if "Host" not in fields and version == "HTTP/1.1":
        lines.append("Host: 127.0.0.1")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def get(port: int, target: str, host: str = "127.0.0.1", **fields: str) -> Answer:
    """One GET on a connection of its own."""
    with Client(port, host) as client:
        return client.ask(target, **{"Connection": "close", **fields})


class Counts(NamedTuple):
    """What became of a load."""

    complete: int
    lost: int  # sent, and no complete answer
    refused: int  # no connection
    retried: int  # on a kept connection that was closed before a byte of the request could be read
    late: int  # the same, when this client itself had been kept from running for longer than such a connection is kept
    wrong: int  # complete, but not 200
    trouble: list[str]  # the first few, with the second in which they came


class Load:
    """Keep-alive clients, a thread each, that ask until told to stop. Use as a context manager.

    A client waits `pace` seconds between two requests and opens a new connection after `per_connection` of them, or
    where an answer says `Connection: close`. A request that fails on a kept connection before the server could read a
    byte of it is sent once more, as browsers do, and counted as retried. A server that leaves waits a second for the
    next request; who had no time to send it within PROMPT seconds was late, and nothing is held against the server.
    """

    def __init__(
        self, port: int, clients: int = 6, target: str = "/", *, pace: float = 0.003, per_connection: int = 40
    ) -> None:
        self._port = port
        self._target = target
        self._pace = pace
        self._per_connection = per_connection
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._progress = threading.Condition(self._lock)
        self._counts: Counter[str] = Counter()
        self._trouble: list[str] = []
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.await_answers(1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> Counts:
        """End all clients, each after the answer it waits for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(LIMIT + 5)
            assert not thread.is_alive(), "a client hangs"
        return self.counts()

    def counts(self) -> Counts:
        with self._lock:
            c = self._counts
            return Counts(
                c["complete"], c["lost"], c["refused"], c["retried"], c["late"], c["wrong"], list(self._trouble)
            )

    def await_answers(self, more: int, limit: float = LIMIT) -> None:
        """Until this many more answers have come."""
        with self._progress:
            goal = self._counts["complete"] + more
            assert self._progress.wait_for(lambda: self._counts["complete"] >= goal, limit), (
                f"no {more} answers within {limit:g} s: {dict(self._counts)} {self._trouble}"
            )

    def _note(self, what: str, detail: str = "") -> None:
        with self._progress:
            self._counts[what] += 1
            if detail and len(self._trouble) < 20:
                self._trouble.append(f"{time.monotonic() - self._began:.3f} {what}: {detail}")
            self._progress.notify_all()

    def _run(self) -> None:
        client: Client | None = None
        asked = 0
        answered = 0.0
        while not self._stop.is_set():
            if client is not None and asked < self._per_connection and client.ended():
                client.close()  # closed while it was idle, and seen before sending: no request is touched by this
                client = None
            if client is None or asked >= self._per_connection:
                if client is not None:
                    client.close()
                client, asked = self._connect(), 0
                if client is None:
                    self._stop.wait(0.05)
                    continue
            asked += 1
            if not self._ask(client, idle_since=answered if asked > 1 else None):
                client.close()
                client = None
            answered = time.monotonic()
            self._stop.wait(self._pace)
        if client is not None:
            client.close()

    def _connect(self) -> Client | None:
        try:
            return Client(self._port)
        except OSError as error:
            self._note("refused", str(error))
            return None

    def _ask(self, client: Client, *, idle_since: float | None = None, again: bool = False) -> bool:
        """Send and count one request. `idle_since`: the last answer on a kept connection. True if the connection can
        take another."""
        data = request(self._target)
        try:
            try:
                client.send(data)
            finally:
                late = idle_since is not None and time.monotonic() - idle_since > PROMPT
            answer = client.answer()
        except BrokenError as error:
            if idle_since is not None and error.received == 0 and (error.unread or late):
                self._note("late" if late else "retried", str(error))
                fresh = self._connect()
                if fresh is not None:
                    with fresh:
                        self._ask(fresh, again=True)
            else:
                kind = "fresh" if idle_since is None else "kept"
                self._note("lost", f"{error}, {error.received} bytes received, {kind}")
            return False
        except TimeoutError:
            self._note("lost", "no answer in time")
            return False
        if answer.status == 200:
            self._note("complete")
        else:
            self._note("wrong", f"{answer.status} {answer.reason}")
            self._note("complete")
        return answer.keeps_alive and not again


class HalfRequests:
    """Connections that have sent half a head and hold it. Use as a context manager."""

    HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"

    def __init__(self, port: int, count: int) -> None:
        self.held: list[Client] = []
        try:
            for _ in range(count):
                client = Client(port)
                self.held.append(client)
                client.send(self.HEAD)
        except BaseException:
            self.close()
            raise

    def finish(self) -> list[Answer]:
        """Send the other halves and read the answers."""
        for client in self.held:
            client.send(b"Connection: close\r\n\r\n")
        return [client.answer() for client in self.held]

    def close(self) -> None:
        for client in self.held:
            client.close()
        self.held = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
