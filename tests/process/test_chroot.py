"""ChrootDir: the children see that directory as `/`, with User's rights; the master, logs and pipes stay outside."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.util.passwords import bcrypt_hash, crypt_hash
from tests.conftest import Start
from tests.support.servers import AS_ROOT, SLOW, Server

needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can change the root")
PIPE = """\
import sys
with open(sys.argv[1], "a", buffering=1) as file:
    for line in sys.stdin:
        file.write(line)
"""
LINES = """\
ChrootDir {jail}
DocumentRoot /pages
CustomLog "|{python} {root}/pipe.py {root}/logs/piped" "%>s %U"
LoadModule info_module modules/mod_info.so
<Directory /pages>
    Options +Indexes
    AllowOverride All
    Require all granted
</Directory>
<Location /info>
    SetHandler server-info
</Location>
<Directory /pages/secret>
    AuthType Basic
    AuthName secret
    AuthUserFile /etc/users
    Require valid-user
</Directory>
ErrorDocument 404 /lost.html
"""


def _jailed(start: Start, mpm: str, **options: Any) -> Server:
    """A server whose files are all below ROOT/jail. -T: the DocumentRoot is only there for the children."""
    server = start(mpm=mpm, start=False, options=["-T"], **options)
    jail = server.root / "jail"
    for name, text in {
        "pages/index.html": "jailed\n",
        "pages/lost.html": "lost\n",
        "pages/listed/one.txt": "1\n",
        "pages/secret/a.txt": "secret\n",
        "pages/sub/.htaccess": 'SetEnvIf Request_URI "(/)(?=s)sub\\1(?>.+)" seen\nHeader set X-Htaccess yes env=seen\n',
        "pages/sub/b.txt": "b\n",
        "etc/users": f"ann:{bcrypt_hash(b'pw', 4).decode()}\nbob:{(crypt_hash(b'pw', b'$6$salt') or b'').decode()}\n",
    }.items():
        path = jail / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (server.root / "pipe.py").write_text(PIPE)
    server.configure(LINES.format(jail=jail, root=server.root, python=sys.executable))
    return server


def _statuses(server: Server) -> list[int]:
    found = [server.get(target).status for target in ("/", "/listed/", "/none", "/sub/b.txt", "/server-status")]
    for credentials in (None, "Basic YW5uOnB3", "Basic Ym9iOnB3", "Basic YW5uOm5v"):  # nobody, ann, bob, not ann
        fields = {} if credentials is None else {"Authorization": credentials}
        found.append(server.get("/secret/a.txt", **fields).status)
    return found


@needs_root
def test_all_that_children_see(pyhttpd: Start, mpm: str) -> None:
    server = _jailed(pyhttpd, mpm)
    server.expect("AH01617")
    server.start()
    jail = str(server.root / "jail")
    server.wait_until(lambda: _roots(server) == {(jail, jail)}, SLOW, f"every child in {jail}")
    assert os.readlink(f"/proc/{server.pid}/root") == "/"
    expected = [200, 200, 404, 200, 200, 401, 200, 200, 401]
    assert _statuses(server) == expected
    assert server.get("/").body == b"jailed\n"
    assert server.get("/none").body == b"lost\n"
    assert server.get("/sub/b.txt").header("X-Htaccess") == "yes"
    assert jail.encode() in server.get("/info?config").body  # what it was told, by whoever could read it
    # a reload is read outside, its children live inside
    place = server.error_log.place()
    server.signal("USR1")
    server.await_running(place)
    assert _statuses(server) == expected
    piped = server.root / "logs" / "piped"
    server.wait_until(lambda: piped.exists() and "401 /secret/a.txt" in piped.read_text(), SLOW, "a piped line")
    assert server.read_pid_file() == server.pid
    server.stop()
    assert server.read_pid_file() is None


def _roots(server: Server) -> set[tuple[str, str]]:
    """The root and the directory of all children but the program of the piped log."""
    found = set()
    for pid in server.children():
        with contextlib.suppress(FileNotFoundError):  # it has just ended
            if b"pipe.py" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add((os.readlink(f"/proc/{pid}/root"), os.readlink(f"/proc/{pid}/cwd")))
    return found


@needs_root
def test_one_process_goes_in_alone(pyhttpd: Start) -> None:
    """-X: the process that serves is the one that ends the programs, from where it has no /dev."""
    server = _jailed(pyhttpd, "prefork")
    server.options.append("-X")
    server.start()
    assert server.get("/").body == b"jailed\n"
    assert os.readlink(f"/proc/{server.pid}/root") == str(server.root / "jail")
    piped = server.root / "logs" / "piped"
    server.wait_until(lambda: piped.exists() and "200 /index.html" in piped.read_text(), SLOW, "a piped line")
    server.stop()
    assert server.exit_status == 0
    assert server.console.lines() == []


@needs_root
def test_whoever_cannot_enter_it_ends_the_server(pyhttpd: Start) -> None:
    """The directory goes away behind the back of a server; its next children say why they cannot be."""
    server = _jailed(pyhttpd, "prefork", limits="StartServers 1\nMinSpareServers 1\nMaxSpareServers 2\n"
                     "MaxRequestWorkers 1\nMaxConnectionsPerChild 1")  # fmt: skip
    server.expect("AH02159", "AH00106", "AH00050", "AH02160")
    server.start()
    jail = str(server.root / "jail")
    server.wait_until(lambda: _roots(server) == {(jail, jail)}, SLOW, f"a child in {jail}")
    (server.root / "jail").rename(server.root / "gone")
    assert server.get("/").status == 200
    server.await_log("AH02159")
    server.await_end()
    assert server.exit_status != 0


@pytest.mark.skipif(AS_ROOT, reason="root may do it")
def test_who_is_not_root_is_told(pyhttpd: Start) -> None:
    server = pyhttpd(start=False)
    server.configure(f"ChrootDir {server.root}")
    result = server.run()
    assert result.returncode == 1
    assert result.stderr.splitlines()[-2:] == [
        "AH02158: Cannot chroot when not started as root", "AH00016: Configuration Failed"
    ]  # fmt: skip
