"""server-info of a server that runs: it shows what that runs with, whatever has become of the files since."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conftest import OURS, Start
from tests.support.servers import APACHE_MODULES, Server

LINES = """\
LoadModule info_module {modules}/mod_info.so
<Location /info>
    SetHandler server-info
</Location>
Include conf/part.conf
"""


def _with_info(start: Start, mpm: str = "prefork", part: str = "", **options: Any) -> Server:
    server = start(mpm=mpm, start=False, **options)
    server.configure(LINES.format(modules=APACHE_MODULES))
    (server.config.parent / "part.conf").write_text(part)
    return server


def _lines(server: Server, query: str = "config") -> list[str]:
    """The directives that the page shows, as `FILE:LINE name argument`."""
    answer = server.get(f"/info?{query}")
    assert answer.status == 200
    file, found = "", []
    for shown in re.sub(r"</dd>", "\n", answer.body.decode("latin-1").partition("</style>")[2]).splitlines():
        text = re.sub(r"<[^>]*>", "", shown).replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").strip()
        if text.startswith("In file: "):
            file = text.rpartition("/")[2]
        elif number := re.match(r"([0-9]+): *(.*)", text):
            found.append(f"{file}:{number[1]} {number[2]}")
    return found


@pytest.mark.parametrize("how", ["USR1", "HUP"])
def test_it_is_what_runs_that_is_shown(pyhttpd: Start, mpm: str, how: str) -> None:
    server = _with_info(pyhttpd, mpm, "SetEnv FIRST one\n").start()
    part = server.config.parent / "part.conf"
    assert "part.conf:1 SetEnv FIRST one" in _lines(server)
    part.write_text("\nSetEnv SECOND two\n")
    assert _lines(server, "mod_env.c") == ["part.conf:1 SetEnv FIRST one"]
    old = set(server.children())
    server.reload(how)
    server.await_replaced(old)
    assert _lines(server, "mod_env.c") == ["part.conf:2 SetEnv SECOND two"]
    part.unlink()
    assert _lines(server, "mod_env.c") == ["part.conf:2 SetEnv SECOND two"]


def test_a_refused_reload_shows_the_old_one(pyhttpd: Start) -> None:
    server = _with_info(pyhttpd, part="SetEnv FIRST one\n").start()
    (server.config.parent / "part.conf").write_text("Nonsense\n")
    server.expect("AH00526", "PH00220")
    server.await_log("PH00220", server.signal("USR1"))
    assert _lines(server, "mod_env.c") == ["part.conf:1 SetEnv FIRST one"]


def test_a_long_configuration_comes_whole(pyhttpd: Start, mpm: str) -> None:
    names = [f"V{number}" for number in range(5000)]
    server = _with_info(pyhttpd, mpm, "".join(f"SetEnv {name} x\n" for name in names)).start()
    assert _lines(server, "mod_env.c") == [f"part.conf:{at + 1} SetEnv {name} x" for at, name in enumerate(names)]
    assert server.get("/info").body.endswith(b"</body></html>\n")


def test_in_one_process(pyhttpd: Start) -> None:
    server = _with_info(pyhttpd, part="SetEnv FIRST one\n", options=["-X"]).start()
    assert _lines(server, "mod_env.c") == ["part.conf:1 SetEnv FIRST one"]


@pytest.mark.skipif(OURS.program != "pyhttpd", reason="Apache prints it once more")
def test_dump_config_at_a_start(pyhttpd: Start) -> None:
    """With mod_info a server that starts prints its configuration, without it nothing."""
    server = _with_info(pyhttpd, part="SetEnv FIRST one\n", options=["-D", "DUMP_CONFIG"]).start()
    dumped = [line.strip() for line in server.console.lines()]
    assert dumped.count("SetEnv FIRST one") == 1
    assert dumped[dumped.index("SetEnv FIRST one") - 1] == "#   1:"
    other = pyhttpd("SetEnv FIRST one", options=["-D", "DUMP_CONFIG"])
    assert "SetEnv FIRST one" not in other.console.lines()
