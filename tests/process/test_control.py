"""pyhttpdctl: apachectl's verbs, with `envvars` beside the configuration."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import Start
from tests.support.servers import SLOW


def test_verbs_and_envvars(pyhttpd: Start) -> None:
    server = pyhttpd('Header set X-Env "${SAID_BY_ENVVARS}"', start=False)
    (server.config.parent / "envvars").write_text("SAID_BY_ENVVARS='from envvars'\nexport SAID_BY_ENVVARS\n")

    def control(verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pyhttpd.cli.ctl", verb, "-f", str(server.config)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=server.environment,
            cwd=server.root,
            timeout=SLOW,
            check=False,
        )

    result = control("configtest")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "Syntax OK\n")
    result = control("start")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    server.find_daemon()
    assert server.get("/").header("X-Env") == "from envvars"
    for verb in ("graceful", "restart"):
        place = server.error_log.place()
        assert control(verb).returncode == 0
        server.await_running(place)
        assert server.get("/").header("X-Env") == "from envvars"
    server.config.write_text(server.config.read_text() + "Foo bar\n")
    result = control("graceful")
    assert result.returncode == 1
    assert "Invalid command 'Foo'" in result.stderr
    server.configure()
    assert control("graceful-stop").returncode == 0
    server.await_end()
    result = control("stop")
    assert (result.returncode, "httpd (no pid file) not running" in result.stdout + result.stderr) == (0, True)
