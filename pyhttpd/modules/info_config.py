"""The lines of the running configuration as HTML, all of them or those of one module. Used by mod_info alone.

They come from what the master has kept of the tree (config/kept.py) and are shown one by one as they are unpacked, so
that a page costs a child next to nothing, however long the files are.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import chain, pairwise

from pyhttpd.config.kept import KeptLine
from pyhttpd.modules.info_secrets import without_secrets
from pyhttpd.util.escape import html

_END: tuple[None] = (None,)


def key_of(line: KeptLine) -> str:
    """The name that a directive's row has: `<Directory`; in small letters."""
    return (f"<{line.name}" if line.is_section else line.name).lower()


def configuration_lines(lines: Iterable[KeptLine], names: Container[str] | None = None) -> Iterator[str]:
    """As mod_info shows them. `names` (see key_of) are those of a module: its lines, each in the sections around it,
    and with a link to its place in the whole; None: the whole.

    A section without lines in it is shown as a directive is, as in Apache.
    """
    whole = names is None
    writer = _Writer(whole)
    around: list[KeptLine] = []
    opened = 0  # how many of them have been shown
    for line, following in pairwise(chain(lines, _END)):
        if line is None:
            break
        while len(around) > line.depth:
            section = around.pop()
            if opened > len(around):
                opened -= 1
                yield writer.close(section)
        if following is not None and following.depth > line.depth:
            around.append(line)
            continue
        if names is not None and key_of(line) not in names:
            continue
        for section in around[opened:]:
            yield writer.open(section)
        opened = len(around)
        yield writer.directive(line)
    while around:
        section = around.pop()
        if opened > len(around):
            opened -= 1
            yield writer.close(section)


class _Writer:
    def __init__(self, whole: bool) -> None:
        self._whole = whole
        self._file: str | None = None

    def directive(self, line: KeptLine) -> str:
        return f"{self._place(line)}{_name(line)} <i>{_rest(line)}</i></tt></dd>\n"

    def open(self, line: KeptLine) -> str:
        return f"{self._place(line)}{_name(line)} {_rest(line)}</tt></dd>\n"

    def close(self, line: KeptLine) -> str:
        return f"{self._file_of(line)}<dd><tt>{_number(0)}:&nbsp;{_indent(line)}&lt;/{html(line.name)}&gt;</tt></dd>"

    def _place(self, line: KeptLine) -> str:
        number = _number(line.line)
        if self._whole:
            start = f'<dd id="l{line.number}"><tt>{number}'
        else:
            start = f'<dd><tt><a href="?config#l{line.number}">{number}</a>'
        return f"{self._file_of(line)}{start}:&nbsp;{_indent(line)}"

    def _file_of(self, line: KeptLine) -> str:
        """Said where it is another one than that of the line before."""
        if line.file == self._file:
            return ""
        self._file = line.file
        return f"<dd><tt><strong>In file: {html(line.file)}</strong></tt></dd>\n"


def _number(number: int) -> str:
    return f"{number or '':>4}".replace(" ", "&nbsp;")


def _indent(line: KeptLine) -> str:
    return "&nbsp;&nbsp;" * line.depth


def _name(line: KeptLine) -> str:
    return html(f"<{line.name}" if line.is_section else line.name)


def _rest(line: KeptLine) -> str:
    return html(without_secrets(line.name, line.rest))
