"""Merging is associative: however the scopes of a request are put together, what holds is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import fields
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhttpd import boot
from pyhttpd.config.merging import Values, inner_first, inner_last, merge_fields, merge_values, overlay
from pyhttpd.config.read import ReadOptions, read
from tests.unit.config.fakes import Dir, Server

_TUPLES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
_MAPPINGS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3)
_KNOWN = (inner_first, inner_last, overlay)


def values_of(config_class: type) -> st.SearchStrategy[dict[str, Any]]:
    """What one scope sets of a class: any of its fields, of the kind that its merge wants."""
    kinds: dict[str, st.SearchStrategy[Any]] = {}
    for each in fields(config_class):
        how = each.metadata.get("merge")
        kinds[each.name] = _MAPPINGS if how is overlay else _TUPLES if how in _KNOWN else st.integers(0, 3)
    return st.fixed_dictionaries({}, optional=kinds)


_SCOPES = st.fixed_dictionaries({}, optional={Dir: values_of(Dir), Server: values_of(Server)})


def merge_all(scopes: Sequence[Values]) -> Values:
    nothing: Values = {}
    return reduce(merge_values, scopes, nothing)


@given(st.lists(_SCOPES, min_size=3, max_size=6), st.data())
@settings(max_examples=300, deadline=None)
def test_scopes(scopes: list[dict[type, dict[str, Any]]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(scopes) - 1))
    assert merge_values(merge_all(scopes[:cut]), merge_all(scopes[cut:])) == merge_all(scopes)


@given(_SCOPES)
def test_a_scope_that_sets_nothing_changes_nothing(scope: dict[type, dict[str, Any]]) -> None:
    assert merge_values(scope, {}) == merge_values({}, scope) == scope


def test_what_is_merged_stays_as_it_was() -> None:
    outer, inner = {"documents": {"404": "a"}, "rules": ("a",)}, {"documents": {"500": "b"}, "rules": ("b",)}
    merged = merge_fields(Dir, outer, inner)
    assert merged == {"documents": {"404": "a", "500": "b"}, "rules": ("a", "b")}
    assert outer == {"documents": {"404": "a"}, "rules": ("a",)}
    assert inner == {"documents": {"500": "b"}, "rules": ("b",)}


REAL = [
    config_class
    for module in (*boot.catalog().compiled_in, *boot.catalog().loadable.values())
    for config_class in (module.per_dir, module.per_server)
    if config_class is not None and all(each.metadata.get("merge") in (None, *_KNOWN) for each in fields(config_class))
]


@pytest.mark.parametrize("config_class", list(dict.fromkeys(REAL)), ids=lambda each: each.__name__)
def test_the_modules_own_classes(config_class: type) -> None:
    @given(values_of(config_class), values_of(config_class), values_of(config_class))
    @settings(max_examples=15, deadline=None)
    def check(a: dict[str, Any], b: dict[str, Any], c: dict[str, Any]) -> None:
        left = merge_fields(config_class, merge_fields(config_class, a, b), c)
        assert left == merge_fields(config_class, a, merge_fields(config_class, b, c))

    check()


# --- merges that a module has written itself: what lines of real scopes set ----------------------------------------

# Two are left out, whose merge is not associative in Apache either: AuthMerging (a scope that says only Off forgets
# what is outside) and FileETag with signs (they change what is named outside, and what nobody has named).
_LINES = (
    "Options None", "Options Indexes FollowSymLinks", "Options +Indexes", "Options -Indexes +MultiViews", "Options All",
    "Options -FollowSymLinks", "FileETag None", "FileETag All", "FileETag INode",
    "LogLevel debug", "LogLevel core:info", "LogLevel warn core:debug",
    "Require all granted", "Require all denied", "Require env X",
    "AddType a/b .x",
    "AddHandler h .x .y", "AddType c/d .y", "AddCharset utf-8 .x", "SetEnv A b",
)  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(_LINES), max_size=4), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_the_modules_own_merges(scopes: list[list[str]]) -> None:
    """But for RemoveHandler and its like, which Apache forgets as soon as two sections are merged."""
    modules = ("authz_host", "mime", "env")
    text = "".join(f"LoadModule {name}_module modules/mod_{name}.so\n" for name in modules)
    for number, lines in enumerate(scopes):
        text += f"<Location /{number}>\n" + "".join(f"{line}\n" for line in lines) + "</Location>\n"
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "httpd.conf").write_text(text)
        first, second, third = (
            scope.values for scope in read(ReadOptions("httpd.conf", directory), boot.catalog()).main.locations
        )
    together = merge_values(merge_values(first, second), third)
    assert merge_values(first, merge_values(second, third)) == together
