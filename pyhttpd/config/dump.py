"""What `-t -D DUMP_INCLUDES`, `-M` and `-t -D DUMP_CONFIG` print. Each text ends with a line end."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pyhttpd.config.configuration import Configuration, IncludedFile
from pyhttpd.config.nodes import Node, SectionNode


def includes(files: Iterable[IncludedFile]) -> str:
    """The files that were read, indented by how deep they were included."""
    lines = ["Included configuration files:"]
    lines += [f"{'  ' * (file.depth + 1)}({file.line or '*'}) {file.path}" for file in files]
    return "".join(f"{line}\n" for line in lines)


def modules(configuration: Configuration) -> str:
    """The modules in the order in which they were loaded."""
    lines = ["Loaded Modules:"]
    lines += [f" {module.name} ({'static' if module.static else 'shared'})" for module in configuration.modules]
    return "".join(f"{line}\n" for line in lines)


def _name(name: str) -> str:
    """Quoted, where it would be read as something else. No directive has such a name, but a variable may make it."""
    if name and not name.startswith("#") and not re.search(r"[\s\"'\\]", name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def config_tree(nodes: Iterable[Node]) -> str:
    """The tree (read.read_tree) as configuration text, line for line as mod_info prints it, each line below a comment
    that says where it stands.

    Unlike Apache's, a section without lines in it has its closing tag, so that the text can be read again.
    """
    lines: list[str] = []
    file: str | None = None
    todo: list[tuple[int, Node, bool]] = [(0, node, False) for node in reversed(list(nodes))]
    while todo:
        depth, node, closing = todo.pop()
        indent = "  " * depth
        if node.source.file != file:
            file = node.source.file
            lines.append(f"# In file: {file}")
        if closing:
            lines.append(f"{indent}</{node.name}>")
            continue
        lines.append(f"{indent}#{node.source.last_line(node.index):4}:")
        if isinstance(node, SectionNode):
            lines.append(f"{indent}<{node.name} {node.raw}{node.tail}")
            todo.append((depth, node, True))
            todo += ((depth + 1, child, False) for child in reversed(node.children))
        else:
            line = f"{indent}{_name(node.name)} {node.raw}"
            lines.append(f"{line} " if line.endswith("\\") else line)  # else it would be continued
    return "".join(f"{line}\n" for line in lines)
