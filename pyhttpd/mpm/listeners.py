"""Listening sockets: bound before anything else changes, kept where both configurations name them, handed over.

A change is prepared (`Change`), and then committed or rolled back. A new address that overlaps an old one of ours
(127.0.0.1:80 and *:80) is bound beside it with SO_REUSEPORT, which both sockets get for that moment only: set for
good it would let a second server take the port. An old socket that a new address covers stays open until the next
change, so that the connections in its queue are served.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyhttpd.mpm.directives import ListenAddress

_QUEUE_LENGTH = struct.Struct("@24xI")  # struct tcp_info: tcpi_unacked is the queue's length in state LISTEN


class BindError(Exception):
    """An address cannot be had. The text is Apache's AH00072 line without its number."""

    def __init__(self, address: str, error: OSError) -> None:
        super().__init__(f"make_sock: could not bind to address {address}")
        self.errno = error.errno


@dataclass(frozen=True, slots=True)
class SocketOptions:
    backlog: int
    defer_accept: int = 0  # seconds; 0: a connection is offered to accept before its first byte has come
    receive_buffer: int = 0
    send_buffer: int = 0
    buckets: int = 1


@dataclass(slots=True)
class Listener:
    """One `Listen`: a socket for each bucket."""

    address: ListenAddress
    sockets: list[socket.socket]

    @property
    def bound(self) -> str:
        """`127.0.0.1:40123`, with the port that the kernel chose."""
        return format_address(self.sockets[0].getsockname())

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


@dataclass(slots=True)
class Change:
    """What a new configuration would listen on. Nothing has been taken away yet."""

    listeners: list[Listener]
    opened: list[Listener] = field(default_factory=list)
    retired: list[Listener] = field(default_factory=list)

    def rollback(self) -> None:
        for listener in self.opened:
            listener.close()


def format_address(name: tuple[object, ...]) -> str:
    """A socket's name as Apache prints it: `127.0.0.1:80`, `[::]:80`."""
    host = str(name[0])
    return f"[{host}]:{name[1]}" if ":" in host else f"{host}:{name[1]}"


class Listeners:
    """All listening sockets of the master."""

    def __init__(self) -> None:
        self.current: list[Listener] = []
        self._covered: list[Listener] = []

    def prepare(self, addresses: Sequence[ListenAddress], options: SocketOptions) -> Change:
        """Open what is not open yet. Raises BindError, and has then changed nothing."""
        change = Change([])
        old = list(self.current)
        try:
            for address in addresses:
                kept = next((item for item in old if _same(item, address, options)), None)
                if kept is not None:
                    old.remove(kept)
                    change.listeners.append(kept)
                    continue
                opened = _open(address, options, beside=[item for item in self.current if _overlap(item, address)])
                change.opened.append(opened)
                change.listeners.append(opened)
        except BindError:
            change.rollback()
            raise
        change.retired = old
        return change

    def commit(self, change: Change, options: SocketOptions) -> None:
        """Take the new set. What nobody names any more is closed, once no new address covers it."""
        for listener in self._covered:
            listener.close()
        covers = {item.address.port for item in change.listeners if item.address.host is None}
        self._covered = [item for item in change.retired if _port(item) in covers]
        for listener in change.retired:
            if listener not in self._covered:
                listener.close()
        for listener in change.listeners:
            for sock in listener.sockets:
                sock.listen(options.backlog)  # a new ListenBacklog acts on sockets that stay, too
        self.current = change.listeners

    def bucket(self, index: int) -> list[socket.socket]:
        """What the children of one bucket accept from."""
        return [item.sockets[index % len(item.sockets)] for item in (*self.current, *self._covered)]

    def queue_length(self) -> int:
        """Connections that wait to be accepted, over all sockets (tcp(7), TCP_INFO of a listening socket)."""
        total = 0
        for listener in self.current:
            for sock in listener.sockets:
                try:
                    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
                except OSError:
                    continue
                total += _QUEUE_LENGTH.unpack_from(info)[0]
        return total

    def close(self) -> None:
        for listener in (*self.current, *self._covered):
            listener.close()
        self.current, self._covered = [], []


def _port(listener: Listener) -> int:
    return int(listener.sockets[0].getsockname()[1])


def _same(listener: Listener, address: ListenAddress, options: SocketOptions) -> bool:
    wanted = (address.host, address.port)
    return (listener.address.host, listener.address.port) == wanted and len(listener.sockets) == options.buckets


def _overlap(listener: Listener, address: ListenAddress) -> bool:
    hosts = (listener.address.host, address.host)
    return _port(listener) == address.port and (None in hosts or hosts[0] == hosts[1])


def _open(address: ListenAddress, options: SocketOptions, beside: Sequence[Listener]) -> Listener:
    """Bind and listen; `beside` are sockets of ours that overlap."""
    shared = options.buckets > 1 or bool(beside)
    sharing = [sock for item in beside for sock in item.sockets]
    for sock in sharing:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener = Listener(address, [])
    try:
        for _ in range(options.buckets):
            listener.sockets.append(_bind(_resolve(address), listener, options, shared))
    except OSError as error:
        listener.close()
        raise BindError(_resolve_name(address), error) from error
    finally:
        if options.buckets == 1:
            for sock in (*sharing, *listener.sockets):
                if sock.fileno() >= 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
    return listener


def _bind(
    candidates: Sequence[tuple[socket.AddressFamily, tuple[object, ...]]],
    listener: Listener,
    options: SocketOptions,
    shared: bool,
) -> socket.socket:
    failure = OSError(errno.EADDRNOTAVAIL, "no address")
    for family, name in candidates:
        if listener.sockets and name[1] == 0:  # the second bucket of a port that the kernel chose
            name = (name[0], listener.sockets[0].getsockname()[1], *name[2:])
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # no IPv6 in this system: the next candidate
            failure = error
            continue
        try:
            _set_options(sock, options, shared)
            sock.bind(name)
            sock.listen(options.backlog)
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRNOTAVAIL and len(candidates) > 1:
                failure = error
                continue
            raise
        return sock
    raise failure


def _set_options(sock: socket.socket, options: SocketOptions, shared: bool) -> None:
    """Accepted sockets inherit all but O_NONBLOCK, so each costs nothing per connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # IPv4-mapped addresses, as Apache
    if options.defer_accept:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, options.defer_accept)
    if options.receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)
    if options.send_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer)
    sock.setblocking(False)  # several children look at one connection; who comes late must not wait


def _resolve(address: ListenAddress) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    """The addresses to try in turn: every address is IPv6 with IPv4-mapped ones, else IPv4."""
    if address.host is None:
        return [(socket.AF_INET6, ("::", address.port)), (socket.AF_INET, ("0.0.0.0", address.port))]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise OSError(errno.EADDRNOTAVAIL, error.strerror or "unknown host") from error
    return [(family, name) for family, _, _, _, name in found]


def _resolve_name(address: ListenAddress) -> str:
    return f"[::]:{address.port}" if address.host is None else str(address)
