"""Each directive has a case in each context in which it is allowed, and each module has all directives of Apache's.

How a case is written stands in tests/oracle/case_files.py; the tests that are no such cases are named in coverage.py.
"""

from __future__ import annotations

import re

import pytest

from pyhttpd import boot
from tests.conftest import OURS, require_apache
from tests.oracle.case_files import loaded_modules
from tests.oracle.coverage import CONTEXTS, ELSEWHERE, Use, all_uses, covered, rows, wanted
from tests.support.servers import CHECKOUT, Apache

MODULES = sorted({module for module, _ in rows()})


@pytest.fixture(scope="module")
def found() -> frozenset[Use]:
    return all_uses()


@pytest.mark.parametrize("name", MODULES)
def test_each_directive_has_a_case_in_each_context(name: str, found: frozenset[Use]) -> None:
    missing = [
        f"{directive} in {context}"
        for module, directive, context in wanted()
        if module == name
        and not covered(directive, context, found)
        and not {directive, f"{directive}@{context}"} & set(ELSEWHERE)
    ]
    assert missing == []


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_a_test_that_is_named_exists_and_has_the_directive(name: str) -> None:
    directive, _, context = name.partition("@")
    path, _, test = ELSEWHERE[name].partition("::")
    text = (CHECKOUT / path).read_text()
    assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"{test} in {path}"
    assert directive.lower() in text.lower()
    assert any(directive == row.name for _, row in rows())
    assert context in ("", *CONTEXTS)


def test_what_is_covered_by_cases_is_named_nowhere_else(found: frozenset[Use]) -> None:
    """Else nobody would notice when the case goes."""
    for name in ELSEWHERE:
        directive, _, context = name.partition("@")
        assert not all(
            covered(directive, other, found)
            for _, row, other in wanted()
            if row == directive and context in ("", other)
        ), name


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """What `-L` of both programs lists: `header (mod_headers.c)` -> where it is allowed."""
    require_apache()
    found = []
    for factory in (Apache, OURS):
        server = factory(mpm="worker")
        server.configure(loaded_modules())
        found.append(_listed(server.run("-L").stdout))
        assert server.close(keep=False) == []
    return found[0], found[1]


def _listed(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("\t"):
            name = line.lower()
        else:
            found[name] = line.strip()  # the last one: when it is allowed in .htaccess files, if it is
    return found


def test_the_modules_have_all_directives_of_apaches(listed: tuple[dict[str, str], dict[str, str]]) -> None:
    """Of those that are always there, in the same places."""
    sources = {"core.c", *(owner.source for owner in boot.catalog().compiled_in)}
    found = [(line.rpartition(" "), allowed) for line, allowed in listed[0].items()]
    theirs = {name: allowed for (name, _, source), allowed in found if source.strip("()") in sources}
    ours = {line.rpartition(" ")[0]: allowed for line, allowed in listed[1].items()}
    assert sorted(set(theirs) - set(ours)) == []
    assert {name: ours[name] for name in theirs} == theirs
