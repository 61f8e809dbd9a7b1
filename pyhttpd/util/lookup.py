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
    return name if not double or belongs(name, address) else None


def belongs(name: str, address: str) -> bool:
    """Whether one of a name's addresses is this one."""
    try:
        return any(ip_address(found) == ip_address(address) for found in addresses_of(name))
    except ValueError:
        return False


def addresses_of(name: str) -> list[str]:
    """A name's addresses, in the order of the resolver; none where there is no such name."""
    try:
        return [str(sockaddr[0]) for *_, sockaddr in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError, ValueError):
        return []


def in_domain(name: str, domain: str) -> bool:
    """`good.com` and `.good.com` stand for what is below them, the first for itself too; `nogood.com` is another one.
    (`.good.com` is not below itself, and a name never begins with a dot.)"""
    name, domain = name.lower(), domain.lower()
    return name == domain or name.endswith(domain if domain.startswith(".") else f".{domain}")
