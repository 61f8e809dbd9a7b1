"""How well others are served while slow clients attack: slowhttptest's four modes, and more, on pyhttpd and on Apache.

Usage: .venv/bin/python scripts/slow_clients.py [--mpm prefork,worker] [--attacks H,B,R,X,silent,idle,linger]
           [--servers apache2,pyhttpd] [--connections 600] [--seconds 30] [--timeout 60] [--limits default|small]
           [--trace]

Needs slowhttptest and apache2 (Debian: `apt-get install slowhttptest apache2`). Everything listens on the loopback
interface, on ports of its own, and is stopped at the end; one run of one attack on one server takes about
`--seconds` + 15, so all of it takes half an hour. It is not a part of the tests: tests/process/test_hostile.py has
small versions of all attacks.

Attacks: H slow heads (slowloris), B slow bodies, R many ranges, X slow readers (pipelined, small windows), all by
slowhttptest with `--connections` connections; `silent` connects and never sends; `idle` asks once on each connection
and keeps it; `linger` sends on after the last answer.

Columns: `answered` of the probes of a well-behaved client, one every half second during `--seconds`, each with a
connection of its own and 5 s of patience; their latency (median and worst, ms); the most slots in use, and how many
seconds after the end of the attack all were free again (its connections stay open until then); children at most; PSS of
all processes before, at most and 3 s after (MiB); descriptors of all processes before, at most, after.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.bench.measure import memory, tree
from tests.support.clients import BrokenError, Client
from tests.support.servers import Apache, Pyhttpd, Server

PROBE_EVERY = 0.5
PATIENCE = 5.0
AFTER = 60.0  # seconds in which slots must have come back
POOLS = {
    "default": {  # as Debian ships them
        "prefork": "StartServers 5\nMinSpareServers 5\nMaxSpareServers 10\nMaxRequestWorkers 150",
        "worker": "StartServers 2\nMinSpareThreads 25\nMaxSpareThreads 75\nThreadsPerChild 25\nMaxRequestWorkers 150",
    },
    "small": {
        "prefork": "StartServers 5\nMinSpareServers 5\nMaxSpareServers 10\nMaxRequestWorkers 20",
        "worker": "StartServers 2\nMinSpareThreads 5\nMaxSpareThreads 20\nThreadsPerChild 10\nMaxRequestWorkers 20",
    },
}
LINES = "KeepAlive On\nMaxKeepAliveRequests 100\nKeepAliveTimeout 5\nTimeout {timeout}\nExtendedStatus On\n"


@dataclass
class Seen:
    """What was measured during one attack."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    slots: int = 0
    children: int = 0
    pss: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    trace: list[tuple[float, int, int]] = field(default_factory=list)  # second, slots in use, children


class Observer:
    """Asks /server-status?auto on a connection of its own, which it never lets become idle for long."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client: Client | None = None

    def slots(self) -> int | None:
        """Slots in use without its own; None if the server did not answer."""
        for _ in range(2):
            try:
                if self._client is None:
                    self._client = Client(self._port, limit=2.0)
                answer = self._client.ask("/server-status?auto")
                if not answer.keeps_alive:
                    self.close()
                for line in answer.body.decode().splitlines():
                    if line.startswith("BusyWorkers: "):
                        return int(line.split()[1]) - 1
            except (OSError, BrokenError, ValueError):
                self.close()
        return None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def descriptors(pids: list[int]) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += len(os.listdir(f"/proc/{pid}/fd"))
    return total


class Watch:
    """Probes and measures in threads until told to stop."""

    def __init__(self, server: Server, seconds: float) -> None:
        """Probes are sent for so many seconds, however long the attack takes to end: its end is quiet."""
        self.seen = Seen()
        self._server = server
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._observer = Observer(server.port)
        self._observer.slots()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._probe, self._measure)]
        self._probes: list[threading.Thread] = []
        for thread in self._threads:
            thread.start()

    def _probe(self) -> None:
        while not self._stop.wait(PROBE_EVERY) and time.monotonic() < self._until:
            thread = threading.Thread(target=self._ask, daemon=True)
            self._probes.append(thread)
            thread.start()

    def _ask(self) -> None:
        began = time.monotonic()
        try:
            with Client(self._server.port, limit=PATIENCE) as client:
                if client.ask("/a.txt", Connection="close").status == 200:
                    self.seen.latencies.append((time.monotonic() - began) * 1000)
                    return
        except (OSError, BrokenError):
            pass
        self.seen.failed += 1

    def _measure(self) -> None:
        seen = self.seen
        while not self._stop.wait(PROBE_EVERY):
            pids = tree(self._server)
            seen.pss.append(memory(pids))
            seen.descriptors.append(descriptors(pids))
            seen.children = max(seen.children, len(pids) - 1)
            slots = self._observer.slots()
            if slots is not None:
                seen.slots = max(seen.slots, slots)
            seen.trace.append((time.monotonic() - self._began, -1 if slots is None else slots, len(pids) - 1))

    def stop(self) -> Seen:
        self._stop.set()
        for thread in (*self._threads, *self._probes):
            thread.join(PATIENCE + 5)
        self._observer.close()
        return self.seen


@contextlib.contextmanager
def connections(port: int, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """`count` connections, begun without waiting for the server, each with its first bytes sent."""
    held: list[socket.socket] = []
    selector = selectors.DefaultSelector()
    try:
        for _ in range(count):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            held.append(sock)
            if first:
                selector.register(sock, selectors.EVENT_WRITE)
            time.sleep(0.001)
        until = time.monotonic() + 5
        while selector.get_map() and time.monotonic() < until:
            for key, _ in selector.select(0.2):
                assert isinstance(key.fileobj, socket.socket)
                with contextlib.suppress(OSError):
                    key.fileobj.send(first)
                selector.unregister(key.fileobj)
        yield held
    finally:
        for sock in held:
            sock.close()


REQUEST = b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"


def hold(first: bytes, trickle: bytes = b"") -> Callable[[Server, argparse.Namespace], None]:
    """An attack with connections of our own: `first` at once, `trickle` each second."""

    def attack(server: Server, options: argparse.Namespace) -> None:
        until = time.monotonic() + options.seconds
        with connections(server.port, options.connections, first) as held:
            while (left := until - time.monotonic()) > 0:
                for sock in held if trickle else ():
                    with contextlib.suppress(OSError):
                        sock.send(trickle)
                time.sleep(min(1.0, left))

    return attack


def slowhttptest(mode: str, *more: str) -> Callable[[Server, argparse.Namespace], None]:
    def attack(server: Server, options: argparse.Namespace) -> None:
        page = "big.bin" if mode == "-X" else "a.txt"
        command = ["slowhttptest", mode, "-c", str(options.connections), "-r", "200", "-l", str(options.seconds),
                   "-u", f"http://127.0.0.1:{server.port}/{page}", "-p", "3", "-v", "0", *more]  # fmt: skip
        with tempfile.TemporaryFile() as output:  # it ends earlier when all its connections are closed
            until = time.monotonic() + options.seconds
            while time.monotonic() < until - 1:
                subprocess.run(command, stdout=output, stderr=output, check=False, timeout=options.seconds + 60)

    return attack


ATTACKS: dict[str, Callable[[Server, argparse.Namespace], None]] = {
    "H": slowhttptest("-H", "-i", "5"),
    "B": slowhttptest("-B", "-i", "5", "-s", "8192"),
    "R": slowhttptest("-R", "-a", "1", "-b", "3000"),
    "X": slowhttptest("-X", "-w", "64", "-y", "512", "-n", "4", "-z", "5", "-k", "3"),
    "silent": hold(b""),
    "idle": hold(REQUEST),
    "linger": hold(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"x"),
}
HEAD = (
    "attack  mpm     server   answered  median  worst  slots  free after  children   PSS MiB            descriptors\n"
    "------  ------  -------  --------  ------  -----  -----  ----------  --------   ----------------   -----------"
)


def measure(kind: type[Server], mpm: str, attack: str, options: argparse.Namespace) -> str:
    """One attack on one server: a line of the table."""
    server = kind(LINES.format(timeout=options.timeout), mpm=mpm, limits=POOLS[options.limits][mpm])
    server.expect(*(f"AH{number:05}" for number in (161, 286, 287, 288)), "PH00213")
    try:
        server.start()
        for _ in range(50):
            server.get("/a.txt")
        before = memory(tree(server)), descriptors(tree(server))
        watch = Watch(server, options.seconds)
        ATTACKS[attack](server, options)
        seen = watch.stop()
        free = time_until_free(server)
        time.sleep(3)
        after = memory(tree(server)), descriptors(tree(server))
        if options.trace:
            print(*(f"{at:.0f}s:{slots}/{children}" for at, slots, children in seen.trace))
        asked = len(seen.latencies) + seen.failed
        median = statistics.median(seen.latencies) if seen.latencies else float("nan")
        worst = max(seen.latencies, default=float("nan"))
        mebibytes = f"{before[0]:.0f} / {max(seen.pss, default=0):.0f} / {after[0]:.0f}"
        files = f"{before[1]} / {max(seen.descriptors, default=0)} / {after[1]}"
        return (
            f"{attack:6}  {mpm:6}  {server.program:7}  {len(seen.latencies):3}/{asked:<3}   {median:6.0f}  {worst:5.0f}"
            f"  {seen.slots:5}  {free:>10}  {seen.children:8}   {mebibytes:16}   {files}"
        )
    finally:
        for problem in server.close(keep=False):
            print(f"! {server.program}: {problem}")


def time_until_free(server: Server) -> str:
    began = time.monotonic()
    observer = Observer(server.port)
    while time.monotonic() < began + AFTER:
        if observer.slots() == 0:
            observer.close()
            return f"{time.monotonic() - began:.1f} s"
        time.sleep(0.1)
    observer.close()
    return f"> {AFTER:.0f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description="slow clients against pyhttpd and Apache")
    parser.add_argument("--mpm", default="prefork,worker")
    parser.add_argument("--attacks", default=",".join(ATTACKS))
    parser.add_argument("--servers", default="apache2,pyhttpd")
    parser.add_argument("--connections", type=int, default=600)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--timeout", type=int, default=60, help="the Timeout directive")
    parser.add_argument("--limits", choices=POOLS, default="default", help="how large the pools are")
    parser.add_argument("--trace", action="store_true", help="slots and children over time")
    options = parser.parse_args()
    if options.connections > 5000 or options.seconds > 60:
        parser.error("at most 5000 connections and 60 seconds")
    kinds = {kind.program: kind for kind in (Apache, Pyhttpd)}
    print(HEAD, flush=True)
    for attack in options.attacks.split(","):
        for mpm in options.mpm.split(","):
            for program in options.servers.split(","):
                print(measure(kinds[program], mpm, attack, options), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
