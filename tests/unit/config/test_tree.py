"""From text to tree: lines, tags, and what is done about tags that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.config.catalog import Catalog
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.expand import MAX_DEPTH, Expansion, Files
from pyhttpd.config.nodes import DirectiveNode, Node, SectionNode, walk
from pyhttpd.config.read import ReadOptions, read_tree
from pyhttpd.config.report import Report
from tests.unit.config.fakes import CATALOG


def tree(directory: Path, text: str) -> tuple[Node, ...]:
    (directory / "f").write_text(text)
    return read_tree(ReadOptions("f", str(directory)), CATALOG)


def expanded(directory: Path, text: str, catalog: Catalog = CATALOG) -> tuple[list[Node], list[str]]:
    """The tree, and the messages that came with it."""
    (directory / "f").write_text(text)
    report = Report()
    expansion = Expansion(catalog, Files(), report, server_root=str(directory), defines=(), with_mpm=True)
    expansion.read_file("f")
    return expansion.nodes, [diagnostic.message for diagnostic in report.diagnostics]


def shape(nodes: tuple[Node, ...] | list[Node]) -> list[object]:
    return [
        (node.name, node.raw) if isinstance(node, DirectiveNode) else [node.name, node.raw, *shape(node.children)]
        for node in nodes
    ]


def test_nodes_and_places(tmp_path: Path) -> None:
    nodes = tree(tmp_path, '# c\n\n  Listen 80\n<directory "/a b">\n\tOptions \\\n All\n</directory>\nFoo')
    assert shape(nodes) == [("Listen", "80"), ["Directory", '"/a b"', ("Options", "All")], ("Foo", "")]
    assert [node.location[1:] for node in walk(nodes)] == [(3, 3), (4, 1), (6, 2), (8, 1)]


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
        ('"<A" b>', "A", "b", ">"),
    ],
)
def test_opening_tags(line: str, name: str, raw: str, tail: str, tmp_path: Path) -> None:
    (section,) = tree(tmp_path, f"{line}\n</{name}>\n")
    assert isinstance(section, SectionNode)
    assert (section.name, section.raw, section.tail) == (name, raw, tail)


def test_a_closing_tag_of_something_else_that_is_open_closes_both(tmp_path: Path) -> None:
    nodes, messages = expanded(tmp_path, "<A>\n<B>\nx\n</A>\ny\n")
    assert shape(nodes) == [["A", "", ["B", "", ("x", "")]], ("y", "")]
    assert messages == ["Expected </B> but saw </A>"]


def test_a_closing_tag_of_nothing_is_dropped(tmp_path: Path) -> None:
    nodes, messages = expanded(tmp_path, "<A>\n</C>\nx\n</A>\n</D>\n")
    assert shape(nodes) == [["A", "", ("x", "")]]
    assert messages == ["Expected </A> but saw </C>", "</D> without matching <D> section"]


def test_a_closing_tag_of_a_condition_around_closes_the_section(tmp_path: Path) -> None:
    nodes, messages = expanded(tmp_path, "<IfModule core.c>\n<A>\n</IfModule>\nx\n")
    assert shape(nodes) == [["A", ""], ("x", "")]
    assert messages == ["Expected </A> but saw </IfModule>"]


def test_a_blank_behind_the_bracket(tmp_path: Path) -> None:
    nodes, messages = expanded(tmp_path, "< A /x>\ny\n</A>\nz\n")
    assert shape(nodes) == [["", "A /x", ("y", "")], ("z", "")]
    assert messages == ["Expected </> but saw </A>"]


def test_sections_that_the_end_leaves_open(tmp_path: Path) -> None:
    nodes, messages = expanded(tmp_path, "<A>\n<B>\nx\n")
    assert shape(nodes) == [["A", "", ["B", "", ("x", "")]]]
    assert messages == [f"{tmp_path}/f:2: <B> was not closed.\n{tmp_path}/f:1: <A> was not closed."]


def test_depth_has_a_limit(tmp_path: Path) -> None:
    count = MAX_DEPTH + 5000
    nodes, messages = expanded(tmp_path, "<A>\n" * count + "x\n" + "</A>\n" * count + "y\n")
    assert messages == [f"Sections are nested more than {MAX_DEPTH} deep"]
    assert shape(nodes)[-1] == ("y", "")


def test_a_tag_may_come_from_a_variable(tmp_path: Path) -> None:
    nodes = tree(tmp_path, 'Define S "<Directory /x>"\n${S}\nFoo\n</Directory>\n')
    assert shape(nodes) == [["Directory", "/x", ("Foo", "")]]


def test_a_line_without_a_name_has_no_effect(tmp_path: Path) -> None:
    nodes, messages = expanded(tmp_path, '"" KeepAlive Off\nKeepAlive\n')
    assert shape(nodes) == [("KeepAlive", "")]
    assert messages == ["A line whose first word is empty has no effect"]


def test_blanks_of_other_alphabets_are_no_blanks(tmp_path: Path) -> None:
    assert shape(tree(tmp_path, "\N{NO-BREAK SPACE}a b\n")) == [("\N{NO-BREAK SPACE}a", "b")]


def test_a_broken_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        tree(tmp_path, "</A>\n")


def test_files_that_include_each_other_nest_no_deeper(tmp_path: Path) -> None:
    (tmp_path / "g").write_text("<A>\nInclude f\n</A>\n")
    nodes, messages = expanded(tmp_path, "<A>\nInclude g\n</A>\n")
    assert f"Sections are nested more than {MAX_DEPTH} deep" in messages
    assert len(list(walk(nodes))) == MAX_DEPTH
