"""Inspecting a configuration: -t, -S, -M, -l, -L, -V, -e, -E, on the seed configuration and on broken ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyhttpd.api.core_config import CoreServer
from pyhttpd.cli import commands
from pyhttpd.cli.commands import run_options
from pyhttpd.cli.httpd import main
from pyhttpd.cli.options import parse
from pyhttpd.cli.places import httpd_root
from pyhttpd.util.local_host import LocalHost

SEED = """\
ServerName seed.example
Listen 127.0.0.1:8103
%s
<IfModule mpm_prefork_module>
    StartServers             5
    MinSpareServers          5
    MaxSpareServers         10
    MaxRequestWorkers      150
    MaxConnectionsPerChild 10000
</IfModule>
<IfModule mpm_worker_module>
    StartServers             2
    MinSpareThreads         25
    MaxSpareThreads         75
    ThreadsPerChild         25
    MaxRequestWorkers      150
    MaxConnectionsPerChild   0
</IfModule>
User daemon
Group daemon
PidFile logs/seed.pid
Define site1 one.example
Include conf/vhosts.inc
"""
VHOSTS = "<VirtualHost *:8103>\n    ServerName one.example\n</VirtualHost>\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("conf", "logs", "htdocs"):
        (tmp_path / name).mkdir()
    (tmp_path / "conf/vhosts.inc").write_text(VHOSTS)
    return tmp_path


def write(root: Path, text: str) -> str:
    path = root / "conf/httpd.conf"
    path.write_text(text)
    return str(path)


def seed(root: Path, mpm: str) -> str:
    return write(root, SEED % (f"LoadModule mpm_{mpm}_module modules/mod_mpm_{mpm}.so" if mpm else ""))


def test_syntax_ok_goes_to_stderr(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-t", "-f", seed(root, "prefork")]) == 0
    assert capfd.readouterr() == ("", "Syntax OK\n")


@pytest.mark.parametrize(
    ("mpm", "name", "threaded"),
    [("prefork", "prefork", "no"), ("worker", "worker", "yes (fixed thread count)"),
     ("", "worker", "yes (fixed thread count)")],
)  # fmt: skip
def test_settings(mpm: str, name: str, threaded: str, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-V", "-f", seed(root, mpm)]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines[:7]] == [
        "Server version", "Server built", "Server's Module Magic Number", "Server loaded", "Compiled using",
        "Architecture", "Server MPM",
    ]  # fmt: skip
    assert re.fullmatch(r"Server loaded:  Python \S+, h11 \S+, PCRE2 \S+", lines[3])
    assert lines[6] == f"Server MPM:     {name}"
    assert lines[7] == f"  threaded:     {threaded}"
    assert lines[8] == "    forked:     yes (variable process count)"
    assert f' -D HTTPD_ROOT="{httpd_root()}"' in lines
    assert ' -D SERVER_CONFIG_FILE="conf/httpd.conf"' in lines


def test_the_paths_of_settings_are_the_defaults_of_the_directives(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main(["-V", "-f", seed(root, "prefork")])
    out = capfd.readouterr().out
    defaults = dict(re.findall(r' -D (\w+)="([^"]*)"', out))
    assert defaults["DEFAULT_ERRORLOG"] == CoreServer().error_log
    assert Path(defaults["HTTPD_ROOT"], defaults["SERVER_CONFIG_FILE"]).is_file()
    assert Path(defaults["HTTPD_ROOT"], defaults["AP_TYPES_CONFIG_FILE"]).is_file()


@pytest.mark.parametrize(("mpm", "source"), [("prefork", "prefork.c"), ("worker", "worker.c"), ("", "worker.c")])
def test_compiled_in(mpm: str, source: str, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-l", "-f", seed(root, mpm)]) == 0
    first, *names = capfd.readouterr().out.splitlines()
    assert first == "Compiled in modules:"
    assert names[0] == "  core.c"
    assert [name.strip() for name in names if name.strip() in ("prefork.c", "worker.c")] == [source]
    assert "  http_core.c" in names


def test_modules(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-M", "-f", seed(root, "prefork")]) == 0
    first, *names = capfd.readouterr().out.splitlines()
    assert first == "Loaded Modules:"
    assert names[0] == " core_module (static)"
    assert " mpm_prefork_module (shared)" in names
    assert not any("worker" in name for name in names)


def test_run_config(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-S", "-f", seed(root, "prefork")]) == 0
    out, err = capfd.readouterr()
    used = "" if os.geteuid() == 0 else " not_used"
    assert err == ""
    assert [line for line in out.splitlines() if not line.startswith(("Mutex", "User", "Group"))] == [
        "VirtualHost configuration:",
        f"*:8103                 one.example ({root}/conf/vhosts.inc:1)",
        f'ServerRoot: "{root}"',
        f'Main DocumentRoot: "{root}/htdocs"',
        f'Main ErrorLog: "{root}/logs/error_log"',
        f'PidFile: "{root}/logs/seed.pid"',
        "Define: DUMP_VHOSTS",
        "Define: DUMP_RUN_CFG",
        "Define: site1=one.example",
    ]
    assert re.search(rf'^User: name="daemon" id=\d+{used}$', out, re.MULTILINE)
    assert re.search(rf'^Group: name="daemon" id=\d+{used}$', out, re.MULTILINE)


def test_one_half_of_it_each(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = seed(root, "prefork")
    assert main(["-t", "-D", "DUMP_VHOSTS", "-f", path]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 2
    assert main(["-D", "DUMP_RUN_CFG", "-D", "NAME=value", "-f", path]) == 0
    out = capfd.readouterr().out
    assert out.startswith("ServerRoot: ")
    assert "Define: NAME=value\n" in out


def test_includes(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = seed(root, "prefork")
    line = 1 + SEED.splitlines().index("Include conf/vhosts.inc")
    assert main(["-t", "-D", "DUMP_INCLUDES", "-f", path]) == 0
    assert capfd.readouterr() == (
        f"Included configuration files:\n  (*) {path}\n    ({line}) {root}/conf/vhosts.inc\n",
        "",
    )


def test_the_tree_and_syntax_ok(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = seed(root, "prefork")
    assert main(["-t", "-D", "DUMP_CONFIG", "-f", path]) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"# In file: {path}\n#   1:\nServerName seed.example\n")
    assert "# In file: " + str(root / "conf/vhosts.inc") in out
    assert "LoadModule" not in out
    assert err == "Syntax OK\n"


def test_directives(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-L", "-f", seed(root, "prefork")]) == 0
    out = capfd.readouterr().out
    assert "\nMinSpareServers (prefork.c)\n" in out
    assert "MinSpareThreads" not in out
    assert "\nListen (prefork.c)\n" in out
    assert re.search(r"^<Directory \(core\.c\)\n\t.+\n\tAllowed in \*\.conf only outside <Dir", out, re.MULTILINE)
    assert re.search(r"^Alias \(mod_alias\.c\)$", out, re.MULTILINE)


@pytest.mark.parametrize("option", ["-t", "-S", "-M", "-L", "-kstop", "-kgraceful"])
def test_a_broken_configuration(option: str, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(root, "ServerName x\nListn 80\n")
    assert main([option, "-f", path]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"AH00526: Syntax error on line 2 of {path}:\nInvalid command 'Listn', ")


@pytest.mark.parametrize(("option", "last"), [("-V", "Server MPM:     "), ("-l", "  core.c")])
def test_what_can_be_told_of_a_broken_configuration(
    option: str, last: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([option, "-f", write(root, "Listn 80\n")]) == 1
    out, err = capfd.readouterr()
    assert last in out.splitlines()
    assert "threaded" not in out
    assert err.startswith("AH00526: ")


def test_a_missing_file(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    missing = root / "conf/none.conf"
    assert main(["-t", "-f", str(missing)]) == 1
    assert capfd.readouterr().err.startswith(
        f"pyhttpd: Could not open configuration file {missing}: No such file or directory\n"
    )


def test_a_directory_for_logs_that_is_not_there(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(root, "ServerName x\nListen 127.0.0.1:0\nErrorLog none/error_log\n")
    assert main(["-t", "-f", path]) == 1
    first, last = capfd.readouterr().err.splitlines()
    assert "AH02291: Cannot access directory" in first
    assert last == "AH00014: Configuration check failed"


@pytest.mark.parametrize(
    ("words", "certain", "said"),
    [(["-t"], False, True), (["-t"], True, False), (["-V"], False, False), (["-t", "-e", "emerg"], False, False)],
)
def test_a_name_that_is_guessed(
    words: list[str], certain: bool, said: bool, root: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(commands, "local_host", lambda: LocalHost("192.0.2.7", certain))
    assert main([*words, "-f", write(root, "Listen 127.0.0.1:0\n")]) == 0
    expected = (
        "AH00558: pyhttpd: Could not reliably determine the server's fully qualified domain name, using 192.0.2.7. "
        "Set the 'ServerName' directive globally to suppress this message\n"
    )
    assert (expected in capfd.readouterr().err) is said


@pytest.mark.parametrize(("words", "said"), [([], True), (["-e", "warn"], True), (["-e", "error"], False)])
def test_a_host_name_that_nobody_knows(
    words: list[str], said: bool, root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "local_host", lambda: LocalHost("127.0.0.1", False, "box"))
    assert main(["-t", *words, "-f", write(root, "Listen 127.0.0.1:0\n")]) == 0
    expected = "AH00557: pyhttpd: apr_sockaddr_info_get() failed for box\nAH00558: "
    assert (expected in capfd.readouterr().err) is said


def test_before_and_after(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(root, "<IfDefine EARLY>\nListen 127.0.0.1:8103\n</IfDefine>\n")
    assert main(["-S", "-f", path, "-C", "Define EARLY", "-c", "PidFile logs/late.pid", "-c", "ServerName x"]) == 0
    assert f'PidFile: "{root}/logs/late.pid"' in capfd.readouterr().out
    assert main(["-t", "-f", path, "-c", "Foo"]) == 1
    assert capfd.readouterr().err.startswith("AH00526: Syntax error on line 1 of -c/-C directives:\nInvalid command")


CLAMPED = "ServerName x\nListen 127.0.0.1:0\nLoadModule mpm_prefork_module x\nServerLimit 0\n"


@pytest.mark.parametrize(("level", "shown"), [(None, True), ("warn", True), ("DEBUG", True), ("error", False)])
def test_level_of_startup_messages(
    level: str | None, shown: bool, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(root, CLAMPED)
    words = ["-t", "-f", path] + ([] if level is None else ["-e", level])
    assert main(words) == 0
    err = capfd.readouterr().err
    assert ("AH00177" in err) is shown
    assert err.endswith("Syntax OK\n")


def program(*words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: -E takes stderr away."""
    return subprocess.run(
        [sys.executable, "-m", "pyhttpd", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_startup_log(root: Path) -> None:
    path = write(root, CLAMPED)
    log = root / "startup.log"
    log.write_text("before\n")
    result = program("-t", "-f", path, "-E", str(log))
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 0)
    lines = log.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "Syntax OK")
    assert any("AH00177" in line for line in lines)


def test_a_relative_startup_log_is_below_server_root(root: Path) -> None:
    program("-t", "-f", write(root, CLAMPED), "-E", "logs/startup.log")
    assert (root / "logs/startup.log").read_text().endswith("Syntax OK\n")


def test_a_startup_log_that_cannot_be_opened(root: Path) -> None:
    result = program("-t", "-f", write(root, "ServerName x\nListen 127.0.0.1:0\n"), "-E", "/nowhere/log")
    assert result.returncode == 0
    assert result.stderr == (
        "(2)No such file or directory: AH00086: pyhttpd: could not open error log file /nowhere/log.\nSyntax OK\n"
    )


def test_bytes_come_out_as_they_went_in(root: Path) -> None:
    path = os.fsencode(root) + b"/conf/\xff.conf"
    with open(path, "wb") as file:
        file.write(b"ServerName x\nListen 127.0.0.1:0\n")
    result = subprocess.run(
        [sys.executable, "-m", "pyhttpd", "-t", "-D", "DUMP_INCLUDES", "-f", path],
        capture_output=True, timeout=60, check=False, env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert result.stdout == b"Included configuration files:\n  (*) " + path + b"\n"


@pytest.mark.parametrize(
    ("words", "foreground", "one_process"),
    [
        ([], False, False),
        (["-D", "FOREGROUND"], True, False),
        (["-D", "NO_DETACH"], True, False),
        (["-X"], True, True),
        (["-D", "ONE_PROCESS"], True, True),
    ],
)
def test_run_options(words: list[str], foreground: bool, one_process: bool) -> None:
    options = run_options(parse([*words, "-k", "start", "-e", "info", "-E", "x", "-T"]))
    assert (options.foreground, options.one_process) == (foreground, one_process)
    assert options.skip_document_root_check
    assert options.command_line == " ".join(["pyhttpd", *words, "-e info -E x -T"])
