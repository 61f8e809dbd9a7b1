"""LogLevel trace8: every line of the error log about every case of tests/oracle/requests is Apache's, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import require_apache
from tests.oracle.differences import DIFFERENCES
from tests.oracle.exchange import BOUNDARY, Observed, without_now
from tests.oracle.site import Pairs
from tests.oracle.test_requests import EVERY_CASE, Case
from tests.support.logs import ErrorLine
from tests.support.servers import close_all

CASES = [case for case in EVERY_CASE if "@" not in case.name and case.name not in DIFFERENCES]
OF_NO_CLIENT = {("core", "debug"), ("headers", "debug")}  # what a request leads to nevertheless
# What is not compared, and why.
OWN = re.compile(
    r"writev_nonblocking: |sendfile_nonblocking: "  # how an answer is cut into writes is a server's own affair
    r"|  Date: |  Server: "
    r"|Evaluation of string expression "  # Apache evaluates an ErrorDocument again when it sends it
)
ALLOW = re.compile(r"( Allow: )(.*)")
_CLIENT = re.compile(r"\[client ")


@pytest.fixture(scope="module")
def traced() -> Iterator[Pairs]:
    require_apache()
    pairs = Pairs("trace8")
    yield pairs
    for server in pairs.servers:  # what a request provokes is compared
        server.expect(*(line.key for line in server.error_log.lines()))
    assert close_all(pairs.servers, keep=False) == []


def _said(observed: Observed, case: Case) -> list[str]:
    server = observed.server
    place = server.error_log.place()
    observed.run(case.data, case.heads, last=case.last)
    return [
        _neutral(f"{line.module}:{line.level} {line.key} {_text(line)}", observed)
        for line in server.error_log.lines(place)
        if (_CLIENT.search(line.line) or (line.module, line.level) in OF_NO_CLIENT) and not OWN.match(line.text)
    ]


def _text(line: ErrorLine) -> str:
    """The words of lines that are nothing but words; of those with a number it is the number that counts."""
    return line.text if line.number is None else ""


def _neutral(text: str, observed: Observed) -> str:
    text = observed.own.sub("PORT", text).replace(str(observed.server.root), "ROOT")
    text = BOUNDARY.sub("boundary=", text)
    if "Last-Modified: " in text:
        text = without_now(text)
    return ALLOW.sub(lambda match: match[1] + ",".join(sorted(match[2].split(","))), text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_lines(traced: Pairs, case: Case) -> None:
    theirs, ours = (_said(observed, case) for observed in traced.get(case.server))
    assert ours == theirs
