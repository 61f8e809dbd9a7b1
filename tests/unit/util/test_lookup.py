"""Names of addresses."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from pyhttpd.util.lookup import host_name


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that exist, with their addresses; 192.0.2.7 is called Client.Example."""
    known: dict[str, list[str]] = {}

    def getnameinfo(address: tuple[str, int], flags: int) -> tuple[str, str]:
        assert flags == socket.NI_NAMEREQD
        if address[0] != "192.0.2.7":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return "Client.Example", "0"

    def getaddrinfo(name: str, port: None, **options: Any) -> list[tuple[Any, ...]]:
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in known[name]]

    monkeypatch.setattr(socket, "getnameinfo", getnameinfo)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def test_a_name(resolver: dict[str, list[str]]) -> None:
    assert host_name("192.0.2.7") == "client.example"
    assert host_name("192.0.2.8") is None


def test_a_name_that_is_the_addresss_own(resolver: dict[str, list[str]]) -> None:
    assert host_name("192.0.2.7", double=True) is None
    resolver["client.example"] = ["192.0.2.9"]
    assert host_name("192.0.2.7", double=True) is None
    resolver["client.example"] = ["192.0.2.9", "192.0.2.7"]
    assert host_name("192.0.2.7", double=True) == "client.example"


def test_an_address_that_is_none() -> None:
    assert host_name("no address") is None
