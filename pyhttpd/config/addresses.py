"""The addresses of a `<VirtualHost>`: `*`, `*:80`, `_default_:80`, `127.0.0.1:80`, `[::1]:80`, `name:80`, `host:*`."""

from __future__ import annotations

import ipaddress
import re
import socket

from pyhttpd.config.configuration import VhostAddress

ANY = "*"


class AddressError(Exception):
    """The text is Apache's."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UnknownHostError(Exception):
    """The name of a host that cannot be resolved, and the resolver's reason as Apache prints it."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(host)
        self.host = host
        self.reason = reason


def vhost_addresses(word: str) -> list[VhostAddress]:
    """One word; a name may have several addresses. Raises AddressError or UnknownHostError."""
    host, port = _split(word)
    if host == ANY or host.lower() == "_default_":
        return [VhostAddress(ANY, port)]
    literal, _, zone = host.partition("%")
    try:
        ipaddress.ip_address(literal)
    except ValueError:
        if ":" in host:  # no name has one; Apache says that it cannot be resolved
            bare = word.count(":") > 1 and set(word) <= _OF_IPV6
            hint = f"An IPv6 address stands in brackets: [{word}]" if bare else None
            raise AddressError(_INVALID, hint) from None
        return _resolve(host, port)
    return [VhostAddress(f"{literal}%{zone}" if zone else literal, port)]


_PORT = re.compile(r"(?P<host>.+?)(?::(?P<port>[0-9]+))?", re.ASCII | re.DOTALL)
_OF_IPV6 = frozenset("0123456789abcdefABCDEF:.")
_INVALID = "The address or port is invalid"


def _split(word: str) -> tuple[str, int]:
    """As apr_parse_addr_port: the digits behind the last colon are the port, all before them is the host."""
    word = word.removesuffix(":*")
    found = _PORT.fullmatch(word)
    if word.isascii() and word.isdigit():
        _checked(word)
        raise AddressError("Missing address for VirtualHost")
    if found is None or (word[0] == ":" and word[1:].isdigit()):
        raise AddressError(_INVALID)
    host: str = found["host"]
    if host[0] == "[":
        host = _in_brackets(host)
    return host, _checked(found["port"]) if found["port"] is not None else 0


def _checked(port: str) -> int:
    digits = port.lstrip("0")
    if not digits or len(digits) > 5 or int(digits) > 65535:
        raise AddressError(_INVALID)
    return int(digits)


def _in_brackets(host: str) -> str:
    address, percent, zone = host[1:-1].partition("%")
    if not host.endswith("]") or bool(percent) is not bool(zone):
        raise AddressError(_INVALID)
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise AddressError(_INVALID) from None
    return host[1:-1]


def _resolve(host: str, port: int) -> list[VhostAddress]:
    try:
        name = host if host.isascii() else host.encode("utf-8", "surrogateescape")  # no IDNA, as in Apache
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        # what can be no name is asked for by Apache all the same
        reason = "(EAI 2)Name or service not known"
        if isinstance(error, socket.gaierror):
            reason = f"(EAI {-(error.errno or 0)}){error.strerror}"
        raise UnknownHostError(host, reason) from None
    return [VhostAddress(address, port) for address in dict.fromkeys(str(info[4][0]) for info in found)]
