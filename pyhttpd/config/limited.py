"""The methods that `<Limit>` and `<LimitExcept>` narrow lines to, as a set that may hold all but some."""

from __future__ import annotations

from dataclasses import dataclass


def known_as(method: str) -> str:
    """HEAD counts as GET, here and wherever a configuration names methods."""
    return "GET" if method == "HEAD" else method


@dataclass(frozen=True, slots=True)
class Methods:
    """`names` alone, or with `but` all others: those that nobody has a name for, too."""

    names: frozenset[str] = frozenset()
    but: bool = True

    def __contains__(self, method: str) -> bool:
        return (known_as(method) in self.names) is not self.but

    def __or__(self, other: Methods) -> Methods:
        if self.is_empty:
            return other
        return self if other.is_empty else ~(~self & ~other)

    def __and__(self, other: Methods) -> Methods:
        if self.but and other.but:
            return Methods(self.names | other.names, but=True)
        if self.but:
            return Methods(other.names - self.names, but=False)
        return Methods(self.names - other.names if other.but else self.names & other.names, but=False)

    def __invert__(self) -> Methods:
        return Methods(self.names, not self.but)

    @property
    def is_empty(self) -> bool:
        return not self.but and not self.names


ALL_METHODS = Methods()
