"""The `Listen` line: where to listen, and what is spoken there."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

from pyhttpd.config.directive import Setting, SettingError
from pyhttpd.util.digits import is_number, value_of


class ListenAddress(NamedTuple):
    """One `Listen`. `host` None is every address. Port 0 is ours: the kernel chooses, and it is kept over restarts."""

    host: str | None
    port: int
    protocol: str

    def __str__(self) -> str:
        host = "*" if self.host is None else f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


_INVALID = "Invalid address or port"
_HOST_AND_PORT = re.compile(r"(?P<host>.*?)(?::(?P<port>[0-9]+))?", re.ASCII | re.DOTALL)
_LARGEST_ZONE = 2**15 - 1


def parse_listen(word: str) -> tuple[str | None, str | None, int]:
    """`80`, `*:80`, `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80` as host, zone and port.

    As apr_parse_addr_port: the digits behind the last colon are the port, what stands before them is the host. Raises
    ValueError with Apache's texts.
    """
    zone: str | None = None
    if is_number(word):
        host, port = "*", word
    else:
        found = _HOST_AND_PORT.fullmatch(word)
        assert found is not None
        host, port = found["host"], found["port"]
        if not host:
            raise ValueError(_INVALID)
    if port is not None and value_of(port) > 65535:
        raise ValueError(_INVALID)
    if host[0] == "[":
        host, zone = _in_brackets(host)
    if port is None:
        raise ValueError("Port must be specified")
    return (None if host == "*" else host), zone, value_of(port)


def _in_brackets(text: str) -> tuple[str, str | None]:
    host, percent, zone = text[1:-1].partition("%")
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except (OSError, ValueError):
        raise ValueError(_INVALID) from None
    if text[-1] != "]" or bool(percent) is not bool(zone):
        raise ValueError(_INVALID)
    return host, zone or None


def as_asked_for(host: str) -> str | bytes:
    """A name as the resolver gets it: no IDNA, as in Apache."""
    return host if host.isascii() else host.encode("utf-8", "surrogateescape")


def set_listen(setting: Setting, *words: str) -> None:
    if len(words) not in (1, 2):
        raise SettingError("Listen requires 1 or 2 arguments.")
    address = words[0]
    try:
        host, zone, port = parse_listen(address)
    except ValueError as error:
        bare = host_of_bare_ipv6(address)
        hint = f"An IPv6 address stands in brackets: Listen [{bare}]:80" if bare is not None else None
        raise SettingError(str(error), hint) from None
    wanted = f"{host}%{_interface(zone)}" if zone is not None else host
    taken: set[tuple[str | None, int]] = setting.memo.setdefault("taken", set())
    if port and (wanted, port) in taken:
        raise SettingError("Cannot define multiple Listeners on the same IP:port")
    if host is not None:
        _look_up(setting, host, port)
        if zone is not None:
            _check_zone(setting, host, zone, port)
    protocol = words[1].lower() if len(words) == 2 else "https" if port == 443 else "http"
    if protocol != "http":
        # Apache, too, serves what it can where the module for a protocol is not loaded
        message = f"Listen {address} {protocol}: nothing speaks {protocol} here, clients are answered in plain HTTP"
        setting.warn(message, "PH00331", wrong=words[-1])
    taken.add((wanted, port))
    setting.add("listens", ListenAddress(wanted, port, protocol))


def host_of_bare_ipv6(address: str) -> str | None:
    """`::1` of `Listen ::1`."""
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None
    return address


def _look_up(setting: Setting, host: str, port: int) -> None:
    try:
        socket.getaddrinfo(as_asked_for(host), port, type=socket.SOCK_STREAM)
        return
    except UnicodeError:
        reason = "(EAI 2)Name or service not known"  # what can be no name is asked for by Apache all the same
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return  # binding asks again, unless the socket is there: a reload does not need the DNS for it
        reason = f"(EAI {-(error.errno or 0)}){error.strerror}"
    setting.warn(
        f"alloc_listener: failed to set up sockaddr for {host}", "AH00077", reason=reason, level="crit", module="core"
    )
    bare = host_of_bare_ipv6(f"{host}:{port}")
    raise SettingError(
        "Listen setup failed", f"An IPv6 address stands in brackets: Listen [{bare}]:80" if bare is not None else None
    )


def _interface(zone: str) -> str:
    """The name of an interface that is given by its number."""
    try:
        return socket.if_indextoname(value_of(zone)) if is_number(zone) else zone
    except (OSError, OverflowError):
        return zone


def _check_zone(setting: Setting, host: str, zone: str, port: int) -> None:
    reason: str | None = None
    packed = socket.inet_pton(socket.AF_INET6, host)
    if packed[0] != 0xFE or packed[1] & 0xC0 != 0x80:  # not link-local
        reason = "(20016)The specified IP address is invalid."
    elif not is_number(zone) or not 1 <= value_of(zone) <= _LARGEST_ZONE:
        try:
            socket.if_nametoindex(zone)
        except (OSError, ValueError):
            reason = "(20014)Internal error (specific information not available)"
    if reason is not None:
        address = socket.inet_ntop(socket.AF_INET6, packed)
        message = f"alloc_listener: failed to set scope for [{address}]:{port} to {zone}"
        setting.warn(message, "AH10102", reason=reason, level="crit", module="core")
        raise SettingError("Listen step failed")
