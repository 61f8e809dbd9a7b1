"""Which directives the oracle's tests use, and where: read from the lines that they give to both servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from pyhttpd import boot
from pyhttpd.config.directive import SECTIONS, Context, Directive
from pyhttpd.config.owners import owner_of
from tests.oracle import (
    site,
    test_authentication,
    test_authorization,
    test_content,
    test_htaccess,
    test_if,
    test_logs,
    test_modules,
)
from tests.oracle.case_files import all_cases

Use = tuple[str, Context]  # a directive in lower case (`<files` for a section), and the scope around it

CONTEXTS = {
    "server config": Context.SERVER,
    "virtual host": Context.VHOST,
    "directory": SECTIONS,
    ".htaccess": Context.HTACCESS,
}
"""As Apache's manual names them."""

# What the lines of these sections belong to. In others it is what the section itself stands in.
SCOPES = {
    "virtualhost": Context.VHOST,
    "directory": Context.DIRECTORY,
    "directorymatch": Context.DIRECTORY,
    "location": Context.LOCATION,
    "locationmatch": Context.LOCATION,
    "files": Context.FILES,
    "filesmatch": Context.FILES,
    "if": Context.DIRECTORY,
    "elseif": Context.DIRECTORY,
    "else": Context.DIRECTORY,
}
PLACES = {
    "server": Context.SERVER,
    "vhost": Context.VHOST,
    "directory": Context.DIRECTORY,
    "location": Context.LOCATION,
    "files": Context.FILES,
    "if": Context.DIRECTORY,
    "htaccess": Context.HTACCESS,
}
_LINE = re.compile(r"^\s*(</?)?(\w+)", re.MULTILINE)


def uses(text: str, context: Context) -> Iterator[Use]:
    """What each line of a configuration uses, if the text stands in `context`."""
    around = [context]
    for opening, name in _LINE.findall(text.replace("\\\n", "")):
        lower = name.lower()
        if opening == "</":
            around[1:] = around[1:-1]
            continue
        yield f"{opening}{lower}", around[-1]
        if opening:
            scope = around[-1] if around[-1] is Context.HTACCESS else SCOPES.get(lower, around[-1])
            around.append(scope)


def _of_texts(texts: Mapping[str, str], context: Context) -> Iterator[Use]:
    for text in texts.values():
        yield from uses(text, context)


def _of_cases() -> Iterator[Use]:
    for case in all_cases():
        for place in case.places:
            yield from uses(case.lines, PLACES[place])
        for block in case.blocks:
            if block.kind in PLACES:
                yield from uses(block.text, PLACES[block.kind])


def all_uses() -> frozenset[Use]:
    """By the cases that are files, and by the tables of the tests that have some."""
    tables = chain(
        _of_texts(site.SERVERS, Context.SERVER),
        _of_texts({"modules": test_modules.LINES, "logs": test_logs.LINES}, Context.SERVER),
        *(uses(case.text, PLACES[case.place]) for case in test_content.CASES),
        _of_texts(test_authorization.RULES, Context.DIRECTORY),
        _of_texts(test_authorization.HTACCESS, Context.HTACCESS),
        uses(test_authorization.SERVER, Context.SERVER),
        _of_texts(test_authentication.RULES, Context.DIRECTORY),
        _of_texts(test_authentication.HTACCESS, Context.HTACCESS),
        uses(test_authentication.SERVER, Context.SERVER),
        *(_of_texts(texts, Context.HTACCESS) for texts in test_htaccess.CASES.values()),
        uses(test_if.ORDER, Context.SERVER),
    )
    return frozenset(chain(_of_cases(), tables))


def rows() -> Iterator[tuple[str, Directive]]:
    """Apache's, of the modules that there are: the module's short name, and the row."""
    catalog = boot.catalog()
    for owner in (*catalog.compiled_in, *catalog.loadable.values()):
        for row in filter(lambda row: owner_of(row.name), owner.directives):
            yield owner.name.removesuffix("_module"), row


def wanted() -> Iterator[tuple[str, str, str]]:
    """(module, directive, context of the manual): each for which there is to be a case."""
    for module, row in rows():
        for name, context in CONTEXTS.items():
            if row.contexts & context:
                yield module, row.name, name


def covered(name: str, context: str, found: frozenset[Use]) -> bool:
    return any((name.lower(), scope) in found for scope in Context if scope in CONTEXTS[context])


# What is no matter of requests, or of more than the configuration of one server: the test that has both servers do it,
# for `DIRECTIVE`, in each context where it is allowed, or for `DIRECTIVE@CONTEXT`.
ELSEWHERE: dict[str, str] = {
    "Error": "tests/oracle/test_config.py::test_directives_in_sections",
    "ServerAlias@server config": "tests/oracle/test_config.py::test_directives_in_sections",  # only in virtual hosts
    "ServerTokens": "tests/oracle/test_server_field.py::test_server_tokens",
    "ErrorLog@server config": "tests/oracle/test_start_messages.py::test_what_is_said_instead_of_starting",
    "ErrorLogFormat@server config": "tests/oracle/test_error_log_format.py::test_error_log_lines",
    "Listen": "tests/oracle/test_listen.py::test_what_may_stand_there",
    "PidFile": "tests/oracle/test_start_messages.py::test_what_is_said_instead_of_starting",
    "StartServers": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "ServerLimit": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "MaxRequestWorkers": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "MinSpareServers": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "MaxSpareServers": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "MinSpareThreads": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "MaxSpareThreads": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "ThreadsPerChild": "tests/oracle/test_pools.py::test_growth_and_shrinking",
    "ThreadLimit": "tests/oracle/test_start_messages.py::test_what_is_said_of_a_line",
    # Debian's Apache is built without it
    "EnableExceptionHook": "tests/process/test_hardening.py::test_tuning_of_children_that_are_somebody_else",
    "AddModuleInfo": "tests/oracle/test_small_modules.py::test_lines",
    "ChrootDir": "tests/oracle/test_small_modules.py::test_lines",
    "RequestReadTimeout": "tests/oracle/test_slow.py::test_clients_that_stop",
}
