"""A sequence that is a value like a tuple, and to which something can be added without copying what is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar, overload

T = TypeVar("T")


class Grown(Sequence[T]):
    """The first `count` items of a list that longer ones share. Equal to a tuple of the same items; pickled as one."""

    __slots__ = ("_count", "_items")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items = list(items)
        self._count = len(self._items)

    def plus(self, more: Iterable[T]) -> Grown[T]:
        """This and some more behind it. The first to add to a value adds to its list, the others copy it."""
        items = self._items if len(self._items) == self._count else self._items[: self._count]
        items.extend(more)
        longer: Grown[T] = Grown.__new__(Grown)
        longer._items, longer._count = items, len(items)
        return longer

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return iter(self._tuple())

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self._tuple()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple | Grown) and self._tuple() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._tuple())

    def __repr__(self) -> str:
        return repr(self._tuple())

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (self._tuple(),)

    def _tuple(self) -> tuple[T, ...]:
        return tuple(self._items) if len(self._items) == self._count else tuple(self._items[: self._count])
