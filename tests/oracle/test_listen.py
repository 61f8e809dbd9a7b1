"""Listen: what may stand there, what must not stand twice, and what happens where an address cannot be had."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import ConfigurationError, Diagnostic, Severity
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.render import apache_lines
from tests.conftest import Start, require_apache
from tests.support.servers import APACHE, APACHE_MODULES, Server, free_port, has_ipv6

WORDS = (
    "80", "00080", "65535", "65536", "9" * 30, "-1", "+80", "80a", "0x50", "8 0", "80,81", "80-90", "80#x", "80 #x", "",
    "''", "'' 80", "80 ''", "80 '' ''", ":", ":80", "*", "*:80", "*:*", "80:*", "1.2.3.4:80", "1.2.3.4", "1.2.3.4:",
    "1.2.3.4:070000", "1.2.3.4:65536", "1.2.3.4:8a", "127.0.0.1:*", "127.0.0.1:80:80", "1.2.3:80", "1:80", "::", "::1",
    "::80", ":::80", "::1:80", "fe80::1:80", "::ffff:1.2.3.4:80", "[::1]:80", '"[::1]:80"', "[::1]", "[::1]:", "[::1",
    "[::1]80", "[::1]x", "[::1]:80:80", "[ ::1]:80", "[]:80", "[x]:80", "[1.2.3.4]:80", "[::ffff:1.2.3.4]:80",
    "[0:0:0:0:0:0:0:1]:80", "[::1%lo]:80", "[::1%]:80", "[fe80::1%lo]:80", "[fe80::1%1]:80", "[fe80::1%]:80",
    "[fe80::1%none9]:80", "[fe80::1%99999]:80", "fe80::1%lo:80", "localhost:80", "localhost", "unix:/x", "443",
    "443 http", "443 https", "80 https", "80 FTP", "80 http x", "80 http options=reuseport", "80 options=reuseport",
    '1.2.3.4:80 "http"',
)  # fmt: skip
NAMES = ("nohost.invalid:80", "_default_:80", "256.1.1.1:80", "\xe9:80", "http://x:80", "x/y:80")
PAIRS = (
    ("80", "80"), ("80", "*:80"), ("*:80", "80 https"), ("127.0.0.1:80", "127.0.0.1:080"), ("80", "127.0.0.1:80"),
    ("80", "0.0.0.0:80"), ("[::1]:80", "::1:80"), ("[::1]:80", "[0::1]:80"), ("localhost:80", "localhost:80"),
    ("localhost:80", "LOCALHOST:80"), ("localhost:80", "127.0.0.1:80"), ("[fe80::1%lo]:80", "[fe80::1]:80"),
    ("[fe80::1%lo]:80", "[fe80::1%lo]:80"), ("[fe80::1%1]:80", "[fe80::1%lo]:80"), ("80", "81", "80"),
)  # fmt: skip
_TIME_AND_MODULE = re.compile(r"^\[[^]]*\] \[[^]]*\] \[[^]]*\] ")


def theirs(directory: Path) -> tuple[bool, list[str]]:
    command = [str(APACHE), "-t", "-f", str(directory / "httpd.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = [_TIME_AND_MODULE.sub("", line) for line in done.stderr.replace("apache2: ", "pyhttpd: ").splitlines()]
    return done.returncode == 0, [line for line in lines if line != "Syntax OK"]


def reading(directory: Path) -> tuple[bool, Sequence[Diagnostic]]:
    """Whether the file is accepted, and what is said of it."""
    try:
        return True, boot.read_here(ReadOptions("httpd.conf", str(directory))).diagnostics
    except ConfigurationError as error:
        return False, error.diagnostics


def ours(directory: Path) -> tuple[bool, list[str]]:
    """Without what only ours says: that a protocol is not spoken."""
    accepted, found = reading(directory)
    told = (each for each in found if each.severity is not Severity.INFO and each.number != "PH00331")
    return accepted, [line for each in told for line in apache_lines(each)]


def may_be_temporary() -> bool:
    """No name can be looked up here. Ours leaves that to binding, which a reload may not need."""
    try:
        socket.getaddrinfo("nohost.invalid", 80)
    except socket.gaierror as error:
        return error.errno == socket.EAI_AGAIN
    return False


@pytest.mark.parametrize("lines", [*((word,) for word in (*WORDS, *NAMES)), *PAIRS], ids=" + ".join)
def test_what_may_stand_there(lines: Sequence[str], tmp_path: Path) -> None:
    require_apache()
    if lines[0] in NAMES and may_be_temporary():
        pytest.skip("there is no DNS")
    text = f"ServerRoot {tmp_path}\nLoadModule mpm_worker_module {APACHE_MODULES}/mod_mpm_worker.so\n"
    text += "ServerName x\nErrorLog error_log\nPidFile pid\n" + "".join(f"Listen {line}\n" for line in lines)
    (tmp_path / "httpd.conf").write_text(text)
    assert ours(tmp_path) == theirs(tmp_path)


def starts(server: Server, listen: str) -> tuple[int, list[str]]:
    """The status with which the program ends at once, and what it says."""
    server.configure(listen=listen)
    done = server.run("-D", "FOREGROUND")
    return done.returncode, done.stderr.splitlines()


# {} is a port that is free, {taken} one that somebody else has
IN_VAIN = (
    "Listen {}\nListen 127.0.0.1:{}",
    "Listen 127.0.0.1:{}\nListen {}",
    "Listen 0.0.0.0:{}\nListen {}",
    "Listen localhost:{}\nListen LOCALHOST:{}",
    "Listen [::1]:{}\nListen [0::1]:{}",
    "Listen 127.0.0.1:{taken}",
    "Listen {taken}",
    "Listen 203.0.113.9:{}",
    "Listen [fe80::1%lo]:{}",
    "Listen 127.0.0.1:{}\nListen 203.0.113.9:{}",
)


@pytest.mark.parametrize("listen", IN_VAIN)
def test_addresses_that_cannot_be_had(listen: str, apache: Start, pyhttpd: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        lines = listen.replace("{taken}", str(other.getsockname()[1])).replace("{}", str(free_port()))
        expected = starts(apache(start=False), lines)
        found = starts(pyhttpd(start=False), lines)
    assert expected[0] == 1
    assert found == expected


TOGETHER = (
    "Listen 127.0.0.1:{}\nListen 127.0.0.2:{}",
    "Listen 127.0.0.1:{}\nListen [::1]:{}",
    "Listen {}\nListen 0.0.0.0:{}",
    "Listen 0.0.0.0:{}\nListen [::]:{}",
    "Listen [::]:{}\nListen 0.0.0.0:{}",
    "Listen 0.0.0.0:{}\nListen [::1]:{}",
    "Listen 127.0.0.1:{} https",
    "Listen ::1:{}\nListen 127.0.0.1:{} ftp",
)


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6")
@pytest.mark.parametrize("listen", TOGETHER)
def test_addresses_that_go_together(listen: str, apache: Start, pyhttpd: Start) -> None:
    """Whatever the protocol is called, it is HTTP that is spoken."""
    port = free_port()
    for start in (apache, pyhttpd):
        server = start(listen=listen.replace("{}", str(port)), start=False)
        server.expect("PH00331")
        server.start()
        for host in ("127.0.0.1", "::1"):
            if host == "127.0.0.1" or "::" in listen or "Listen {}\n" in listen:
                with socket.create_connection((host, port), timeout=10) as client:
                    client.sendall(b"GET /a.txt HTTP/1.0\r\n\r\n")
                    assert client.recv(12) == b"HTTP/1.1 200"
        server.stop()
