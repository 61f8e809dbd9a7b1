"""Define'd names and ${VAR}: what is defined in the files, by -D, or in the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable


class Variables:
    """The names that are defined, each with its value; None is a name without one (`-D NAME`, `Define NAME`)."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._values: dict[str, str | None] = dict.fromkeys(names)

    def define(self, name: str, value: str | None) -> None:
        if value is not None or name not in self._values:
            self._values[name] = value

    def undefine(self, name: str) -> None:
        self._values.pop(name, None)

    def is_defined(self, name: str) -> bool:
        return name in self._values

    def values(self) -> dict[str, str]:
        """Names and values in the order of definition; a name without a value has an empty one."""
        return {name: value or "" for name, value in self._values.items()}

    def resolve(self, text: str, missing: Callable[[str], None]) -> str:
        """Replace each `${NAME}`; one that is not known stays, and is reported unless it has a colon (`${map:key}`).

        What a value contains is not looked at again. As in Apache this happens before the line is split into words.
        """
        if "${" not in text:
            return text
        out: list[str] = []
        at = 0
        while (start := text.find("${", at)) >= 0 and (end := text.find("}", start + 2)) >= 0:
            name = text[start + 2 : end]
            value = self._value(name)
            if value is None:
                value = text[start : end + 1]
                if ":" not in name:
                    missing(name)
            out += (text[at:start], value)
            at = end + 1
        out.append(text[at:])
        return "".join(out)

    def _value(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            try:
                value = os.environ.get(name)
            except UnicodeEncodeError:  # no environment variable has such a name
                return None
        return value
