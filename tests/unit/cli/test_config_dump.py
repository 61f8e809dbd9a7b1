"""DUMP_CONFIG prints what Apache prints with mod_info loaded, for contrived files and for those that Debian ships."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pyhttpd import boot
from pyhttpd.cli.places import httpd_root
from pyhttpd.config.catalog import Catalog
from pyhttpd.config.directive import Directive
from pyhttpd.config.dump import config_tree, includes
from pyhttpd.config.read import ReadOptions, read, read_tree
from tests.conftest import require_apache
from tests.support.servers import APACHE, APACHE_MODULES
from tests.unit.config.test_golden import CASES, unpack

SHARED = ("mpm_worker", "authz_host", "authz_core", "reqtimeout", "mime", "env", "headers", "status", "dir", "alias")
ELSEWHERE = (
    "filter", "autoindex", "cache", "cache_disk", "cgid", "dav", "dav_fs", "deflate", "mime_magic", "negotiation",
    "proxy", "proxy_ftp", "xml2enc", "proxy_html", "setenvif", "socache_shmcb", "ssl", "userdir", "actions", "ldap",
)  # fmt: skip
"""Modules that the files need and pyhttpd need not have: there they are names without directives."""
DEBIAN = Path("/etc/apache2")
LEFT_OUT = ("mpm_", "mime_magic", "default-ssl")
"""Needs another MPM; a name whose case only the module knows; a certificate that is not there."""
CONTRIVED = sorted((CASES / "dump").glob("*.conf"))
REAL = sorted(
    path
    for group in ("conf-available", "sites-available", "mods-available")
    for path in (DEBIAN / group).glob("*.conf")
    if not path.name.startswith(LEFT_OUT)
) + sorted((Path(httpd_root()) / "conf/extra").glob("*.conf"))


@dataclass(frozen=True)
class Nameless:
    """A module of which only its name counts."""

    name: str
    source: str
    directives: tuple[Directive, ...] = ()
    per_dir: None = None
    per_server: None = None
    providers: tuple[Any, ...] = ()


def catalog() -> Catalog:
    known = boot.catalog()
    there = {owner.name for owner in known.compiled_in} | set(known.loadable)
    more = [Nameless(f"{name}_module", f"mod_{name}.c") for name in ELSEWHERE]
    return replace(known, loadable={**known.loadable, **{each.name: each for each in more if each.name not in there}})


def ours(directory: Path) -> str:
    return config_tree(read_tree(ReadOptions("httpd.conf", str(directory), before=tuple(loads())), catalog()))


def loads() -> list[str]:
    names = dict.fromkeys((*SHARED, *ELSEWHERE, "info"))  # which Apache dumps its configuration with
    return [f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in names]


def theirs(directory: Path, dump: str = "DUMP_CONFIG", *, status: int = 0) -> str:
    words = [word for line in loads() for word in ("-C", line)]
    ran = subprocess.run(
        [str(APACHE), "-t", "-D", dump, "-d", str(directory), "-f", str(directory / "httpd.conf"), *words],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == status, ran.stderr.decode()
    return ran.stdout.decode("utf-8", "surrogateescape")


def without_needless_ends(text: str) -> str:
    """Apache prints no closing tag for a section without lines."""
    lines: list[str] = []
    for line in text.splitlines():
        indent, bracket, name = line.partition("</")
        if bracket and lines and lines[-1].startswith(f"{indent}<{name[:-1]} "):
            continue
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "modules").symlink_to(APACHE_MODULES)
    (tmp_path / "logs").mkdir()
    (tmp_path / "htdocs").mkdir()
    return tmp_path


@pytest.mark.parametrize("case", CONTRIVED, ids=lambda case: case.stem)
def test_contrived(case: Path, root: Path) -> None:
    require_apache()
    (root / "httpd.conf").write_text(unpack(case, root))
    assert without_needless_ends(ours(root)) == theirs(root)


@pytest.mark.parametrize("case", CONTRIVED, ids=lambda case: case.stem)
def test_includes(case: Path, root: Path) -> None:
    require_apache()
    (root / "httpd.conf").write_text(unpack(case, root))
    options = ReadOptions("httpd.conf", str(root), before=tuple(loads()))
    assert includes(read(options, catalog()).included) == theirs(root, "DUMP_INCLUDES")


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_real(path: Path, root: Path) -> None:
    require_apache()
    log = root / "logs"
    (root / "httpd.conf").write_text(
        f"ServerName x\nDefine APACHE_LOG_DIR {log}\nDefine APACHE_RUN_DIR {log}\nTypesConfig {DEBIAN}/magic\n"
        f"Include {path}\n"
    )
    assert without_needless_ends(ours(root)) == theirs(root)


def test_all_of_apache2_conf(root: Path) -> None:
    """Debian's main file with its ports.conf and all of conf-available; what loads modules is left out."""
    require_apache()
    text = (DEBIAN / "apache2.conf").read_text().replace("IncludeOptional mods-enabled", "IncludeOptional no-such")
    text = text.replace("IncludeOptional conf-enabled", f"IncludeOptional {DEBIAN}/conf-available")
    text = text.replace("IncludeOptional sites-enabled", f"IncludeOptional {DEBIAN}/sites-available/000-default")
    text = text.replace("Include ports.conf", f"Include {DEBIAN}/ports.conf")
    names = ("LOG_DIR", "RUN_DIR", "PID_FILE", "RUN_USER", "RUN_GROUP", "LOCK_DIR")
    values = {"RUN_USER": "daemon", "RUN_GROUP": "daemon"}
    defines = "".join(f"Define APACHE_{name} {values.get(name, str(root / 'logs'))}\n" for name in names)
    (root / "httpd.conf").write_text(f"{defines}ServerName x\n{text}")
    assert without_needless_ends(ours(root)) == theirs(root)


def test_the_files_of_a_broken_configuration_are_listed_too(root: Path) -> None:
    require_apache()
    (root / "inner.conf").write_text("Options Nonsense\n")
    (root / "httpd.conf").write_text(f"ServerName x\nServerRoot {root}\nInclude inner.conf\n")
    command = [sys.executable, "-m", "pyhttpd", "-t", "-D", "DUMP_INCLUDES", "-d", str(root), "-f", "httpd.conf"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert "Illegal option Nonsense" in ran.stderr
    assert ran.stdout == theirs(root, "DUMP_INCLUDES", status=1)
