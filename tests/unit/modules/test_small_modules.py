"""mod_env, mod_reqtimeout, mod_unixd: their lines, what they mean, what is refused."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from pyhttpd.api.module import Preparation, PrepareError
from pyhttpd.api.reqtimeout import ReadTimeouts, Stage
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.modules import mod_unixd
from pyhttpd.modules.mod_env import fixup_env
from tests.support.requests import configure, make_request, refusals


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("SetEnv A 1\nSetEnv B", "", {"A": "1", "B": ""}),
        ("SetEnv A 1\nSetEnv B 2", "SetEnv A 3", {"A": "3", "B": "2"}),
        ("SetEnv A 1\nSetEnv B 2", "UnsetEnv A", {"B": "2"}),
        ("SetEnv A 1", "UnsetEnv A\nSetEnv A 2", {"A": "2"}),
        ("SetEnv A 1", "SetEnv A 2\nUnsetEnv A", {}),
        ("PassEnv PASSED", "", {"PASSED": "value"}),
        ("", "", {}),
    ],
)
def test_environment(
    outer: str, inner: str, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSED", "value")
    request = make_request(configure(f"{outer}\n<Directory /srv>\n{inner}\n</Directory>\n", tmp_path), section="/srv/")
    fixup_env(request)
    assert request.env == expected


def test_warnings_of_environment_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTHING", raising=False)
    configuration = configure("PassEnv NOTHING\nSetEnv A=1\n", tmp_path)
    assert [(d.number, d.message) for d in configuration.diagnostics] == [
        ("AH01506", "PassEnv variable NOTHING was undefined"),
        ("AH10032", "Spurious usage of '=' in an environment variable name. 'SetEnv A 1' expected instead?"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ReadTimeouts()),
        ("RequestReadTimeout header=10", ReadTimeouts(header=Stage(10))),
        ("RequestReadTimeout header=10-30,MinRate=100 Body=5,minrate=1",
         ReadTimeouts(header=Stage(10, 30, 100), body=Stage(5, 0, 1))),
        ("RequestReadTimeout body=0\nRequestReadTimeout handshake=5", ReadTimeouts(handshake=Stage(5), body=Stage(0))),
    ],
)  # fmt: skip
def test_read_timeouts(line: str, expected: ReadTimeouts, tmp_path: Path) -> None:
    assert configure(line + "\n", tmp_path).main.config(ReadTimeouts) == expected


def test_a_virtual_host_changes_single_stages(tmp_path: Path) -> None:
    text = "RequestReadTimeout header=10 body=20\n<VirtualHost *>\nRequestReadTimeout body=30\n</VirtualHost>\n"
    vhost = configure(text, tmp_path).vhosts[0].config(ReadTimeouts)
    assert (vhost.header, vhost.body) == (Stage(10), Stage(30))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("foo", "Invalid RequestReadTimeout parameter. Parameter must be in the form 'key=value'"),
        ("foo=1", "RequestReadTimeout: foo=1: Unknown RequestReadTimeout parameter"),
        ("header=x", "RequestReadTimeout: header=x: Value 'x' not numerical"),
        ("header=1x", "RequestReadTimeout: header=1x: Cannot parse 'x'"),
        ("header=10-20", "RequestReadTimeout: header=10-20: Must set MinRate option if using timeout range"),
        ("header=20-10,MinRate=5",
         "RequestReadTimeout: header=20-10,MinRate=5: Maximum timeout must be larger than initial timeout"),
        ("header=1,MinRate=0", "RequestReadTimeout: header=1,MinRate=0: Minimum data rate must be larger than 0"),
        ("header=1,MinRate=-1", "RequestReadTimeout: header=1,MinRate=-1: Value must be non-negative"),
    ],
)  # fmt: skip
def test_wrong_read_timeouts(words: str, message: str, tmp_path: Path) -> None:
    assert refusals(f"RequestReadTimeout {words}\n", tmp_path) == [message]


def groups(uid: int, gid: int) -> tuple[int, ...]:
    """All groups of a user of this system."""
    return tuple(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", UnixdConfig()),
        ("User daemon\nGroup daemon", UnixdConfig("daemon", "daemon", 1, 1, groups(1, 1))),
        ("User daemon", UnixdConfig("daemon", None, 1, 1, groups(1, 1))),
        ("Group #12\nUser #1", UnixdConfig("#1", "#12", 1, 12, groups(1, 12))),
    ],
)
def test_user_and_group(lines: str, expected: UnixdConfig, tmp_path: Path) -> None:
    assert configure(lines + "\n", tmp_path).main.config(UnixdConfig) == expected


@pytest.mark.parametrize(
    ("lines", "euid", "numbers"),
    [
        ("", 1000, []),
        ("", 0, []),
        ("User daemon", 0, []),
        ("User nosuchuser\nGroup nosuchgroup", 1000, ["AH00543", "AH00544"]),
        ("User nosuchuser", 0, ["AH00543"]),
        ("User #1", 0, []),
        ("User #54321\nGroup #1", 0, ["AH02155"]),
        ("User #54321\nGroup #1", 1000, []),
    ],
)
def test_who_may_start(
    lines: str, euid: int, numbers: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = configure(lines + "\n", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    assert [diagnostic.number for diagnostic in mod_unixd.check_config(configuration)] == numbers


def test_root_needs_somebody_to_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    mod_unixd.prepare(configure("User daemon\n", tmp_path), Preparation())
    nobody_named = configure("", tmp_path)
    with pytest.raises(PrepareError, match="started as root without a User directive") as raised:
        mod_unixd.prepare(nobody_named, Preparation())
    assert raised.value.number == "PH00301"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    mod_unixd.prepare(nobody_named, Preparation())


@pytest.mark.parametrize("user", ["root", "#0"])
def test_root_is_refused(user: str, tmp_path: Path) -> None:
    assert refusals(f"User {user}\n", tmp_path)[0].startswith("User must not be root")


def test_a_module_is_not_missing_for_a_directive_that_is(tmp_path: Path) -> None:
    """The core is there, and has no GprofDir."""
    messages = refusals("GprofDir a\nSSLEngine On\n", tmp_path)
    assert [message.split(",")[0] for message in messages] == [
        "Invalid command 'GprofDir'", "Invalid command 'SSLEngine'", "Modules that pyhttpd does not have: mod_ssl"
    ]  # fmt: skip
