"""mod_unixd: what its lines set, and which are refused. What children become of it stands in tests/process."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.api.module import Preparation, PrepareError
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.cli.run_config_dump import dump
from pyhttpd.config.read import ReadOptions
from pyhttpd.modules import mod_unixd
from tests.support.requests import configure, refusals

LOG = "ErrorLog /dev/null\n"


def unixd(text: str, directory: Path) -> UnixdConfig:
    return configure(text, directory).main.config(UnixdConfig)


def test_names_and_numbers(tmp_path: Path) -> None:
    user = pwd.getpwnam("nobody")
    group = grp.getgrgid(user.pw_gid).gr_name
    by_name = unixd(f"User nobody\nGroup {group}\n", tmp_path)
    by_number = unixd(f"User #{user.pw_uid}\nGroup #{user.pw_gid}\n", tmp_path)
    assert (by_name.uid, by_name.gid, by_name.groups) == (by_number.uid, by_number.gid, by_number.groups)
    assert (by_name.uid, by_name.gid) == (user.pw_uid, user.pw_gid)
    assert user.pw_gid in by_name.groups
    assert unixd("User nobody\n", tmp_path).gid == user.pw_gid


def test_the_last_line_counts(tmp_path: Path) -> None:
    assert unixd("User none-such\nUser nobody\n", tmp_path).user == "nobody"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("User none-such", "bad user name none-such"),
        ("Group none-such", "bad group name none-such"),
        ("ChrootDir none-such", "ChrootDir must be a valid directory"),
        ("ChrootDir httpd.conf", "ChrootDir must be a valid directory"),
        ("Suexec On", "suEXEC isn't supported: pyhttpd has no suexec binary"),
        ("Suexec Off\nSuexec On", "suEXEC isn't supported: Suexec directive is Off"),
        ("Suexec maybe", "Suexec must be On or Off"),
        ("<VirtualHost *:80>\nChrootDir /\n</VirtualHost>", "ChrootDir cannot occur within <VirtualHost> section"),
        ("<Directory />\nSuexec Off\n</Directory>", "Suexec not allowed in <Directory> context"),
    ],
)
def test_what_is_refused(tmp_path: Path, line: str, message: str) -> None:
    assert refusals(f"{LOG}{line}", tmp_path) == [message]


@pytest.mark.parametrize("name", ["root", "#0", "#", "#zero", "#00000000000000000000000000"])
def test_root_serves_nobody(tmp_path: Path, name: str) -> None:
    (message,) = refusals(f"{LOG}User {name}", tmp_path)
    assert message.startswith("User must not be root")


def test_a_directory_below_server_root(tmp_path: Path) -> None:
    (tmp_path / "jail").mkdir()
    assert unixd("ChrootDir jail\nSuexec Off\n", tmp_path).chroot_dir == str(tmp_path / "jail")
    assert unixd("Suexec Off\n", tmp_path).suexec is False


def test_the_dump_names_it(tmp_path: Path) -> None:
    path = tmp_path / "httpd.conf"
    path.write_text(f"Listen 127.0.0.1:0\nServerName a\n{LOG}ChrootDir {tmp_path}\n")
    configuration = boot.read_here(ReadOptions(str(path), str(tmp_path)), skip_document_root_check=True)
    note = "" if os.geteuid() == 0 else " not_used"
    assert dump(configuration).splitlines()[-1] == f'ChrootDir: "{tmp_path}"{note}'


def test_who_is_not_root_cannot_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anything starts, where each child of Apache would end of it."""
    configuration = configure(f"ChrootDir {tmp_path}\nUser nobody\n", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PrepareError) as caught:
        mod_unixd.prepare(configuration, Preparation())
    assert caught.value.number == "AH02158"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    mod_unixd.prepare(configuration, Preparation())
