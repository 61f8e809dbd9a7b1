"""What Debian's packages ship for Apache, as it is in the packages: read without an error but for modules that are not
there yet, and, where Apache takes it with its own modules alone, into the same tree.

The packages are downloaded and unpacked, not installed. PYHTTPD_PACKAGES=1 asks for that: what a mirror has today is no
matter of a change here. Where it cannot be done these tests are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import MISSING_MODULES, ConfigurationError, Diagnostic, Severity
from pyhttpd.config.directive import Allowed
from pyhttpd.config.htaccess import HtaccessReader
from pyhttpd.config.language import ALL
from pyhttpd.config.read import ReadOptions
from tests.conftest import require_apache
from tests.support.servers import APACHE, APACHE_MODULES
from tests.unit.cli.test_config_dump import loads, ours, without_needless_ends

# Small ones, of all kinds: CGI, PHP, WSGI, Perl, access control old and new.
PACKAGES = (
    "adminer", "apache2", "awstats", "backuppc", "cgit", "dehydrated-apache2", "dokuwiki", "dwww",
    "ganglia-webfrontend", "gitweb", "gosa", "gridsite", "icingaweb2", "javascript-common", "mailman3-web", "munin",
    "nagios4-cgi", "ocsinventory-server", "openstack-dashboard-apache", "php-horde", "phpldapadmin", "phpmyadmin",
    "postfixadmin", "roundcube-core", "rt5-apache2", "shaarli", "smokeping", "sympa", "tt-rss", "xymon",
)  # fmt: skip
LIMIT = 120.0  # seconds for all of them
LINE_OF_APACHE = re.compile(r"^\s*(?:<(?:Dir|Loc|Files|If|Virt)|(?:Script)?Alias|Require|Options|Deny|Listen)", re.M)
NOT_HERE = re.compile(r"does not have|not one of Apache's own|not there yet|has no mod_")
OF_THE_MACHINE = re.compile(r"No such file|is not a directory|^Cannot access directory|^Config variable")
HEAD = "ServerName x\nDefine APACHE_LOG_DIR logs\nDefine APACHE_RUN_DIR logs\n"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one for each package."""
    require_apache()
    if os.environ.get("PYHTTPD_PACKAGES") != "1":
        pytest.skip("packages are downloaded only with PYHTTPD_PACKAGES=1")
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("no apt-get")
    directory = tmp_path_factory.mktemp("packages")
    known = subprocess.run(["apt-cache", "pkgnames"], capture_output=True, text=True, check=False).stdout.split()
    wanted = sorted(set(PACKAGES) & set(known))
    if not wanted:
        pytest.skip("apt-get has no list of packages")
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *wanted]
    try:
        subprocess.run(command, cwd=directory, capture_output=True, check=True, timeout=LIMIT)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"the packages cannot be downloaded: {error}")
    for archive in directory.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, directory / archive.name.partition("_")[0]], check=True)
        archive.unlink()
    return directory


def files_of(package: Path) -> Iterator[Path]:
    """Those that Apache would read."""
    for path in sorted(package.rglob("*")):
        named = "htaccess" in path.name or (path.suffix == ".conf" and re.search("nginx|lighttpd", str(path)) is None)
        its_own = named and path.is_file() and not path.is_symlink()
        if its_own and LINE_OF_APACHE.search(path.read_text(errors="replace")):
            yield path


def errors_in(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    """But for modules that are not there, and files and directories that the package's installation would make."""
    return [
        f"{each.message} ({each.hint})"
        for each in diagnostics
        if each.severity is Severity.ERROR and each.number != MISSING_MODULES
        and not NOT_HERE.search(f"{each.message} {each.hint}") and not OF_THE_MACHINE.search(each.message)
    ]  # fmt: skip


def read_file(path: Path, root: Path) -> tuple[Diagnostic, ...]:
    options = ReadOptions("httpd.conf", str(root), before=(loads()[0], "ErrorLog error_log"))
    if "htaccess" not in path.name:
        (root / "httpd.conf").write_text(f"{HEAD}Include {path}\n")
        try:
            return boot.read_here(options).diagnostics
        except ConfigurationError as error:
            return error.diagnostics
    (root / "httpd.conf").write_text(HEAD)
    configuration = boot.read_here(options)
    reader = HtaccessReader(configuration, boot.modules_of(configuration))
    return reader.read(str(path), f"{path.parent}/", path.read_bytes(), Allowed(ALL)).messages


def tree_of_apache(root: Path) -> str | None:
    """None where it does not take the file."""
    lines = (*loads(), f"LoadModule info_module {APACHE_MODULES}/mod_info.so")
    words = [word for line in lines for word in ("-C", line)]
    command = [str(APACHE), "-t", "-D", "DUMP_CONFIG", "-d", str(root), "-f", str(root / "httpd.conf"), *words]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return ran.stdout.decode("utf-8", "surrogateescape") if ran.returncode == 0 else None


@pytest.mark.parametrize("package", PACKAGES)
def test_package(package: str, unpacked: Path, tmp_path: Path) -> None:
    if not (unpacked / package).exists():
        pytest.skip("this Debian does not have it")
    (tmp_path / "logs").mkdir()
    (tmp_path / "modules").symlink_to(APACHE_MODULES)
    paths = list(files_of(unpacked / package))
    assert paths, "nothing for Apache is in it"
    for path in paths:
        found = read_file(path, tmp_path)
        assert errors_in(found) == [], path
        if "htaccess" in path.name:
            continue
        (tmp_path / "httpd.conf").write_text(f"{HEAD}Include {path}\n")
        tree = tree_of_apache(tmp_path)
        if tree is not None:
            assert without_needless_ends(ours(tmp_path)) == tree, path
