"""DUMP_INCLUDES, -M and DUMP_CONFIG."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.config import dump
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions, read_tree
from tests.unit.config.fakes import CATALOG, read_text

TEXT = 'Define A "x y"\nServerAdmin ${A}\nInclude sub.conf\n<IfDefine A>\nKeepAlive On\n</IfDefine>\n'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "sub.conf").write_text('<Directory "/x">\n  DirectoryIndex a\n  <Files b>\n  </Files>\n</Directory>\n')
    return tmp_path


def test_includes(directory: Path) -> None:
    assert dump.includes(read_text(directory, "Include sub.conf\n").included) == (
        f"Included configuration files:\n  (*) {directory}/httpd.conf\n    (1) {directory}/sub.conf\n"
    )


def test_modules(directory: Path) -> None:
    text = "LoadModule extra_module x.so\nLoadModule mpm_prefork_module x.so\n"
    assert dump.modules(read_text(directory, text)) == (
        "Loaded Modules:\n core_module (static)\n so_module (static)\n version_module (static)\n"
        " dir_module (static)\n extra_module (shared)\n mpm_prefork_module (shared)\n"
    )


def test_config_tree(directory: Path) -> None:
    (directory / "httpd.conf").write_text(TEXT)
    text = dump.config_tree(read_tree(ReadOptions("httpd.conf", str(directory)), CATALOG))
    assert text.replace(str(directory), "ROOT") == (
        '# In file: ROOT/httpd.conf\n#   2:\nServerAdmin x y\n# In file: ROOT/sub.conf\n#   1:\n<Directory "/x">\n'
        "  #   2:\n  DirectoryIndex a\n  #   3:\n  <Files b>\n  </Files>\n</Directory>\n# In file: ROOT/httpd.conf\n"
        "#   5:\nKeepAlive On\n"
    )


def test_config_tree_of_a_broken_file(directory: Path) -> None:
    (directory / "httpd.conf").write_text("</A>\n")
    with pytest.raises(ConfigurationError):
        read_tree(ReadOptions("httpd.conf", str(directory)), CATALOG)
