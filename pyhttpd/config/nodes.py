"""The tree of a configuration: directives and sections, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pyhttpd.config.source import Source
from pyhttpd.config.words import BLANKS


class Location(NamedTuple):
    """Where something stands. `line` counts from 1 and, as in Apache, is the last physical line of a continued one.

    `file` is a file's name, or for the lines of a macro what Apache calls them: `macro 'x' (defined on line 1 of ...`.
    """

    file: str
    line: int
    column: int = 1


def place_of(source: Source, index: int) -> Location:
    """The place of a logical line: where its first word stands."""
    line = source.lines[index]
    return Location(source.file, source.last_line(index), len(line) - len(line.lstrip(BLANKS)) + 1)


class DirectiveNode:
    """One directive line: its name (as its row has it, if it was known by then), and everything after it, not yet
    split into words, ${VAR} resolved."""

    __slots__ = ("index", "name", "raw", "source")

    def __init__(self, name: str, raw: str, source: Source, index: int) -> None:
        self.name = name
        self.raw = raw
        self.source = source
        self.index = index  # of the logical line in the source

    @property
    def location(self) -> Location:
        return place_of(self.source, self.index)


class SectionNode:
    """`<name raw>` ... `</name>`: `name` has no angle bracket, `raw` no closing one.

    `tail` is what follows `raw` on the line: `>`, nothing where it is missing, or more.
    """

    __slots__ = ("children", "index", "name", "raw", "source", "tail")

    def __init__(self, name: str, rest: str, source: Source, index: int) -> None:
        """`rest` is what follows the name, the closing bracket included."""
        at = len(rest) - 1 if rest.endswith(">") else rest.rfind(">")
        self.name = name
        self.raw, self.tail = (rest[:at], rest[at:]) if at >= 0 else (rest, "")
        self.source = source
        self.index = index
        self.children: list[Node] = []

    @property
    def location(self) -> Location:
        return place_of(self.source, self.index)


Node = DirectiveNode | SectionNode


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node of a tree, in the order of the file."""
    for node in nodes:
        yield node
        if isinstance(node, SectionNode):
            yield from walk(node.children)
