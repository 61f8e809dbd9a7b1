"""IP addresses and networks as APR reads and compares them (apr_ipsubnet_create, apr_ipsubnet_test)."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

_LOOKS_LIKE_IP = re.compile(r"[0-9.]+|.*:.*", re.DOTALL)
_OCTET = re.compile(r"0*(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})")
_V4_MAPPED = 0xFFFF << 32

BAD_ADDRESS = "The specified IP address is invalid."
BAD_MASK = "The specified network mask is invalid."


class Network(NamedTuple):
    """Addresses as numbers: those whose bits under `mask` are `number`. `bits` is 32 or 128."""

    bits: int
    number: int
    mask: int

    def contains(self, address: tuple[int, int]) -> bool:
        return address[0] == self.bits and address[1] & self.mask == self.number


def looks_like_ip(text: str) -> bool:
    """Whether APR takes a text for an address, good or bad, rather than for a name."""
    return _LOOKS_LIKE_IP.fullmatch(text) is not None


def _number(family: socket.AddressFamily, text: str) -> int | None:
    try:
        return int.from_bytes(socket.inet_pton(family, text), "big")
    except (OSError, ValueError):
        return None


def parse_address(text: str) -> tuple[int, int] | None:
    """An address as (bits, number), None if it is none. One in IPv4's clothes on IPv6 is an IPv4 address."""
    if ":" not in text:
        number = _number(socket.AF_INET, text)
        return None if number is None else (32, number)
    number = _number(socket.AF_INET6, text.partition("%")[0])
    if number is None:
        return None
    return (32, number & 0xFFFFFFFF) if number >> 32 << 32 == _V4_MAPPED else (128, number)


def parse_network(word: str) -> Network:
    """`10.1.2.3`, `10.1`, `10.1.0.0/16`, `10.1.0.0/255.255.0.0`, `2001:db8::/32`. Raises ValueError, APR's words."""
    address, slash, mask = word.partition("/")
    if not looks_like_ip(address):
        raise ValueError(BAD_ADDRESS)
    family, bits = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
    full = (1 << bits) - 1
    number = _number(family, address)
    if not slash:
        return Network(bits, number, full) if number is not None else _partial(address)
    if number is None:
        raise ValueError(BAD_ADDRESS)
    if mask.isascii() and mask.isdecimal():
        if not 0 < int(mask[-10:]) <= bits or len(mask) > 10:
            raise ValueError(BAD_MASK)
        bit_mask = full << (bits - int(mask)) & full
    else:
        given = _number(family, mask) if bits == 32 else None
        if given is None:
            raise ValueError(BAD_MASK)
        bit_mask = given
    return Network(bits, number & bit_mask, bit_mask)


def _partial(address: str) -> Network:
    """One to four numbers of an IPv4 address, each as `atoi` reads it; a dot may follow."""
    parts = address.removesuffix(".").split(".")
    if len(address) > len("255.255.255.255") or len(parts) > 4 or not all(map(_OCTET.fullmatch, parts)):
        raise ValueError(BAD_ADDRESS)
    number = 0
    for part in parts:
        number = number << 8 | int(part)
    rest = 8 * (4 - len(parts))
    return Network(32, number << rest, (1 << 32) - 1 >> rest << rest)
