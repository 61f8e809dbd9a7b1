"""Python's http.client, httpx and aiohttp talk to the server as their users would, and get what they should."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.clients import LIMIT
from tests.support.servers import PAGES, Server

BIG = PAGES["big.bin"].encode()
PIECES = [BIG[at : at + 10_000] for at in range(0, 100_000, 10_000)]


def test_http_client(server: Server) -> None:
    """Everything on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT)
    connection.connect()
    sock = connection.sock

    def ask(method: str, target: str, body: Any = None, **fields: str) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in fields.items()})
        response = connection.getresponse()
        return response.status, response.read(), response.headers

    assert ask("GET", "/a.txt")[:2] == (200, b"a\n")
    status, body, headers = ask("HEAD", "/big.bin")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(BIG)))
    assert ask("GET", "/big.bin")[:2] == (200, BIG)
    assert ask("GET", "/big.bin", Range="bytes=-16")[:2] == (206, BIG[-16:])
    assert ask("GET", "/a.txt", If_None_Match=headers["ETag"])[0] == 200
    assert ask("GET", "/big.bin", If_None_Match=headers["ETag"])[:2] == (304, b"")
    assert ask("POST", "/a.txt", b"".join(PIECES))[:2] == (200, b"a\n")
    assert ask("POST", "/a.txt", iter(PIECES))[:2] == (200, b"a\n")  # chunked
    assert ask("OPTIONS", "/a.txt")[0] == 200
    assert ask("GET", "/none")[0] == 404
    assert ask("GET", "/a.txt")[:2] == (200, b"a\n")
    assert connection.sock is sock, "the connection was not kept"
    status, _, headers = ask("GET", "/a.txt", Connection="close")
    assert (status, headers["Connection"]) == (200, "close")
    connection.close()


def test_httpx(server: Server) -> None:
    httpx = pytest.importorskip("httpx", reason="httpx is not installed (pip install '.[dev]')")
    connections: set[int] = set()

    def trace(name: str, info: dict[str, object]) -> None:
        if name == "connection.connect_tcp.started":
            connections.add(len(connections))

    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=LIMIT) as client:

        def ask(method: str, target: str, **options: Any) -> Any:
            return client.request(method, target, extensions={"trace": trace}, **options)

        assert ask("GET", "/a.txt").text == "a\n"
        cases: tuple[tuple[str, str, dict[str, Any], int], ...] = (
            ("HEAD", "/big.bin", {}, 200),
            ("GET", "/big.bin", {"headers": {"Range": "bytes=0-9"}}, 206),
            ("POST", "/a.txt", {"content": BIG}, 200),
            ("POST", "/a.txt", {"content": iter(PIECES)}, 200),
            ("POST", "/a.txt", {"data": {"a": "b"}}, 200),
            ("POST", "/a.txt", {"files": {"file": BIG}}, 200),
            ("PUT", "/new.txt", {"content": b"x"}, 405),
            ("OPTIONS", "/a.txt", {}, 200),
            ("GET", "/none", {}, 404),
        )
        for method, target, options, status in cases:
            assert ask(method, target, **options).status_code == status, (method, target)
        with client.stream("GET", "/big.bin", extensions={"trace": trace}) as response:
            assert b"".join(response.iter_bytes(1000)) == BIG
        assert len(connections) == 1, "the connection was not kept"


async def _pieces(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def test_aiohttp(server: Server) -> None:
    """Twenty requests at once on a few connections."""
    aiohttp = pytest.importorskip("aiohttp", reason="aiohttp is not installed (pip install '.[dev]')")

    async def talk() -> None:
        connector = aiohttp.TCPConnector(limit=4)
        limit = aiohttp.ClientTimeout(total=LIMIT)
        url = f"http://127.0.0.1:{server.port}"
        async with aiohttp.ClientSession(url, connector=connector, timeout=limit) as session:

            async def ask(method: str, target: str, **options: Any) -> tuple[int, bytes]:
                async with session.request(method, target, **options) as response:
                    return response.status, await response.read()

            assert await asyncio.gather(*(ask("GET", "/a.txt") for _ in range(20))) == [(200, b"a\n")] * 20
            assert await ask("GET", "/big.bin") == (200, BIG)
            assert await ask("HEAD", "/big.bin") == (200, b"")
            assert await ask("GET", "/big.bin", headers={"Range": "bytes=16-31"}) == (206, BIG[16:32])
            assert await ask("POST", "/a.txt", data=BIG) == (200, b"a\n")
            assert await ask("POST", "/a.txt", data=BIG, expect100=True) == (200, b"a\n")
            assert await ask("POST", "/a.txt", data=_pieces(iter(PIECES))) == (200, b"a\n")
            assert await ask("POST", "/a.txt", data=BIG, compress="deflate") == (200, b"a\n")
            assert (await ask("DELETE", "/a.txt"))[0] == 405
            assert (await ask("GET", "/none"))[0] == 404

    asyncio.run(talk())
