"""The pairs of servers that the tests of requests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import require_apache
from tests.oracle.site import Pairs
from tests.support.servers import close_all


@pytest.fixture(scope="session")
def pairs(request: pytest.FixtureRequest) -> Iterator[Pairs]:
    require_apache()
    failed_before = request.session.testsfailed
    found = Pairs()
    yield found
    for server in found.servers:  # what a request provokes is compared
        server.expect(*(line.key for line in server.error_log.lines()))
    failed = request.session.testsfailed > failed_before
    problems = close_all(found.servers, keep=failed)
    if failed:
        print("\n".join(problems))
    elif problems:
        pytest.fail("\n".join(problems), pytrace=False)
