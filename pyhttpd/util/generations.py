"""A memo of bounded size in two generations. When the younger one is full, or old, it becomes the older, and what
nobody has used since is gone: no list of uses has to be kept.

Plain reads and writes of dicts, right without the GIL: a thread may at worst forget what another has just put in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Generations(Generic[K, V]):
    """Values by key, of `limit` bytes in all, as `cost` counts them. With 0 nothing is kept."""

    def __init__(self, limit: int, cost: Callable[[K, V], int], seen: int) -> None:
        """`seen` is how many keys are remembered that came once."""
        self.limit = limit // 2
        self.young: dict[K, V] = {}
        self.size = 0  # of the younger generation, in bytes
        self.old: dict[K, V] = {}
        self._cost = cost
        self._seen: set[int] = set()
        self._most_seen = seen

    def __len__(self) -> int:
        return len(self.young.keys() | self.old.keys())

    def get(self, key: K) -> V | None:
        """What is used becomes young."""
        value = self.young.get(key)
        if value is None and self.old:
            value = self.old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def seen_before(self, key: K) -> bool:
        """Whether it is worth keeping what belongs to this key: it comes for the second time."""
        if not self.limit:
            return False
        mark = hash(key)
        if mark in self._seen:
            return True
        if len(self._seen) >= self._most_seen:
            self._seen = set()
        self._seen.add(mark)
        return False

    def put(self, key: K, value: V) -> None:
        """Keep a value, unless it would be a quarter of all there is."""
        cost = self._cost(key, value)
        if cost > self.limit // 4:
            return
        if self.size + cost > self.limit:
            self.turn()
        self.young[key] = value
        self.size += cost

    def turn(self) -> None:
        """Forget what has not been used since the last turn."""
        self.old, self.young, self.size = self.young, {}, 0
