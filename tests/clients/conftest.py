"""One server for each MPM, which all the clients share. Its error log is looked at when the last of them has gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import OURS
from tests.support.servers import Server, close_all

# Enough for all connections from the beginning, so that no test waits for the next second's children.
LIMITS = {
    "prefork": "StartServers 6\nMinSpareServers 1\nMaxSpareServers 8\nMaxRequestWorkers 8",
    "worker": "StartServers 2\nThreadsPerChild 4\nMinSpareThreads 1\nMaxSpareThreads 8\nMaxRequestWorkers 8",
}


@pytest.fixture(scope="package", params=["prefork", "worker"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    failed_before = request.session.testsfailed
    started = OURS(mpm=request.param, limits=LIMITS[request.param]).start()
    yield started
    failed = request.session.testsfailed > failed_before
    problems = close_all([started], keep=failed)
    if failed:
        print("\n".join(problems))
    elif problems:
        pytest.fail("\n".join(problems), pytrace=False)
