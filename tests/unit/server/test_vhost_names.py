"""What virtual hosts without a ServerName are called."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pyhttpd.api.core_config import CoreServer
from pyhttpd.boot import read_here
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.render import log_lines

HOSTS = {
    "127.0.0.1": "one.example",  # its address has a name
    "198.51.100.7:80 127.0.0.1:81": "bogus_host_without_reverse_dns",  # its first has none
    "*:80": "main.example",
    "198.51.100.7 _default_": "main.example",
    "[2001:db8::1]": "six.example",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    hosts: list[str] = []

    def getnameinfo(address: tuple[str, int], flags: int) -> tuple[str, str]:
        hosts.append(address[0])
        names = {"127.0.0.1": "one.example", "2001:db8::1": "six.example"}
        if address[0] not in names or flags != socket.NI_NAMEREQD:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return names[address[0]], "0"

    monkeypatch.setattr(socket, "getnameinfo", getnameinfo)
    return hosts


def test_names_of_nameless_hosts(tmp_path: Path, asked: list[str]) -> None:
    lines = "".join(f"<VirtualHost {addresses}>\n</VirtualHost>\n" for addresses in HOSTS)
    named = "<VirtualHost 192.0.2.9>\nServerName own.example\n</VirtualHost>\n"
    (tmp_path / "httpd.conf").write_text(f"Listen 127.0.0.1:0\nServerName main.example\nErrorLog e\n{lines}{named}")
    configuration = read_here(ReadOptions(str(tmp_path / "httpd.conf"), str(tmp_path)), True)
    names = [server.config(CoreServer).server_name for server in configuration.vhosts]
    assert names == [*HOSTS.values(), "own.example"]
    assert asked[-3:] == ["127.0.0.1", "198.51.100.7", "2001:db8::1"]  # before them the machine's own
    assert [log_lines(diagnostic)[0] for diagnostic in configuration.diagnostics] == [
        "(EAI 2)Name or service not known: AH00549: Failed to resolve server name for 198.51.100.7 (check DNS) -- or "
        "specify an explicit ServerName"
    ]
