"""-S: the table of virtual hosts, against what Apache 2.4.71 printed for the same files (tests/cases/cli/vhosts)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.cli import vhosts_dump
from pyhttpd.config.configuration import VhostAddress
from pyhttpd.config.read import ReadOptions

CASES = Path(__file__).parents[2] / "cases/cli/vhosts"


@pytest.mark.parametrize("case", sorted(CASES.glob("*.conf")), ids=lambda path: path.stem)
def test_as_apache_prints_it(case: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    options = ReadOptions(str(case), str(tmp_path), before=("ServerName main.example",))
    configuration = boot.read(options, skip_document_root_check=True)
    expected = case.with_suffix(".txt").read_text()
    assert vhosts_dump.dump(configuration).replace(f"{CASES}/", "") == expected


@pytest.mark.parametrize(
    ("address", "label"),
    [
        (VhostAddress("*", 80), "*:80"),
        (VhostAddress("*", 0), "*:*"),
        (VhostAddress("::", 80), "*:80"),
        (VhostAddress("10.0.0.1", 0), "10.0.0.1:*"),
        (VhostAddress("::1", 443), "[::1]:443"),
    ],
)
def test_labels(address: VhostAddress, label: str) -> None:
    assert vhosts_dump.label(address) == label


def test_buckets() -> None:
    assert vhosts_dump.bucket("0.0.0.1") == 1
    assert vhosts_dump.bucket("2001:db8::7") == vhosts_dump.bucket("0.0.0.7")
