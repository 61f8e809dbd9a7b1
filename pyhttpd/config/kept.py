"""The tree that a running server has read, packed, so that `--plan` can say what a reload would change.

Text alone would not do: what an Include found, a condition saw or a variable held may be another thing today. What is
kept is the tree behind all that, each line with its place; it is built again by whoever wants to compare.
"""

from __future__ import annotations

import gc
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from pyhttpd.config.nodes import DirectiveNode, Node, SectionNode
from pyhttpd.config.source import Source

if TYPE_CHECKING:
    from pyhttpd.config.configuration import Configuration
    from pyhttpd.config.read import ReadOptions

FORM = 2
"""Another one cannot be read: the program was upgraded under the server."""


class KeptError(Exception):
    """What was kept is no tree of ours."""


class Kept(NamedTuple):
    options: dict[str, Any]  # the fields of ReadOptions
    configuration: dict[str, Any]  # those of Configuration that no line gives
    nodes: list[Node]


def pack(options: ReadOptions, configuration: Configuration, nodes: Sequence[Node]) -> bytes:
    """A few per cent of the text's length."""
    enabled = gc.isenabled()
    gc.disable()  # a list for each line, all of them kept: looking for garbage would take most of the time
    try:
        return _pack(options, configuration, nodes)
    finally:
        if enabled:
            gc.enable()


def _pack(options: ReadOptions, configuration: Configuration, nodes: Sequence[Node]) -> bytes:
    files: dict[str, int] = {}
    kept = {
        "form": FORM,
        "options": asdict(options),
        "configuration": {
            "path": configuration.path,
            "server_root": configuration.server_root,
            "runtime_dir": configuration.runtime_dir,
            "modules": configuration.modules,
            "defines": dict(configuration.defines),
            "local_name": configuration.local_name,
            "mpm_name": configuration.mpm_name,
            "limits": asdict(configuration.mpm.limits),
        },
        "nodes": [_packed(node, files) for node in nodes],
        "files": list(files),
    }
    return zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), 1)


def unpack(data: bytes) -> Kept:
    """Raises KeptError."""
    try:
        kept = json.loads(zlib.decompress(data))
        if kept["form"] != FORM:
            raise KeptError(f"it was written by another version of this program (form {kept['form']})")
        files = kept["files"]
        return Kept(kept["options"], kept["configuration"], [_unpacked(node, files) for node in kept["nodes"]])
    except (zlib.error, ValueError, LookupError, TypeError) as error:
        raise KeptError(f"{type(error).__name__}: {error}") from None


def _packed(node: Node, files: dict[str, int]) -> list[Any]:
    """`files` gives each file a number."""
    file, line, column = node.location
    number = files.setdefault(file, len(files))
    if isinstance(node, DirectiveNode):
        return [node.name, node.raw, number, line, column]
    children = [_packed(child, files) for child in node.children]
    return [node.name, node.raw + node.tail, number, line, column, children]


class _Line(Source):
    """One line, with its place."""

    def __init__(self, file: str, line: int, column: int, text: str) -> None:
        super().__init__(file, "")
        self.lines = self._physical = [" " * (column - 1) + text]
        self._ends = [line]


def _unpacked(packed: Iterable[Any], files: Sequence[str]) -> Node:
    name, rest, number, line, column, *children = packed
    file = files[number]
    if not children:
        return DirectiveNode(name, rest, _Line(file, line, column, f"{name} {rest}"), 0)
    node = SectionNode(name, rest, _Line(file, line, column, f"<{name} {rest}"), 0)
    node.children = [_unpacked(child, files) for child in children[0]]
    return node
