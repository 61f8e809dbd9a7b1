"""`env=NAME` and `env=!NAME`, the conditions at the end of Header and CustomLog lines."""

from __future__ import annotations

from collections.abc import Mapping


def holds(condition: str | None, env: Mapping[str, str]) -> bool:
    """Whether a condition (`NAME`, `!NAME`, None for none) is met by a request's variables."""
    if condition is None:
        return True
    if condition.startswith("!"):
        return condition[1:] not in env
    return condition in env
