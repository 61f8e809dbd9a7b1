"""The addresses of a `<VirtualHost>`: `*`, `*:80`, `_default_:80`, `127.0.0.1:80`, `[::1]:80`, `name:80`, `host:*`."""

from __future__ import annotations

import ipaddress
import re
import socket

from pyhttpd.config.configuration import VhostAddress

ANY = "*"


class AddressError(Exception):
    """The text is Apache's."""


class UnknownHostError(Exception):
    """The name of a host that cannot be resolved."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


def vhost_addresses(word: str) -> list[VhostAddress]:
    """One word; a name may have several addresses. Raises AddressError or UnknownHostError."""
    host, port = _split(word)
    if host == ANY or host.lower() == "_default_":
        return [VhostAddress(ANY, port)]
    literal, _, zone = host.partition("%")
    try:
        ipaddress.ip_address(literal)
    except ValueError:
        return _resolve(host, port)
    return [VhostAddress(f"{literal}%{zone}" if zone else literal, port)]


_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[^\]]*:[^\]]*)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]+|\*))?", re.ASCII)
_INVALID = "The address or port is invalid"


def _split(word: str) -> tuple[str, int]:
    if word.isascii() and word.isdigit():
        raise AddressError("Missing address for VirtualHost")
    found = _ADDRESS.fullmatch(word)
    if found is None:
        raise AddressError(_INVALID)
    host: str = found["ipv6"] or found["host"]
    port = found["port"]
    if port is None or port == "*":
        return host, 0
    if not 0 < int(port[:6]) < 65536:
        raise AddressError(_INVALID)
    return host, int(port)


def _resolve(host: str, port: int) -> list[VhostAddress]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnknownHostError(host) from None
    return [VhostAddress(address, port) for address in dict.fromkeys(str(info[4][0]) for info in found)]
