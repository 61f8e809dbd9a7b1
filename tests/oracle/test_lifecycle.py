"""Start, graceful, restart, graceful-stop, start, stop: both servers write the same lines into their error logs."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.conftest import Start
from tests.support.servers import RUNNING, STALLED, Server, free_port

BY_CHANCE = STALLED | {"AH00263"}  # a new child comes while an old one still holds its row
LEVELS = {"prefork": "info core:debug mpm_prefork:debug", "worker": "info core:debug mpm_worker:debug"}


def _verb(server: Server, verb: str) -> tuple[int, str]:
    """Run `-k verb`, wait for what it brings about, and return its status and what it printed."""
    place = server.error_log.place()
    if verb == "start":
        result = server.start_daemon("-k", "start")
    else:
        result = server.run("-k", verb)
        if verb in ("stop", "graceful-stop"):
            server.await_end()
        else:
            server.await_running(place)
    return result.returncode, (result.stdout + result.stderr).replace(server.program, "PROGRAM")


@pytest.mark.parametrize("verbs", [("start", "graceful", "restart", "graceful-stop"), ("start", "stop")])
def test_error_log_numbers(pyhttpd: Start, apache: Start, mpm: str, verbs: tuple[str, ...]) -> None:
    servers = [start(start=False, mpm=mpm, log_level=LEVELS[mpm]) for start in (apache, pyhttpd)]
    said = [[_verb(server, verb) for verb in verbs] for server in servers]
    theirs, ours = (
        [
            (line.module, line.level, line.number)
            for line in server.error_log.lines()
            if line.number is not None and line.number.startswith("AH") and line.number not in BY_CHANCE
        ]
        for server in servers
    )
    numbers = [line[-1] for line in theirs]
    assert (numbers[0], numbers.count(RUNNING[mpm])) == (RUNNING[mpm], len(verbs) - 1)
    assert ours == theirs
    assert said[1] == said[0]


def test_what_becomes_of_children(pyhttpd: Start, apache: Start, mpm: str) -> None:
    """LogLevel trace4: which child of which generation begins and ends where. Their order is up to chance."""
    told = []
    for start in (apache, pyhttpd):
        server = start(start=False, mpm=mpm, log_level="trace3 core:trace4 mime:error", lines="ListenBacklog 99")
        server.start()  # in the foreground: Apache's daemon has no log yet when it reads the file again
        for verb in ("restart", "graceful-stop"):
            _verb(server, verb)
        traces = [line for line in server.error_log.lines() if line.level in ("trace3", "trace4")]
        assert all(line.module == "core" for line in traces)
        told.append(sorted(re.sub(r"child \d+", "child N", line.text) for line in traces))
    assert told[1] == told[0]
    assert len(told[0]) == 16, told[0]


def test_control_verbs(pyhttpd: Start, apache: Start, mpm: str) -> None:
    """Texts, streams and statuses of -k, with and without a running server."""
    said = []
    for start in (apache, pyhttpd):
        server = start(start=False, mpm=mpm, listen=f"Listen 127.0.0.1:{free_port()}")
        texts: list[object] = []

        def run(*arguments: str, server: Server = server, texts: list[object] = texts) -> None:
            result = server.run(*arguments)
            texts.append((arguments, result.returncode, _plain(server, result.stdout), _plain(server, result.stderr)))

        for verb in ("stop", "graceful-stop"):
            run("-k", verb)
        run("-k", "graceful")  # "not running, trying to start"
        server.find_daemon()
        run("-k", "start")  # already running
        run("-k", "bogus")
        good = server.config.read_text()
        server.config.write_text(good + "Foo bar\n")
        for verb in ("graceful", "restart", "stop"):  # a broken file: no signal is sent
            run("-k", verb)
        assert not server.ended
        server.config.write_text(good)
        run("-k", "stop")
        server.await_end()
        place = server.error_log.place()
        run("-k", "restart")
        server.find_daemon(place)
        run("-k", "graceful-stop")
        server.await_end()
        said.append(texts)
    assert said[1] == said[0]


def _plain(server: Server, text: str) -> str:
    """Without what must differ: names, directories, pids; of an error the first two lines, of the usage the first."""
    text = re.sub(r"\(pid \d+\)", "(pid N)", text.replace(str(server.root), "ROOT"))
    text = re.sub(rf"\b(/\S*/)?{server.program}\b", "PROGRAM", text)
    lines = [line for line, _ in itertools.groupby(text.splitlines())]  # Apache says some of them twice
    if lines and "illegal option" in lines[0]:
        return lines[0]
    return "\n".join(lines[:2])
