"""Virtual hosts: by the address that a connection came to, then by the name that a request asks for.

Both steps take the same time for one host and for ten thousand: addresses and names are looked up, patterns of the form
`*.example.com` by the labels of the asked name. Only a ServerAlias with other wildcards has to be tried one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from pyhttpd.api.core_config import CoreServer
from pyhttpd.config.configuration import Configuration, ServerRecord
from pyhttpd.http.url import is_below

_ANY = frozenset({"*", "_default_", "0.0.0.0", "::"})
_SUFFIX = re.compile(r"\*(\.[^*?]+)")


def plain_address(address: str) -> str:
    """One spelling for an address: IPv4 that arrived on an IPv6 socket as IPv4, no scope, lower case."""
    address = address.partition("%")[0].strip("[]")
    try:
        parsed = ip_address(address)
    except ValueError:
        return address.lower()
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def _pattern(alias: str) -> re.Pattern[str]:
    """`*` any number of characters, `?` one, whatever their case."""
    text = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in alias)
    return re.compile(text, re.IGNORECASE | re.DOTALL)


class Chain:
    """The hosts of one address, in the order of the file: the first is the default, names choose the others."""

    def __init__(self, servers: Iterable[ServerRecord], *, address: str = "", default_name: str = "") -> None:
        """`address` is what their <VirtualHost> lines say; `default_name` is that of a server without ServerName."""
        self.servers = tuple(servers)
        self._address = address
        self._paths = [(server, path) for server in self.servers if (path := server.config(CoreServer).server_path)]
        self.default = self.servers[0]
        self._exact: dict[str, int] = {}
        self._suffixes: dict[str, int] = {}
        self._patterns: list[tuple[int, re.Pattern[str]]] = []
        for index, server in enumerate(self.servers):
            core = server.config(CoreServer)
            name = core.server_name or default_name
            names = [*core.server_aliases, *([name] if name else [])]
            for name in names:
                self._exact.setdefault(name.lower(), index)
            for alias in core.server_wild_aliases:
                if match := _SUFFIX.fullmatch(alias):
                    self._suffixes.setdefault(match[1].lower(), index)
                else:
                    self._patterns.append((index, _pattern(alias)))

    def match(self, name: str) -> ServerRecord:
        """The host for a name; the default if none fits."""
        return self.find(name) or self.default

    def by_path(self, path: str) -> ServerRecord:
        """The first host whose ServerPath the raw path of a request begins with; the default if there is none."""
        for server, prefix in self._paths:
            if is_below(path, prefix):
                return server
        return self.default

    def find(self, name: str) -> ServerRecord | None:
        """The first host in the file whose ServerName or ServerAlias fits, or whose address the name is."""
        best = self._exact.get(name)
        at = name.find(".")
        while at >= 0 and self._suffixes:
            index = self._suffixes.get(name[at:])
            if index is not None and (best is None or index < best):
                best = index
            at = name.find(".", at + 1)
        for index, pattern in self._patterns:
            if best is not None and index >= best:
                break
            if pattern.fullmatch(name):
                best = index
                break
        if best is None:
            return self.default if name == self._address else None
        return self.servers[best]


class VirtualHosts:
    """All hosts of a configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self.main = configuration.main
        found: dict[tuple[str, int], list[ServerRecord]] = {}
        for server in configuration.vhosts:
            for address in dict.fromkeys(server.addresses):
                host = "*" if address.host in _ANY else plain_address(address.host)
                servers = found.setdefault((host, address.port), [])
                if not servers or servers[-1] is not server:
                    servers.append(server)
        name = configuration.local_name
        self.main_alone = Chain([self.main], default_name=name)  # for StrictHostCheck where no host has the address
        self._chains = {key: Chain(servers, address=key[0], default_name=name) for key, servers in found.items()}

    def at(self, address: str, port: int) -> Chain | None:
        """The hosts for a connection's local address: exact ones, then `*`, each with the port first, then `*`."""
        host = plain_address(address)
        for key in ((host, port), (host, 0), ("*", port), ("*", 0)):
            chain = self._chains.get(key)
            if chain is not None:
                return chain
        return None
