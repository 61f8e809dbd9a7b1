"""The name that belongs to an address: HostnameLookups, `Require host`. Waits for the resolver."""

from __future__ import annotations

import socket
from ipaddress import ip_address


def host_name(address: str, *, double: bool = False) -> str | None:
    """The name of an IP address, lower case; None where there is none. `double` asks that one of the name's addresses
    is the same again, as whoever owns an address can give it any name."""
    try:
        name = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0].lower()
    except (OSError, UnicodeError):
        return None
    return name if not double or _belongs(name, address) else None


def _belongs(name: str, address: str) -> bool:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        return any(ip_address(str(sockaddr[0])) == ip_address(address) for *_, sockaddr in found)
    except (OSError, UnicodeError, ValueError):
        return False
