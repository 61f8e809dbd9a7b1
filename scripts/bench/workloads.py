"""What is measured: a table of workloads, and the requests that each sends."""

from __future__ import annotations

from dataclasses import dataclass

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Connection": "keep-alive",
    "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark",
    "Upgrade-Insecure-Requests": "1",
    "Priority": "u=0, i",
}
"""The fields of a usual browser's request for a page."""

FILES = {
    "40.html": "<html><body>forty bytes</body></html>..\n",
    "4k.html": "0123456789abcde\n" * 256,
    "64k.bin": "0123456789abcde\n" * 4096,
    "1m.bin": "0123456789abcde\n" * 65536,
    "overridden/40.html": "<html><body>forty bytes</body></html>..\n",
    "overridden/.htaccess": "Options -Indexes\nAddType text/html .html\nDirectoryIndex 40.html\n",
}


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the result.

    `different` gives each request a query and a cookie of its own; `close` asks for the end of the connection after
    each; `conditional` asks for what is known already (304); `vhosts` names are configured and asked for by turns, or
    only the last of them (`one`); `goal` is the ratio to Apache's rate that the project wants, None where there is no
    such wish; `lines` stand in the configuration of both servers.
    """

    name: str
    path: str = "/40.html"
    connections: int = 40
    mpms: tuple[str, ...] = ("prefork", "worker")
    different: bool = False
    close: bool = False
    conditional: bool = False
    vhosts: int = 1
    one: bool = False
    lines: str = ""
    goal: float | None = None


WORKLOADS = (
    Workload("equal heads", goal=2.5),
    Workload("different heads", different=True, goal=1.1),
    Workload("new connections", close=True, goal=1.0),
    Workload("4 KiB", path="/4k.html"),
    Workload("64 KiB", path="/64k.bin", goal=1.0),
    Workload("1 MiB", path="/1m.bin", connections=8, goal=1.0),
    Workload("1 MiB, sendfile", path="/1m.bin", connections=8, lines="EnableSendfile On\n"),  # Apache's default is Off
    Workload("304", conditional=True, goal=2.0),
    Workload(".htaccess", path="/overridden/40.html"),
    Workload("1 connection", connections=1),
    Workload("4 connections", connections=4),
    Workload("400 connections", connections=400, mpms=("worker",)),
    Workload("100 vhosts", vhosts=100),
    Workload("10,000 vhosts", vhosts=10_000),
    Workload("1 of 10,000 vhosts", vhosts=10_000, one=True),
)


def script(workload: Workload) -> str:
    """A wrk script: the requests, and at the end one line of JSON."""
    fields = dict(BROWSER)
    if workload.close:
        fields["Connection"] = "close"
    if workload.conditional:
        fields["If-Modified-Since"] = "Tue, 14 Nov 2023 22:13:20 GMT"
    lines = [f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in fields.items()]
    if workload.one:
        lines.append(f'wrk.headers["Host"] = "site{workload.vhosts - 1}.example"')
    elif workload.different:
        lines += [
            "local n = 0",
            "request = function()",
            "  n = n + 1",
            '  wrk.headers["Cookie"] = "session=" .. n',
            f'  return wrk.format(nil, "{workload.path}?n=" .. n)',
            "end",
        ]
    elif workload.vhosts > 1:
        lines += [
            "local n = 0",
            "request = function()",
            f"  n = (n + 7919) % {workload.vhosts}",
            '  wrk.headers["Host"] = "site" .. n .. ".example"',
            "  return wrk.format()",
            "end",
        ]
    lines += [
        "done = function(summary, latency, requests)",
        "  local e = summary.errors",
        '  io.write(string.format(\'JSON{"requests":%d,"duration":%d,"bytes":%d,"p50":%d,"p99":%d,\'',
        '    .. \'"errors":%d,"status":%d}\\n\', summary.requests, summary.duration, summary.bytes,',
        "    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.timeout, e.status))",
        "end",
    ]
    return "\n".join(lines) + "\n"


def _lua(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
