"""`-k graceful --plan` against a server that runs, and the status page after a reload that failed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import Start
from tests.support.control import PYHTTPDCTL, control
from tests.support.servers import AS_ROOT, SLOW, Server, free_port

COUNTED = {"CPULoad", "ReqPerSec", "BytesPerSec", "BytesPerReq", "DurationPerReq"}  # there as soon as there is one


def plan(server: Server) -> dict[str, Any]:
    result = control(server, "-k", "graceful", "--plan", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def test_a_plan_says_what_a_reload_then_does(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd("Header set X-A 1", mpm=mpm)
    generation = server.auto()["ParentServerMPMGeneration"]
    assert plan(server)["changes"] is False
    port = free_port()
    server.configure(f"Header set X-A 2\nListen 127.0.0.1:{port}")
    for _ in range(2):  # it does nothing, so it says the same again
        found = plan(server)
        assert [change["new"] for change in found["listeners"]] == [f"127.0.0.1:{port}"]
        (part,) = found["parts"]
        assert [(c["what"], c["old"], c["new"]) for c in part["changes"]] == [("Header", "set X-A 1", "set X-A 2")]
    assert server.get("/").header("X-A") == "1"
    assert server.auto()["ParentServerMPMGeneration"] == generation
    server.reload("USR1")
    server.wait_until(lambda: server.get("/").header("X-A") == "2", SLOW, "the new generation")
    assert plan(server)["changes"] is False, "the new generation's configuration is what is kept now"


def test_the_plan_of_pyhttpdctl(pyhttpd: Start) -> None:
    server = pyhttpd("Header set X-A 1")
    server.configure("Header set X-A 2")
    for verb in ("graceful", "restart"):
        result = control(server, verb, "--plan", program=PYHTTPDCTL)
        assert result.returncode == 0
        assert "+ Header set X-A 2" in result.stdout
    assert server.get("/").header("X-A") == "1"


def test_the_master_reads_with_its_own_options_and_environment(pyhttpd: Start) -> None:
    server = pyhttpd(
        'Header set X-A "${FROM_START}"\n<IfDefine ONLY_THEN>\nHeader set X-B 1\n</IfDefine>',
        options=["-D", "ONLY_THEN"],
        environment={"FROM_START": "yes"},
    )
    server.environment = {**server.environment, "FROM_START": "no"}
    assert plan(server)["changes"] is False
    result = control(server, "-k", "graceful", "--plan")
    assert "It was started with other options" in result.stdout
    assert "would change nothing" in result.stdout


def test_a_broken_configuration_has_no_plan(pyhttpd: Start) -> None:
    server = pyhttpd()
    server.configure("Bogus x")
    for words in (("-k", "graceful", "--plan"), ("-k", "graceful"), ("-k", "restart")):
        result = control(server, *words)
        assert result.returncode == 1
        assert "AH00526: Syntax error on line" in result.stderr
    server.configure("")
    server.reload("USR1")  # whatever had been sent before would have been taken before
    assert server.auto()["ParentServerMPMGeneration"] == "1"
    assert "PH00220" not in {line.number for line in server.error_log.lines()}


def test_without_a_server_there_is_no_plan(pyhttpd: Start) -> None:
    server = pyhttpd(start=False)
    result = control(server, "-k", "graceful", "--plan")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("httpd (no pid file) not running")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    server.pid_file.write_text(f"{gone.pid}\n")
    assert f"httpd (pid {gone.pid}?) not running" in control(server, "-k", "restart", "--plan").stderr


@pytest.mark.skipif(not AS_ROOT, reason="needs another user")
def test_only_the_servers_own_user_may_look(pyhttpd: Start) -> None:
    server = pyhttpd()
    pid = server.read_pid_file()
    looked = subprocess.run(
        ["ls", f"/proc/{pid}/fd"], user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
        check=False, cwd="/", env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert "Permission denied" in looked.stderr
    kept = [
        os.path.join(f"/proc/{pid}/fd", name)
        for name in os.listdir(f"/proc/{pid}/fd")
        if os.readlink(f"/proc/{pid}/fd/{name}").startswith("/memfd:pyhttpd-configuration")
    ]
    assert len(kept) == 1
    with pytest.raises(PermissionError), open(kept[0], "r+b", buffering=0) as file:  # sealed
        file.write(b"x")


def test_a_failed_reload_stands_on_the_status_page_until_a_good_one(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    server.expect("AH00526", "PH00220", "AH00000")
    assert "The configuration on the disk" not in server.get("/server-status").body.decode()
    before = set(server.auto()) - COUNTED
    server.configure("Secret <token>")
    line = server.config.read_text().splitlines().index("Secret <token>") + 1
    place = server.signal("USR1")
    server.await_log("PH00220", place)
    page = server.get("/server-status").body.decode()
    assert "its reload failed on" in page
    assert f"AH00526: Syntax error on line {line} of {server.config}:" in page
    assert "Invalid command &#39;Secret&#39;" in page or "Invalid command 'Secret'" in page
    assert "token" not in page, "what stands in the file is nobody's business who may see the page"
    assert set(server.auto()) - COUNTED == before, "?auto has Apache's lines and no other"
    server.configure("")
    server.reload("USR1")
    page = server.get("/server-status").body.decode()
    assert "its reload failed on" not in page
    assert "Failed reloads: 1" in page
