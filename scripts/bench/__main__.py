"""`make bench`: pyhttpd and Debian's apache2 by turns, the same configuration, the same load on the same machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.bench.measure import MeasureError, baseline, idle_clients, load, memory, tree
from scripts.bench.report import HEADER, SERVERS, Result, Row, draw, line
from scripts.bench.workloads import FILES, WORKLOADS, Workload
from tests.support.servers import Apache, Pyhttpd, Server

LIMITS = {
    "prefork": "StartServers 44\nMinSpareServers 4\nMaxSpareServers 150\nServerLimit 150\nMaxRequestWorkers 150\n",
    "worker": "StartServers 2\nThreadsPerChild 25\nMinSpareThreads 25\nMaxSpareThreads 75\nMaxRequestWorkers 50\n",
}
SPARE = {
    "prefork": "StartServers 5\nMinSpareServers 5\nMaxSpareServers 10\nMaxRequestWorkers 150\n",
    "worker": "StartServers 2\nThreadsPerChild 25\nMinSpareThreads 25\nMaxSpareThreads 75\nMaxRequestWorkers 150\n",
}
KEEP = "KeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 60\nMaxConnectionsPerChild 0\n"
IDLE = 148
_ONE = "1 of 10,000 vhosts"
_LIMIT = 0.85  # of what the bare loop reaches: faster than that wrk does not ask
COMBINED = r"%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\""  # Debian's


def configured(program: type[Server], mpm: str, limits: str, vhosts: int = 1, more: str = "") -> Server:
    """A server that runs, with so many virtual hosts, and `more` lines."""
    server = program(mpm=mpm, limits=limits + KEEP, files=FILES, log_level="warn", access_format=COMBINED)
    lines = f'{more}<Directory "{server.docroot}/overridden">\nAllowOverride All\n</Directory>\n'
    if vhosts > 1:
        lines += "".join(
            f'<VirtualHost *>\nServerName site{n}.example\nDocumentRoot "{server.docroot}"\n</VirtualHost>\n'
            for n in range(vhosts)
        )
    server.configure(lines)
    server.expect("AH00287")  # every thread is in use: that is what is wanted here
    server.start()
    return server


def both(mpm: str, limits: str, vhosts: int = 1, more: str = "") -> dict[str, Server]:
    programs: dict[str, type[Server]] = {"pyhttpd": Pyhttpd, "apache2": Apache}
    return {name: configured(program, mpm, limits, vhosts, more) for name, program in programs.items()}


def close(servers: dict[str, Server]) -> None:
    for server in servers.values():
        for problem in server.close(keep=False):
            print(f"{server.program}: {problem}", file=sys.stderr)


def compare(workload: Workload, mpm: str, seconds: float, rounds: int) -> Row:
    """Alternating runs after a short one that warms both up."""
    row = Row(workload, mpm)
    limits = LIMITS[mpm]
    servers = both(mpm, limits, workload.vhosts, workload.lines)
    try:
        for server in servers.values():
            load(server.port, workload, 1, tree(server))
        for _ in range(rounds):
            for name, server in servers.items():
                row.runs[name].append(load(server.port, workload, seconds, tree(server)))
    finally:
        close(servers)
    return row


def memory_and_growth(result: Result, mpm: str) -> None:
    """148 clients come at once to an idle server: how long until all are served, and what memory it has then."""
    servers = both(mpm, SPARE[mpm])
    seconds: dict[str, float] = {}
    mebibytes: dict[str, float] = {}
    try:
        for name, server in servers.items():
            with idle_clients(server.port, IDLE) as waited:
                seconds[name] = round(waited, 3)
                mebibytes[name] = round(memory(tree(server)), 1)
    finally:
        close(servers)
    result.single.append((f"{IDLE} clients, {mpm}: seconds until all are served", seconds))
    result.single.append((f"{IDLE} clients, {mpm}: memory, MiB PSS", mebibytes))


def many_hosts(result: Result) -> None:
    """What one of many virtual hosts costs: its rate beside that of the only one, with the same requests."""
    for mpm in ("prefork", "worker"):
        rates = {row.workload.name: row.rate("pyhttpd") for row in result.rows if row.mpm == mpm}
        one, alone = rates.get(_ONE), rates.get(WORKLOADS[0].name)
        if one is not None and alone is not None:
            result.single.append((f"{_ONE}, {mpm}: times the rate of the only one", {"pyhttpd": round(one / alone, 3)}))


def bare_loop(result: Result, seconds: float, directory: Path) -> None:
    """What recv and send alone would reach under the first workload."""
    workload = WORKLOADS[0]
    page = directory / "baseline.html"
    page.write_text(FILES["40.html"])
    try:
        with baseline(page) as (port, pid):
            rate = load(port, workload, seconds, [pid]).rate
    finally:
        page.unlink()
    values: dict[str, float] = {"loop": round(rate)}
    for row in result.rows:
        if row.workload is workload:
            values |= {f"{server} {row.mpm}, times the loop": round(row.rate(server) / rate, 3) for server in SERVERS}
    result.single.append(("a bare recv-and-send loop in C, requests a second", values))
    limited: dict[str, float] = {
        f"{server} {row.mpm}, {row.workload.name}": round(row.rate(server))
        for row in result.rows
        for server in SERVERS
        if row.rate(server) > _LIMIT * rate
    }
    if limited:
        result.single.append(("near that loop, so that wrk is the limit, requests a second", limited))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--mpm", choices=("prefork", "worker"), help="only this MPM")
    parser.add_argument("--only", help="only workloads whose name has this in it")
    parser.add_argument("--seconds", type=float, default=4, help="of each run")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs for each workload")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="directory of bench.json and bench.png")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    result = Result()
    print(HEADER)
    try:
        for workload in WORKLOADS:
            for mpm in workload.mpms:
                if options.mpm in (None, mpm) and (options.only is None or options.only in workload.name):
                    row = compare(workload, mpm, options.seconds, options.rounds)
                    result.rows.append(row)
                    print(line(row), flush=True)
        many_hosts(result)
        if options.only is None:
            for mpm in ("prefork", "worker"):
                if options.mpm in (None, mpm):
                    memory_and_growth(result, mpm)
            bare_loop(result, options.seconds, options.out)
    except MeasureError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    for name, values in result.single:
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in values.items())}")
    (options.out / "bench.json").write_text(result.as_json())
    draw(result, options.out / "bench.png")
    print(f"written: {options.out / 'bench.json'}, {options.out / 'bench.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
