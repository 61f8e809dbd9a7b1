"""What `-t -D DUMP_INCLUDES`, `-M` and `-t -D DUMP_CONFIG` print. Each text ends with a line end."""

from __future__ import annotations

from pyhttpd.config.configuration import Configuration
from pyhttpd.config.nodes import Node, SectionNode


def includes(configuration: Configuration) -> str:
    """The files that were read, indented by how deep they were included."""
    lines = ["Included configuration files:"]
    lines += [f"{'  ' * (file.depth + 1)}({file.line or '*'}) {file.path}" for file in configuration.included]
    return "".join(f"{line}\n" for line in lines)


def modules(configuration: Configuration) -> str:
    """The modules in the order in which they were loaded."""
    lines = ["Loaded Modules:"]
    lines += [f" {module.name} ({'static' if module.static else 'shared'})" for module in configuration.modules]
    return "".join(f"{line}\n" for line in lines)


def config_tree(nodes: tuple[Node, ...]) -> str:
    """The tree (read.read_tree) as configuration text, each line below a comment that says where it stands."""
    lines: list[str] = []
    file: str | None = None
    todo: list[tuple[int, Node | str]] = [(0, node) for node in reversed(nodes)]
    while todo:
        depth, node = todo.pop()
        indent = "  " * depth
        if isinstance(node, str):
            lines.append(indent + node)
            continue
        if node.location.file != file:
            file = node.location.file
            lines.append(f"{indent}# In file: {file}")
        lines.append(f"{indent}# {node.location.line:3}:")
        if isinstance(node, SectionNode):
            lines.append(f"{indent}<{node.name} {node.raw}>" if node.raw else f"{indent}<{node.name}>")
            todo.append((depth, f"</{node.name}>"))
            todo += ((depth + 1, child) for child in reversed(node.children))
        else:
            lines.append(f"{indent}{node.name} {node.raw}".rstrip())
    return "".join(f"{line}\n" for line in lines)
