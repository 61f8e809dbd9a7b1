"""The cases of tests/oracle/cases: the same lines in the same places, the same requests, the same answers and logs.

Each request is sent three times: what was kept of the first answer is no other answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions
from tests.conftest import OURS, require_apache
from tests.oracle.case_files import Run, all_cases, all_runs, configure, loaded_modules
from tests.oracle.differences import CASES, WRONG
from tests.oracle.exchange import Observed, Outcome, report, settle_boundary
from tests.oracle.test_config import lines_of
from tests.support.logs import WORRYING, parse_error_line
from tests.support.servers import APACHE_MODULES, MODULES, SLOW, Apache, Server, close_all
from tests.unit.config.test_against_apache import apache

RUNS = sorted(all_runs(), key=lambda run: run.pair)
OPEN = 3  # pairs at the same time: where several processes share the tests, none sees all that a pair is for
REFUSED = [(case, text) for case in all_cases() for text in case.wrong()]
LOADED = loaded_modules() + "".join(
    f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"
    for name in MODULES
    if name not in ("authz_core", "dir")  # which are loaded there anyway
)


class Pairs:
    """Apache and ours, with all the cases of this session that go together; and Apache with none of their lines.

    A pair is started for the first of its cases and closed behind the last, or when others are waiting.
    """

    def __init__(self, runs: list[Run]) -> None:
        self.runs = runs
        self.left = Counter(run.pair for run in runs)
        self.running: dict[str, tuple[Observed, Observed]] = {}
        self.failures: dict[str, str] = {}
        self.bare: Observed | None = None
        self.servers: list[Server] = []  # those that were started, or tried

    def get(self, run: Run) -> tuple[Observed, Observed]:
        """Those of this run. Where they do not start, they are not tried again."""
        assert run.pair not in self.failures, self.failures[run.pair]
        if run.pair not in self.running:
            while len(self.running) >= OPEN:
                self._close_pair(next(iter(self.running)))
            runs = [other for other in self.runs if other.pair == run.pair]
            mpm = "worker" if run.pair.startswith("main") else "prefork"  # requests know nothing of it
            try:
                theirs, ours = (self._start(factory(mpm=mpm), run.pair, runs) for factory in (Apache, OURS))
            except AssertionError as error:
                self.failures[run.pair] = str(error)
                raise
            self.running[run.pair] = theirs, ours
        return self.running[run.pair]

    def get_bare(self) -> Observed:
        if self.bare is None:
            self.bare = self._start(Apache(), "main  ", self.runs, bare=True)
        return self.bare

    def _start(self, server: Server, pair: str, runs: list[Run], *, bare: bool = False) -> Observed:
        self.servers.append(server)
        configure(server, pair, runs, bare=bare)
        server.start()
        if any(run.asks_for_ranges(server) for run in runs):  # others count what is logged, which this adds to
            settle_boundary(server)
        return Observed(server)

    def done(self, run: Run) -> None:
        self.left[run.pair] -= 1
        if self.left[run.pair] == 0 and run.pair in self.running:
            self._close_pair(run.pair)

    def _close_pair(self, pair: str) -> None:
        self.close([observed.server for observed in self.running.pop(pair)])

    def close(self, servers: list[Server]) -> None:
        self.servers = [server for server in self.servers if server not in servers]
        for server in servers:  # what a request provokes is compared
            server.expect(*(line.key for line in server.error_log.lines()))
        problems = close_all(servers, keep=False)
        assert problems == [], "\n".join(problems)


@pytest.fixture(scope="module")
def pairs(request: pytest.FixtureRequest) -> Iterator[Pairs]:
    require_apache()
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    selected = [item.callspec.params["run"] for item in items if "run" in item.callspec.params]
    found = Pairs([run for run in RUNS if run in selected])
    yield found
    found.close(found.servers)


def _outcome(observed: Observed, run: Run) -> Outcome:
    return observed.sequence([request for request in run.requests(observed.server) for _ in range(3)])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_same_answers(run: Run, pairs: Pairs) -> None:
    try:
        _check(run, pairs)
    finally:
        pairs.done(run)


def _check(run: Run, pairs: Pairs) -> None:
    theirs, ours = (_outcome(observed, run) for observed in pairs.get(run))
    differing = theirs.differing(ours)
    known = CASES.get(run.name) or CASES.get(run.case.name)
    if known is None:
        assert not differing, report(theirs, ours)
        if _same_files(run, *(observed.server for observed in pairs.get(run))):
            return  # which show what the lines do
    else:
        assert differing == known.parts, f"{known.reason}{report(theirs, ours)}"
    # Apache answers otherwise than without the lines, or logs another error: else the case tells nothing
    if "no effect" not in run.case.options:
        assert theirs.differing(_outcome(pairs.get_bare(), run)) - {"log"}, "the lines do nothing"


def _same_files(run: Run, theirs: Server, ours: Server) -> bool:
    """Whether the case names files. Their lines are written behind the last answer, and are to be the same."""
    if not run.compared(theirs):
        return False

    def complete() -> list[dict[str, list[str]]] | None:
        found = [_compared(server, run) for server in (theirs, ours)]
        counts = [[len(lines) for lines in files.values()] for files in found]
        return found if counts[0] == counts[1] and all(counts[0]) else None

    files = ours.wait_until(complete, SLOW, f"as many lines in {', '.join(_compared(theirs, run))}")
    assert files[1] == files[0]
    return True


def _compared(server: Server, run: Run) -> dict[str, list[str]]:
    """The lines of the files that the case names."""
    found = {}
    for path, is_error_log in run.compared(server):
        text = path.read_bytes().decode("latin-1") if path.exists() else ""
        lines = text.replace(str(server.root), "ROOT").splitlines()
        lines = [re.sub(rf"(?<![0-9]){server.port}(?![0-9])", "PORT", line) for line in lines]
        if is_error_log:
            parsed = [parse_error_line(line) for line in lines]
            lines = [f"{line.module}:{line.level} {line.key} {line.text}" for line in parsed if line.level in WORRYING]
        found[str(path.relative_to(server.root))] = sorted(lines)
    return found


@pytest.mark.parametrize(("case", "text"), REFUSED, ids=[f"{case.name}-{text.strip()}" for case, text in REFUSED])
def test_same_words_for_what_is_wrong(case: object, text: str, tmp_path: Path) -> None:
    require_apache()
    (tmp_path / "httpd.conf").write_bytes((f"ServerName x\n{LOADED}{text}").encode())
    accepted, theirs = apache(tmp_path)
    said = _refusal(tmp_path)
    theirs = [line[:1000] for line in dict.fromkeys(theirs)]
    assert not accepted
    same = said is not None and said[: len(theirs)] == theirs
    if text.strip() in WRONG:
        assert not same, f"no difference any more: {WRONG[text.strip()]}"
    else:
        assert same, f"apache2 {theirs}\npyhttpd {said}"


def _refusal(directory: Path) -> list[str] | None:
    """What we say of httpd.conf there; None if we take it."""
    before = ("LoadModule mpm_worker_module modules/mod_mpm_worker.so", "ErrorLog error.log")
    try:
        boot.read_here(ReadOptions("httpd.conf", str(directory), before=before))
    except ConfigurationError as error:
        return [line.replace(str(directory), "ROOT")[:1000] for line in lines_of(error.diagnostics)]
    return None


def test_every_difference_has_its_case() -> None:
    assert set(CASES) <= {run.name for run in RUNS} | {run.case.name for run in RUNS}
    assert set(WRONG) <= {text.strip() for _, text in REFUSED}
