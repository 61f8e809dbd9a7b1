"""Whatever a file holds, reading it ends in a Configuration or in a ConfigurationError that can be printed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.nodes import walk
from pyhttpd.config.parse import parse
from pyhttpd.config.read import ReadOptions, read
from pyhttpd.config.render import terminal
from pyhttpd.config.source import Source
from tests.unit.config.fakes import CATALOG

_NAMES = (
    "Define", "UnDefine", "Include", "IncludeOptional", "LoadModule", "ServerRoot", "Error", "KeepAlive", "ServerName",
    "ServerAlias", "Timeout", "Listen", "DirectoryIndex", "Pair", "Case", "Rule", "Nothing", "ErrorDocument", "Foo",
)  # fmt: skip
_SECTIONS = (
    "Directory", "DirectoryMatch", "Files", "FilesMatch", "Location", "LocationMatch", "VirtualHost", "IfModule",
    "IfDefine", "IfVersion", "IfFile", "IfDirective", "IfSection", "RuleAll", "Foo",
)  # fmt: skip
# No "/" and no "..": an Include of them would read all the files of the machine.
_WORDS = st.sampled_from(
    ("a", "/a", "*", "*:80", "~", "!", "!a", "${A}", "$", '"', "'", '"a b"', "\\", "\\\\", ">", ">=", "2.4", "^(", "[",
     "?", "*.conf", "httpd.conf", ".", "On", "9" * 30, "-1", "\x85", "\xa0", "\udcff", "core.c", "x.y")
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
        (Path(directory) / "httpd.conf").write_bytes(content)
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
    source = Source("f", text)
    for node in walk(parse(source).nodes):
        index = source.logical(node.location.line)
        assert index is not None
        rest = source.lines[index][node.location.column - 1 :]
        assert rest.lstrip("<\"'").startswith(node.name.split("\\")[0][:1])
