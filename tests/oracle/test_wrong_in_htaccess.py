"""The wrong lines of tests/oracle/cases in .htaccess files, each with all classes allowed, with one, and with none but
what is passed over: what both servers answer, and what stands in the error log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import OURS, require_apache
from tests.oracle.case_files import all_cases, loaded_modules
from tests.oracle.differences import WRONG
from tests.support.clients import Client
from tests.support.servers import Apache, Server, close_all

LINES = sorted({text for case in all_cases() for text in case.wrong() if text.strip() not in WRONG})
ALLOWED = {"all": "All", "one": "AuthConfig Options=Indexes", "passed": "FileInfo Nonfatal=All"}
_SAID = re.compile(r"\[(\w+:\w+)\] \[pid [^]]*\] (?:\[client [^]]*\] )?(.*)")
_OUR_NAMES = (("LimitRequestFieldsize", "LimitRequestFieldSize"),)
"""Apache's words, and ours: as the manual writes it."""


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    require_apache()
    files = {}
    for number, text in enumerate(LINES):
        for name in ALLOWED:
            files[f"{name}/{number}/x.txt"] = "x\n"
            files[f"{name}/{number}/.htaccess"] = text
    pair = (Apache(files=files), OURS(files=files))
    for server in pair:
        sections = (
            f'<Directory "{server.docroot}/{name}">\nAllowOverride {allowed}\n</Directory>\n'
            for name, allowed in ALLOWED.items()
        )
        server.configure(loaded_modules() + "".join(sections))
        server.start()
    yield pair
    for server in pair:  # what is wrong is what this is about
        server.expect(*(line.key for line in server.error_log.lines()))
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


@pytest.mark.parametrize("number", range(len(LINES)), ids=[text.strip() for text in LINES])
def test_same_answer_and_same_words(number: int, servers: tuple[Server, Server]) -> None:
    theirs, ours = ([_ask(server, f"/{name}/{number}/x.txt") for name in ALLOWED] for server in servers)
    assert ours == theirs, LINES[number]


def _ask(server: Server, target: str) -> tuple[int, list[str]]:
    place = server.error_log.place()
    with Client(server.port) as client:
        status = client.ask(target, Connection="close").status
    said = []
    for line in server.error_log.lines(place):
        found = _SAID.search(line.line)
        if found is not None and not found[2].startswith("PH"):  # what pyhttpd tells beside
            text = f"{found[1]} {found[2]}".replace(str(server.root), "ROOT")
            for theirs, ours in _OUR_NAMES:
                text = text.replace(theirs, ours)
            said.append(text)
    return status, said
