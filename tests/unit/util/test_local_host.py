"""What a machine is called, as far as the resolver tells."""

from __future__ import annotations

import socket

import pytest

from pyhttpd.util.local_host import local_host

ADDRESS = ("192.0.2.7", 0)


@pytest.mark.parametrize(
    ("host", "address", "resolved", "expected"),
    [
        ("web", ADDRESS, "web.example.org", ("web.example.org", True)),
        ("web.example.org", ADDRESS, None, ("web.example.org", False)),
        ("web.example.org", ADDRESS, "web", ("web.example.org", False)),
        ("web", ADDRESS, None, ("192.0.2.7", False)),
        ("web", ADDRESS, "web", ("192.0.2.7", False)),
        ("web", None, None, ("127.0.0.1", False, "web")),
    ],
)
def test_local_host(
    host: str,
    address: tuple[str, int] | None,
    resolved: str | None,
    expected: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def addresses(name: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        assert name == host
        if address is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    def name_of(given: tuple[str, int], flags: int) -> tuple[str, str]:
        assert given == address
        if resolved is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolved, "0"

    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    monkeypatch.setattr(socket, "getnameinfo", name_of)
    assert local_host() == (*expected, None)[:3]
