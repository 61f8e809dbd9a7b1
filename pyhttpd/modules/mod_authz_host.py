"""mod_authz_host: authorization by the client's address: Require ip, Require local."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

from pyhttpd.api.authz import AuthzProvider, Outcome
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.request import Request


class Network(NamedTuple):
    """Addresses as numbers: those whose bits under `mask` are `number`. `bits` is 32 or 128."""

    bits: int
    number: int
    mask: int

    def contains(self, address: tuple[int, int]) -> bool:
        return address[0] == self.bits and address[1] & self.mask == self.number


_LOOKS_LIKE_IP = re.compile(r"[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_BAD_ADDRESS = "The specified IP address is invalid."
_BAD_MASK = "The specified network mask is invalid."
_V4_MAPPED = 0xFFFF << 32


def _number(family: socket.AddressFamily, text: str) -> int | None:
    try:
        return int.from_bytes(socket.inet_pton(family, text), "big")
    except (OSError, ValueError):
        return None


def address_of(text: str) -> tuple[int, int]:
    """An address as (bits, number). One that came over IPv6 in IPv4's clothes is an IPv4 address."""
    if ":" not in text:
        return 32, _number(socket.AF_INET, text) or 0
    number = _number(socket.AF_INET6, text.partition("%")[0]) or 0
    return (32, number & 0xFFFFFFFF) if number >> 32 << 32 == _V4_MAPPED else (128, number)


def parse_network(word: str) -> Network:
    """`10.1.2.3`, `10.1`, `10.1.0.0/16`, `10.1.0.0/255.255.0.0`, `2001:db8::/32`. Raises ValueError."""
    address, slash, mask = word.partition("/")
    if not _LOOKS_LIKE_IP.fullmatch(address):
        raise ValueError(f"ip address '{word}' appears to be invalid")
    try:
        return _network(address, mask if slash else None)
    except ValueError as error:
        raise ValueError(f"ip address '{word}' appears to be invalid: {error}") from None


def _network(address: str, mask: str | None) -> Network:
    family, bits = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
    full = (1 << bits) - 1
    number = _number(family, address)
    if mask is None:
        if number is not None:
            return Network(bits, number, full)
        return _partial(address)
    if number is None:
        raise ValueError(_BAD_ADDRESS)
    if mask.isdecimal():
        if not 0 < int(mask) <= bits:
            raise ValueError(_BAD_MASK)
        bit_mask = full << (bits - int(mask)) & full
    else:
        given = _number(family, mask) if bits == 32 else None
        if given is None:
            raise ValueError(_BAD_MASK)
        bit_mask = given
    return Network(bits, number & bit_mask, bit_mask)


def _partial(address: str) -> Network:
    """The first one to three numbers of an IPv4 address; a dot may follow."""
    parts = address.removesuffix(".").split(".")
    if not 1 <= len(parts) <= 3 or not all(part.isdecimal() and int(part) <= 255 for part in parts):
        raise ValueError(_BAD_ADDRESS)
    number = 0
    for part in parts:
        number = number << 8 | int(part)
    rest = 8 * (4 - len(parts))
    return Network(32, number << rest, (1 << 32) - 1 >> rest << rest)


LOCAL = (parse_network("127.0.0.0/8"), parse_network("::1"))


def parse_ip(words: tuple[str, ...]) -> tuple[Network, ...]:
    if not words:
        raise ValueError("'require ip' requires an argument")
    return tuple(parse_network(word) for word in words)


def check_ip(request: Request, networks: tuple[Network, ...]) -> Outcome:
    address = address_of(request.connection.client_ip)
    return Outcome.GRANTED if any(network.contains(address) for network in networks) else Outcome.DENIED


def parse_local(words: tuple[str, ...]) -> None:
    """Apache takes and ignores whatever stands there."""


def check_local(request: Request, parsed: None) -> Outcome:
    address = address_of(request.connection.client_ip)
    if address == address_of(request.connection.local_ip) or any(network.contains(address) for network in LOCAL):
        return Outcome.GRANTED
    return Outcome.DENIED


MODULE = Module(
    "authz_host_module",
    "mod_authz_host.c",
    providers=(
        Provider("authz", "ip", AuthzProvider(parse_ip, check_ip)),
        Provider("authz", "local", AuthzProvider(parse_local, check_local)),
    ),
)
