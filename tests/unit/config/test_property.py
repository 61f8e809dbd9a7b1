"""Whatever a file holds, reading it ends in a Configuration or in a ConfigurationError that can be printed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.dump import config_tree
from pyhttpd.config.expand import Expansion, Files
from pyhttpd.config.nodes import DirectiveNode, Node, walk
from pyhttpd.config.read import ReadOptions, read
from pyhttpd.config.render import terminal
from pyhttpd.config.report import Report
from tests.unit.config.fakes import CATALOG

_NAMES = (
    "Define", "UnDefine", "Include", "IncludeOptional", "LoadModule", "ServerRoot", "Error", "KeepAlive", "ServerName",
    "ServerAlias", "Timeout", "Listen", "DirectoryIndex", "Pair", "Case", "Rule", "Nothing", "ErrorDocument", "Foo",
    "Use", "UndefMacro", "RegexDefaultOptions", "NameVirtualHost", "DefaultRuntimeDir", "keepalive", "${A}",
)  # fmt: skip
_SECTIONS = (
    "Directory", "DirectoryMatch", "Files", "FilesMatch", "Location", "LocationMatch", "VirtualHost", "IfModule",
    "IfDefine", "IfVersion", "IfFile", "IfDirective", "IfSection", "RuleAll", "Foo", "Macro", "Macro",
)  # fmt: skip
# No word that begins with "/", and no "..": an Include of them would read all the files of the machine. A macro may put
# words together, too.
_WORDS = st.sampled_from(
    ("a", "zz/a", "*", "*:80", "~", "!", "!a", "${A}", "${B}", "$", '"', "'", '"a b"', "\\", "\\\\", ">", ">=",
     "2.4", "^(", "[", "?", "*.conf", "httpd.conf", ".", "On", "9" * 30, "-1", "\x85", "\xa0", "\udcff", "core.c",
     "x.y", "m", "m", "$a", "%b", "@c", '"@c"', "#", "</Macro>", "KeepAlive", "Define")
)  # fmt: skip
_REST = st.lists(_WORDS, max_size=4).map(" ".join)
_LINES = st.one_of(
    st.builds("{} {}".format, st.sampled_from(_NAMES), _REST),
    st.builds("<{} {}>".format, st.sampled_from(_SECTIONS), _REST),
    st.builds("</{}>".format, st.sampled_from(_SECTIONS)),
    st.builds("{} {}\\".format, st.sampled_from(_NAMES), _REST),
    st.text(max_size=20),
)
_TEXTS = st.lists(_LINES, max_size=25).map("\n".join)


def check(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "httpd.conf").write_bytes(b"LoadModule macro_module x.so\n" + content)
        try:
            found = read(ReadOptions("httpd.conf", directory), CATALOG).diagnostics
        except ConfigurationError as error:
            found = error.diagnostics
        for diagnostic in found:
            terminal(diagnostic).encode()


@given(_TEXTS)
@settings(max_examples=150, deadline=None)
def test_lines(text: str) -> None:
    check(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_bytes(content: bytes) -> None:
    check(content)


@given(_TEXTS)
@settings(max_examples=100, deadline=None)
def test_every_node_stands_where_it_says(text: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "f").write_bytes(text.encode("utf-8", "surrogatepass"))
        expansion = Expansion(CATALOG, Files(), Report(), server_root=directory, defines=(), with_mpm=True)
        expansion.read_file("f")
    for node in walk(expansion.nodes):
        line = node.source.lines[node.index]
        rest = line[node.location.column - 1 :]
        assert "${" in line or rest.lstrip("<\"'").lower().startswith(node.name.split("\\")[0][:1].lower())


_KNOWN = ("KeepAlive", "serveradmin", "ServerName", "Pair", "Rule", "ErrorDocument", "Define", "IncludeOptional", "Use")
_PLACES = ("Directory", "FILES", "Location", "VirtualHost", "RuleAll", "IfModule", "IfDefine", "Macro")
_TREES = st.recursive(
    st.builds("{} {}\n".format, st.sampled_from(_KNOWN), _REST),
    lambda inner: st.builds(
        lambda name, rest, lines: f"<{name} {rest}>\n{''.join(lines)}</{name}>\n",
        st.sampled_from(_PLACES), _REST, st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip


def tree_of(content: bytes) -> list[Node]:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "f").write_bytes(content)
        expansion = Expansion(CATALOG, Files(), Report(), server_root=directory, defines=(), with_mpm=True)
        expansion.read_file("f")
    return expansion.nodes


def shape(nodes: list[Node]) -> list[object]:
    return [
        (node.name, node.raw) if isinstance(node, DirectiveNode)
        else (node.name, node.raw, node.tail, *shape(node.children))
        for node in nodes
    ]  # fmt: skip


@given(st.lists(_TREES, max_size=5).map("".join))
@settings(max_examples=200, deadline=None)
def test_what_dump_config_prints_reads_back_to_the_same_tree(text: str) -> None:
    head = 'LoadModule macro_module x.so\nDefine A "b c"\nDefine B \\\\\n<Macro m $a>\nServerName $a\n</Macro>\n'
    nodes = tree_of((head + text).encode("utf-8", "surrogateescape"))
    printed = config_tree(nodes).encode("utf-8", "surrogateescape")
    assert shape(tree_of(printed)) == shape(nodes)
