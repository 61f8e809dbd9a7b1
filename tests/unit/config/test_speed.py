"""Reading is linear. Measured in processor time, and against itself, so that a busy machine changes nothing."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest

from tests.unit.config.fakes import read_text

HOST = """\
<VirtualHost *:80>
    ServerName host{0}
    ServerAlias www.host{0} ftp.host{0}
    ServerAdmin webmaster@host{0}
    <Directory /srv/{0}>
        AllowOverride None
        DirectoryIndex index.html
    </Directory>
    ErrorDocument 404 /missing
</VirtualHost>
"""

MACRO = "LoadModule macro_module x.so\n<Macro m $n>\nServerName $n\n</Macro>\n"


def seconds(directory: Path, text: str) -> float:
    """The least of three."""
    found: list[float] = []
    gc.collect()
    for _ in range(3):
        before = time.process_time()
        read_text(directory, text)
        found.append(time.process_time() - before)
    return min(found)


def lines(line: str, count: int) -> str:
    return "".join(line.format(number) for number in range(count))


@pytest.mark.parametrize(
    ("head", "line", "tail"),
    [
        ("", HOST, ""),
        ("<Directory /x>\n", "ErrorDocument {0} x\n" * 5, "</Directory>\n"),
        ("<VirtualHost *>\n", "ServerAlias a{0}\n" * 5, "</VirtualHost>\n"),
        ("", "<IfDefine N{0}>\nFoo\n<Bar>\n</Bar>\n</IfDefine>\n", ""),
        (MACRO, "Use m a{0}\n" * 5, ""),
    ],
    ids=["hosts", "documents", "aliases", "conditions", "macros"],
)
def test_five_times_as_much_takes_about_five_times_as_long(head: str, line: str, tail: str, tmp_path: Path) -> None:
    little, much = (head + lines(line, count) + tail for count in (400, 2000))
    ratios: list[float] = []
    for _ in range(6):  # who shares the caches with others is slower, but not every time
        ratios.append(seconds(tmp_path, much) / seconds(tmp_path, little))
        if ratios[-1] < 9:
            return
    raise AssertionError(ratios)
