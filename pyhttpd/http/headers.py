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
        """One field of this name, in the place of the first that was there, whose spelling stays."""
        key = name.lower()
        for index, (known, spelled, _) in enumerate(self._items):
            if known == key:
                rest = [item for item in self._items[index + 1 :] if item[0] != key]
                self._items[index:] = [(key, spelled, value), *rest]
                return
        self._items.append((key, name, value))

    def add(self, name: str, value: str) -> None:
        self._items.append((name.lower(), name, value))

    def merge(self, name: str, value: str) -> None:
        """Append to the list in the first field of this name; others stay as they are."""
        key = name.lower()
        for index, (known, spelled, old) in enumerate(self._items):
            if known == key:
                self._items[index] = (key, spelled, f"{old}, {value}")
                return
        self._items.append((key, name, value))

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

    def without(self, names: frozenset[str]) -> Headers:
        """Another one, without the fields of these names, which are in lower case."""
        return Headers.of([item for item in self._items if item[0] not in names])

    def items(self) -> list[tuple[str, str, str]]:
        """A copy of what `of` takes."""
        return list(self._items)

    def by_name(self) -> dict[str, str]:
        """The first value of each field, by its name in lower case."""
        return {key: value for key, _, value in reversed(self._items)}


_ALL = "\0"  # no name of a field


class WatchedHeaders(Headers):
    """Fields that note which of them somebody has asked for; `all_read` if it is more than single ones, or if they were
    changed."""

    __slots__ = ("read",)

    def __init__(self, headers: Headers) -> None:
        self._items = list(headers._items)
        self.read: set[str] = set()

    @property
    def all_read(self) -> bool:
        return _ALL in self.read

    def without(self, names: frozenset[str]) -> Headers:
        """Who asks that one has asked this one."""
        other = WatchedHeaders(super().without(names))
        other.read = self.read
        return other

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
        self.read.add(_ALL)
        super().set(name, value)

    def add(self, name: str, value: str) -> None:
        self.read.add(_ALL)
        super().add(name, value)

    def merge(self, name: str, value: str) -> None:
        self.read.add(_ALL)
        super().merge(name, value)

    def unset(self, name: str) -> None:
        self.read.add(_ALL)
        super().unset(name)

    def clear(self) -> None:
        self.read.add(_ALL)
        super().clear()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        self.read.add(_ALL)
        return super().__iter__()

    def __len__(self) -> int:
        self.read.add(_ALL)
        return super().__len__()

    def copy(self) -> Headers:
        self.read.add(_ALL)
        return super().copy()
