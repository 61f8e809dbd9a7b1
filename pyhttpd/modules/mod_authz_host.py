"""mod_authz_host: authorization by the client's address or name: Require ip, local, host and forward-dns."""

from __future__ import annotations

from typing import NamedTuple

from pyhttpd.api.authz import AuthzProvider, Outcome, parse_no_arguments, parse_words, words_of
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.request import Request
from pyhttpd.config.directive import ChoiceError, Setting
from pyhttpd.expr import EvaluationError, Text
from pyhttpd.util import network
from pyhttpd.util.escape import native
from pyhttpd.util.lookup import addresses_of, in_domain
from pyhttpd.util.network import Network, looks_like_ip, parse_address


def parse_network(word: str) -> Network:
    """A word of `Require ip`. Raises ValueError."""
    try:
        return network.parse_network(word)
    except ValueError as error:
        reason = f": {error}" if looks_like_ip(word.partition("/")[0]) else ""
        raise ChoiceError(f"ip address '{word}' appears to be invalid{reason}", wrong=word) from None


def address_of(text: str) -> tuple[int, int]:
    """A client's address as (bits, number)."""
    return parse_address(text) or (32, 0)


LOCAL = (parse_network("127.0.0.0/8"), parse_network("::1"))


def parse_ip(setting: Setting, text: str) -> tuple[Network, ...]:
    words = words_of(text)
    if not words:
        raise ValueError("'require ip' requires an argument")
    return tuple(parse_network(word) for word in words)


def check_ip(request: Request, networks: tuple[Network, ...]) -> Outcome:
    address = address_of(request.connection.client_ip)
    return Outcome.GRANTED if any(one.contains(address) for one in networks) else Outcome.DENIED


def check_local(request: Request, parsed: None) -> Outcome:
    address = address_of(request.connection.client_ip)
    if address == address_of(request.connection.local_ip) or any(one.contains(address) for one in LOCAL):
        return Outcome.GRANTED
    return Outcome.DENIED


class Names(NamedTuple):
    """The names of a line, which are an expression, and the line as it was written."""

    written: str
    text: Text

    def of(self, request: Request) -> str:
        """Raises EvaluationError."""
        return native(self.text.evaluate(variables_of(request)))


def parse_names(setting: Setting, text: str) -> Names:
    return Names(text, parse_words(setting, text, "authz_host"))


def check_host(request: Request, names: Names) -> Outcome:
    """By the name that the client's address has, if that name has the client's address."""
    host = request.verified_host()
    if host is None:
        message = (
            f"access check of '{names.written}' to {request.uri} failed, reason: unable to get the remote host name"
        )
        _say(request, Level.ERROR, "AH01753", message)
        return Outcome.DENIED
    try:
        text = names.of(request)
    except EvaluationError as error:
        message = f"authz_host authorize: require host: Can't evaluate require expression: {error}"
        _say(request, Level.ERROR, "AH02593", message)
        return Outcome.DENIED
    wanted, comment, _ = text.partition("#")
    if comment and not wanted:
        message = f"authz_host authorize: dubious empty 'Require host {text}' with only comment"
        _say(request, Level.ERROR, "AH10120", message)
        return Outcome.DENIED
    if comment:
        message = f"authz_host authorize: ignoring comment in 'Require host {text}'"
        _say(request, Level.WARN, "AH10121", message)
    return Outcome.GRANTED if any(in_domain(host, word) for word in words_of(wanted)) else Outcome.DENIED


def check_forward_dns(request: Request, names: Names) -> Outcome:
    """By the addresses that the names have now; the client's own name is not asked for."""
    request.do_not_keep()
    try:
        text = names.of(request)
    except EvaluationError as error:
        message = f"authz_host authorize: require forward-dns: Can't evaluate require expression: {error}"
        _say(request, Level.ERROR, "AH03354", message)
        return Outcome.DENIED
    client = request.connection.client_ip
    for word in words_of(text):
        name, comment, _ = word.partition("#")
        if not name:
            break
        found = addresses_of(name)
        if not found:
            _say(request, Level.WARN, "AH03356", f'No sockaddr info for "{name}"')
        for address in found:
            same = address_of(address) == address_of(client)
            _say(request, Level.DEBUG, "AH03355", f"access check for {client} as '{name}': {'yes' if same else 'no'}")
            if same:
                return Outcome.GRANTED
        if comment:
            break
    return Outcome.DENIED


def _say(request: Request, level: Level, number: str, message: str) -> None:
    request.log(level, "authz_host", number, message)


MODULE = Module(
    "authz_host_module",
    "mod_authz_host.c",
    providers=(
        Provider("authz", "ip", AuthzProvider(parse_ip, check_ip, pure=True)),
        Provider("authz", "local", AuthzProvider(parse_no_arguments, check_local, pure=True)),
        Provider("authz", "host", AuthzProvider(parse_names, check_host)),
        Provider("authz", "forward-dns", AuthzProvider(parse_names, check_forward_dns)),
    ),
)
