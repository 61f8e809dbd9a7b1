"""For a request: which sections apply, merged in Apache's order, each combination only once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pyhttpd.config.merging import Values

T = TypeVar("T")


class PerDir:
    """Merged settings of all modules. `config` gives a complete instance, defaults filled in, made when first asked."""

    __slots__ = ("_made", "values")

    def __init__(self, values: Values) -> None:
        self.values = values
        self._made: dict[type, Any] = {}

    def config(self, config_class: type[T]) -> T:
        made = self._made.get(config_class)
        if made is None:
            settings: Mapping[str, Any] = self.values.get(config_class, {})
            made = self._made[config_class] = config_class(**settings)
        return cast(T, made)
