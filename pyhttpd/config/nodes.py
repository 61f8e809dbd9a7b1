"""The tree of one configuration file: directives and sections, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Location(NamedTuple):
    """Where something stands. `line` counts from 1 and, as in Apache, is the last physical line of a continued one."""

    file: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class DirectiveNode:
    """One directive line: its name as written, and everything after it, not yet split into words."""

    name: str
    raw: str
    location: Location


@dataclass(frozen=True, slots=True)
class SectionNode:
    """`<name raw>` ... `</name>`: `name` has no angle bracket, `raw` no closing one.

    `tail` is what follows `raw` on the line: `>`, nothing where it is missing, or more. `end` is the line of the
    closing tag (of the last line, if there is none).
    """

    name: str
    raw: str
    location: Location
    children: tuple[Node, ...]
    tail: str = ">"
    end: int = 0


Node = DirectiveNode | SectionNode


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """Every node of a tree, in the order of the file."""
    for node in nodes:
        yield node
        if isinstance(node, SectionNode):
            yield from walk(node.children)
