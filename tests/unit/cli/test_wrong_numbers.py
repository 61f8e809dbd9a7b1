"""No directive that takes a number takes anything else for one, as Apache does with many."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import ConfigurationError, Severity
from pyhttpd.config.read import ReadOptions

OF_ALL = (
    "FlushMaxPipelined", "FlushMaxThreshold", "GracefulShutdownTimeout", "KeepAliveTimeout", "LimitInternalRecursion",
    "LimitRequestBody", "LimitRequestFields", "LimitRequestFieldSize", "LimitRequestLine", "LimitXMLRequestBody",
    "ListenBackLog", "ListenCoresBucketsRatio", "ListenTCPDeferAccept", "MaxConnectionsPerChild",
    "MaxKeepAliveRequests", "MaxMemFree", "MaxRangeOverlaps", "MaxRangeReversals", "MaxRanges", "MaxRequestWorkers",
    "ReadBufferSize", "ReceiveBufferSize", "SendBufferSize", "ServerLimit", "StartServers", "Timeout",
    "WatchdogInterval",
)  # fmt: skip
OF_ONE = {
    "prefork": ("MaxSpareServers", "MinSpareServers"),
    "worker": ("MaxSpareThreads", "MinSpareThreads", "ThreadLimit", "ThreadsPerChild", "ThreadStackSize"),
}
WRONG = ("abc", "5x", "1.5", "0x10", "''")


def lines_with_errors(directory: Path, mpm: str, lines: list[str]) -> set[str]:
    head = f"LoadModule mpm_{mpm}_module x.so\nListen 127.0.0.1:9\nServerName x\n"
    (directory / "httpd.conf").write_text(head + "".join(f"{line}\n" for line in lines))
    with pytest.raises(ConfigurationError) as raised:
        boot.read_here(ReadOptions(str(directory / "httpd.conf"), str(directory)), skip_document_root_check=True)
    first = head.count("\n") + 1
    return {
        lines[found.location.line - first]
        for found in raised.value.diagnostics
        if found.severity is Severity.ERROR and found.location is not None
    }


@pytest.mark.parametrize("word", WRONG)
@pytest.mark.parametrize("mpm", OF_ONE)
def test_what_is_no_number_is_an_error(word: str, mpm: str, tmp_path: Path) -> None:
    lines = [f"{name} {word}" for name in (*OF_ALL, *OF_ONE[mpm])]
    assert sorted(set(lines) - lines_with_errors(tmp_path, mpm, lines)) == []


@pytest.mark.parametrize("word", ["99999999999999999999", "-5"])
@pytest.mark.parametrize("mpm", OF_ONE)
def test_what_is_out_of_range_is_an_error_or_a_warning(word: str, mpm: str, tmp_path: Path) -> None:
    """No number becomes another one silently. Where it is cut, a warning says to what."""
    lines = [f"{name} {word}" for name in (*OF_ALL, *OF_ONE[mpm])]
    accepted = sorted(set(lines) - lines_with_errors(tmp_path, mpm, lines))
    for line in accepted:
        name = line.split()[0]
        (tmp_path / "httpd.conf").write_text(
            f"LoadModule mpm_{mpm}_module x.so\nListen 127.0.0.1:9\nServerName x\n{line}\n"
        )
        (tmp_path / "logs").mkdir(exist_ok=True)
        options = ReadOptions(str(tmp_path / "httpd.conf"), str(tmp_path))
        said = boot.read_here(options, skip_document_root_check=True).diagnostics
        assert any(name in each.message for each in said), line
