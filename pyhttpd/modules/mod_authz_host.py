"""mod_authz_host: authorization by the client's address: Require ip, Require local."""

from __future__ import annotations

from pyhttpd.api.authz import AuthzProvider, Outcome
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.request import Request
from pyhttpd.util import network
from pyhttpd.util.network import Network, looks_like_ip, parse_address


def parse_network(word: str) -> Network:
    """A word of `Require ip`. Raises ValueError."""
    try:
        return network.parse_network(word)
    except ValueError as error:
        reason = f": {error}" if looks_like_ip(word.partition("/")[0]) else ""
        raise ValueError(f"ip address '{word}' appears to be invalid{reason}") from None


def address_of(text: str) -> tuple[int, int]:
    """A client's address as (bits, number)."""
    return parse_address(text) or (32, 0)


LOCAL = (parse_network("127.0.0.0/8"), parse_network("::1"))


def parse_ip(words: tuple[str, ...]) -> tuple[Network, ...]:
    if not words:
        raise ValueError("'require ip' requires an argument")
    return tuple(parse_network(word) for word in words)


def check_ip(request: Request, networks: tuple[Network, ...]) -> Outcome:
    address = address_of(request.connection.client_ip)
    return Outcome.GRANTED if any(one.contains(address) for one in networks) else Outcome.DENIED


def parse_local(words: tuple[str, ...]) -> None:
    """Apache takes and ignores whatever stands there."""


def check_local(request: Request, parsed: None) -> Outcome:
    address = address_of(request.connection.client_ip)
    if address == address_of(request.connection.local_ip) or any(one.contains(address) for one in LOCAL):
        return Outcome.GRANTED
    return Outcome.DENIED


MODULE = Module(
    "authz_host_module",
    "mod_authz_host.c",
    providers=(
        Provider("authz", "ip", AuthzProvider(parse_ip, check_ip, pure=True)),
        Provider("authz", "local", AuthzProvider(parse_local, check_local, pure=True)),
    ),
)
