"""Header fields: an ordered list of (name, value) that is looked up without regard to case. Values are latin-1 text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Headers:
    """As Apache's tables: `set` replaces, `add` keeps both as lines of their own, `merge` joins with a comma."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str, str]] = [(name.lower(), name, value) for name, value in items]

    @classmethod
    def of(cls, items: list[tuple[str, str, str]]) -> Headers:
        """Of (name in lower case, name, value). The list is theirs from then on."""
        headers = cls.__new__(cls)
        headers._items = items
        return headers

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value."""
        key = name.lower()
        for known, _, value in self._items:
            if known == key:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        key = name.lower()
        return [value for known, _, value in self._items if known == key]

    def joined(self, name: str) -> str | None:
        """All values as one list (RFC 9110, section 5.3); None where there is none."""
        values = self.get_all(name)
        return ", ".join(values) if values else None

    def set(self, name: str, value: str) -> None:
        """One field of this name, in the place of the first that was there."""
        key = name.lower()
        for index, (known, _, _) in enumerate(self._items):
            if known == key:
                rest = [item for item in self._items[index + 1 :] if item[0] != key]
                self._items[index:] = [(key, name, value), *rest]
                return
        self._items.append((key, name, value))

    def add(self, name: str, value: str) -> None:
        self._items.append((name.lower(), name, value))

    def merge(self, name: str, value: str) -> None:
        """Append to the field's list, as one line."""
        old = self.joined(name)
        self.set(name, value if old is None else f"{old}, {value}")

    def unset(self, name: str) -> None:
        key = name.lower()
        self._items = [item for item in self._items if item[0] != key]

    def clear(self) -> None:
        self._items = []

    def __contains__(self, name: str) -> bool:
        key = name.lower()
        return any(known == key for known, _, _ in self._items)

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether there is a field with one of these names, which are in lower case."""
        return any(item[0] in names for item in self._items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def copy(self) -> Headers:
        other = Headers()
        other._items = list(self._items)
        return other

    def items(self) -> list[tuple[str, str, str]]:
        """A copy of what `of` takes."""
        return list(self._items)

    def by_name(self) -> dict[str, str]:
        """The first value of each field, by its name in lower case."""
        return {key: value for key, _, value in reversed(self._items)}


class WatchedHeaders(Headers):
    """Fields that note which of them somebody has asked for; `all_read` if it is more than single ones, or if they were
    changed."""

    __slots__ = ("all_read", "read")

    def __init__(self, headers: Headers) -> None:
        self._items = list(headers._items)
        self.read: set[str] = set()
        self.all_read = False

    def get(self, name: str, default: str | None = None) -> str | None:
        self.read.add(name.lower())
        return super().get(name, default)

    def get_all(self, name: str) -> list[str]:
        self.read.add(name.lower())
        return super().get_all(name)

    def has_any(self, names: frozenset[str]) -> bool:
        self.read |= names
        return super().has_any(names)

    def __contains__(self, name: str) -> bool:
        self.read.add(name.lower())
        return super().__contains__(name)

    def set(self, name: str, value: str) -> None:
        self.all_read = True
        super().set(name, value)

    def add(self, name: str, value: str) -> None:
        self.all_read = True
        super().add(name, value)

    def unset(self, name: str) -> None:
        self.all_read = True
        super().unset(name)

    def clear(self) -> None:
        self.all_read = True
        super().clear()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        self.all_read = True
        return super().__iter__()

    def __len__(self) -> int:
        self.all_read = True
        return super().__len__()

    def copy(self) -> Headers:
        self.all_read = True
        return super().copy()
