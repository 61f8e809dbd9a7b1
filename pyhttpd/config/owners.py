"""Which Apache module a directive belongs to, also where pyhttpd does not have that module."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import cast


@cache
def _table() -> dict[str, list[str]]:
    text = files("pyhttpd.config").joinpath("owners.json").read_text("utf-8")
    return cast(dict[str, list[str]], json.loads(text))


@cache
def _owners() -> dict[str, tuple[str, str]]:
    return {name.lower(): (name, module) for module, names in _table().items() for name in names}


def owner_of(name: str) -> str | None:
    """`RewriteRule` -> `mod_rewrite`, `<Directory` -> `core`; None for what no Apache module has."""
    found = _owners().get(name.lower())
    return found[1] if found is not None else None


def known_names() -> list[str]:
    """Every directive of Apache, sections with a leading `<`."""
    return [name for name, _ in _owners().values()]


def known_modules() -> tuple[str, ...]:
    """`mod_rewrite`, `core`, `mpm_common` ..., those without directives too."""
    return tuple(_table())
