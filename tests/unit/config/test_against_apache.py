"""The first lines of every wrong case are what the real Apache prints for it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import require_apache
from tests.support.servers import APACHE, APACHE_MODULES
from tests.unit.config.fakes import output_of
from tests.unit.config.test_golden import WRONG, unpack

OURS_ALONE = re.compile(r"^# pyhttpd:", re.M)
"""Cases that begin with this comment differ on purpose; the comment says why."""


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.stem)
def test_first_lines(case: Path, tmp_path: Path) -> None:
    text = unpack(case, tmp_path)
    if OURS_ALONE.search(text):
        pytest.skip("differs on purpose")
    require_apache()
    modules = "".join(
        f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in ("mpm_worker", "dir", "authz_core")
    )
    (tmp_path / "modules.conf").write_text(modules)
    ours = output_of(tmp_path, text).splitlines()
    ran = subprocess.run(
        [str(APACHE), "-t", "-d", str(tmp_path), "-f", str(tmp_path / "httpd.conf"), "-C",
         f"Include {tmp_path}/modules.conf", "-C", "ErrorLog error.log"],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    lines = ran.stderr.decode("utf-8", "surrogateescape").replace(str(tmp_path), "ROOT").splitlines()
    theirs = [line for line in lines if not line.startswith(("[", "AH00014"))]
    program = Path(str(APACHE)).name
    assert ran.returncode != 0
    assert ours[: len(theirs)] == [line.replace(f"{program}: ", "pyhttpd: ", 1) for line in theirs]
