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


@pytest.mark.parametrize(
    "word",
    ["*:0", "*:65536", "[::1", "[]:80", "[1.2.3.4]:80", "[::1%]", "[::1]x", ":80", ":*", "*:x", "::1", "a:b:c", "a:",
     "*:80>", "0", "65536", "9" * 5000],
)  # fmt: skip
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
    with pytest.raises(UnknownHostError) as caught:
        vhost_addresses("no.example:80")
    assert (caught.value.host, caught.value.reason) == ("no.example", "(EAI 2)no")


def test_an_address_that_lacks_its_brackets() -> None:
    with pytest.raises(AddressError) as caught:
        vhost_addresses("2001:db8::1")
    assert caught.value.hint == "An IPv6 address stands in brackets: [2001:db8::1]"


def test_a_name_is_looked_up_as_it_stands_there() -> None:
    with pytest.raises(UnknownHostError):
        vhost_addresses("\N{FULLWIDTH DIGIT ONE}:80")
