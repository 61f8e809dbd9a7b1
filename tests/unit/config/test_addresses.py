"""The addresses of virtual hosts."""

from __future__ import annotations

import socket

import pytest

from pyhttpd.config.addresses import AddressError, UnknownHostError, vhost_addresses


@pytest.mark.parametrize(
    ("word", "host", "port"),
    [
        ("*", "*", 0),
        ("*:80", "*", 80),
        ("*:*", "*", 0),
        ("_default_:443", "*", 443),
        ("_DEFAULT_", "*", 0),
        ("127.0.0.1", "127.0.0.1", 0),
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:80", "::1", 80),
        ("[::1]", "::1", 0),
        ("[fe80::1%lo]:80", "fe80::1%lo", 80),
    ],
)
def test_literal(word: str, host: str, port: int) -> None:
    assert vhost_addresses(word) == [(host, port)]


@pytest.mark.parametrize("word", ["*:0", "*:65536", "*:x", "[::1", "[]:80", "::1", "a:b:c", ":80", "a:"])
def test_wrong(word: str) -> None:
    with pytest.raises(AddressError, match="The address or port is invalid"):
        vhost_addresses(word)


def test_a_port_alone() -> None:
    with pytest.raises(AddressError, match="Missing address for VirtualHost"):
        vhost_addresses("80")


def test_a_name_has_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        assert host == "www.example"
        return [(0, 0, 0, "", (address, 0)) for address in ("192.0.2.1", "2001:db8::1", "192.0.2.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert vhost_addresses("www.example:80") == [("192.0.2.1", 80), ("2001:db8::1", 80)]


def test_a_name_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(UnknownHostError):
        vhost_addresses("no.example")
