"""The tree that a running server has read, packed: `--plan` says what a reload would change, mod_info what there is.

Text alone would not do: what an Include found, a condition saw or a variable held may be another thing today. What is
kept is the tree behind all that, each line with its place; it is built again by whoever wants to compare.

Packed are lines of JSON: what belongs to the whole, then rows for the nodes, some hundreds in a line, so that nobody
needs the memory for all of them. A row that is a text names a file, the next one in their numbers.
"""

from __future__ import annotations

import gc
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from pyhttpd.config.nodes import DirectiveNode, Node, SectionNode
from pyhttpd.config.source import Source

if TYPE_CHECKING:
    from pyhttpd.config.configuration import Configuration
    from pyhttpd.config.read import ReadOptions

FORM = 3
"""Another one cannot be read: the program was upgraded under the server."""


_BATCH = 500  # rows in a line
_PIECE = 1 << 16  # bytes that are unpacked at once


class KeptError(Exception):
    """What was kept is no tree of ours."""


class Kept(NamedTuple):
    options: dict[str, Any]  # the fields of ReadOptions
    configuration: dict[str, Any]  # those of Configuration that no line gives
    nodes: list[Node]


class KeptLine(NamedTuple):
    """One directive, or a section's opening tag, whose `rest` ends with the bracket. `depth` counts the sections around
    it, `number` the lines before it; `file`, `line` and `column` are as in Location."""

    number: int
    depth: int
    name: str
    rest: str
    file: str
    line: int
    column: int
    is_section: bool


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
    head = {
        "form": FORM,
        "options": asdict(options),
        "configuration": {
            "path": configuration.path,
            "server_root": configuration.server_root,
            "runtime_dir": configuration.runtime_dir,
            "modules": configuration.modules,
            "libraries": configuration.libraries,
            "defines": dict(configuration.defines),
            "local_name": configuration.local_name,
            "mpm_name": configuration.mpm_name,
            "limits": asdict(configuration.mpm.limits),
        },
    }
    packer = zlib.compressobj(1)
    packed = [packer.compress(_json_line(head))]
    batch: list[Any] = []
    for row in _rows(nodes):
        batch.append(row)
        if len(batch) == _BATCH:
            packed.append(packer.compress(_json_line(batch)))
            batch.clear()
    packed += [packer.compress(_json_line(batch)), packer.flush()]
    return b"".join(packed)


def _json_line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"  # ASCII without line ends, whatever is in it


def _rows(nodes: Sequence[Node]) -> Iterator[Any]:
    """`[depth, name, rest, file, line, column]`, a section's with a 1 behind it; before it the file, if it is new."""
    files: dict[str, int] = {}
    todo: list[tuple[int, Iterator[Node]]] = [(0, iter(nodes))]
    while todo:
        depth, siblings = todo[-1]
        node = next(siblings, None)
        if node is None:
            todo.pop()
            continue
        file, line, column = node.location
        number = files.get(file)
        if number is None:
            number = files[file] = len(files)
            yield file
        if isinstance(node, DirectiveNode):
            yield [depth, node.name, node.raw, number, line, column]
        else:
            yield [depth, node.name, node.raw + node.tail, number, line, column, 1]
            todo.append((depth + 1, iter(node.children)))


def unpack(data: bytes) -> Kept:
    """Raises KeptError."""
    try:
        lines = _lines((data,))
        head = _head(next(lines, b""))
        nodes: list[Node] = []
        around = [nodes]  # where nodes of each depth go
        for each in _kept_lines(lines):
            siblings = around[each.depth]
            if each.is_section:
                section = SectionNode(each.name, each.rest, _Line(each, f"<{each.name} {each.rest}"), 0)
                siblings.append(section)
                around[each.depth + 1 :] = [section.children]
            else:
                siblings.append(DirectiveNode(each.name, each.rest, _Line(each, f"{each.name} {each.rest}"), 0))
        return Kept(head["options"], head["configuration"], nodes)
    except (zlib.error, ValueError, LookupError, TypeError) as error:
        raise KeptError(f"{type(error).__name__}: {error}") from None


def kept_lines(pieces: Iterable[bytes]) -> Iterator[KeptLine]:
    """The lines of what was packed, in the order of the tree; `pieces` are its bytes. Raises KeptError."""
    try:
        lines = _lines(pieces)
        _head(next(lines, b""))
        yield from _kept_lines(lines)
    except (zlib.error, ValueError, LookupError, TypeError) as error:
        raise KeptError(f"{type(error).__name__}: {error}") from None


def _head(line: bytes) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(line)
    if head["form"] != FORM:
        raise KeptError(f"it was written by another version of this program (form {head['form']})")
    return head


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The packed lines. Raises zlib.error, ValueError where the end is missing."""
    unpacker = zlib.decompressobj()
    rest = b""
    for piece in pieces:
        while piece:
            *whole, rest = (rest + unpacker.decompress(piece, _PIECE)).split(b"\n")
            yield from whole
            piece = unpacker.unconsumed_tail
    *whole, rest = (rest + unpacker.flush()).split(b"\n")
    yield from whole
    if not unpacker.eof:
        raise ValueError("its end is missing")
    if rest:
        yield rest


def _kept_lines(lines: Iterable[bytes]) -> Iterator[KeptLine]:
    files: list[str] = []
    count = 0
    for batch in lines:
        for row in json.loads(batch):
            if isinstance(row, str):
                files.append(row)
                continue
            depth, name, rest, file, line, column, *section = row
            yield KeptLine(count, depth, name, rest, files[file], line, column, bool(section))
            count += 1


class _Line(Source):
    """One line, with its place."""

    def __init__(self, kept: KeptLine, text: str) -> None:
        super().__init__(kept.file, "")
        self.lines = self._physical = [" " * (kept.column - 1) + text]
        self._ends = [kept.line]
