"""Request.remote_host: HostnameLookups."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api import request as request_module
from tests.support.requests import configure, make_request


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The lookups that were made; each finds a name where it is not double."""
    made: list[tuple[str, bool]] = []

    def host_name(address: str, *, double: bool = False) -> str | None:
        made.append((address, double))
        return None if double else "client.example"

    monkeypatch.setattr(request_module, "host_name", host_name)
    return made


def test_off_asks_nobody(asked: list[tuple[str, bool]], tmp_path: Path) -> None:
    assert make_request(configure("", tmp_path)).remote_host() == "192.0.2.7"
    assert asked == []


def test_on_asks_once(asked: list[tuple[str, bool]], tmp_path: Path) -> None:
    request = make_request(configure("HostnameLookups On", tmp_path))
    assert [request.remote_host(), request.remote_host()] == ["client.example"] * 2
    assert asked == [("192.0.2.7", False)]


def test_a_name_that_cannot_be_trusted_is_none(asked: list[tuple[str, bool]], tmp_path: Path) -> None:
    request = make_request(configure("HostnameLookups Double", tmp_path))
    assert [request.remote_host(), request.remote_host()] == ["192.0.2.7"] * 2
    assert asked == [("192.0.2.7", True)]
