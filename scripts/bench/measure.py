"""Measuring one server: rate and latency under wrk, processor time and memory of its processes, growth of its pool."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.workloads import Workload, script
from tests.support.processes import children
from tests.support.servers import Server

_TICKS = os.sysconf("SC_CLK_TCK")


class MeasureError(Exception):
    """A measurement that would mean nothing: the load generator is missing, or answers were wrong."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a workload. `rate` in requests a second, latencies in microseconds, `cpu` in seconds of the server's
    processes for a thousand requests."""

    rate: float
    p50: float
    p99: float
    cpu: float


def load(port: int, workload: Workload, seconds: float, processes: list[int]) -> Run:
    """Load for some seconds. Raises MeasureError if a request failed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise MeasureError("wrk is not installed (apt-get install wrk)")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script(workload))
        file.flush()
        before = cpu_seconds(processes)
        result = subprocess.run(
            [wrk, "-t1", f"-c{workload.connections}", f"-d{max(1, round(seconds))}s", "-s", file.name,
             f"http://127.0.0.1:{port}{workload.path}"],
            capture_output=True, text=True, check=False, timeout=seconds + 60,
        )  # fmt: skip
        used = cpu_seconds(processes) - before
    said = [line for line in result.stdout.splitlines() if line.startswith("JSON")]
    if result.returncode != 0 or not said:
        raise MeasureError(f"wrk failed: {result.stdout}{result.stderr}")
    facts = json.loads(said[0].removeprefix("JSON"))
    if facts["errors"] or facts["status"] or not facts["requests"]:
        raise MeasureError(f"{workload.name}: {facts['errors']} errors, {facts['status']} bad answers: {facts}")
    return Run(
        rate=facts["requests"] / facts["duration"] * 1e6,
        p50=facts["p50"],
        p99=facts["p99"],
        cpu=used / facts["requests"] * 1000,
    )


def tree(server: Server) -> list[int]:
    """The master and its children."""
    return [server.pid, *children(server.pid)]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of processes, and of their children that have ended."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def memory(pids: list[int]) -> float:
    """PSS in MiB: what processes share is divided among them."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


@contextlib.contextmanager
def idle_clients(port: int, count: int, target: str = "/40.html") -> Iterator[float]:
    """So many connections that have each been served once and stay; the value is the seconds until all were."""
    head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        waiting = selectors.DefaultSelector()
        stack.callback(waiting.close)
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            client.sendall(head)
            waiting.register(client, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(60)
            if not ready:
                raise MeasureError(f"{len(waiting.get_map())} of {count} connections were not answered")
            for key, _ in ready:
                if not key.fileobj.recv(65536):  # type: ignore[union-attr]  # registered above: sockets
                    raise MeasureError("a connection was closed before it was answered")
                waiting.unregister(key.fileobj)
        yield time.monotonic() - began


@contextlib.contextmanager
def baseline(path: Path) -> Iterator[tuple[int, int]]:
    """The bare loop in C with one file: its port and its pid. Raises MeasureError without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise MeasureError("there is no C compiler for the bare loop (apt-get install gcc libc6-dev)")
    with tempfile.TemporaryDirectory() as directory:
        program = f"{directory}/baseline"
        source = Path(__file__).with_name("baseline.c")
        subprocess.run([compiler, "-O2", "-pthread", "-o", program, str(source)], check=True)
        with subprocess.Popen([program, str(path)], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield int(process.stdout.readline()), process.pid
            finally:
                process.terminate()
