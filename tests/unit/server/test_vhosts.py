"""Virtual hosts: by address, port and name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyhttpd.api.core_config import CoreServer
from pyhttpd.server.vhosts import plain_address
from tests.unit.server.serving import Serving, parts, status_of

Make = Callable[..., Serving]

HOSTS = """
<VirtualHost *:80>
ServerName one.example
ServerAlias www.one.example *.one.example
</VirtualHost>
<VirtualHost *:80>
ServerName two.example
ServerAlias *.example t?o.test
</VirtualHost>
<VirtualHost 127.0.0.1:80>
ServerName local.example
</VirtualHost>
<VirtualHost 127.0.0.1:80 [::1]:80>
ServerName both.example
</VirtualHost>
<VirtualHost 127.0.0.1>
ServerName anyport.example
</VirtualHost>
<VirtualHost *>
ServerName anything.example
</VirtualHost>
"""


@pytest.mark.parametrize(
    ("address", "port", "name", "expected"),
    [
        ("10.0.0.1", 80, "one.example", "one.example"),
        ("10.0.0.1", 80, "two.example", "two.example"),
        ("10.0.0.1", 80, "other.test", "one.example"),
        ("10.0.0.1", 80, "a.b.one.example", "one.example"),
        ("10.0.0.1", 80, "x.example", "two.example"),
        ("10.0.0.1", 80, "txo.test", "two.example"),
        ("10.0.0.1", 80, "example", "one.example"),
        ("127.0.0.1", 80, "two.example", "local.example"),
        ("127.0.0.1", 80, "both.example", "both.example"),
        ("::ffff:127.0.0.1", 80, "both.example", "both.example"),
        ("::1", 80, "local.example", "both.example"),
        ("127.0.0.1", 81, "local.example", "anyport.example"),
        ("10.0.0.1", 81, "one.example", "anything.example"),
    ],
)
def test_choice(make_serving: Make, address: str, port: int, name: str, expected: str) -> None:
    chain = make_serving(HOSTS).service.vhosts.at(address, port)
    assert chain is not None
    assert chain.match(name).config(CoreServer).server_name == expected


def test_a_host_for_each_name(make_serving: Make) -> None:
    serving = make_serving(
        "<VirtualHost *>\nServerName one.example\nDocumentRoot htdocs/one\n</VirtualHost>\n"
        '<VirtualHost *>\nServerName two.example\nDocumentRoot htdocs/two\nErrorDocument 404 "two"\n</VirtualHost>\n'
    )
    serving.page("one/a.txt", "one")
    serving.page("two/a.txt", "two")

    def ask(host: str, target: str = "/a.txt") -> bytes:
        return parts(serving.ask(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()))[2]

    assert ask("one.example") == b"one"
    assert ask("TWO.example:8080") == b"two"
    assert ask("other.example") == b"one"
    assert ask("two.example", "/nope") == b"two"
    assert ask("one.example", "http://two.example/a.txt") == b"two"


def test_an_error_log_of_its_own(make_serving: Make) -> None:
    serving = make_serving(
        "<VirtualHost *>\nServerName www.example.com\nErrorLog logs/own\nLogLevel info\n</VirtualHost>"
    )
    assert status_of(serving.get("/nope")) == 404
    assert "AH00128" in (serving.root / "logs" / "own").read_text()
    assert "AH00128" not in serving.log


def test_plain_addresses() -> None:
    assert plain_address("::FFFF:1.2.3.4") == "1.2.3.4"
    assert plain_address("[::0001]") == "::1"
    assert plain_address("fe80::1%eth0") == "fe80::1"
