"""The examples of the manual, as they stand in the sources below docs/, and a place where its shell examples run."""

from __future__ import annotations

import os
import re
import shutil
import site
import subprocess
import sysconfig
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import NamedTuple

from scripts.manual.sources import DOCS
from tests.support import processes
from tests.support.servers import SLOW, free_port, server_user
from tests.support.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
MODULE_PAGE = DOCS / "guides" / "module.rst"
SITE = "/srv/site"
"""The directory that stands for the one where a page's shell examples run."""
PORT = "8080"
USER = "www-data"

_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\S+)\n(?P<body>(?:(?P=indent) +\S.*\n|[ ]*\n)*)", re.MULTILINE
)
_OPTION = re.compile(r"^ *:(?P<name>[a-z-]+):(?: (?P<value>.*))?$")


class Block(NamedTuple):
    """An example. `caption` is the name of the file that it is, if it is one."""

    page: Path
    line: int
    language: str
    caption: str | None
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(DOCS)}:{self.line}"


def pages() -> list[Path]:
    return sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)


def blocks(page: Path) -> list[Block]:
    """The examples of a page in their order."""
    return list(_blocks(page))


def _blocks(page: Path) -> Iterator[Block]:
    source = page.read_text("utf-8")
    for found in _BLOCK.finditer(f"{source}\n"):
        lines = found["body"].splitlines()
        options: dict[str, str] = {}
        while lines and (option := _OPTION.match(lines[0])):
            options[option["name"]] = option["value"] or ""
            lines.pop(0)
        depth = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        text = "\n".join(line[depth:] for line in lines).strip("\n") + "\n"
        line = source.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["language"], options.get("caption"), text)


class Command(NamedTuple):
    """A line of a shell example, and what it prints: `...` stands for anything."""

    line: str
    expected: str


def commands(text: str) -> list[Command]:
    """`$ ` begins a command, `> ` continues it, all else is what it prints."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0].append(line[2:])
        else:
            found[-1][1].append(line)
    return [Command("\n".join(words), "".join(f"{line}\n" for line in printed)) for words, printed in found]


class Site:
    """A temporary directory in the place of SITE, a free port in that of PORT, and the programs of this checkout."""

    def __init__(self) -> None:
        """As if pyhttpd were installed: in a virtual environment that sees what this one has, and the checkout."""
        self.root = Path(tempfile.mkdtemp(prefix="pyhttpd-manual-"))
        self.root.chmod(0o755)
        self.site = self.root / "site"
        self.port = str(free_port())
        self._user = server_user()
        self._written: set[Path] = set()
        venv.create(self.root / "venv", symlinks=True)
        self._programs = self.root / "venv" / "bin"
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(self.root / "venv")}))
        (packages / "checkout.pth").write_text("\n".join([str(CHECKOUT), *site.getsitepackages()]))
        python = self._programs / "python"
        for name, entry in tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["scripts"].items():
            module, _, function = entry.partition(":")
            self._program(name, f"#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
        self._program("pip", f'#!/bin/sh\nexec {python} -m pip "$@"\n')
        self.environment = {
            **os.environ, "PATH": f"{self._programs}:{os.environ.get('PATH', '')}", "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_NO_CACHE_DIR": "1",
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "200", processes.MARK: str(self.root),
        }  # fmt: skip

    def _program(self, name: str, text: str) -> None:
        program = self._programs / name
        program.write_text(text)
        program.chmod(0o755)

    def real(self, text: str) -> str:
        """What the manual shows, for this place."""
        text = text.replace(SITE, str(self.site)).replace(USER, self._user)
        return re.sub(rf"\b{PORT}\b", self.port, text)

    def shown(self, text: str) -> str:
        """What was printed here, as the manual would show it."""
        text = text.replace(str(self.site), SITE).replace(str(self._programs), "/usr/local/bin")
        return re.sub(rf"\b{self.port}\b", PORT, text)

    def write(self, name: str, text: str) -> None:
        """A file of the manual, below SITE; or the next piece of one."""
        path = self.site / self.real(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = f"{path.read_text('utf-8')}\n\n" if path in self._written else ""
        self._written.add(path)
        path.write_text(before + self.real(text), "utf-8")

    def run(self, line: str) -> tuple[str, int]:
        """A command of the manual: what it prints on both outputs, as the manual would show it, and its status."""
        self.site.mkdir(exist_ok=True)
        done = subprocess.run(
            ["/bin/bash", "-c", self.real(line)], cwd=self.site, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SLOW, check=False,
        )  # fmt: skip
        return self.shown(done.stdout.decode("utf-8", "replace")), done.returncode

    def follow(self, page: Path) -> None:
        """Write the files of a page and run its commands, in its order; each has to print what the page says."""
        for block in blocks(page):
            if block.language == "console":
                for command in commands(block.text):
                    self.check(command, block.place)
            elif block.caption is not None:
                self.write(block.caption, block.text)

    def check(self, command: Command, place: str) -> None:
        """What a log says is there a moment after the answer that it tells of."""
        problem = None

        def as_expected() -> bool:
            nonlocal problem
            printed, _ = self.run(command.line)
            problem = differences(command.expected, printed)
            return problem is None

        if re.fullmatch(r"(cat|sort) \S*/logs/\S+", command.line):
            wait_until(as_expected, SLOW, lambda: f"{place}: {command.line}\n{problem}")
        else:
            assert as_expected(), f"{place}: {command.line}\n{problem}"

    def close(self) -> None:
        """End what the examples have left running, and forget them."""
        for pid in processes.marked(str(self.root)):
            processes.kill(pid)
        shutil.rmtree(self.root)


def differences(expected: str, printed: str) -> str | None:
    """None if it is what was expected."""
    if OutputChecker().check_output(expected, printed, ELLIPSIS | NORMALIZE_WHITESPACE):
        return None
    return f"expected:\n{expected}printed:\n{printed}"
