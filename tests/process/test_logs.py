"""Logs to programs and to syslog: nobody waits for them, nothing of them is left, little is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.support import processes
from tests.support.clients import Client, HalfRequests, Load
from tests.support.servers import AS_ROOT, SLOW, Server
from tests.support.waiting import wait_until

ERROR_LOG = 'ErrorLog "|$exec cat >> logs/error_log"'
ROTATELOGS = f"{sys.executable} -m pyhttpd.cli.rotatelogs"


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def programs(server: Server, word: str = "") -> list[int]:
    """The master's other children, or those whose command line has this word."""

    def look() -> list[tuple[int, str]] | None:
        found = [(pid, command_line(pid)) for pid in processes.children(server.pid)]
        # one that changes into another program just now has no command line
        return None if any(not line and processes.alive(pid) for pid, line in found) else [*found, (0, "")]

    found = server.wait_until(look, SLOW, "the names of the programs")
    return [pid for pid, line in found if line and "pyhttpd -f" not in line and word in line]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def await_lines(server: Server, path: Path, count: int, start: str = "") -> list[str]:
    def enough() -> list[str]:
        found = [line for line in lines(path) if line.startswith(start)]
        return found if len(found) >= count else []

    return server.wait_until(enough, SLOW, f"{count} lines in {path.name}")


LAST = 'CustomLog logs/last "%r"'  # behind all others, so that what is in it is in them, too


def get_logged(server: Server) -> None:
    """One request, until it is in all logs of a server that has LAST: a line is written after its answer."""
    last = server.root / "logs" / "last"
    before = len(lines(last))
    assert server.get("/a.txt").status == 200
    await_lines(server, last, before + 1)


def kill(server: Server, pid: int) -> None:
    """Until it is dead, so that it has read nothing of what is written after this."""
    processes.kill(pid)
    server.wait_until(lambda: not processes.alive(pid), SLOW, "it is dead")


def await_two_deaths(server: Server, place: int) -> None:
    server.wait_until(lambda: len(server.error_log.find("AH00106", place)) == 2, SLOW, "both are missed")


def stop_process(server: Server, pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    server.wait_until(lambda: processes.state(pid) == "T", SLOW, "it has stopped")


def test_programs_that_are_killed_lose_no_line(pyhttpd: Start, mpm: str) -> None:
    """Access log and error log. The programs have read everything when they die; what comes then waits."""
    server = pyhttpd(f'{ERROR_LOG}\nCustomLog "|$exec cat >> logs/piped" "%r"', mpm=mpm)
    server.expect("AH00106")
    written = server.root / "logs" / "piped"
    asked = 0
    for _ in range(3):
        server.get("/a.txt")
        asked += 1
        await_lines(server, written, asked)
        old = programs(server)
        assert len(old) == 2
        place = server.error_log.place()
        for pid in old:
            kill(server, pid)
        with Load(server.port) as load:
            load.await_answers(20)
            counts = load.stop()
        assert (counts.lost, counts.refused, counts.wrong) == (0, 0, 0), counts
        asked += counts.complete
        await_lines(server, written, asked)
        await_two_deaths(server, place)
        server.wait_until(lambda: len(programs(server)) == 2, SLOW, "two others")
    assert len(lines(written)) == asked
    server.stop()
    assert server.error_log.lines()[-1].number in ("AH00169", "AH00295")


def test_a_program_that_hangs_costs_no_request(pyhttpd: Start, mpm: str) -> None:
    """The pipe fills; then lines are dropped, which is said once, and counted."""
    server = pyhttpd('CustomLog "|$exec cat >> logs/piped" "%{X-Pad}i %r"', mpm=mpm)
    server.expect("PH00230", "PH00231")
    [program] = programs(server)
    stop_process(server, program)
    pad = "x" * 4000
    sent = 400  # of which the pipe has room for 256
    for _ in range(sent // 50):
        with Client(server.port) as client:
            for _ in range(50):
                assert client.ask("/a.txt", X_Pad=pad).status == 200
    server.await_log("PH00230")
    for _ in range(20):
        assert server.get("/a.txt", X_Pad=pad).status == 200
    sent += 20
    assert [line for line in server.error_log.lines() if line.number == "PH00231"] == []
    os.kill(program, signal.SIGCONT)
    said = server.await_log("PH00231")
    dropped = int(said.text.split()[0])
    assert len(server.error_log.find("PH00230")) == 1
    written = await_lines(server, server.root / "logs" / "piped", sent - dropped)
    assert len(written) == sent - dropped
    assert set(written) == {f"{pad} GET /a.txt HTTP/1.1"}
    assert programs(server) == [program], "nobody was started anew"
    assert server.get("/a.txt").status == 200
    await_lines(server, server.root / "logs" / "piped", sent - dropped + 1)


def test_the_error_log_s_program_hangs(pyhttpd: Start, mpm: str) -> None:
    """The same for the error log, where the beginning is told only if there is room for it; the end always is."""
    server = pyhttpd(ERROR_LOG, mpm=mpm)
    server.expect("AH00132", "PH00230", "PH00231")
    server.write("closed.txt", "x").chmod(0)
    [program] = programs(server)
    stop_process(server, program)
    for _ in range(8):
        with Client(server.port) as client:
            for _ in range(50):
                assert client.ask("/closed.txt", Referer="http://x.example/" + "y" * 4000).status == 403
    os.kill(program, signal.SIGCONT)
    dropped = int(server.await_log("PH00231").text.split()[0])
    assert 0 < dropped < 400
    assert 398 <= len(server.error_log.find("AH00132")) + dropped <= 402, "a line of the master's may be among them"


def test_lines_longer_than_pipe_buf_are_whole(pyhttpd: Start) -> None:
    server = pyhttpd('CustomLog "|$exec cat >> logs/piped" "%{X-Pad}i %r"', mpm="worker")
    with Load(server.port, clients=4) as load:
        for length in (10, 4000, 4096, 5000, 8000) * 8:
            assert server.get("/a.txt", X_Pad="y" * length).status == 200
        counts = load.stop()
    written = await_lines(server, server.root / "logs" / "piped", 40 + counts.complete)
    assert sorted(len(line) for line in written if line.startswith("y")) == sorted(
        length + len(" GET /a.txt HTTP/1.1") for length in (10, 4000, 4096, 5000, 8000) * 8
    )
    assert all(line.endswith(" HTTP/1.1") and line.count("HTTP/1.1") == 1 for line in written)


def test_the_forms_of_a_command(pyhttpd: Start) -> None:
    """`|` and `||` without a shell, `|$` with one, which gets its quotes."""
    script = (
        '#!/bin/sh\nprintf "%s|" "$@" > "$1"; pwd >> "$1"\n'
        'echo "[now] [program:notice] [pid 1] said" >&2\nexec cat >> "$1"\n'
    )
    server = pyhttpd(
        'CustomLog "|bin/program logs/one \'b c\' d\\\\ e" "%r"\n'
        'CustomLog "||bin/program logs/two" "%r"\n'
        "CustomLog \"|$cat > 'logs/three   3'\" \"%r\"\n",
        start=False,
    )
    program = server.root / "bin" / "program"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    server.start()
    server.get("/a.txt")
    logs = server.root / "logs"
    assert await_lines(server, logs / "one", 2) == [f"logs/one|b c|d e|{server.root}", "GET /a.txt HTTP/1.1"]
    assert await_lines(server, logs / "two", 2) == [f"logs/two|{server.root}", "GET /a.txt HTTP/1.1"]
    assert await_lines(server, logs / "three   3", 1) == ["GET /a.txt HTTP/1.1"]
    said = [line.text for line in server.error_log.lines() if line.module == "program"]
    assert said == ["said"] * 2, "their standard error is the error log"


def test_programs_change_with_the_generation(pyhttpd: Start, mpm: str) -> None:
    """A restart starts new ones. An old one lives until the last child that writes to it has gone."""
    server = pyhttpd(f'{ERROR_LOG}\nCustomLog "|$exec tee -a logs/by-$$ > /dev/null" "%r"', mpm=mpm)
    first = programs(server)
    [one] = programs(server, "by-")
    with HalfRequests(server.port, 1) as half:
        old_children = set(server.children()) - set(first)
        server.reload("USR1")
        server.wait_until(lambda: len(programs(server)) == 4, SLOW, "new programs beside the old ones")
        [two] = set(programs(server, "by-")) - {one}

        def served_anew() -> list[str]:
            assert server.get("/a.txt").status == 200  # perhaps by an old child, in its last moments
            return lines(server.root / "logs" / f"by-{two}")

        server.wait_until(served_anew, SLOW, "a line for the new program")
        assert set(first) <= set(programs(server))
        [answer] = half.finish()
        assert answer.status == 200
    await_lines(server, server.root / "logs" / f"by-{one}", 1, "GET / ")
    server.await_change(old_children)
    server.wait_until(lambda: not set(first) & set(programs(server)), SLOW, "the end of the old ones")
    server.reload("HUP")
    server.wait_until(lambda: len(programs(server)) == 2 and two not in programs(server), SLOW, "others at once")
    assert server.get("/a.txt").status == 200


def test_a_stop_leaves_nothing_behind(pyhttpd: Start, mpm: str) -> None:
    """Neither a program that sleeps, nor what it has started; and what the pipe holds is read before."""
    hangs = "|$(sleep 1000 & echo $! > logs/sleeper; exec cat > /dev/null); sleep 1000"
    slow = "|$sleep 0.3; cat >> logs/slow"
    piped = f'CustomLog "{hangs}" "%r"\nCustomLog "{slow}" "%r"'
    server = pyhttpd(f"{ERROR_LOG}\n{piped}\n{LAST}", mpm=mpm, start=False)
    for _ in range(5):
        place = server.error_log.place()
        for name in ("sleeper", "slow"):
            (server.root / "logs" / name).unlink(missing_ok=True)
        server.start()
        [pid] = programs(server, "logs/slow")
        await_lines(server, server.root / "logs" / "sleeper", 1)
        get_logged(server)
        server.stop()  # which looks for processes of this server
        assert server.exit_status == 0
        said = [line.text for line in server.error_log.lines(place) if line.number == "AH00045"]
        assert said, "nobody told the program to end that would not"
        if not any(f" {pid} " in text for text in said):
            assert lines(server.root / "logs" / "slow") == ["GET /a.txt HTTP/1.1"]
            return
        # A second after the end of its input it was still asleep: the machine was even slower.
    raise AssertionError("the slow program was never given the time to read")


def test_a_graceful_stop_waits_for_the_last_line(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(f'{ERROR_LOG}\nCustomLog "|$exec cat >> logs/piped" "%r"', mpm=mpm)
    with HalfRequests(server.port, 1) as half:
        server.wait_until(lambda: server.auto()["BusyWorkers"] == "2", SLOW, "the half request in its slot")
        server.signal("WINCH")
        server.await_log("AH00170" if mpm == "prefork" else "AH00296")
        assert len(programs(server)) == 2
        [answer] = half.finish()
        assert answer.status == 200
    server.await_end()
    assert "GET / HTTP/1.1" in lines(server.root / "logs" / "piped")


def test_a_master_that_is_killed_takes_its_programs_along(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(f'{ERROR_LOG}\nCustomLog "|$exec cat >> logs/piped" "%r"\n{LAST}', mpm=mpm)
    get_logged(server)
    assert len(programs(server)) == 2
    server.signal("KILL")
    server.await_end()
    assert lines(server.root / "logs" / "piped") == ["GET /a.txt HTTP/1.1"]


def refused(server: Server, number: str, text: str) -> None:
    """A start that ends at once, with this on the terminal and status 1."""
    for arguments in ((), ("-D", "FOREGROUND"), ("-X",)):
        result = server.run(*arguments)
        assert result.returncode == 1
        assert result.stderr == f"(2)No such file or directory: {number}: {text}\nAH00015: Unable to open logs\n"
        wait_until(lambda: not processes.marked(str(server.root)), SLOW, "nothing left")


def test_a_program_that_is_not_there_is_refused(pyhttpd: Start) -> None:
    server = pyhttpd('ErrorLog "|/none/program x"', start=False)
    refused(server, "AH00089", "Couldn't start ErrorLog process '/none/program x'.")
    server.configure(f'{ERROR_LOG}\nCustomLog "|/none/program x" "%r"')
    refused(server, "AH00104", "unable to start piped log program '/none/program x'")
    server.configure('CustomLog "||$" "%r"')
    refused(server, "AH00104", "unable to start piped log program ''")
    server.configure("ErrorLog syslog:nonsense")
    result = server.run()
    assert result.returncode == 1
    assert "AH10036" in result.stderr


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ('CustomLog "|/none/program" "%r"', "AH00104"),
        ('CustomLog "|logs/broken" "%r"', "AH00104"),
        ("ErrorLog |/none/program", "AH00089"),
        ("PidFile /none/pid", "AH00100"),
        ("CustomLog /dev/null/x test", "AH02297"),
    ],
)
def test_a_reload_that_fails_leaves_the_programs_alone(pyhttpd: Start, line: str, number: str) -> None:
    """Whatever it had started ends again."""
    piped = f'{ERROR_LOG}\nCustomLog "|$exec cat >> logs/piped" "%r"'
    server = pyhttpd(piped)
    broken = server.root / "logs" / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    running = programs(server)
    descriptors = len(os.listdir(f"/proc/{server.pid}/fd"))
    server.configure(f"{piped}\n{line}")
    for name in ("USR1", "HUP"):
        place = server.signal(name)
        server.await_log("PH00220", place)
        assert number in server.error_log.numbers(place)
        server.expect(*server.error_log.numbers(place))
        server.wait_until(lambda: programs(server) == running, SLOW, f"only the programs {running}")
    server.wait_until(
        lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= descriptors,  # one more may have been open for a moment
        SLOW,
        f"{descriptors} descriptors as before",
    )
    assert server.get("/a.txt").status == 200
    await_lines(server, server.root / "logs" / "piped", 1)


def test_twenty_graceful_restarts_leak_nothing(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(f'{ERROR_LOG}\nCustomLog "|$exec cat >> logs/piped" "%r"', mpm=mpm)

    def settled() -> bool:
        return len(programs(server)) == 2 and server.get("/a.txt").status == 200

    def descriptors() -> int:
        """The most that the master or a child has."""
        counts = [0]
        for pid in (server.pid, *server.children()):
            with contextlib.suppress(FileNotFoundError):
                counts.append(len(os.listdir(f"/proc/{pid}/fd")))
        return max(counts)

    server.reload("USR1")
    server.wait_until(settled, SLOW, "two programs")
    before = descriptors()
    for _ in range(20):
        server.reload("USR1")
    server.wait_until(settled, SLOW, "two programs")
    # a child may be at its beginning or its end, with some more or less; a leak would be twenty at least
    server.wait_until(lambda: descriptors() < before + 10, SLOW, f"about as many descriptors as before: {before}")


@pytest.mark.parametrize(
    "form", [pytest.param("direct", id="direct"), pytest.param("shell", id="shell"), pytest.param("error", id="error")]
)
def test_one_process_with_programs(pyhttpd: Start, form: str) -> None:
    """-X: they run, and end with it."""
    log = "logs/error_log" if form == "error" else "logs/piped"
    command = f"|$exec cat >> {log}" if form != "direct" else f"|{ROTATELOGS} -t logs/piped 1000M"
    line = f'ErrorLog "{command}"' if form == "error" else f'CustomLog "{command}" "%r"'
    server = pyhttpd(f"{line}\n{LAST}", start=False, options=["-X"]).start()
    get_logged(server)
    assert len(programs(server)) == 1
    server.stop()
    assert any("GET /a.txt" in text or "AH00094" in text for text in lines(server.root / log))


def test_a_daemon_has_its_programs(pyhttpd: Start, mpm: str) -> None:
    """They are children of the daemon, not of the process that has gone with the terminal."""
    server = pyhttpd(f'{ERROR_LOG}\nCustomLog "|$exec cat >> logs/piped" "%r"', mpm=mpm, start=False)
    assert server.start_daemon().returncode == 0
    server.expect("AH00106")
    for pid in programs(server):
        kill(server, pid)
    await_two_deaths(server, 0)
    assert server.get("/a.txt").status == 200
    await_lines(server, server.root / "logs" / "piped", 1)
    assert len(programs(server)) == 2
    server.stop()


def test_an_interrupt_at_the_terminal_loses_no_line(pyhttpd: Start) -> None:
    """INT goes to the whole process group; the programs are in sessions of their own, and end after the server."""
    server = pyhttpd(f'{ERROR_LOG}\nCustomLog "|$exec cat >> logs/piped" "%r"\n{LAST}')
    get_logged(server)
    os.killpg(server.pid, signal.SIGINT)
    server.await_end()
    assert server.error_log.numbers()[-1] == "AH00169"
    assert server.error_log.find("AH00106") == []
    assert lines(server.root / "logs" / "piped") == ["GET /a.txt HTTP/1.1"]


def test_programs_that_are_stopped_with_the_server_are_not_missed(pyhttpd: Start, mpm: str) -> None:
    """As a service manager does it: TERM to everybody."""
    server = pyhttpd('CustomLog "|/bin/cat" "%r"', mpm=mpm)
    [program] = programs(server)
    os.kill(server.pid, signal.SIGSTOP)
    for pid in (server.pid, program):
        os.kill(pid, signal.SIGTERM)
    server.wait_until(lambda: not processes.alive(program), SLOW, "the program's end")
    os.kill(server.pid, signal.SIGCONT)
    server.await_end()
    assert server.error_log.find("AH00106") == []
    assert server.exit_status == 0


def test_virtual_hosts_share_a_program(pyhttpd: Start) -> None:
    piped = "|$exec cat >> logs/vhosts"
    hosts = "".join(
        f'<VirtualHost *>\nServerName {name}.example\nErrorLog "|$exec cat >> logs/errors"\nLogLevel debug\n'
        f'CustomLog "{piped}" "%v %r"\n</VirtualHost>\n'
        for name in ("one", "two")
    )
    server = pyhttpd(hosts)
    server.write("closed.txt", "x").chmod(0)
    assert len(programs(server)) == 2
    for name in ("one", "two"):
        assert server.get("/closed.txt", Host=f"{name}.example").status == 403
    written = await_lines(server, server.root / "logs" / "vhosts", 2)
    assert sorted(written) == ["one.example GET /closed.txt HTTP/1.1", "two.example GET /closed.txt HTTP/1.1"]
    server.wait_until(
        lambda: sum("AH00132" in line for line in lines(server.root / "logs" / "errors")) == 2, SLOW, "both errors"
    )


def test_rotatelogs_under_the_server(pyhttpd: Start, mpm: str) -> None:
    """Three files in turn by size; every line is in one of them, once."""
    server = pyhttpd(f'CustomLog "|{ROTATELOGS} -n 3 logs/turn 2K" "%{{X-Number}}i %r"', mpm=mpm)
    paths = [server.root / "logs" / name for name in ("turn", "turn.1", "turn.2")]

    def found() -> list[str]:
        return [line for path in paths for line in lines(path)]

    asked = 0
    while not paths[-1].exists():
        asked += 1
        assert asked < 2000
        assert server.get("/a.txt", X_Number=str(asked)).status == 200
        server.wait_until(partial(lambda wanted: len(found()) == wanted, asked), SLOW, "one line more")
    assert sorted(int(line.split()[0]) for line in found()) == list(range(1, asked + 1))
    assert all(2048 < path.stat().st_size < 2048 + 100 for path in paths[:2])


@pytest.fixture
def daemon_socket() -> Iterator[Callable[[], list[str]]]:
    """The system's log daemon, played by the test."""
    if not AS_ROOT or os.path.lexists("/dev/log"):
        pytest.skip("only root can play the log daemon, where there is none")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind("/dev/log")
    os.chmod("/dev/log", stat.S_IRUSR | stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    sock.setblocking(False)
    messages: list[str] = []

    def received() -> list[str]:
        try:
            while True:
                messages.append(sock.recv(65536).decode())
        except BlockingIOError:
            return messages

    yield received
    sock.close()
    os.unlink("/dev/log")


def test_syslog(pyhttpd: Start, daemon_socket: Callable[[], list[str]]) -> None:
    """Each virtual host has its own facility and tag; the level is the priority; LogLevel holds for notices, too."""
    server = pyhttpd(
        "ErrorLog syslog:daemon\nLogLevel info\n"
        "<VirtualHost *>\nServerName one.example\nErrorLog syslog:local3:one\n</VirtualHost>\n"
        "<VirtualHost *>\nServerName two.example\nErrorLog syslog::two\nLogLevel crit\n</VirtualHost>\n"
        "<VirtualHost *>\nServerName three.example\nErrorLog syslog::three\n</VirtualHost>\n",
        listen="Listen 127.0.0.1:0",
        start=False,
    )
    server.start(wait=False)

    def message(text: str) -> str:
        def look() -> str:
            return next((line for line in daemon_socket() if text in line), "")

        return server.wait_until(look, SLOW, f"a message with {text!r}")

    server.port = int(message("PH00201").rpartition(":")[2])
    assert message("AH00163").startswith(f"<{3 * 8 + 5}>")
    process = f"[pid {server.pid}:tid {server.pid}]"
    assert f"pyhttpd[{server.pid}]: [mpm_prefork:notice] {process} AH00163: " in message("AH00163")
    server.write("closed.txt", "x").chmod(0)
    for name in ("one", "two", "three"):
        assert server.get("/closed.txt", Host=f"{name}.example").status == 403
        daemon_socket()  # the kernel keeps ten
    three = message(" three[")
    assert three.startswith(f"<{23 * 8 + 3}>")
    one = message(" one[")
    assert one.startswith(f"<{19 * 8 + 3}>")
    assert "[core:error]" in one
    assert "AH00132" in one
    assert not [line for line in daemon_socket() if " two[" in line]
    server.stop()
    assert "AH00169" in message("AH00169")
