"""Every example of the manual works: configurations are read, commands run, and print what the page says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyhttpd.boot import read_here
from pyhttpd.config.diagnostics import ConfigurationError, Severity
from pyhttpd.config.read import ReadOptions
from tests.support import manual
from tests.support.manual import MODULE_PAGE, Block, Site
from tests.support.servers import server_user

PAGES = manual.pages()
BLOCKS = [block for page in PAGES for block in manual.blocks(page)]
SHELL_PAGES = [page for page in PAGES if any(block.language == "console" for block in manual.blocks(page))]
# test_module.py has a closer look at one of them.
CONFIGURATIONS = [block for block in BLOCKS if block.language == "apacheconf" and block.page not in SHELL_PAGES]
FRAGMENTS = [
    block for block in BLOCKS if block.language == "apacheconf" and block.page in SHELL_PAGES and not block.caption
]
KNOWN = {"apacheconf", "console", "python", "toml"}


def test_every_example_is_of_a_kind_that_is_run() -> None:
    assert {block.language for block in BLOCKS} <= KNOWN
    assert {block.page for block in BLOCKS if block.language in ("python", "toml")} <= {MODULE_PAGE}


def test_no_example_is_overlooked() -> None:
    """By a way of writing one that the pattern does not see."""
    for page in PAGES:
        text = page.read_text("utf-8")
        assert text.count("code-block::") == len(manual.blocks(page)), page
        assert not re.search(r"^ *(?!\.\. )\S.*::$", text, re.MULTILINE), f"{page} has a literal block"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A ServerRoot with what the examples name, and the manual's module where Python finds it."""
    root = tmp_path_factory.mktemp("root")
    for name in ("conf/extra", "logs", "htdocs"):
        (root / name).mkdir(parents=True)
    (root / "conf" / "mime.types").write_text("text/html html\n")
    (root / "conf" / "local.conf").write_text("ServerTokens Prod\n")
    (root / "conf" / "extra" / "httpd-mpm.conf").write_text("StartServers 2\n")
    package = root / "my_package"
    package.mkdir()
    pieces = [block.text for block in manual.blocks(MODULE_PAGE) if (block.caption or "").endswith("/my_module.py")]
    (package / "my_module.py").write_text("\n\n".join(pieces))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        yield root
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


def complaints(root: Path, text: str) -> list[str]:
    """What reading a configuration says, but for directories of the example that this machine does not have."""
    path = root / "conf" / "httpd.conf"
    listen = "" if any(line.strip().lower().startswith("listen ") for line in text.splitlines()) else "Listen 8080\n"
    path.write_text(f"{listen}ServerName localhost\n{text}".replace(manual.USER, server_user()))
    options = ReadOptions(str(path), server_root=str(root))
    try:
        found = read_here(options, skip_document_root_check=True).diagnostics
    except ConfigurationError as error:
        found = tuple(error.diagnostics)
    return [f"{each.number}: {each.message}" for each in found if each.severity is not Severity.INFO]


@pytest.mark.parametrize("block", [*CONFIGURATIONS, *FRAGMENTS], ids=lambda block: block.place)
def test_a_configuration_is_read(block: Block, root: Path) -> None:
    assert complaints(root, block.text) == []


@pytest.mark.parametrize("page", [page for page in SHELL_PAGES if page != MODULE_PAGE], ids=lambda page: page.stem)
def test_commands_print_what_the_page_says(page: Path, site: Site) -> None:
    site.follow(page)
