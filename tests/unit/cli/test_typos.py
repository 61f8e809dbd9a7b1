"""tests/cases/cli/typos: each NAME.conf with what the real modules say of it, in NAME.expected.

PYHTTPD_UPDATE_CASES=1 writes the expected files.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.render import terminal

CASES = sorted((Path(__file__).parents[2] / "cases" / "cli" / "typos").glob("*.conf"))
HEAD = ("LoadModule macro_module x", "ServerName x", "ErrorLog error_log", "Listen 127.0.0.1:8110")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_typos(case: Path, tmp_path: Path) -> None:
    (tmp_path / "httpd.conf").write_text(case.read_text())
    with pytest.raises(ConfigurationError) as caught:
        boot.read_here(ReadOptions("httpd.conf", str(tmp_path), before=HEAD))
    found = "".join(f"{terminal(each)}\n" for each in caught.value.diagnostics).replace(str(tmp_path), "ROOT")
    expected = case.with_suffix(".expected")
    if os.environ.get("PYHTTPD_UPDATE_CASES") == "1":
        expected.write_text(found)
    assert found == expected.read_text()
