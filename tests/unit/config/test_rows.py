"""The rows of every module that pyhttpd has: each says one thing, and its field is there."""

from __future__ import annotations

from dataclasses import fields

import pytest

from pyhttpd import boot
from pyhttpd.config.directive import Directive, DirectiveOwner

OWNERS = (*boot.catalog().compiled_in, *boot.catalog().loadable.values())
ROWS = [(owner, row) for owner in OWNERS for row in owner.directives]
# In order: pytest-xdist wants each worker to collect the same.
CLASSES = list(dict.fromkeys(cls for owner in OWNERS for cls in (owner.per_dir, owner.per_server) if cls is not None))


@pytest.mark.parametrize(("owner", "row"), ROWS, ids=[f"{owner.source}-{row.name}" for owner, row in ROWS])
def test_row(owner: DirectiveOwner, row: Directive) -> None:
    acts = [each for each in (row.sets, row.adds, row.apply) if each is not None]
    assert len(acts) == (0 if row.on_read or (row.section and row.apply is None) else 1)
    assert row.name.startswith("<") is row.section
    assert bool(row.contexts)
    if row.into is not None:
        assert row.into in CLASSES
    if row.sets or row.adds:
        assert row.into is not None
        assert (row.sets or row.adds) in {field.name for field in fields(row.into)}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_configuration_has_defaults(cls: type) -> None:
    assert cls() == cls()
