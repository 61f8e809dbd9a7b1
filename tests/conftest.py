"""Fixtures: start pyhttpd or Apache in a test; at its end everything is stopped, reaped and its error log checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, settings

from tests.support.servers import APACHE, APACHE_MODULES, Apache, Pyhttpd, Server, close_all

ORACLE_REQUIRED = os.environ.get("PYHTTPD_REQUIRE_ORACLE") == "1"
# To try the tests themselves out: Apache against Apache. Tests of what only pyhttpd does fail then.
OURS: type[Server] = Apache if os.environ.get("PYHTTPD_HARNESS_ON_APACHE") == "1" else Pyhttpd
# The same examples in every run, however long they take: a failure tells of a change, not of luck or of a busy machine.
# PYHTTPD_EXPLORE=1 looks for others.
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=os.environ.get("PYHTTPD_EXPLORE") != "1",
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")
_REPORT = pytest.StashKey[dict[str, bool]]()


class Start(Protocol):
    """Makes and starts a server with these lines in its configuration; `start=False` only makes it."""

    def __call__(self, lines: str = "", *, start: bool = True, **options: Any) -> Server: ...


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash.setdefault(_REPORT, {})[report.when] = report.failed
    return report


def _starter(request: pytest.FixtureRequest, factory: Callable[..., Server]) -> Iterator[Start]:
    servers: list[Server] = []

    def make(lines: str = "", *, start: bool = True, **options: Any) -> Server:
        server = factory(lines, **options)
        servers.append(server)
        return server.start() if start else server

    yield make
    failed = any(request.node.stash.get(_REPORT, {}).values())
    problems = close_all(servers, keep=failed)
    if failed:
        print("\n".join(problems))  # beside what the test itself had to say
    elif problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.fixture
def pyhttpd(request: pytest.FixtureRequest) -> Iterator[Start]:
    yield from _starter(request, OURS)


@pytest.fixture
def apache(request: pytest.FixtureRequest) -> Iterator[Start]:
    require_apache()
    yield from _starter(request, Apache)


@pytest.fixture(params=["prefork", "worker"])
def mpm(request: pytest.FixtureRequest) -> str:
    """Each MPM in turn."""
    return str(request.param)


def require_apache() -> None:
    """Skip where the real Apache is missing; fail where it must not be (CI)."""
    missing = None
    if APACHE is None:
        missing = "apache2 is not installed"
    elif not (APACHE_MODULES / "mod_mpm_prefork.so").exists():
        missing = f"no Apache modules in {APACHE_MODULES}"
    if missing is None:
        return
    if ORACLE_REQUIRED:
        pytest.fail(f"PYHTTPD_REQUIRE_ORACLE is set, and {missing}", pytrace=False)
    pytest.skip(missing)
