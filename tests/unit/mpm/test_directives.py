"""Listen's forms, and what the values of MPM directives may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import Severity
from pyhttpd.config.read import ReadOptions
from pyhttpd.mpm.directives import PREFORK_DIRECTIVES, WORKER_DIRECTIVES, parse_listen


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("80", (None, 80)),
        ("*:80", (None, 80)),
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:443", ("::1", 443)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_listen_forms(word: str, expected: tuple[str | None, int]) -> None:
    assert parse_listen(word) == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("abc", "Port must be specified"),
        ("127.0.0.1:", "Port must be specified"),
        ("[::1]", "Port must be specified"),
        ("99999", "Invalid address or port"),
        ("::1:80", "Invalid address or port"),
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
        ("ThreadStackSize", "100", "32768"),
    ],
)
def test_values_that_are_refused(name: str, word: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ROWS[name].args.types[0](word)


def test_every_mpm_has_the_common_directives_and_its_own() -> None:
    prefork, worker = ({row.name for row in rows} for rows in (PREFORK_DIRECTIVES, WORKER_DIRECTIVES))
    assert prefork - worker == {"MinSpareServers", "MaxSpareServers"}
    assert worker - prefork == {
        "MinSpareThreads", "MaxSpareThreads", "ThreadLimit", "ThreadsPerChild", "ThreadStackSize",
    }  # fmt: skip


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
