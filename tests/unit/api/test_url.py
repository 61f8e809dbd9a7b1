"""How a server names itself: ServerName, UseCanonicalName, UseCanonicalPhysicalPort."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api import url
from tests.support.requests import configure, make_request


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("<VirtualHost *:8085>\n</VirtualHost>", 8085),
        ("<VirtualHost *:8085>\nServerName b.example\n</VirtualHost>", 80),
        ("<VirtualHost *:8085>\nServerName b.example:81\n</VirtualHost>", 81),
        ("<VirtualHost *>\n</VirtualHost>", 80),
        ("ServerName a.example:82\n<VirtualHost *>\n</VirtualHost>", 82),
        ("ServerName a.example:82\n<VirtualHost *:8085>\n</VirtualHost>", 8085),
    ],
)
def test_the_port_of_a_virtual_host(tmp_path: Path, host: str, port: int) -> None:
    request = make_request(configure(host, tmp_path), host=0)
    assert url.canonical_port(request) == port


def test_a_name_of_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = make_request(configure("UseCanonicalName DNS", tmp_path), hostname="asked.example", port=81)
    monkeypatch.setattr(url, "host_name", {"192.0.2.1": "found.example"}.get)
    assert url.construct_url(request, "/x") == "http://found.example:81/x"
    monkeypatch.setattr(url, "host_name", {}.get)
    assert url.construct_url(request, "/x") == "http://found.example:81/x"  # asked once a connection
    request.connection.local_name = None
    assert url.construct_url(request, "/x") == "http://www.example:81/x"
    assert request.connection.local_name == ""


def test_a_name_that_is_no_ascii(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path), hostname="caf\udce9.example")
    assert url.construct_url(request, "/") == "http://caf\xe9.example/"
