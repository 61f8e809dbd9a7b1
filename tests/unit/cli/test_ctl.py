"""pyhttpdctl: verbs become pyhttpd's options, envvars is read by a shell first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyhttpd.cli import ctl


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["start"], ["-k", "start"]),
        (["stop"], ["-k", "stop"]),
        (["restart"], ["-k", "restart"]),
        (["graceful"], ["-k", "graceful"]),
        (["graceful-stop", "-f", "x"], ["-k", "graceful-stop", "-f", "x"]),
        (["configtest"], ["-t"]),
        (["configtest", "-f", "x"], ["-t", "-f", "x"]),
        (["-k", "start"], ["-k", "start"]),
        (["-S"], ["-S"]),
        (["bogus", "-t"], ["bogus", "-t"]),
    ],
)
def test_verbs(words: list[str], arguments: list[str]) -> None:
    assert ctl.pyhttpd_arguments(words[0], words[1:]) == arguments


@pytest.mark.parametrize("words", [[], ["help"], ["usage"], ["--help"]])
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(words) == 1
    assert capsys.readouterr() == ("", ctl.USAGE)


def test_startssl(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(["startssl"]) == 2
    assert "no longer supported" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["-f", "/srv/conf/a.conf"], "/srv/conf/envvars"),
        (["-d", "/srv"], "/srv/conf/envvars"),
        (["-d", "/srv", "-f", "/etc/b.conf"], "/etc/envvars"),
    ],
)
def test_envvars_is_beside_the_configuration(words: list[str], file: str) -> None:
    assert ctl.envvars_file(words) == file


def test_wrong_options_mean_the_default_file() -> None:
    assert ctl.envvars_file(["-Z", "-f", "/etc/b.conf"]) == ctl.envvars_file([])


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A file whose ServerName comes from the environment."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "logs").mkdir()
    path = tmp_path / "conf/httpd.conf"
    path.write_text(f"Listen 127.0.0.1:0\nServerName main\nDefine NAME ${{THE_NAME}}\nDocumentRoot {tmp_path}\n")
    return path


def program(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "THE_NAME"}
    return subprocess.run(
        [sys.executable, "-m", "pyhttpd.cli.ctl", *words], capture_output=True, text=True, timeout=60, check=False,
        env=environment,
    )  # fmt: skip


def test_envvars_is_read_by_a_shell(configuration: Path) -> None:
    envvars = configuration.with_name("envvars")
    envvars.write_text('part=two\nexport THE_NAME="one-${part}"\numask 027\n')
    result = program("-S", "-f", str(configuration))
    assert "Define: NAME=one-two\n" in result.stdout
    assert result.returncode == 0


def test_a_broken_envvars_is_the_shells_to_tell(configuration: Path) -> None:
    configuration.with_name("envvars").write_text("if\n")
    result = program("configtest", "-f", str(configuration))
    assert result.returncode != 0
    assert "envvars" in result.stderr
    assert "Traceback" not in result.stderr


def test_configtest(configuration: Path) -> None:
    configuration.with_name("envvars").write_text("export THE_NAME=x\n")
    result = program("configtest", "-f", str(configuration))
    assert (result.stdout, result.stderr, result.returncode) == ("", "Syntax OK\n", 0)


def test_the_mark_of_a_read_envvars_is_not_handed_on(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    envvars = configuration.with_name("envvars")
    envvars.write_text("true\n")
    monkeypatch.setenv(ctl.SOURCED, str(envvars))
    ctl.source_envvars([], str(envvars))
    assert ctl.SOURCED not in os.environ
