"""The grammar, and the tags that it cannot check."""

from __future__ import annotations

import pytest

from pyhttpd.config.nodes import DirectiveNode, Node, SectionNode, walk
from pyhttpd.config.parse import MAX_DEPTH, Parsed, parse
from pyhttpd.config.source import Source


def parsed(text: str) -> Parsed:
    return parse(Source("f", text))


def shape(nodes: tuple[Node, ...]) -> list[object]:
    return [
        (node.name, node.raw) if isinstance(node, DirectiveNode) else [node.name, node.raw, *shape(node.children)]
        for node in nodes
    ]


def test_nodes_and_places() -> None:
    result = parsed('# c\n\n  Listen 80\n<Directory "/a b">\n\tOptions \\\n All\n</directory>\nFoo')
    assert shape(result.nodes) == [("Listen", "80"), ["Directory", '"/a b"', ("Options", " All".strip())], ("Foo", "")]
    assert [node.location[1:] for node in walk(result.nodes)] == [(3, 3), (4, 1), (6, 2), (8, 1)]
    section = result.nodes[1]
    assert isinstance(section, SectionNode)
    assert (section.tail, section.end) == (">", 7)
    assert result.problems == ()


@pytest.mark.parametrize(
    ("line", "name", "raw", "tail"),
    [
        ("<A>", "A", "", ">"),
        ("<A b>", "A", "b", ">"),
        ("<A b", "A", "b", ""),
        ("<A b> c", "A", "b", "> c"),
        ("<A b>c>", "A", "b>c", ">"),
        ("<A >", "A", "", ">"),
        ("<A", "A", "", ">"),
        ("<", "", "", ">"),
        ("<>", "", "", ">"),
        ("<A>= 2.4>", "A>=", "2.4", ">"),
    ],
)
def test_opening_tags(line: str, name: str, raw: str, tail: str) -> None:
    (section,) = parsed(f"{line}\n</{name}>\n").nodes
    assert isinstance(section, SectionNode)
    assert (section.name, section.raw, section.tail) == (name, raw, tail)


def test_a_closing_tag_of_something_else_that_is_open_closes_both() -> None:
    result = parsed("<A>\n<B>\nx\n</A>\ny\n")
    assert shape(result.nodes) == [["A", "", ["B", "", ("x", "")]], ("y", "")]
    (problem,) = result.problems
    assert (problem.seen, problem.expected, problem.saw) == (4, "B", "A")
    assert problem.hint == "<B> was opened on line 2"


def test_a_closing_tag_of_nothing_is_dropped() -> None:
    result = parsed("<A>\n</C>\nx\n</A>\n</D>\n")
    assert shape(result.nodes) == [["A", "", ("x", "")]]
    assert [(problem.expected, problem.saw, problem.message) for problem in result.problems] == [
        ("A", "C", ""),
        (None, "", "</D> without matching <D> section"),
    ]


def test_a_blank_behind_the_bracket() -> None:
    result = parsed("< A /x>\ny\n</A>\nz\n")
    assert shape(result.nodes) == [["", "A /x", ("y", "")], ("z", "")]
    assert [(problem.expected, problem.saw) for problem in result.problems] == [("", "A")]


def test_sections_that_the_end_leaves_open() -> None:
    result = parsed("<A>\n<B>\nx\n")
    assert shape(result.nodes) == [["A", "", ["B", "", ("x", "")]]]
    assert result.problems[-1].unclosed == (("A", 1), ("B", 2))


def test_depth_has_a_limit() -> None:
    count = MAX_DEPTH + 5000
    result = parsed("<A>\n" * count + "x\n" + "</A>\n" * count + "y\n")
    assert [problem.message for problem in result.problems] == [f"Sections are nested more than {MAX_DEPTH} deep"]
    assert shape(result.nodes)[-1] == ("y", "")


def test_blanks_of_other_alphabets_are_no_blanks() -> None:
    assert shape(parsed("\N{NO-BREAK SPACE}a b\n").nodes) == [("\N{NO-BREAK SPACE}a", "b")]
