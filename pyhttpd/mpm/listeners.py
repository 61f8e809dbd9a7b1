"""Listening sockets: bound before anything else changes, kept where both configurations name them, handed over.

A change is prepared (`Change`), and then committed or rolled back. A new address that overlaps an old one of ours
(127.0.0.1:80 and *:80) is bound beside it with SO_REUSEPORT, which both sockets get for that moment only: set for
good it would let a second server take the port. Two addresses of one configuration must not overlap, as in Apache.

No connection that waits in a queue is thrown away. An old socket that a wider new one covers stays open, since the
kernel prefers it for its address. Any other that is not named any more is given to the new children as well, for DRAIN
seconds and until its queue is empty; then it is shut down, which ends it in every process that still has it.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from pyhttpd.api.connection import RECEIVE_LIMIT
from pyhttpd.mpm.listen import ListenAddress, as_asked_for

SocketName = tuple[str, int]
Candidate = tuple[socket.AddressFamily, tuple[Any, ...]]

DRAIN = 1.0  # seconds
LONGEST_DRAIN = 10.0  # seconds more, while connections wait in it: children may be slow to take them
_QUEUE_LENGTH = struct.Struct("@24xI")  # struct tcp_info: tcpi_unacked is the queue's length in state LISTEN


class Failure(NamedTuple):
    """A socket that cannot be bound. `text` is Apache's AH00072 line without its number."""

    text: str
    errno: int | None

    @classmethod
    def of(cls, address: str, error: OSError) -> Failure:
        return cls(f"make_sock: could not bind to address {address}", error.errno)


class BindError(Exception):
    """An address cannot be had: what was tried for it."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__("; ".join(failure.text for failure in failures))
        self.failures = failures


@dataclass(frozen=True, slots=True)
class SocketOptions:
    backlog: int
    defer_accept: int = 0  # seconds; 0: a connection is offered to accept before its first byte has come
    deferred_protocols: frozenset[str] = frozenset({"http", "https"})
    receive_buffer: int = 0
    send_buffer: int = 0
    buckets: int = 1


@dataclass(slots=True, eq=False)
class Listener:
    """One `Listen`: a socket for each address that its name has (mostly one), in each bucket."""

    address: ListenAddress
    buckets: list[list[socket.socket]]
    failures: list[Failure] = field(default_factory=list)  # of IPv6, where IPv4 alone could be had

    @property
    def sockets(self) -> list[socket.socket]:
        return [sock for bucket in self.buckets for sock in bucket]

    @property
    def wanted(self) -> tuple[str | None, int]:
        """Host and port of the `Listen`."""
        return self.address.host, self.address.port

    @property
    def names(self) -> list[SocketName]:
        """What it is bound to; the port is the one that the kernel chose, where that was asked for."""
        return [sock.getsockname()[:2] for sock in self.buckets[0]]

    @property
    def bound(self) -> str:
        """`127.0.0.1:40123`"""
        return ", ".join(format_address(name) for name in self.names)

    def shut_down(self) -> None:
        """End it in all processes: whoever accepts from it gets EINVAL, whoever connects is refused."""
        for sock in self.sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is not listening any more
            sock.close()

    def close(self) -> None:
        """Close it in this process."""
        for sock in self.sockets:
            sock.close()


@dataclass(slots=True)
class Change:
    """What a new configuration would listen on. Nothing has been taken away yet."""

    listeners: list[Listener]
    addresses: list[ListenAddress] = field(default_factory=list)  # of each: another protocol takes no other socket
    opened: list[Listener] = field(default_factory=list)
    retired: list[Listener] = field(default_factory=list)

    def rollback(self) -> None:
        for listener in self.opened:
            listener.close()


def queue_length(sockets: Sequence[socket.socket]) -> int:
    """Connections that wait to be accepted (tcp(7), TCP_INFO of a listening socket)."""
    total = 0
    for sock in sockets:
        try:
            total += _QUEUE_LENGTH.unpack_from(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))[0]
        except OSError:
            pass  # it is closed, or no TCP socket
    return total


def format_address(name: SocketName) -> str:
    """A socket's name as Apache prints it: `127.0.0.1:80`, `[::]:80`."""
    host, port = name
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Listeners:
    """All listening sockets of the master."""

    def __init__(self) -> None:
        self.current: list[Listener] = []
        self._covered: list[Listener] = []  # not named any more, but a current one is wider
        self._draining: list[tuple[float, Listener]] = []  # until when, CLOCK_MONOTONIC

    def prepare(self, addresses: Sequence[ListenAddress], options: SocketOptions) -> Change:
        """Open what is not open yet. Raises BindError, and has then changed nothing."""
        change = Change([])
        draining = [listener for _, listener in self._draining]
        ours = [*self.current, *self._covered, *draining]
        named = {listener.wanted for listener in self.current}
        # Who takes an address back at once gets its socket back. Beside a current one of the same name, which has
        # another number of buckets, only the newest socket gets all new connections.
        old = [listener for listener in ours if listener not in draining or listener.wanted not in named]
        try:
            for address in _ipv6_first(addresses):
                if _is_ipv4_of(change.listeners, address):
                    continue
                kept = next((item for item in old if _same(item, address, options)), None)
                if kept is not None:
                    old.remove(kept)
                    change.listeners.append(kept)
                    change.addresses.append(address)
                    continue
                opened = _open(address, _chosen_port(old, address), options, beside=[*ours, *change.opened])
                change.opened.append(opened)
                change.listeners.append(opened)
                change.addresses.append(address)
            if options.buckets == 1:
                _refuse_overlaps(change.listeners)
        except BindError:
            change.rollback()
            raise
        change.retired = [listener for listener in old if listener not in draining]
        return change

    def commit(self, change: Change, options: SocketOptions) -> None:
        """Take the new set."""
        for listener, address in zip(change.listeners, change.addresses, strict=True):
            listener.address = address
            for sock in listener.sockets:
                sock.listen(options.backlog)  # a new ListenBacklog acts on sockets that stay, too
                try:
                    _set_changeable(sock, listener.address.protocol, options)
                except OSError:
                    pass  # a socket that stays serves on as it is
        self.current = change.listeners
        wide = [name for listener in self.current for name in listener.names]
        self._covered = [item for item in change.retired if all(_covers(wide, name) for name in item.names)]
        until = time.monotonic() + DRAIN
        self._draining = [(when, item) for when, item in self._draining if item not in self.current]
        self._draining += [(until, item) for item in change.retired if item not in self._covered]

    def end_draining(self) -> None:
        """Shut down what has had its time."""
        now = time.monotonic()
        for until, listener in list(self._draining):
            waiting = queue_length(listener.sockets) if until <= now < until + LONGEST_DRAIN else 0
            if now >= until and not waiting:
                self._draining.remove((until, listener))
                listener.shut_down()

    def bucket(self, index: int, of: int) -> list[socket.socket]:
        """What the children of one bucket of so many accept from. Sockets of before may be more, or fewer."""
        sockets: list[socket.socket] = []
        for listener in self._all():
            count = len(listener.buckets)
            for each in sorted({index % count, *range(index, count, of)}):
                sockets += listener.buckets[each]
        return sockets

    def queue_length(self) -> int:
        """Connections that wait to be accepted, over all sockets."""
        return queue_length([sock for listener in self.current for sock in listener.sockets])

    def close(self) -> None:
        """In a process that does not serve, or at the end: close everything here."""
        for listener in self._all():
            listener.close()
        self.current, self._covered, self._draining = [], [], []

    def _all(self) -> list[Listener]:
        return [*self.current, *self._covered, *(listener for _, listener in self._draining)]


def _same(listener: Listener, address: ListenAddress, options: SocketOptions) -> bool:
    return listener.wanted == (address.host, address.port) and len(listener.buckets) == options.buckets


def _chosen_port(old: Sequence[Listener], address: ListenAddress) -> int:
    """What the kernel chose for port 0 stays, also where the number of buckets changes."""
    chosen = (item.names[0][1] for item in old if item.address.port == 0 and item.address.host == address.host)
    return next(chosen, 0) if address.port == 0 else address.port


def _ipv6_first(addresses: Sequence[ListenAddress]) -> list[ListenAddress]:
    """`0.0.0.0:80` behind a `[::]:80` that follows it at once."""
    found = list(addresses)
    for index, (one, other) in enumerate(pairwise(addresses)):
        if (one.host, other.host) == _WILD and one.port == other.port:
            found[index : index + 2] = other, one
    return found


def _is_ipv4_of(listeners: Sequence[Listener], address: ListenAddress) -> bool:
    """`0.0.0.0:80` where `[::]:80` is there, which takes IPv4 too."""
    return address.host == "0.0.0.0" and any(
        name == ("::", address.port) for listener in listeners for name in listener.names
    )


def _refuse_overlaps(listeners: Sequence[Listener]) -> None:
    """Raise what the kernel would have said, had these addresses not been let in beside each other."""
    taken: dict[int, list[SocketName]] = {}
    for listener in listeners:
        for name in listener.names:
            others = taken.setdefault(name[1], [])
            if any(_overlap(name, other) for other in others):
                tried = [name] if listener.address.host is not None else [(host, name[1]) for host in reversed(_WILD)]
                error = OSError(errno.EADDRINUSE, "")
                raise BindError(*(Failure.of(format_address(each), error) for each in tried))
        for name in listener.names:
            taken[name[1]].append(name)


_WILD = ("0.0.0.0", "::")


def _covers(wide: Sequence[SocketName], name: SocketName) -> bool:
    """Whether a connection to `name` would also reach one of `wide`. `::` takes IPv4 as well, as we open it."""
    host, port = name
    wildcards = ("::",) if ":" in host else _WILD
    return any(other in wildcards and number == port for other, number in wide)


def _overlap(one: SocketName, other: SocketName) -> bool:
    """Whether the kernel would refuse to bind both."""
    if one[1] != other[1]:
        return False
    return (
        one[0] == other[0]
        or "::" in (one[0], other[0])
        or ("0.0.0.0" in (one[0], other[0]) and ":" not in one[0] + other[0])
    )


def _open(address: ListenAddress, port: int, options: SocketOptions, beside: Sequence[Listener]) -> Listener:
    """Bind and listen; `beside` are our other sockets, some of which may overlap."""
    try:
        candidates = _resolve(address.host, port)
    except OSError as error:
        raise BindError(Failure.of(str(address), error)) from error
    sharing = [
        sock
        for listener in beside
        for sock in listener.sockets
        if any(_overlap(sock.getsockname()[:2], name[:2]) for _, name in candidates)
    ]
    shared = options.buckets > 1 or bool(sharing)
    listener = Listener(address, [])
    for sock in sharing:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        for _ in range(options.buckets):
            listener.buckets.append([])
            _bind_bucket(listener, candidates, options, shared)
    except BindError:
        listener.close()
        raise
    finally:
        if options.buckets == 1:
            for sock in (*sharing, *listener.sockets):
                if sock.fileno() >= 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
    return listener


def _bind_bucket(listener: Listener, candidates: Sequence[Candidate], options: SocketOptions, shared: bool) -> None:
    """All addresses of a name; of the two wildcards the first that can be had."""
    failures: list[Failure] = []
    for family, name in candidates:
        if len(listener.buckets) > 1:  # a port that the kernel chose for the first bucket
            name = (name[0], listener.buckets[0][0].getsockname()[1], *name[2:])
        try:
            listener.buckets[-1].append(_bind(family, name, listener.address.protocol, options, shared))
        except OSError as error:
            failures.append(Failure.of(format_address(_with_zone(name)), error))
            if listener.address.host is not None and (error.errno not in _NO_SUCH_FAMILY or len(candidates) == 1):
                raise BindError(*failures) from error
            continue
        if listener.address.host is None:
            if failures and failures[0].errno not in _NO_SUCH_FAMILY:
                listener.failures = failures
            return
    if not listener.buckets[-1]:
        raise BindError(*[failure for failure in failures if failure.errno != errno.EAFNOSUPPORT] or failures)


def _with_zone(name: tuple[Any, ...]) -> SocketName:
    """`fe80::1%eth0`, where an address has a zone."""
    host, port, *more = name
    try:
        return (f"{host}%{socket.if_indextoname(more[1])}" if more and more[1] else host), port
    except OSError:
        return host, port


_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def _bind(family: int, name: tuple[Any, ...], protocol: str, options: SocketOptions, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        _set_options(sock, shared)
        _set_changeable(sock, protocol, options)
        sock.bind(name)
        sock.listen(options.backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _set_options(sock: socket.socket, shared: bool) -> None:
    """Accepted sockets inherit all but O_NONBLOCK, so each costs nothing per connection."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, RECEIVE_LIMIT)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # IPv4-mapped addresses, as Apache
    sock.setblocking(False)  # several children look at one connection; who comes late must not wait


def _set_changeable(sock: socket.socket, protocol: str, options: SocketOptions) -> None:
    """What a restart can change on a socket that stays. Buffers can be given a size, but not the system's again."""
    deferred = options.defer_accept if protocol in options.deferred_protocols else 0
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, deferred)
    if options.receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)
    if options.send_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer)


def _resolve(host: str | None, port: int) -> list[Candidate]:
    """Where to bind. Every address is IPv6 with IPv4-mapped ones, else IPv4. Raises OSError."""
    if host is None:
        return [(socket.AF_INET6, ("::", port)), (socket.AF_INET, ("0.0.0.0", port))]
    try:
        asked = as_asked_for(host)
        found = socket.getaddrinfo(asked, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(errno.EADDRNOTAVAIL, "unknown host") from error
    return list(dict.fromkeys((family, name) for family, _, _, _, name in found))
