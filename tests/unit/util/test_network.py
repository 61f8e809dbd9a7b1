"""Networks and addresses as APR reads them."""

from __future__ import annotations

import pytest

from pyhttpd.util.network import Network, parse_address, parse_network


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("10.1.2.3", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.1.2.4", "::1"]),
        ("10", ["10.255.0.1"], ["11.0.0.1"]),
        ("10.1.", ["10.1.9.9"], ["10.2.0.0"]),
        ("10.0.0.08", ["10.0.0.8"], ["10.0.0.0"]),
        ("10.1.0.0/255.255.0.0", ["10.1.1.1"], ["10.2.1.1"]),
        ("10.1.2.3/8", ["10.9.9.9"], ["9.9.9.9"]),
        ("2001:db8::/32", ["2001:db8:1::"], ["2001:db9::", "10.1.2.3"]),
        ("::1", ["::1", "::1%lo"], ["127.0.0.1"]),
    ],
)
def test_networks(text: str, inside: list[str], outside: list[str]) -> None:
    network = parse_network(text)
    for address in (*inside, *outside):
        parsed = parse_address(address)
        assert parsed is not None
        assert network.contains(parsed) is (address in inside), address


@pytest.mark.parametrize("text", [
    "", "x", "10.1.2.3.4", "256.1.1.1", "10..1", "10.1.2.3/0", "10.1.2.3/33", "10.1.2.3/", "10.1/16", "::1/129", "::/x",
    "10.0.0.0/99999999999999999999", "é", "10.0.0.0/٣", "1" * 99, ":::",
])  # fmt: skip
def test_no_networks(text: str) -> None:
    with pytest.raises(ValueError, match=r"The specified (IP address|network mask) is invalid\."):
        parse_network(text)


def test_no_addresses() -> None:
    assert [parse_address(text) for text in ("", "localhost", "10.1", "1.2.3.4.5", ":::", "1.2.3.4\0")] == [None] * 6
    assert parse_network("0.0.0.1") == Network(32, 1, 0xFFFFFFFF)
