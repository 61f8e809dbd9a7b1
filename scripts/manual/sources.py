"""The entries of directives as they stand in docs/modules: what is said there beside what the rows say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.manual import rows

DOCS = Path(__file__).parents[2] / "docs"

_ENTRY = re.compile(
    r"^\.\. directive:: (?P<name>\S+)\n"
    r"(?P<options>(?:   +\S.*\n)*)\n"
    r"(?P<text>(?:   .*\n|\n)*)",
    re.MULTILINE,
)
_OPTION = re.compile(r"   :(?P<name>[a-z]+):(?: (?P<value>.*))?")
_SENTENCE = re.compile(r"(?:``.+?``|`[^`]+`|.)+?\.(?= |$)")


@dataclass(frozen=True, slots=True)
class Source:
    """An entry. `syntax` has the arguments, one form an item; None: the row tells them. `text` is reStructuredText."""

    page: str
    name: str
    syntax: tuple[str, ...] | None
    default: str | None
    text: str

    @property
    def entry(self) -> rows.Entry:
        return rows.entries()[self.name.lower()]

    @property
    def first_sentence(self) -> str:
        paragraph = " ".join(self.text.strip().partition("\n\n")[0].split())
        found = _SENTENCE.match(paragraph)
        return re.sub(":$", ".", found[0] if found is not None else paragraph)


def files() -> list[Path]:
    return sorted((DOCS / "modules").glob("*.rst"))


def sources() -> list[Source]:
    """All of them, page by page."""
    return [source for path in files() for source in _of_page(path)]


def _of_page(path: Path) -> Iterator[Source]:
    for match in _ENTRY.finditer(path.read_text("utf-8")):
        options: dict[str, list[str]] = {}
        values: list[str] = []
        for line in match["options"].splitlines():
            option = _OPTION.fullmatch(line)
            if option is not None:
                options[option["name"]] = values = [option["value"] or ""]
            else:
                values.append(line.strip())
        syntax = tuple(options["syntax"]) if "syntax" in options else None
        yield Source(path.stem, match["name"], syntax, options.get("default", [None])[0], match["text"])
