"""Listening sockets over a change of configuration: kept, opened, handed over, rolled back."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator

import pytest

from pyhttpd.api.connection import RECEIVE_LIMIT
from pyhttpd.mpm.listen import ListenAddress
from pyhttpd.mpm.listeners import DRAIN, LONGEST_DRAIN, BindError, Listeners, SocketOptions
from tests.support.servers import has_ipv6

OPTIONS = SocketOptions(backlog=16)
NEEDS_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6")
ANY_PORT = ListenAddress("127.0.0.1", 0, "http")


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    made = Listeners()
    yield made
    made.close()


def take(listeners: Listeners, *addresses: ListenAddress) -> None:
    listeners.commit(listeners.prepare(addresses, OPTIONS), OPTIONS)


def port(listeners: Listeners, index: int = 0) -> int:
    return int(listeners.current[index].sockets[0].getsockname()[1])


def connects(number: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, number), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_what_is_accepted_waits_shortly_in_the_kernel(listeners: Listeners) -> None:
    """A recv that is told to wait must not wait for ever, whoever forgets to say so of a single connection."""
    take(listeners, ANY_PORT)
    listener = listeners.current[0].sockets[0].dup()
    listener.setblocking(True)
    with socket.create_connection(("127.0.0.1", port(listeners)), timeout=20) as client:
        client.sendall(b"x")  # TCP_DEFER_ACCEPT
        accepted = listener.accept()[0]
        with listener, accepted:
            limit = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, len(RECEIVE_LIMIT))
            assert limit != bytes(len(RECEIVE_LIMIT))
            assert accepted.recv(1) == b"x"
            with pytest.raises(BlockingIOError):
                accepted.recv(1)


def test_a_port_of_the_kernels_choice_is_kept(listeners: Listeners) -> None:
    take(listeners, ANY_PORT)
    first = port(listeners)
    take(listeners, ANY_PORT)
    assert port(listeners) == first


def drained(listeners: Listeners, monkeypatch: pytest.MonkeyPatch, more: float = 0.0) -> None:
    """The time that retired sockets have is over."""
    later = time.monotonic() + 2 * DRAIN + more
    with monkeypatch.context() as patch:
        patch.setattr("pyhttpd.mpm.listeners.time.monotonic", lambda: later)
        listeners.end_draining()


def test_what_is_not_named_any_more_is_drained_and_then_ended(
    listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(listeners, ANY_PORT)
    old = port(listeners)
    inherited = listeners.current[0].sockets[0].dup()  # a child that is busy still has it
    take(listeners, ListenAddress("127.0.0.2", 0, "http"))
    listeners.end_draining()
    assert connects(old), "its queue may not be empty yet"
    assert len(listeners.bucket(0, 1)) == 2
    drained(listeners, monkeypatch)
    assert len(listeners.bucket(0, 1)) == 2, "a connection waits in it"
    inherited.accept()[0].close()
    drained(listeners, monkeypatch)
    assert not connects(old)
    assert len(listeners.bucket(0, 1)) == 1
    with pytest.raises(OSError, match="Invalid argument"):
        inherited.accept()
    inherited.close()


def test_what_waits_in_vain_does_not_wait_for_ever(listeners: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    take(listeners, ANY_PORT)
    old = port(listeners)
    take(listeners, ListenAddress("127.0.0.2", 0, "http"))
    assert connects(old)
    drained(listeners, monkeypatch, more=LONGEST_DRAIN)
    assert not connects(old)


def test_a_failed_change_leaves_everything(listeners: Listeners) -> None:
    take(listeners, ANY_PORT)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        foreign = ListenAddress("127.0.0.1", taken.getsockname()[1], "http")
        with pytest.raises(BindError, match=f"127.0.0.1:{foreign.port}"):
            listeners.prepare([ANY_PORT, ListenAddress("127.0.0.2", 0, "http"), foreign], OPTIONS)
    assert len(listeners.current) == 1
    assert connects(port(listeners))


@pytest.mark.parametrize("wide", [None, "0.0.0.0"])
def test_a_narrow_address_is_handed_over_to_a_wide_one_and_back(
    listeners: Listeners, monkeypatch: pytest.MonkeyPatch, wide: str | None
) -> None:
    take(listeners, ANY_PORT)
    number = port(listeners)
    waiting = socket.create_connection(("127.0.0.1", number), timeout=5)
    take(listeners, ListenAddress(wide, number, "http"))
    drained(listeners, monkeypatch)
    assert connects(number, "127.0.0.2")
    served = [sock for sock in listeners.bucket(0, 1) if _accepts(sock)]
    assert served, "the connection that waited in the old queue is lost"
    waiting.close()
    for _ in range(2):  # as often as there is a reload, as long as a wide socket covers it
        take(listeners, ListenAddress(wide, number, "http"))
    assert len(listeners.bucket(0, 1)) == 2
    take(listeners, ListenAddress("127.0.0.1", number, "http"))
    drained(listeners, monkeypatch)
    assert connects(number)
    assert not connects(number, "127.0.0.2")


def _accepts(sock: socket.socket) -> bool:
    try:
        sock.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def refusal(listeners: Listeners, *addresses: ListenAddress) -> list[str]:
    with pytest.raises(BindError) as caught:
        listeners.prepare(addresses, OPTIONS)
    assert {failure.errno for failure in caught.value.failures} == {errno.EADDRINUSE}
    return [failure.text.rpartition(" ")[2].rpartition(":")[0] for failure in caught.value.failures]


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def on(number: int, *hosts: str | None) -> list[ListenAddress]:
    return [ListenAddress(host, number, "http") for host in hosts]


@NEEDS_IPV6
def test_addresses_of_one_configuration_do_not_overlap(listeners: Listeners) -> None:
    """Whether they are new, or were there before."""
    number = free()
    for _ in range(2):
        assert refusal(listeners, *on(number, None, "127.0.0.1")) == ["127.0.0.1"]
        assert refusal(listeners, *on(number, "127.0.0.1", None)) == ["[::]", "0.0.0.0"]
        assert refusal(listeners, *on(number, "127.0.0.1", "127.0.0.2", "127.0.0.1")) == ["127.0.0.1"]
        take(listeners, *on(number, "127.0.0.1"))
        take(listeners, *on(number, None))  # the narrow one stays open beside it
    assert connects(number)


@NEEDS_IPV6
def test_ipv6_takes_the_place_of_ipv4(listeners: Listeners) -> None:
    for hosts in (("::", "0.0.0.0"), ("0.0.0.0", "::"), (None, "0.0.0.0")):
        take(listeners, *on(free(), *hosts))
        assert [listener.names[0][0] for listener in listeners.current] == ["::"]
        assert connects(port(listeners))
    assert refusal(listeners, *on(free(), "0.0.0.0", None)) == ["[::]", "0.0.0.0"]
    take(listeners, *on(free(), "0.0.0.0", "::1"))
    assert len(listeners.current) == 2


@NEEDS_IPV6
def test_ipv4_alone_where_ipv6_is_taken(listeners: Listeners) -> None:
    with socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::", 0))
        other.listen()
        number = other.getsockname()[1]
        take(listeners, *on(number, None))
        (listener,) = listeners.current
        assert listener.names == [("0.0.0.0", number)]
        (failure,) = listener.failures
        assert failure.text == f"make_sock: could not bind to address [::]:{number}"
        with socket.socket() as another:
            another.bind(("0.0.0.0", 0))
            another.listen()
            assert refusal(listeners, *on(another.getsockname()[1], None)) == ["[::]", "0.0.0.0"]


def test_a_second_server_cannot_take_the_port(listeners: Listeners) -> None:
    take(listeners, ANY_PORT)
    take(listeners, ListenAddress(None, port(listeners), "http"))
    other = Listeners()
    with pytest.raises(BindError):
        other.prepare([ListenAddress("127.0.0.1", port(listeners), "http")], OPTIONS)


def test_every_address_of_a_name_is_bound(listeners: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, 1, 6, "", (host, 0)) for host in ("127.0.0.3", "127.0.0.4")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    take(listeners, ListenAddress("two.example", 0, "http"))
    assert [name[0] for name in listeners.current[0].names] == ["127.0.0.3", "127.0.0.4"]


def deferred(listeners: Listeners) -> int:
    return listeners.current[0].sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)


def test_an_accept_filter_is_for_its_protocol(listeners: Listeners) -> None:
    options = SocketOptions(backlog=16, defer_accept=30, deferred_protocols=frozenset({"https"}))
    listeners.commit(listeners.prepare([ANY_PORT], options), options)
    assert deferred(listeners) == 0


def test_another_protocol_acts_on_a_socket_that_stays(listeners: Listeners) -> None:
    options = SocketOptions(backlog=16, defer_accept=30)
    for protocol, waits in (("http", True), ("ftp", False), ("https", True)):
        listeners.commit(listeners.prepare([ANY_PORT._replace(protocol=protocol)], options), options)
        assert bool(deferred(listeners)) is waits
    assert len(listeners.bucket(0, 1)) == 1


def test_options_act_on_sockets_that_stay(listeners: Listeners) -> None:
    numbers = []
    for seconds in (30, 0, 5):
        options = SocketOptions(backlog=16, defer_accept=seconds, send_buffer=50_000, receive_buffer=60_000)
        listeners.commit(listeners.prepare([ANY_PORT], options), options)
        assert bool(deferred(listeners)) is (seconds > 0)
        sock = listeners.current[0].sockets[0]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= 50_000
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 60_000
        numbers.append(port(listeners))
    assert len(set(numbers)) == 1


def test_a_connection_has_what_its_listener_has(listeners: Listeners) -> None:
    options = SocketOptions(backlog=16, send_buffer=50_000)
    listeners.commit(listeners.prepare([ANY_PORT], options), options)
    with socket.create_connection(("127.0.0.1", port(listeners)), timeout=5):
        sock = listeners.current[0].sockets[0]
        sock.settimeout(5)
        accepted = sock.accept()[0]
    assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_SNDBUF
    )
    accepted.close()


def test_queue_length(listeners: Listeners) -> None:
    take(listeners, ANY_PORT)
    clients = [socket.create_connection(("127.0.0.1", port(listeners)), timeout=5) for _ in range(3)]
    assert listeners.queue_length() == 3
    for client in clients:
        client.close()


def test_buckets_share_a_port(listeners: Listeners) -> None:
    options = SocketOptions(backlog=16, buckets=2)
    listeners.commit(listeners.prepare([ANY_PORT], options), options)
    ports = {sock.getsockname()[1] for sock in listeners.current[0].sockets}
    assert [len(bucket) for bucket in listeners.current[0].buckets] == [1, 1]
    assert len(ports) == 1


def test_buckets_come_and_go_on_a_port(listeners: Listeners) -> None:
    """Also on one of the kernel's choice; nobody who waits is lost, and afterwards nobody else can take it."""
    take(listeners, ANY_PORT)
    number = port(listeners)
    for buckets in (2, 3, 1):
        waiting = socket.create_connection(("127.0.0.1", number), timeout=5)
        before = listeners.current[0].sockets
        options = SocketOptions(backlog=16, buckets=buckets)
        listeners.commit(listeners.prepare([ANY_PORT], options), options)
        names = {sock.getsockname()[:2] for sock in listeners.current[0].sockets}
        assert (names, len(listeners.current[0].buckets)) == ({("127.0.0.1", number)}, buckets)
        served = {sock for index in range(buckets) for sock in listeners.bucket(index, buckets)}
        assert served >= {*before, *listeners.current[0].sockets}, "the old ones drain, all of them"
        waiting.close()
    with pytest.raises(BindError):
        Listeners().prepare([ListenAddress("127.0.0.1", number, "http")], OPTIONS)


def test_who_takes_an_address_back_gets_its_socket_back(listeners: Listeners) -> None:
    """An administrator who changes his mind, while the socket of before still drains."""
    take(listeners, ANY_PORT)
    number = port(listeners)
    address = ListenAddress("127.0.0.1", number, "http")
    take(listeners, address)
    first = listeners.current[0]
    take(listeners, ANY_PORT)
    take(listeners, address)
    assert listeners.current == [first]
    take(listeners, ANY_PORT)
    take(listeners, ListenAddress("0.0.0.0", number, "http"))  # which overlaps it
    assert connects(number)
    assert listeners.current[0].names == [("0.0.0.0", number)]


def test_an_unknown_host_is_a_bind_error(listeners: Listeners) -> None:
    with pytest.raises(BindError, match=r"no\.such\.host\.invalid:80"):
        listeners.prepare([ListenAddress("no.such.host.invalid", 80, "http")], OPTIONS)
