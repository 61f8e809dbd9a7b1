"""Listen's forms, and what the values of MPM directives may be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import ConfigurationError, Diagnostic, Severity
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.render import apache_lines
from pyhttpd.mpm.directives import PREFORK_DIRECTIVES, WORKER_DIRECTIVES
from pyhttpd.mpm.listen import ListenAddress, parse_listen


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("80", (None, None, 80)),
        ("00080", (None, None, 80)),
        ("*:80", (None, None, 80)),
        ("127.0.0.1:8080", ("127.0.0.1", None, 8080)),
        ("127.0.0.1:0", ("127.0.0.1", None, 0)),
        ("[::1]:443", ("::1", None, 443)),
        ("::1:443", ("::1", None, 443)),
        ("[fe80::1%eth0]:80", ("fe80::1", "eth0", 80)),
        ("fe80::1%eth0:80", ("fe80::1%eth0", None, 80)),
        ("localhost:80", ("localhost", None, 80)),
    ],
)
def test_listen_forms(word: str, expected: tuple[str | None, str | None, int]) -> None:
    assert parse_listen(word) == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("abc", "Port must be specified"),
        ("127.0.0.1:", "Port must be specified"),
        ("[::1]", "Port must be specified"),
        ("99999", "Invalid address or port"),
        ("", "Invalid address or port"),
        ("::", "Port must be specified"),
        ("[1.2.3.4]:80", "Invalid address or port"),
        ("[]:80", "Invalid address or port"),
        ("[", "Invalid address or port"),
        ("[::1]:", "Invalid address or port"),
        ("[::1%]:80", "Invalid address or port"),
        ("[::1]:80:80", "Invalid address or port"),
        ("[\0]:80", "Invalid address or port"),
        ("127.0.0.1:http", "Port must be specified"),
        ("[::1]80", "Invalid address or port"),
        (":80", "Invalid address or port"),
        ("\N{SUPERSCRIPT TWO}", "Port must be specified"),
        ("127.0.0.1:\N{SUPERSCRIPT TWO}", "Port must be specified"),
        ("[::1]:\N{SUPERSCRIPT TWO}", "Invalid address or port"),
        ("127.0.0.1:" + "9" * 5000, "Invalid address or port"),
        ("9" * 5000, "Invalid address or port"),
    ],
)
def test_listen_errors(word: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_listen(word)


def read_lines(root: Path, lines: str) -> Configuration:
    (root / "httpd.conf").write_text(f"ServerName x\nErrorLog error_log\n{lines}\n")
    return boot.read_here(ReadOptions("httpd.conf", str(root)))


def refused(root: Path, lines: str) -> list[Diagnostic]:
    with pytest.raises(ConfigurationError) as caught:
        read_lines(root, lines)
    return list(caught.value.diagnostics)


def no_dns(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(error, "why not")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_listen_with_a_name_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_dns(monkeypatch, socket.EAI_NONAME)
    first, second = refused(tmp_path, "Listen a.invalid:80")
    assert apache_lines(first) == ["(EAI 2)why not: AH00077: alloc_listener: failed to set up sockaddr for a.invalid"]
    assert second.message == "Listen setup failed"


def test_listen_without_the_dns_is_left_to_binding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload that keeps the socket does not need it."""
    no_dns(monkeypatch, socket.EAI_AGAIN)
    (listen,) = read_lines(tmp_path, "Listen a.example:80").mpm.listens
    assert listen == ListenAddress("a.example", 80, "http")


def test_listen_with_a_zone(tmp_path: Path) -> None:
    name = socket.if_nameindex()[0][1]
    number = socket.if_nametoindex(name)
    for zone in (name, number):
        (listen,) = read_lines(tmp_path, f"Listen [fe80::1%{zone}]:80").mpm.listens
        assert listen.host == f"fe80::1%{name}"
        assert str(listen) == f"[fe80::1%{name}]:80"
    for word, reason in ((f"[::1%{name}]:80", "20016"), ("[fe80::1%nowhere9]:80", "20014")):
        first, second = refused(tmp_path, f"Listen {word}")
        assert first.number == "AH10102"
        assert reason in apache_lines(first)[0]
        assert second.message == "Listen step failed"
    twice = refused(tmp_path, f"Listen [fe80::1%{name}]:80\nListen [fe80::1%{number}]:80")
    assert twice[0].message == "Cannot define multiple Listeners on the same IP:port"


@pytest.mark.parametrize(
    ("line", "protocol"),
    [("Listen 443", "https"), ("Listen 443 HTTP", "http"), ("Listen 80 FTP", "ftp"), ("Listen 80 ''", "http")],
)
def test_the_protocol_of_a_listener(line: str, protocol: str, tmp_path: Path) -> None:
    configuration = read_lines(tmp_path, line)
    assert configuration.mpm.listens[0].protocol == protocol
    warned = [found.number for found in configuration.diagnostics]
    assert warned == ([] if protocol == "http" else ["PH00331"])


def test_an_address_without_brackets_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_dns(monkeypatch, socket.EAI_NONAME)
    assert refused(tmp_path, "Listen ::1")[-1].hint == "An IPv6 address stands in brackets: Listen [::1]:80"
    assert refused(tmp_path, "Listen fe80::")[-1].hint == "An IPv6 address stands in brackets: Listen [fe80::]:80"


ROWS = {row.name: row for row in (*PREFORK_DIRECTIVES, *WORKER_DIRECTIVES)}


@pytest.mark.parametrize(
    ("name", "word", "message"),
    [
        ("StartServers", "abc", "takes a number"),
        ("ListenBacklog", "0", "ListenBacklog must be > 0"),
        ("ListenCoresBucketsRatio", "0", "ListenCoresBucketsRatio must be > 0"),
        ("StartServers", "1_0", "takes a number, not '1_0'"),
        ("StartServers", "\N{SUPERSCRIPT TWO}", "takes a number, not"),
        ("StartServers", "-" + "9" * 5000, "takes a number of at most"),
        ("MaxMemFree", "-1", "Invalid MaxMemFree value: -1"),
        ("MaxMemFree", "\N{SUPERSCRIPT TWO}", "Invalid MaxMemFree value: "),
        ("MaxMemFree", "9" * 5000, "Invalid MaxMemFree value: "),
        ("SendBufferSize", "100", "must be >= 512 bytes"),
        ("MaxConnectionsPerChild", "-1", "0 or a positive number"),
        ("GracefulShutdownTimeout", "-3", "0 or a positive number"),
        ("ThreadStackSize", "-1", "32768"),
        ("ThreadStackSize", "1073741825", "1073741824"),
    ],
)
def test_values_that_are_refused(name: str, word: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ROWS[name].args.types[0](word)


def test_every_mpm_has_the_common_directives_and_its_own() -> None:
    prefork, worker = ({row.name for row in rows} for rows in (PREFORK_DIRECTIVES, WORKER_DIRECTIVES))
    assert prefork - worker == {"MinSpareServers", "MaxSpareServers"}
    assert worker - prefork == {"MinSpareThreads", "MaxSpareThreads", "ThreadLimit", "ThreadsPerChild"}


@pytest.mark.parametrize(("word", "size"), [("0", 0), ("100", 0), ("32767", 0), ("32768", 32768), ("1048576", 1 << 20)])
def test_a_stack_that_is_too_small_is_the_usual_one(tmp_path: Path, word: str, size: int) -> None:
    (tmp_path / "htdocs").mkdir()
    lines = f"Listen 127.0.0.1:0\nUser nobody\nErrorLog error_log\nThreadStackSize {word}"
    configuration = read_lines(tmp_path, lines)
    assert configuration.mpm.thread_stack_size == size
    told = [(item.severity, item.number) for item in configuration.diagnostics]
    assert told == ([(Severity.WARNING, "AH02435")] if word not in ("0", str(size)) else [])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", {"http", "https"}),
        ("AcceptFilter http none", {"https"}),
        ("AcceptFilter HTTP None\nAcceptFilter nntp data", {"https", "nntp"}),
        ("AcceptFilter http none\nAcceptFilter http httpready", {"http", "https"}),
    ],
)
def test_accept_filters(tmp_path: Path, lines: str, expected: set[str]) -> None:
    (tmp_path / "htdocs").mkdir()
    path = tmp_path / "httpd.conf"
    path.write_text(f"Listen 127.0.0.1:0\nUser nobody\nErrorLog error_log\n{lines}\n")
    assert boot.read_here(ReadOptions(str(path), str(tmp_path))).mpm.deferred_protocols == expected


@pytest.mark.parametrize(("mpm", "number"), [("prefork", "AH00188"), ("worker", "AH00324")])
def test_old_names_are_taken_and_told(tmp_path: Path, mpm: str, number: str) -> None:
    (tmp_path / "htdocs").mkdir()
    path = tmp_path / "httpd.conf"
    path.write_text(
        f"LoadModule mpm_{mpm}_module x\nListen 127.0.0.1:0\nUser nobody\nErrorLog error_log\n"
        "MaxClients 50\nMaxRequestsPerChild 7\n"
    )
    configuration = boot.read_here(ReadOptions(str(path), str(tmp_path)))
    assert configuration.mpm.limits.max_workers == 50
    assert configuration.mpm.max_connections_per_child == 7
    told = [(item.severity, item.number) for item in configuration.diagnostics]
    assert told == [(Severity.INFO, number), (Severity.INFO, "AH00545")]
