"""pyhttpdctl: apachectl's verbs, with `envvars` beside the configuration."""

from __future__ import annotations

from functools import partial

from tests.conftest import Start
from tests.support.control import PYHTTPDCTL, control


def test_verbs_and_envvars(pyhttpd: Start) -> None:
    server = pyhttpd('Header set X-Env "${SAID_BY_ENVVARS}"', start=False)
    (server.config.parent / "envvars").write_text("SAID_BY_ENVVARS='from envvars'\nexport SAID_BY_ENVVARS\n")
    ctl = partial(control, server, program=PYHTTPDCTL)
    result = ctl("configtest")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "Syntax OK\n")
    result = ctl("start")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    server.find_daemon()
    assert server.get("/").header("X-Env") == "from envvars"
    for verb in ("graceful", "restart"):
        place = server.error_log.place()
        assert ctl(verb).returncode == 0
        server.await_running(place)
        assert server.get("/").header("X-Env") == "from envvars"
    server.config.write_text(server.config.read_text() + "Foo bar\n")
    result = ctl("graceful")
    assert result.returncode == 1
    assert "Invalid command 'Foo'" in result.stderr
    server.configure()
    assert ctl("graceful-stop").returncode == 0
    server.await_end()
    result = ctl("stop")
    assert (result.returncode, "httpd (no pid file) not running" in result.stdout + result.stderr) == (0, True)
