"""What is shipped in conf/ can be used as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.cli.places import httpd_root
from pyhttpd.config.diagnostics import Severity
from pyhttpd.config.read import ReadOptions

CHECKOUT = Path(httpd_root())
CONF = CHECKOUT / "conf"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(CONF, tmp_path / "conf")
    shutil.copytree(CHECKOUT / "htdocs", tmp_path / "htdocs")
    (tmp_path / "logs").mkdir()
    return tmp_path


@pytest.mark.parametrize("mpm", ["prefork", "worker"])
def test_the_main_file_under_each_mpm(mpm: str, root: Path) -> None:
    load = f"LoadModule mpm_{mpm}_module modules/mod_mpm_{mpm}.so"
    configuration = boot.read(ReadOptions(str(root / "conf/httpd.conf"), str(root), before=(load,)))
    assert {diagnostic.severity for diagnostic in configuration.diagnostics} <= {Severity.INFO}
    assert configuration.mpm_name == mpm
    limits = configuration.mpm.limits
    numbers = (limits.start, limits.min_spare, limits.max_spare, limits.threads)
    assert numbers == ((5, 5, 10, 1) if mpm == "prefork" else (2, 25, 75, 25))
    assert configuration.mpm.max_connections_per_child == (10000 if mpm == "prefork" else 0)
    assert [str(listen) for listen in configuration.mpm.listens] == ["127.0.0.1:8080"]


@pytest.mark.parametrize("extra", sorted((CONF / "extra").glob("*.conf")), ids=lambda path: path.name)
def test_each_extra_file(extra: Path, root: Path) -> None:
    """Also those that the main file does not include."""
    main = str(root / "conf/httpd.conf")
    configuration = boot.read(ReadOptions(main, str(root), after=(f"Include conf/extra/{extra.name}",)))
    assert {diagnostic.severity for diagnostic in configuration.diagnostics} <= {Severity.INFO}
    assert str(root / "conf/extra" / extra.name) in [file.path for file in configuration.included]


def test_no_extension_has_two_types() -> None:
    lines = [line.split() for line in (CONF / "mime.types").read_text().splitlines() if not line.startswith("#")]
    extensions = [extension for line in lines for extension in line[1:]]
    assert len(extensions) == len(set(extensions))
    assert {"html", "css", "js", "png", "svg", "pdf", "woff2", "mp4"} <= set(extensions)
    assert all("/" in line[0] and len(line) > 1 for line in lines if line)
