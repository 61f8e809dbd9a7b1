"""The machine's name, for a server that has no ServerName."""

from __future__ import annotations

import socket
from typing import NamedTuple


class LocalHost(NamedTuple):
    """`certain` is False where no full domain name was found and `name` had to be guessed (Apache's AH00558). `unknown`
    is a host name that the resolver does not know (AH00557)."""

    name: str
    certain: bool
    unknown: str | None = None


def local_host() -> LocalHost:
    """What the resolver calls this machine, if that is a full name; else its host name or its address."""
    host = socket.gethostname()
    try:
        address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4]
    except OSError:
        return LocalHost("127.0.0.1", False, host)
    try:
        resolved = socket.getnameinfo(address, socket.NI_NAMEREQD)[0]
    except OSError:
        resolved = ""
    if "." in resolved:
        return LocalHost(resolved, True)
    return LocalHost(host if "." in host else str(address[0]), False)
