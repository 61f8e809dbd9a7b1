"""A request's variables by name: its case does not matter."""

from __future__ import annotations

from collections.abc import Mapping


def key_of(env: Mapping[str, str], name: str) -> str | None:
    """The name under which a variable is kept; None if it is not set."""
    if name in env:
        return name
    lower = name.lower()
    return next((known for known in env if known.lower() == lower), None)


def variable(env: Mapping[str, str], name: str) -> str | None:
    """Its value; None if it is not set."""
    value = env.get(name)
    if value is None and env:
        key = key_of(env, name)
        return None if key is None else env[key]
    return value
