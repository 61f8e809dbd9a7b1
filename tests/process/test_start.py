"""Starting and refusing to start: pid files, ports, users, the terminal."""

from __future__ import annotations

import os
import pty
import pwd
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support import processes
from tests.support.clients import Client, HalfRequests, get
from tests.support.logs import WORRYING
from tests.support.servers import AS_ROOT, CHECKOUT, SLOW, Server, free_port
from tests.support.waiting import wait_until


def _refused(server: Server, *said: str) -> str:
    """The server does not start, in the foreground and as a daemon alike: status 1, and the terminal is told why."""
    for arguments in ((), ("-D", "FOREGROUND")):
        result = server.run(*arguments)
        assert result.returncode == 1, result
        assert "Traceback" not in result.stderr
        for text in said:
            assert text in result.stderr, f"{arguments}: {result.stderr}"
        wait_until(lambda: not processes.marked(str(server.root)), SLOW, "nothing left")
    return result.stderr


def test_a_daemon_is_ready_when_the_terminal_is_released(pyhttpd: Start, mpm: str) -> None:
    port = free_port()
    server = pyhttpd(mpm=mpm, start=False, listen=f"Listen 127.0.0.1:{port}")
    result = server.run()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    with Client(port) as client:  # at once
        assert client.ask("/a.txt").body == b"a\n"
    pid = server.read_pid_file()
    assert pid is not None
    server.find_daemon()
    assert server.pid == pid
    assert server.pid_file.stat().st_mode & 0o777 == 0o644
    assert server.pid_file.read_text() == f"{pid}\n"
    assert os.getsid(pid) != os.getsid(0)
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
    assert Path(f"/proc/{pid}/fd/2").resolve() == (server.root / "logs" / "error_log")
    server.stop()
    assert not server.pid_file.exists()


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_daemon_of_somebody_who_has_closed_his_streams(pyhttpd: Start, closed: str) -> None:
    """No socket or log of the server may get one of these numbers, and detaching needs none of them."""
    server = pyhttpd(start=False)
    assert server.run("-k", "start", wrapper=["/bin/sh", "-c", f'exec "$@" {closed}', "sh"]).returncode == 0
    server.find_daemon()
    assert server.get("/a.txt").body == b"a\n"
    for number, target in ((0, "/dev/null"), (1, "/dev/null"), (2, str(server.root / "logs" / "error_log"))):
        assert os.readlink(f"/proc/{server.pid}/fd/{number}") == target


def test_a_broken_configuration_reaches_the_terminal(pyhttpd: Start) -> None:
    server = pyhttpd("Foo bar", start=False)
    _refused(server, "AH00526: Syntax error on line ", "Invalid command 'Foo', perhaps misspelled")
    assert not server.pid_file.exists()


def test_a_port_in_use(pyhttpd: Start) -> None:
    first = pyhttpd(listen=f"Listen 127.0.0.1:{free_port()}")
    pid = first.read_pid_file()
    second = pyhttpd(listen=first.listen, start=False)
    second.expect("AH00072", "AH00015")
    said = f"(98)Address already in use: AH00072: make_sock: could not bind to address 127.0.0.1:{first.port}"
    text = _refused(second, said, "no listening sockets available, shutting down", "AH00015: Unable to open logs")
    assert text.index("AH00072") < text.index("no listening") < text.index("AH00015")
    assert not second.pid_file.exists()
    # two masters with one pid file: the second leaves the first one's alone
    second.config = first.config
    for arguments in ((), ("-D", "FOREGROUND")):
        result = second.run(*arguments)
        assert (result.returncode, result.stdout, result.stderr) == (0, f"httpd (pid {pid}) already running\n", "")
    assert first.read_pid_file() == pid
    assert first.get("/a.txt").status == 200


def test_users_and_files_that_are_not_there(pyhttpd: Start) -> None:
    server = pyhttpd(start=False)
    if AS_ROOT:
        server.configure("User nosuchuser")
        _refused(server, "AH00543: ", "bad user name nosuchuser")
        server.configure("Group nosuchgroup")
        _refused(server, "AH00544: ", "bad group name nosuchgroup")
    server.configure("ErrorLog /nonexistent/error_log")
    _refused(
        server, "Cannot access directory '/nonexistent/' for main error log", "AH00014: Configuration check failed"
    )
    server.configure("CustomLog /nonexistent/access_log test")
    server.expect("AH00649", "AH00015")
    _refused(server, "/nonexistent/access_log")
    server.configure("DocumentRoot /nonexistent")
    _refused(server, "DocumentRoot '/nonexistent' is not a directory, or is not readable")
    server.configure("PidFile /nonexistent/httpd.pid")
    server.expect("AH00099", "AH00100")
    _refused(server, "/nonexistent/httpd.pid")


@pytest.mark.skipif(not AS_ROOT, reason="only root is asked for a User")
def test_root_without_a_user_is_refused(pyhttpd: Start) -> None:
    server = pyhttpd(start=False)
    text = "\n".join(line for line in server.config.read_text().splitlines() if not line.startswith(("User", "Group")))
    server.config.write_text(text + "\n")
    _refused(server, "User")


def test_an_unreadable_document_root(pyhttpd: Start) -> None:
    server = pyhttpd(start=False)
    server.docroot.chmod(0)
    server.start()
    server.expect("AH00035", "AH00132")
    answer = server.get("/a.txt")
    assert answer.status == 403
    assert server.error_log.find("AH00035"), server.describe()
    server.docroot.chmod(0o755)
    assert server.get("/a.txt").status == 200


def test_a_pid_file_of_an_unclean_shutdown(pyhttpd: Start) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    server = pyhttpd(start=False)
    server.pid_file.write_text(f"{gone.pid}\n")
    server.expect("AH00098")
    result = server.start_daemon("-k", "start")
    assert result.returncode == 0, result
    line = server.error_log.find("AH00098")[0]
    assert line.level == "warn"
    assert "overwritten -- Unclean shutdown of previous" in line.text


def test_a_pid_file_of_another_program(pyhttpd: Start) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        server = pyhttpd(start=False)
        server.pid_file.write_text(f"{other.pid}\n")
        for verb in ("stop", "graceful-stop"):
            result = server.run("-k", verb)
            assert result.returncode == 0
            assert f"httpd (pid {other.pid}?) not running" in result.stdout + result.stderr
        assert other.poll() is None, "somebody else's process was signalled"
        server.expect("AH00098")
        result = server.start_daemon("-k", "start")
        assert result.returncode == 0, result
        assert "already running" not in result.stdout + result.stderr
        assert server.read_pid_file() not in (None, other.pid)
        assert server.error_log.find("AH00098")
        assert server.get("/a.txt").status == 200
        assert other.poll() is None
    finally:
        other.communicate(b"\n")
    server.stop()
    server.pid_file.write_text("no number\n")
    for arguments in (("-k", "stop"), (), ("-D", "FOREGROUND")):
        result = server.run(*arguments)
        assert result.returncode == 1, result
        assert "AH00058: Error retrieving pid file" in result.stderr
        assert "AH00059: Remove it before continuing if it is corrupted." in result.stderr


def test_one_process(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd("ListenCoresBucketsRatio 1", mpm=mpm, options=["-X"])
    for _ in range(12):  # it has no children that might accept for it
        assert server.get("/a.txt").body == b"a\n"
    assert server.children() == []
    assert processes.marked(str(server.root)) == [server.pid]
    # A line is written after its answer has been sent.
    ours = [server.pid] * 12
    server.wait_until(lambda: [line.pid for line in server.access_log.lines()] == ours, SLOW, "a line each")
    server.stop()
    assert server.exit_status == 0
    # As root it has become User, who may not remove the file; then it is empty.
    assert not server.pid_file.exists() or server.pid_file.read_bytes() == b""


def test_a_terminal_that_is_resized_does_not_stop_the_server(pyhttpd: Start) -> None:
    master, slave = pty.openpty()
    # somebody has to read what the terminal shows
    reader = threading.Thread(target=lambda: _drain(master), daemon=True)
    reader.start()
    try:
        server = pyhttpd(start=False)
        server.start(terminal=slave)
        place = server.error_log.place()
        for _ in range(2):
            server.signal("WINCH")
        server.reload("USR1")
        assert server.get("/a.txt").status == 200
        said = [line for line in server.error_log.lines(place) if "WINCH" in line.text and line.number != "AH00170"]
        assert len(said) == 1, server.describe()
        server.stop()
    finally:
        os.close(slave)
        os.close(master)


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        return


def test_the_shell_that_started_it_survives(pyhttpd: Start) -> None:
    """In the foreground the process group is the shell's too: children are signalled one by one."""
    server = pyhttpd(start=False)
    server.start(wrapper=["/bin/sh", "-c", '"$@"; echo "ended with $?"', "sh"])
    pid = server.read_pid_file()
    assert pid is not None
    assert pid != server.pid
    place = server.error_log.place()
    processes.kill(pid, 1)
    server.await_running(place)
    processes.kill(pid, 15)
    server.await_end()
    assert "ended with 0" in server.console.lines()


def test_the_foreground_ends_with_status_0(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    server.signal("INT")
    server.await_end()
    assert server.exit_status == 0
    assert not server.pid_file.exists()
    server.start()
    server.signal("WINCH")
    server.await_end()
    assert server.exit_status == 0
    assert not server.pid_file.exists()


def test_term_ends_a_graceful_stop(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(mpm=mpm)
    with HalfRequests(server.port, 1):
        place = server.signal("WINCH")
        server.await_log({"prefork": "AH00170", "worker": "AH00296"}[mpm], place)
        assert not server.pid_file.exists()
        for name in ("HUP", "USR1", "WINCH"):  # whoever stops does nothing else
            server.signal(name)
        server.stop()
    assert server.exit_status == 0
    assert [line.number for line in server.error_log.lines(place)] == [
        "AH00096", {"prefork": "AH00170", "worker": "AH00296"}[mpm],
    ]  # fmt: skip


def test_nobody_is_forced(pyhttpd: Start, mpm: str) -> None:
    """Children end as soon as they are told to. On a machine that stands still somebody may be told again, but not
    every time."""
    server = pyhttpd(mpm=mpm, start=False)
    said: list[str] = []
    for _ in range(5):
        place = server.error_log.place()
        server.start()
        assert server.get("/a.txt").status == 200
        for name in ("USR1", "HUP"):
            server.reload(name)
        server.stop()
        said = [line.line for line in server.error_log.lines(place) if line.level in WORRYING]
        if not said:
            return
    raise AssertionError("\n".join(said))


def test_a_relative_file_and_no_server_root(pyhttpd: Start, tmp_path: Path) -> None:
    """`-f httpd.conf` from the directory of the file, and from elsewhere with `-d`."""
    server = pyhttpd(start=False)
    result = server.run("-t", "-f", "httpd.conf", config=False, cwd=server.root / "conf")
    assert (result.returncode, result.stderr) == (0, "Syntax OK\n")
    result = server.run("-t", "-d", str(server.root), "-f", "conf/httpd.conf", config=False, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "Syntax OK\n")
    result = server.run("-t", "-f", "none.conf", config=False, cwd=tmp_path)
    assert result.returncode == 1
    assert "Could not open configuration file" in result.stderr


def test_the_six_lines_that_serve_files(pyhttpd: Start) -> None:
    """What is compiled in needs no LoadModule; the MPM is worker."""
    server = pyhttpd(start=False, mpm="worker")
    user = [line for line in server.common().splitlines() if line.startswith(("User", "Group"))]
    lines = [f'ServerRoot "{server.root}"', "Listen 127.0.0.1:0", "ServerName x", f'DocumentRoot "{server.docroot}"']
    lines += ["PidFile logs/httpd.pid", "ErrorLog logs/error_log", "LogLevel notice", "TypesConfig conf/mime.types"]
    server.config.write_text("\n".join([*lines, *user, ""]))
    server.start()
    assert server.get("/").header("Content-Type") == "text/html"


def test_several_listeners(pyhttpd: Start, mpm: str) -> None:
    one, two = free_port(), free_port()
    server = pyhttpd(mpm=mpm, listen=f"Listen 127.0.0.1:{one}\nListen 127.0.0.1:{two}\nListen [::1]:{two}")
    for _ in range(3):
        assert get(one, "/a.txt").body == b"a\n"
        assert get(two, "/a.txt").body == b"a\n"
        if Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
            assert get(two, "/a.txt", host="::1").body == b"a\n"
    server.reload("USR1")
    assert get(two, "/a.txt").body == b"a\n"


@pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")
def test_as_an_ordinary_user(pyhttpd: Start, tmp_path: Path) -> None:
    """Tests that run as root have a look at the other life, too."""
    setpriv = shutil.which("setpriv")
    if setpriv is None or not os.access(CHECKOUT, os.R_OK | os.X_OK):
        pytest.skip("no setpriv to change the user with")
    server = pyhttpd(start=False)
    nobody = pwd.getpwnam("nobody")
    become = [setpriv, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    probe = subprocess.run([*become, sys.executable, "-c", "import h11"], capture_output=True, check=False, cwd="/")
    if probe.returncode != 0:
        pytest.skip("an ordinary user cannot read this Python")
    for path in (server.root, *server.root.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    server.start(wrapper=become)
    assert server.get("/a.txt").body == b"a\n"
    assert processes.user_of(server.pid) == nobody.pw_uid
    assert {processes.user_of(pid) for pid in server.children()} == {nobody.pw_uid}
