"""Sphinx builds the manual without a warning: no dead link, nothing unexplained; and the man pages are current."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scripts.manual import rows
from scripts.manual.sources import DOCS
from tests.support.manual import CHECKOUT

MAN = CHECKOUT / "man"


def build(builder: str, output: Path, doctrees: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", builder, "-d", str(doctrees)]
    done = subprocess.run([*command, str(DOCS), str(output)], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)


class Links(HTMLParser):
    """Where the links of a page lead, and what in it can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value is not None:
                self.targets.append(value)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manual as HTML in `html` and as man pages in `man`."""
    root = tmp_path_factory.mktemp("manual")
    build("html", root / "html", root / "doctrees")
    build("man", root / "man", root / "doctrees")
    return root


def test_every_link_leads_somewhere(built: Path) -> None:
    html = built / "html"
    pages: dict[Path, Links] = {}
    for path in html.rglob("*.html"):
        pages[path] = Links()
        pages[path].feed(path.read_text("utf-8"))
    dead = []
    for path, links in pages.items():
        for target in links.targets:
            name, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:|//", name):
                continue
            file = (path.parent / name.partition("?")[0]).resolve() if name else path
            if not file.is_file() or (anchor and file in pages and anchor not in pages[file].anchors):
                dead.append(f"{path.relative_to(html)}: {target}")
    assert dead == []


def test_every_directive_has_an_address(built: Path) -> None:
    """One that can be guessed: mod_dir.html#directoryindex."""
    for name, entry in rows.entries().items():
        page = (built / "html" / "modules" / f"{entry.page}.html").read_text("utf-8")
        assert f'id="{rows.anchor(name)}"' in page


def words(path: Path) -> list[str]:
    """What a man page says, whatever the version of Sphinx that wrote it."""
    lines = path.read_text("utf-8").splitlines()
    kept = [line for line in lines if not re.match(r"""['.]\\"|\.TH|\.de|\.ds|\.nr""", line) and "rst2man" not in line]
    text = re.sub(r"\\f[BIRP]|\\&|\\%", "", "\n".join(kept)).lower()
    return re.findall(r"[a-z0-9]{2,}", text.partition(".sh")[2].partition("\n.sh copyright")[0])


def test_the_man_pages_are_those_of_the_sources(built: Path) -> None:
    """`make docs` writes them."""
    names = sorted(path.name for path in (built / "man").glob("*.[18]"))
    assert sorted(path.name for path in MAN.glob("*")) == names
    for name in names:
        assert words(MAN / name) == words(built / "man" / name), name
