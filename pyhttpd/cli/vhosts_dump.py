"""`-S`, first half: which virtual host answers on which address, in Apache's words and order."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pyhttpd.api.core_config import CoreServer
from pyhttpd.config.configuration import Configuration, ServerRecord, VhostAddress

ANY = ("*", "0.0.0.0", "::", "_default_")


@dataclass(slots=True)
class Chain:
    """The virtual hosts of one address, in the order of the file: the first is the default for it."""

    address: VhostAddress
    servers: list[ServerRecord] = field(default_factory=list)


def dump(configuration: Configuration) -> str:
    main_name = configuration.main.config(CoreServer).server_name or configuration.local_name
    lines = ["VirtualHost configuration:"]
    for chain in in_order(configuration.vhosts):
        lines += describe(chain, main_name)
    return "\n".join(lines) + "\n"


def in_order(vhosts: Sequence[ServerRecord]) -> Iterator[Chain]:
    """The chains as Apache's tables hold them: exact addresses by hash bucket, then the wildcards.

    Apache goes through the virtual hosts backwards and puts each in front, which is the order of the file but for
    addresses that several hosts share.
    """
    exact: dict[VhostAddress, Chain] = {}
    wild: dict[int, Chain] = {}
    for vhost in reversed(vhosts):
        previous: VhostAddress | None = None
        for address in vhost.addresses:
            if is_any(address):
                known = address.port in wild
                chain = wild.setdefault(address.port, Chain(address))
                repeated = previous is not None and is_any(previous) and previous.port == address.port
                if not (known and repeated):
                    chain.servers.insert(0, vhost)
            else:
                exact.setdefault(address, Chain(address)).servers.insert(0, vhost)
            previous = address
    chains = list(reversed(exact.values()))
    chains.sort(key=lambda chain: bucket(chain.address.host))
    yield from chains
    yield from reversed(wild.values())


def is_any(address: VhostAddress) -> bool:
    return address.host.strip("[]") in ANY


def bucket(host: str) -> int:
    """The place of an address in Apache's table of 256: a hash of its last four bytes, read in the machine's order."""
    packed = ipaddress.ip_address(host.strip("[]").partition("%")[0]).packed
    key = int.from_bytes(packed[-4:], "little")
    key ^= key >> 16
    return ((key >> 8) ^ key) & 255


def describe(chain: Chain, main_name: str) -> Iterator[str]:
    first = chain.servers[0]
    if len(chain.servers) == 1:
        yield f"{label(chain.address):<22} {name_of(first, main_name)} {place(first)}"
        return
    yield f"{label(chain.address):<22} is a NameVirtualHost"
    yield f"{'':8} default server {name_of(first, main_name)} {place(first)}"
    for server in chain.servers:
        yield f"{'':8} port {chain.address.port or '*'} namevhost {name_of(server, main_name)} {place(server)}"
        settings = server.config(CoreServer)
        for alias in settings.server_aliases:
            yield f"{'':16} alias {alias}"
        for alias in settings.server_wild_aliases:
            yield f"{'':16} wild alias {alias}"


def label(address: VhostAddress) -> str:
    """`10.0.0.1:80`, `[::1]:80`, `*:*`"""
    host = "*" if is_any(address) else address.host.strip("[]")
    port = address.port or "*"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def place(server: ServerRecord) -> str:
    return "" if server.location is None else f"({server.location.file}:{server.location.line})"


def name_of(server: ServerRecord, main_name: str) -> str:
    """ServerName. A virtual host without one has the main server's (Apache asks the DNS about an exact address)."""
    return server.config(CoreServer).server_name or main_name
