"""Finding the virtual host of a request does not depend on how many there are."""

from __future__ import annotations

import time

from pyhttpd.api.core_config import CoreServer
from pyhttpd.config.configuration import ServerRecord
from pyhttpd.server.vhosts import Chain


def chain_of(count: int) -> Chain:
    servers = []
    for number in range(count):
        core = CoreServer(
            server_name=f"host{number}.example", server_aliases=(f"www.host{number}.example",),
            server_wild_aliases=(f"*.sub.host{number}.example",),
        )  # fmt: skip
        servers.append(ServerRecord(None, (), {CoreServer: core}, {}, (), (), ()))
    return Chain(servers)


def seconds(chain: Chain, names: list[str]) -> float:
    """The least of five."""
    found: list[float] = []
    for _ in range(5):
        before = time.process_time()
        for _ in range(500):
            for name in names:
                chain.find(name)
        found.append(time.process_time() - before)
    return min(found)


def test_ten_thousand_hosts_and_two() -> None:
    few, many = chain_of(2), chain_of(10_000)
    names = ["{}.example", "www.{}.example", "x.sub.{}.example", "unknown.{}.test"]
    last = many.servers[-1]
    assert all(many.find(name.format("host9999")) is last for name in names[:3])
    assert many.find("unknown.host9999.test") is None
    ratios: list[float] = []
    for _ in range(6):  # who shares the caches with others is slower, but not every time
        little = seconds(few, [name.format("host1") for name in names])
        ratios.append(seconds(many, [name.format("host9999") for name in names]) / little)
        if ratios[-1] < 5:
            return
    raise AssertionError(ratios)
