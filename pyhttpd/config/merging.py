"""How a setting of an inner scope meets the same setting of an outer one.

A module's configuration is a frozen dataclass whose defaults are the directives' defaults. What a scope *sets* is kept
apart, as a mapping from field name to value; a field that is absent there is unset. So merging is generic: the inner
value replaces the outer one, unless the field was declared with `merged(default, how)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from functools import cache
from typing import Any, TypeVar, cast

Values = Mapping[type, Mapping[str, Any]]
"""What one scope sets: configuration class -> field name -> value."""

Merge = Callable[[Any, Any], Any]
"""(outer, inner) -> merged."""

T = TypeVar("T")


def merged(default: T, how: Merge) -> T:
    """A dataclass field whose inner value is combined with the outer one by `how` instead of replacing it."""
    if isinstance(default, dict):
        return cast(T, field(default_factory=default.copy, metadata={"merge": how}))
    return field(default=default, metadata={"merge": how})


def inner_last(outer: tuple[Any, ...], inner: tuple[Any, ...]) -> tuple[Any, ...]:
    """Lists that are worked through from the outer scope to the inner one (Header, SetEnv)."""
    return outer + inner


def inner_first(outer: tuple[Any, ...], inner: tuple[Any, ...]) -> tuple[Any, ...]:
    """Lists of which the first match counts, so that the inner scope wins (Alias, Redirect)."""
    return inner + outer


def overlay(outer: Mapping[Any, Any], inner: Mapping[Any, Any]) -> dict[Any, Any]:
    """Mappings of which the inner one wins key by key (ErrorDocument, AddType)."""
    return {**outer, **inner}


@cache
def _merges(config_class: type) -> dict[str, Merge]:
    return {f.name: f.metadata["merge"] for f in fields(config_class) if "merge" in f.metadata}


def merge_fields(config_class: type, outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Both scopes' settings of one configuration class as one mapping."""
    how = _merges(config_class)
    result = dict(outer)
    for name, value in inner.items():
        result[name] = how[name](result[name], value) if name in how and name in result else value
    return result


def merge_values(outer: Values, inner: Values) -> dict[type, Mapping[str, Any]]:
    """Both scopes' settings of all classes as one."""
    merged = dict(outer)
    for cls, values in inner.items():
        merged[cls] = merge_fields(cls, outer[cls], values) if cls in outer else values
    return merged
