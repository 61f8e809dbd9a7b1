"""Reading 10,000 virtual hosts of ten lines takes at most three times what `apache2 -t` takes for the same file.

In processor time, each without its start; by turns, so that what else the machine does falls upon both, and the best of
several rounds counts.
"""

from __future__ import annotations

import resource

from tests.conftest import Start
from tests.support.servers import Server, free_port

HOST = """\
<VirtualHost *:{port}>
    ServerName host{number}.example
    ServerAlias www.host{number}.example ftp.host{number}.example
    ServerAdmin webmaster@host{number}.example
    DocumentRoot "{root}"
    <Directory "/srv/{number}">
        AllowOverride None
        Require all granted
    </Directory>
    ErrorDocument 404 /missing
</VirtualHost>
"""
MANY, FEW = 10_000, 2_000
ROUNDS = 5


def seconds(server: Server) -> float:
    """Of `-t`, which finds nothing wrong."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = server.run("-t", limit=120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (result.returncode, result.stderr) == (0, "Syntax OK\n")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_ten_thousand_hosts(apache: Start, pyhttpd: Start) -> None:
    ours, theirs = pyhttpd(start=False), apache(start=False)
    ours.config, ours.listen = theirs.config, theirs.listen  # the very same file
    port = free_port()
    spent: dict[tuple[str, int], float] = {}

    def measure(server: Server, count: int) -> float:
        theirs.configure("".join(HOST.format(port=port, number=n, root=theirs.docroot) for n in range(count)))
        best = min(seconds(server), spent.get((server.program, count), 1000.0))
        spent[server.program, count] = best
        return best

    reached: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        for server in (ours, theirs):
            for count in (0, FEW, MANY):
                measure(server, count)
        mine, yours = (
            {count: spent[program, count] - spent[program, 0] for count in (FEW, MANY)}
            for program in (ours.program, theirs.program)
        )
        reached.append((mine[MANY] / yours[MANY], mine[MANY] / mine[FEW]))
        if reached[-1][0] <= 3 and reached[-1][1] <= 6:
            return
    raise AssertionError(f"times Apache, times {FEW} hosts: {reached}")
