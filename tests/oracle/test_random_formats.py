"""Formats that nobody would write: both servers take or refuse the same ones, in the same words, and log the same."""

from __future__ import annotations

import random
import re
from pathlib import Path

from pyhttpd.api.error_format import parse as parse_error_format
from pyhttpd.modules.log_format import parse
from tests.conftest import Start
from tests.support.clients import LIMIT, Client
from tests.support.requests import configure, make_request
from tests.support.servers import Server

SEED = 20261124
LOG_WORDS = (
    "% % % { } < > ! , 404 200 3 a b s U r q H m f i o e n C ^ ^ti ^to x \\\\ \\\\n \\\\t - {Referer} {Host} {c} "
    "{VAR} %% %>s %{Referer}i %!404,200{Host}i"
)
ERROR_WORDS = (
    "% %% { } + - 5 3 7 9 12 a e i n l m k v V E C \\\\ \\\\n \\\\t x [ ] : %{Referer}i %{none}i %-{none}i %l %m %v "
    "%5m %3l %a %A %+{Referer}i %{c}a %E %{VAR}e %7v"
)
ID = re.compile(rb"[\w+/]{10}[AEIMQUYcgkosw048](?![\w+/])")


def _random(words: str, count: int, seed: int, *, spaces: int = 1) -> list[str]:
    """Texts of up to nine words, as they stand between the quotes of a line."""
    choice = random.Random(seed)
    tokens = words.split() + [" ", "\\\\ ", "% "] * spaces
    return ["".join(choice.choice(tokens) for _ in range(choice.randint(1, 9))) for _ in range(count)]


def _refusal(text: str, tmp_path: Path, *, error: bool, main: bool = True) -> str | None:
    plain = text.replace("\\\\", "\\")
    try:
        if error:
            parse_error_format(plain, main=main)
        else:
            parse(plain, make_request(configure("", tmp_path)).services.providers("log_letter"))
    except ValueError as refused:
        return str(refused)
    return None


def _refused_alike(apache: Server, lines: dict[str, str]) -> None:
    for line, message in lines.items():
        apache.configure(line)
        said = apache.run("-t").stderr
        assert message in said, line


def _answered(server: Server, data: bytes, names: list[str]) -> list[bytes]:
    """What each of these logs holds after a request, without paths, ports and ids. Empty lines do not count: Apache
    writes one where a field that came to nothing was the first of its line."""
    with Client(server.port) as client:
        address = f"127.0.0.1:{client.sock.getsockname()[1]}".encode()
        client.send(data)
        client.ended(LIMIT)
        client.end()
        client.rest()
    found = []
    for name in names:
        text = (server.root / "logs" / name).read_bytes().replace(str(server.root).encode(), b"ROOT")
        text = text.replace(address, b"CLIENT").replace(f"127.0.0.1:{server.port}".encode(), b"SERVER")
        found.append(b"\n".join(line for line in ID.sub(b"ID", text).split(b"\n") if line))
    return found


def test_log_formats(pyhttpd: Start, apache: Start, tmp_path: Path) -> None:
    formats = _random(LOG_WORDS, 300, SEED)
    refusals = {text: _refusal(text, tmp_path, error=False) for text in formats}
    taken = [text for text, message in refusals.items() if message is None]
    assert len(taken) > 100
    theirs, ours = apache(start=False, log_level="warn"), pyhttpd(start=False, log_level="warn")
    _refused_alike(theirs, {f'LogFormat "{text}"': words for text, words in [*refusals.items()][:80] if words})
    lines = "".join(f'CustomLog logs/f{index} "{text}"\n' for index, text in enumerate(taken))
    data = b'GET /none?x HTTP/1.1\r\nHost: h.example\r\nReferer: r"\xe9\\\r\n\r\n'
    logs = []
    for server in (theirs, ours):
        server.configure('SetEnv VAR "v\\""\n' + lines)
        server.expect("PH00311")
        server.start()
        logs.append(_answered(server, data, [f"f{index}" for index in range(len(taken))]))
    assert dict(zip(taken, logs[0], strict=True)) == dict(zip(taken, logs[1], strict=True))


def test_error_log_formats(pyhttpd: Start, apache: Start, tmp_path: Path) -> None:
    choice = random.Random(SEED)
    formats = [
        before + choice.choice(["%M", " %M", "% %M", "\\\\ %M"]) + after
        for before, after in zip(
            _random(ERROR_WORDS, 500, SEED + 1, spaces=2), _random(ERROR_WORDS, 500, SEED + 2), strict=True
        )
    ]
    refusals = {text: _refusal(text, tmp_path, error=True) for text in formats}
    taken = [text for text, message in refusals.items() if message is None][:60]
    once = {text: _refusal(text, tmp_path, error=True, main=False) for text in _random(ERROR_WORDS, 300, SEED + 3)}
    once_taken = [text for text, message in once.items() if message is None]
    assert len(taken) == 60
    theirs, ours = apache(start=False, log_level="warn"), pyhttpd(start=False, log_level="warn")
    wrong = {f'ErrorLogFormat "{text}"': words for text, words in refusals.items() if words}
    wrong_once = {f'ErrorLogFormat request "{text}"': words for text, words in once.items() if words}
    _refused_alike(theirs, dict([*wrong.items()][:40] + [*wrong_once.items()][:40]))
    hosts = "".join(
        f"<VirtualHost *>\nServerName v{index}.example\nLogLevel info\nErrorLog logs/e{index}\n"
        f'ErrorLogFormat "{text}"\nErrorLogFormat connection "{choice.choice(once_taken)}"\n'
        f'ErrorLogFormat request "{choice.choice(once_taken)}"\nErrorLogFormat request "two"\n</VirtualHost>\n'
        for index, text in enumerate(taken)
    )
    lines = f'SetEnv VAR "v\\"\\\\"\n<VirtualHost *>\nServerName main.example\n</VirtualHost>\n{hosts}'
    logs = []
    for server in (theirs, ours):
        server.configure(lines)
        server.start()
        data = 'GET /none HTTP/1.1\r\nHost: v{}.example\r\nReferer: r"\\\r\n\r\n'
        logs.append([_answered(server, data.format(index).encode(), [f"e{index}"]) for index in range(len(taken))])
    assert dict(zip(taken, logs[0], strict=True)) == dict(zip(taken, logs[1], strict=True))
