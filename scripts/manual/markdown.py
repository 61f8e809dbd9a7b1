"""As much of Markdown as the README uses: paragraphs, lists, tables, indented code, pictures; code, strong, links."""

from __future__ import annotations

import re
from collections.abc import Iterator

Block = tuple[str, list[list[str]]]
"""Kind (text, list, table, code, image) and content: the lines of a table as cells, the items of a list, what a picture
shows and its path, one text alone."""

_IMAGE = re.compile(r"!\[(?P<text>[^]]*)\]\((?P<path>[^)]*)\)")
_INLINE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\[(?P<link>[^]]+)\]\([^)]*\)")


def section(text: str, title: str) -> str | None:
    """What stands below a heading of the second level."""
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return None if match is None else match[1]


def blocks(text: str) -> Iterator[Block]:
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.splitlines()
        if block.startswith("|"):
            yield "table", [cells(line) for line in lines if not re.fullmatch(r"\|(\s*:?-+:?\s*\|)+", line)]
        elif block.startswith("- "):
            yield "list", [[" ".join(item.split())] for item in re.split(r"^- ", block, flags=re.MULTILINE)[1:]]
        elif found := _IMAGE.fullmatch(block):
            yield "image", [[found["text"], found["path"]]]
        elif block.startswith("    "):
            yield "code", [["\n".join(line[4:] for line in lines)]]
        else:
            yield "text", [[" ".join(block.split())]]


def cells(line: str) -> list[str]:
    """A bar in code or behind a backslash divides nothing."""
    parts, code, escaped = [""], False, False
    for char in line.strip().removeprefix("|").removesuffix("|"):
        if char == "|" and not code and not escaped:
            parts.append("")
        else:
            parts[-1] += char
        code ^= char == "`"
        escaped = char == "\\"
    return [part.strip().replace("\\|", "|") for part in parts]


def inline(text: str) -> Iterator[tuple[str, str]]:
    """(kind, text) with the kinds code, strong and text; of a link only its text."""
    position = 0
    for match in _INLINE.finditer(text):
        if match.start() > position:
            yield "text", text[position : match.start()]
        kind = match.lastgroup or "text"
        yield ("text" if kind == "link" else kind), match[kind]
        position = match.end()
    if position < len(text):
        yield "text", text[position:]
