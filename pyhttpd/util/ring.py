"""The last rows of a table in shared memory: one process appends, others read, and nobody waits."""

from __future__ import annotations


class Ring:
    """Rows of `width` unsigned 64-bit words. All but the oldest of `rows` can be read: its place is the next to be
    written, and a reader must not meet half a row."""

    __slots__ = ("_rows", "_width", "_words")

    def __init__(self, words: memoryview, rows: int, width: int) -> None:
        """`words` has `size(rows, width)` of them; the first counts the rows that were ever written."""
        self._words = words
        self._rows = rows
        self._width = width

    @staticmethod
    def size(rows: int, width: int) -> int:
        """In words."""
        return 1 + rows * width

    def append(self, *row: int) -> None:
        words, width = self._words, self._width
        count = words[0]
        at = 1 + count % self._rows * width
        for word in row:
            words[at] = word
            at += 1
        words[0] = count + 1  # last: until now nobody reads the row

    def clear(self) -> None:
        """Forget all rows. Nobody may read meanwhile: who does may see old ones."""
        self._words[0] = 0

    def read(self) -> list[tuple[int, ...]]:
        """The rows, oldest first."""
        width, rows = self._width, self._rows
        count = self._words[0]
        words = self._words.tolist()
        oldest = max(0, self._words[0] - rows + 1)  # what was overwritten meanwhile may be torn
        return [
            tuple(words[at : at + width])
            for at in (1 + number % rows * width for number in range(max(oldest, count - rows + 1), count))
        ]
