"""What the manual says of directives, held to their rows: each has an entry, its syntax and default are true."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.boot import read_here
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.directive import Context, Form
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.sections import Sections
from pyhttpd.expr.vocabulary import FUNCTIONS, VARIABLES
from pyhttpd.modules.autoindex_options import Show
from pyhttpd.mpm.directives import MpmSettings
from pyhttpd.server.override_directives import OPTION_WORDS
from pyhttpd.util.regex_defaults import NAMES
from scripts.manual import rows
from scripts.manual.sources import DOCS, Source, sources

# What these lines set is not equal to what holds without them, and means the same.
OTHERWISE = {
    "allowoverridelist",  # no names, and none named
    "authbasicprovider",  # file, and none, for which file is taken
    "authmerging",  # Off, and what an outer scope would be merged by
    "bufferedlogs",  # Off, and not said
    "fallbackresource",  # the word, and none
    "multiviewsmatch",  # the word, and none
    "fileetag",  # parts named, and those that are meant
    "indexignore",  # what is never listed
    "options",  # a set, and none, for which this one is taken
    "order",  # for all methods, and nothing said of any
    "protocols",  # the one that there is
    "satisfy",  # All for all methods, and nothing said of any
    "suexec",  # Off, and not said
    "typesconfig",  # a name, and the one that is tried
}


SOURCES = sources()


def ids(source: Source) -> str:
    return source.name


def test_every_directive_has_one_entry_on_the_page_of_its_module() -> None:
    told = {(source.page, source.name.lower()) for source in SOURCES}
    assert told == {(entry.page, name) for name, entry in rows.entries().items()}
    assert max(Counter(source.name.lower() for source in SOURCES).values()) == 1


def test_every_module_has_a_page() -> None:
    pages = {rows.page_of(module) for module in rows.modules()} | {rows.MPM_COMMON}
    assert {path.stem for path in (DOCS / "modules").glob("*.rst")} - {"index"} == pages


def test_entries_of_a_page_are_in_order() -> None:
    for page in {source.page for source in SOURCES}:
        names = [source.name.strip("<>").lower() for source in SOURCES if source.page == page]
        assert names == sorted(names)


@pytest.mark.parametrize("source", SOURCES, ids=ids)
def test_an_entry_says_more_than_the_row(source: Source) -> None:
    """At least a sentence."""
    prose = source.text.partition(".. code-block::")[0].strip()
    assert prose.endswith((".", ":", "`")), prose
    assert len(prose.split()) >= 4


def words_of(syntax: str) -> tuple[int, int | None]:
    """How many words `name [value] ...` stands for, at least and at most."""
    least, most = 0, 0
    unbounded = False
    depth = 0
    inside_a_word = r"\[[^\[\]\s]*\](?=[^\s\]])|(?<=[^\s\[])\[[^\[\]\s]*\]"  # [-longest]
    for word in re.findall(r"\[|\]|[^\s\[\]]+|\s", re.sub(inside_a_word, "x", syntax)):
        if word == "[":
            depth += 1
        elif word == "]":
            depth -= 1
        elif word == "...":
            unbounded = True
        elif word.strip():
            most += 1
            least += depth == 0
    return least, None if unbounded else most


@pytest.mark.parametrize(
    "source", [source for source in SOURCES if source.syntax and source.entry.row.args.form is Form.WORDS], ids=ids
)
def test_the_syntax_has_as_many_words_as_the_row_takes(source: Source) -> None:
    args = source.entry.row.args
    forms = [words_of(form) for form in source.syntax or ()]
    assert min(least for least, _ in forms) >= args.least
    most = None if any(most is None for _, most in forms) else max(most or 0 for _, most in forms)
    if args.most is not None:
        assert most is not None
        assert most <= args.most


def given_default(source: Source) -> str | None:
    default = source.default or rows.derived_default(source.entry.row)
    return None if default is None or default.startswith("(") else default


def read(root: Path, line: str, source: Source) -> Configuration:
    """A configuration with this line where it is allowed, of the MPM that has it."""
    names = [module.name for module in source.entry.modules]
    load = "LoadModule mpm_prefork_module x.so\n" if names == ["mpm_prefork_module"] else ""
    if Context.SERVER not in source.entry.row.contexts:
        line = f'<Directory "/">\n{line}\n</Directory>'
    path = root / "httpd.conf"
    path.write_text(f"{load}Listen 8080\nServerName localhost\n{line}\n")
    configuration = read_here(ReadOptions(str(path), server_root=str(root)), skip_document_root_check=True)
    assert configuration.diagnostics == ()
    return configuration


def values(configuration: Configuration, source: Source) -> dict[str, Any]:
    """What holds for the settings of this row's class, below the directory of the line or else outside all sections."""
    into = source.entry.row.into
    assert into is not None
    if into is MpmSettings:
        return dataclasses.asdict(configuration.mpm)
    scope: Any = configuration.main.settings.get(into)
    if scope is None:
        scope = Sections(configuration.main).directory("/").config(into)
    root = f"{configuration.server_root}/"
    fields = {field.name: getattr(scope, field.name) for field in dataclasses.fields(into)}
    return {
        name: value.removeprefix(root) if isinstance(value, str) else value
        for name, value in fields.items() if "location" not in name
    }  # fmt: skip


@pytest.mark.parametrize("source", [source for source in SOURCES if given_default(source)], ids=ids)
def test_the_default_is_what_holds_without_a_line(source: Source, tmp_path: Path) -> None:
    default = given_default(source)
    assert default is not None
    assert default.split()[0].lower() == source.name.lower()
    (tmp_path / "logs").mkdir()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mime.types").write_text("")
    with_line = read(tmp_path, default, source)
    if source.entry.row.into is None or source.name.lower() in OTHERWISE:
        return
    assert values(with_line, source) == values(read(tmp_path, "", source), source)


def test_a_default_that_can_be_told_from_the_row_is_not_written_down() -> None:
    """It would be said twice."""
    written = [source for source in SOURCES if source.default is not None]
    assert [each.name for each in written if each.default == rows.derived_default(each.entry.row)] == []


def test_the_page_on_expressions_names_all_variables_and_functions() -> None:
    text = (DOCS / "guides" / "expressions.rst").read_text("utf-8")
    variables = text.partition("\nVariables\n")[2].partition("\nFunctions\n")[0]
    assert set(re.findall(r"``([A-Z0-9_]+)``", variables)) == VARIABLES
    functions = text.partition("\nFunctions\n")[2].partition(".. code-block")[0]
    named = set(re.findall(r"``([a-z0-9_]+)``", functions)) - {"join", "split", "sub"}
    assert named == FUNCTIONS


def test_every_letter_of_log_formats_is_in_the_table() -> None:
    text = (DOCS / "modules" / "mod_log_config.rst").read_text("utf-8")
    letters = {offer.name for module in rows.modules() for offer in module.providers if offer.group == "log_letter"}
    assert [each for each in letters if not re.search(rf"``%(?:\{{[A-Z]+\}})?{re.escape(each)}``", text)] == []


WORDS: dict[str, tuple[str, ...]] = {
    "Options": OPTION_WORDS,
    "AllowOverride": ("AuthConfig", "FileInfo", "Indexes", "Limit", "Options", "Nonfatal", "All", "None"),
    "IndexOptions": tuple(str(option.name).replace("_", "") for option in Show if option is not Show.NONE),
    "RegexDefaultOptions": NAMES,
    "LogLevel": ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace1", "trace8"),
}


@pytest.mark.parametrize("source", [source for source in SOURCES if source.name in WORDS], ids=ids)
def test_an_entry_names_the_words_that_there_are(source: Source) -> None:
    told = f"{source.syntax} {source.text}".lower()
    assert [word for word in WORDS[source.name] if word.lower() not in told] == []
