"""Which file -f means, and the ServerRoot that follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyhttpd
from pyhttpd.cli import places
from pyhttpd.cli.places import SERVER_CONFIG_FILE, derived_server_root, httpd_root, locate


@pytest.mark.parametrize(
    ("config_file", "server_root"),
    [
        ("/srv/www/conf/httpd.conf", "/srv/www"),
        ("/srv/www/conf/other.conf", "/srv/www"),
        ("/srv/www/httpd.conf", "/srv/www"),
        ("/etc/apache2/apache2.conf", "/etc/apache2"),
        ("/conf/httpd.conf", "/"),
        ("/httpd.conf", "/"),
        ("/srv/conf/extra/a.conf", "/srv/conf/extra"),
    ],
)
def test_derived_server_root(config_file: str, server_root: str) -> None:
    assert derived_server_root(config_file) == server_root


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """here/conf/both.conf, here/conf/here.conf, other/conf/both.conf, other/conf/other.conf; we are in `here`."""
    for name in ("here/conf/both.conf", "here/conf/here.conf", "other/conf/both.conf", "other/conf/other.conf"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize(
    ("config_file", "server_root", "file", "root"),
    [
        ("conf/here.conf", None, "here/conf/here.conf", "here"),
        ("conf/here.conf", "../other", "here/conf/here.conf", "other"),
        ("conf/both.conf", "../other", "here/conf/both.conf", "other"),
        ("conf/other.conf", "../other", "other/conf/other.conf", "other"),
        ("conf/none.conf", "../other", "other/conf/none.conf", "other"),
        ("conf/none.conf", None, "here/conf/none.conf", "here"),
        ("../other/conf/other.conf", None, "other/conf/other.conf", "other"),
        (None, "../other", "other/conf/httpd.conf", "other"),
    ],
)
def test_locate(tree: Path, config_file: str | None, server_root: str | None, file: str, root: str) -> None:
    assert locate(config_file, server_root) == (str(tree / file), str(tree / root))


def test_an_absolute_name_is_that_file(tree: Path) -> None:
    name = str(tree / "here/conf/here.conf")
    assert locate(name, None) == (name, str(tree / "here"))
    assert locate("/nowhere/conf/x.conf", str(tree / "other")).config_file == "/nowhere/conf/x.conf"


def test_the_default_of_a_checkout_is_its_own() -> None:
    checkout = Path(places.__file__).parents[2]
    assert httpd_root() == str(checkout)
    assert locate(None, None) == (str(checkout / SERVER_CONFIG_FILE), str(checkout))
    assert (checkout / SERVER_CONFIG_FILE).is_file()


def test_the_default_of_an_installed_package_is_below_its_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib/python3.11/site-packages/pyhttpd"
    package.mkdir(parents=True)
    default = tmp_path / "share/pyhttpd" / SERVER_CONFIG_FILE
    default.parent.mkdir(parents=True)
    default.touch()
    monkeypatch.setattr(pyhttpd, "__file__", str(package / "__init__.py"))
    assert locate(None, None) == (str(default), str(tmp_path / "share/pyhttpd"))
    assert locate("conf/httpd.conf", None).config_file in (str(default), str(Path.cwd() / "conf/httpd.conf"))
