"""The packed tree: what goes in comes out, whole or line by line, however it is cut; nothing else is taken for one."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd import boot
from pyhttpd.config.dump import config_tree
from pyhttpd.config.kept import FORM, KeptError, kept_lines, pack, unpack
from pyhttpd.config.nodes import Node
from pyhttpd.config.read import ReadOptions

TEXT = """\
Listen 127.0.0.1:0
ServerName a
LoadModule macro_module x
ErrorLog /dev/null
<Directory "/caf\u00e9">
    <Files "\udce9">
        Options \\
            None
    </Files>
    DirectoryIndex a
</Directory>
<Location /empty>
</Location>
<Macro m $x>
    Alias /$x /tmp
</Macro>
Use m one
"""


def packed(directory: Path, text: str = TEXT) -> tuple[list[Node], bytes]:
    path = directory / "httpd.conf"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    options = ReadOptions(str(path), str(directory))
    tree: list[Node] = []
    configuration = boot.read_here(options, skip_document_root_check=True, tree=tree)
    return tree, pack(options, configuration, tree)


def test_the_lines_with_their_places(tmp_path: Path) -> None:
    _, data = packed(tmp_path)
    file = str(tmp_path / "httpd.conf")
    lines = list(kept_lines((data,)))
    assert [line.number for line in lines] == list(range(len(lines)))
    assert [(line.depth, line.name, line.rest, line.line, line.is_section) for line in lines] == [
        (0, "Listen", "127.0.0.1:0", 1, False),
        (0, "ServerName", "a", 2, False),
        (0, "ErrorLog", "/dev/null", 4, False),
        (0, "Directory", '"/caf\u00e9">', 5, True),
        (1, "Files", '"\udce9">', 6, True),
        (2, "Options", "None", 8, False),
        (1, "DirectoryIndex", "a", 10, False),
        (0, "Location", "/empty>", 12, True),
        (0, "Alias", "/one /tmp", 1, False),
    ]
    assert {line.file for line in lines[:-1]} == {file}
    assert lines[-1].file.startswith("macro 'm' (defined on line 14 of ")
    assert (lines[0].column, lines[4].column) == (1, 5)


def test_the_tree_comes_back(tmp_path: Path) -> None:
    tree, data = packed(tmp_path)
    kept = unpack(data)
    assert config_tree(kept.nodes) == config_tree(tree)
    assert kept.configuration["path"] == str(tmp_path / "httpd.conf")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_however_it_is_cut(tmp_path: Path, size: int) -> None:
    _, data = packed(tmp_path, TEXT + "".join(f"SetEnv V{number} {'x' * 500}\n" for number in range(1200)))
    whole = list(kept_lines((data,)))
    assert len(whole) == 9 + 1200
    assert list(kept_lines(data[at : at + size] for at in range(0, len(data), size))) == whole


def test_a_part_is_no_tree(tmp_path: Path) -> None:
    _, data = packed(tmp_path)
    for end in (0, 1, len(data) // 2, len(data) - 1):
        with pytest.raises(KeptError):
            unpack(data[:end])
        with pytest.raises(KeptError):
            list(kept_lines((data[:end],)))


@pytest.mark.parametrize("head", [{"form": FORM - 1}, {}, [], 3, None, {"form": FORM}])
def test_what_another_version_wrote(head: object) -> None:
    with pytest.raises(KeptError):
        unpack(zlib.compress(json.dumps(head).encode()))


@given(st.binary(max_size=200))
def test_what_is_no_tree(data: bytes) -> None:
    for attempt in (data, zlib.compress(data), zlib.compress(b'{"form":%d}\n' % FORM + data)):
        try:
            assert list(kept_lines((attempt,))) == []
        except KeptError:
            pass  # and nothing else


def test_rows_that_are_none() -> None:
    for row in ([[0, "A", "b", 7, 1, 1]], [[0, "A"]], [3]):
        data = b'{"form":%d,"options":{},"configuration":{}}\n%s\n' % (FORM, json.dumps(row).encode())
        with pytest.raises(KeptError):
            list(kept_lines((zlib.compress(data),)))
        with pytest.raises(KeptError):
            unpack(zlib.compress(data))
