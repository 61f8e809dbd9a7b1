"""Header fields: an ordered list of (name, value) that is looked up without regard to case. Values are latin-1 text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter

_key_and_value = itemgetter(0, 2)


class Headers:
    """As Apache's tables: `set` replaces, `add` keeps both as lines of their own, `merge` joins with a comma."""

    __slots__ = ("_first", "_items")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str, str]] = []
        self._first: dict[str, str] = {}  # the first value by the name in lower case
        for name, value in items:
            self.add(name, value)

    @classmethod
    def of(cls, items: list[tuple[str, str, str]]) -> Headers:
        """Of (name in lower case, name, value). The list is theirs from then on."""
        headers = cls.__new__(cls)
        headers._items = items
        headers._first = dict(map(_key_and_value, reversed(items)))
        return headers

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value."""
        return self._first.get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        key = name.lower()
        return [value for known, _, value in self._items if known == key] if key in self._first else []

    def joined(self, name: str) -> str | None:
        """All values as one list (RFC 9110, section 5.3); None where there is none."""
        values = self.get_all(name)
        return ", ".join(values) if values else None

    def set(self, name: str, value: str) -> None:
        """One field of this name, in the place of the first that was there, whose spelling stays."""
        key = name.lower()
        if key in self._first:
            index = self._index(key)
            rest = [item for item in self._items[index + 1 :] if item[0] != key]
            self._items[index:] = [(key, self._items[index][1], value), *rest]
        else:
            self._items.append((key, name, value))
        self._first[key] = value

    def _index(self, key: str) -> int:
        """Of the first field of this name, which is there."""
        return next(index for index, item in enumerate(self._items) if item[0] == key)

    def add(self, name: str, value: str) -> None:
        key = name.lower()
        self._items.append((key, name, value))
        self._first.setdefault(key, value)

    def merge(self, name: str, value: str) -> None:
        """Append to the list in the first field of this name; others stay as they are."""
        key = name.lower()
        old = self._first.get(key)
        if old is None:
            self._items.append((key, name, value))
        else:
            value = f"{old}, {value}"
            index = self._index(key)
            self._items[index] = (key, self._items[index][1], value)
        self._first[key] = value

    def unset(self, name: str) -> None:
        if self._first.pop(key := name.lower(), None) is not None:
            self._items = [item for item in self._items if item[0] != key]

    def clear(self) -> None:
        self._items, self._first = [], {}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first

    def has_any(self, names: frozenset[str]) -> bool:
        """Whether there is a field with one of these names, which are in lower case."""
        return not names.isdisjoint(self._first)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def copy(self) -> Headers:
        other = Headers.__new__(Headers)
        other._items, other._first = list(self._items), dict(self._first)
        return other

    def without(self, names: frozenset[str]) -> Headers:
        """Another one, without the fields of these names, which are in lower case."""
        return Headers.of([item for item in self._items if item[0] not in names])

    def lines(self) -> str:
        """All fields, each as a line, whatever is in them."""
        return "".join([f"{name}: {value}\r\n" for _, name, value in self._items])

    def items(self) -> list[tuple[str, str, str]]:
        """A copy of what `of` takes."""
        return list(self._items)

    def by_name(self) -> Mapping[str, str]:
        """The first value of each field, by its name in lower case."""
        return self._first


_ALL = "\0"  # no name of a field


class WatchedHeaders(Headers):
    """Fields that note which of them somebody has asked for; `all_read` if it is more than single ones, or if they were
    changed."""

    __slots__ = ("read",)

    def __init__(self, headers: Headers) -> None:
        self._items, self._first = list(headers._items), dict(headers._first)
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
