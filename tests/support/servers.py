"""pyhttpd and the real Apache behind one interface, each in a temporary ServerRoot, stopped and checked at the end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tests.support import clients, memos, processes
from tests.support.logs import AccessLog, ErrorLine, ErrorLog, LogFile
from tests.support.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
APACHE = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
APACHE_MODULES = Path("/usr/lib/apache2/modules")
AS_ROOT = os.geteuid() == 0
T = TypeVar("T")
SLOW = 60.0  # seconds: tells "works" from "hangs", on a machine that is busy, or stands still for seconds
# What a server may say where the machine keeps somebody from running for a while: a child did not end at once, or a
# whole small pool was in the middle of something when the master looked. Tests that are about it look for it.
STALLED = frozenset({"AH00045", "AH00046", "AH00047", "AH00161", "AH00286", "AH00287", "AH00288", "PH00213"})

RUNNING = {"prefork": "AH00163", "worker": "AH00292"}  # "resuming normal operations"
LISTENING = "PH00201"  # "listening on 127.0.0.1:40123"
MODULES = (
    "authz_core", "authz_host", "mime", "dir", "alias", "env", "headers", "setenvif", "status", "autoindex",
    "reqtimeout",
)  # fmt: skip
LIMITS = {
    "prefork": "StartServers 2\nMinSpareServers 1\nMaxSpareServers 4\nMaxRequestWorkers 12\nMaxConnectionsPerChild 0",
    "worker": "StartServers 2\nThreadsPerChild 4\nMinSpareThreads 4\nMaxSpareThreads 12\nMaxRequestWorkers 24\n"
    "MaxConnectionsPerChild 0",
}
# Tests that are about time have limits of their own, behind these.
PATIENT = "RequestReadTimeout header=300 body=300\nKeepAliveTimeout 300\n"
TYPES = "text/html html htm\ntext/plain txt\nimage/png png\ntext/css css\napplication/javascript js\n"
PAGES = {"index.html": "<html><body>It works!</body></html>\n", "a.txt": "a\n", "big.bin": "0123456789abcdef" * 65536}
MTIME = 1_700_000_000  # of every file in the document root, so that validators are equal


def has_ipv6() -> bool:
    """Whether this machine has a loopback address of it."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def server_user() -> str:
    """Who the children run as, if the tests are root."""
    for name in ("www-data", "daemon", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("no user for the children")


def free_port() -> int:
    """A port that is not in use, outside the kernel's ephemeral range; each test process has a range of its own."""
    worker = int("".join(c for c in os.environ.get("PYTEST_XDIST_WORKER", "0") if c.isdigit()) or 0)
    first = 12000 + worker % 10 * 2000
    for _ in range(2000):
        free_port.last = first + (free_port.last + 1 - first) % 2000  # type: ignore[attr-defined]  # its own memory
        port: int = free_port.last  # type: ignore[attr-defined]  # as above
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("0.0.0.0", port))  # a test may want every address
                return port
    raise AssertionError("no free port")


free_port.last = os.getpid() % 2000  # type: ignore[attr-defined]  # where this process begins to look


class Server:
    """One server and its ServerRoot.

    `lines` come after the common ones of the configuration file, `limits` are the MPM's directives, `head` comes first.
    """

    last_lines = "#\n" * memos.LINES.count("\n")  # of every configuration, so that lines have the same numbers in both

    program = ""
    log_level = "info"

    def __init__(
        self,
        lines: str = "",
        *,
        mpm: str = "prefork",
        limits: str | None = None,
        listen: str | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        files: Mapping[str, str] = PAGES,
        descriptors: int | None = None,
        log_level: str = "info",
        access_format: str = '%P %k %>s %D \\"%r\\"',
    ) -> None:
        self.mpm = mpm
        self.root = Path(tempfile.mkdtemp(prefix=f"pyhttpd-test-{self.program}-"))
        self.root.chmod(0o755)
        self.docroot = self.root / "htdocs"
        self.config = self.root / "conf" / "httpd.conf"
        self.pid_file = self.root / "logs" / "httpd.pid"
        for directory in ("conf", "logs", "htdocs"):
            (self.root / directory).mkdir()
        (self.root / "conf" / "mime.types").write_text(TYPES)
        for name, text in files.items():
            self.write(name, text)
        self.listen = listen if listen is not None else self._listen()
        self.options = list(options)
        self.environment = {**os.environ, "LANG": "C", "LC_ALL": "C", "TZ": "UTC", **(environment or {})}
        self.environment[processes.MARK] = str(self.root)
        self.descriptors = descriptors
        self.limits = LIMITS[mpm] if limits is None else limits
        self.log_level = log_level
        self.access_format = access_format
        self.lines = lines
        self.error_log = ErrorLog(self.root / "logs" / "error_log")
        self.access_log = AccessLog(self.root / "logs" / "access_log")
        self.console = LogFile(self.root / "console")
        self.expected: set[str] = set(STALLED)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: processes.Watch | None = None
        self.configure()

    # the configuration

    def _listen(self) -> str:
        raise NotImplementedError

    def _command(self) -> list[str]:
        raise NotImplementedError

    def common(self) -> str:
        """The part of the configuration that is the same for every test and both programs."""
        modules = "\n".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so" for name in MODULES)
        user = f"User {server_user()}\nGroup {server_user()}\n" if AS_ROOT else ""
        return (
            f'ServerRoot "{self.root}"\n'
            f"LoadModule mpm_{self.mpm}_module {APACHE_MODULES}/mod_mpm_{self.mpm}.so\n{modules}\n{user}"
            f"{self.listen}\nPidFile logs/httpd.pid\nServerName 127.0.0.1\nTypesConfig conf/mime.types\n"
            f"ErrorLog logs/error_log\nLogLevel {self.log_level}\n{PATIENT}"
            f'LogFormat "{self.access_format}" test\nCustomLog logs/access_log test\n'
            f'DocumentRoot "{self.docroot}"\n'
            "<Directory />\n  AllowOverride None\n</Directory>\n"
            "<Location /server-status>\n  SetHandler server-status\n</Location>\n"
        )

    def configure(self, lines: str | None = None, *, limits: str | None = None, listen: str | None = None) -> None:
        """Write the file again, with what is given changed."""
        self.lines = self.lines if lines is None else lines
        self.limits = self.limits if limits is None else limits
        self.listen = self.listen if listen is None else listen
        self.config.write_text(f"{self.common()}{self.limits}\n{self.lines}\n{self.last_lines}")

    def write(self, name: str, text: str) -> Path:
        """A file below the document root, with the time that all of them have."""
        path = self.docroot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
        os.utime(path, (MTIME, MTIME))
        return path

    # starting

    def _before_exec(self, terminal: int | None = None) -> Callable[[], None] | None:
        """What the new process does to itself first; None where there is nothing to do."""
        descriptors = self.descriptors
        if descriptors is None and terminal is None:
            return None

        def prepare() -> None:
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
            if terminal is not None:
                fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

        return prepare

    def start(self, *, wait: bool = True, wrapper: Sequence[str] = (), terminal: int | None = None) -> Server:
        """In the foreground, as a child of the tests, in a session of its own (Apache signals its process group).

        `wrapper` is a command in front; `terminal` a descriptor of one that becomes the controlling terminal.
        """
        place = self.error_log.place()
        with (self.root / "console").open("ab") as console:
            self._process = subprocess.Popen(
                [*wrapper, *self._command(), "-f", str(self.config), "-D", "FOREGROUND", *self.options],
                stdin=subprocess.DEVNULL if terminal is None else terminal,
                stdout=console,
                stderr=console,
                env=self.environment,
                cwd=self.root,
                start_new_session=True,
                preexec_fn=self._before_exec(terminal),
            )
        self._observe(self._process.pid)
        if wait:
            self.await_running(place)
        return self

    def start_daemon(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Without `-D FOREGROUND`: returns when the terminal is released. What it printed is in the result."""
        place = self.error_log.place()
        result = self.run(*arguments)
        if result.returncode == 0:
            self.find_daemon(place)
        return result

    def find_daemon(self, place: int = 0) -> None:
        """Until a daemon runs that logged so after `place`, and wrote its pid (Apache: after the terminal is free)."""
        wait_until(lambda: self.error_log.find(RUNNING[self.mpm], place), SLOW, lambda: f"a daemon\n{self.describe()}")
        pid = self.read_pid_file()
        assert pid is not None, self.describe()
        self._observe(pid)
        self._find_port()

    def run(
        self,
        *arguments: str,
        config: bool = True,
        cwd: Path | None = None,
        limit: float = SLOW,
        wrapper: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """The program once, to its end (`-t`, `-k stop`), with a command in front if `wrapper` is one. `-f` is given
        unless `config` is false."""
        file = ["-f", str(self.config)] if config else []
        return subprocess.run(
            [*wrapper, *self._command(), *file, *self.options, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=cwd or self.root,
            timeout=limit,
            check=False,
            start_new_session=True,
            preexec_fn=self._before_exec(),
        )

    def _observe(self, pid: int) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch = processes.Watch(pid)

    def await_running(self, place: int = 0) -> None:
        """Until "resuming normal operations" is logged after `place`."""
        self.await_log(RUNNING[self.mpm], place)
        self._find_port()

    def _find_port(self) -> None:
        """Where the server listens now."""

    # looking at it

    @property
    def watch(self) -> processes.Watch:
        assert self._watch is not None, "the server was not started"
        return self._watch

    @property
    def pid(self) -> int:
        """Of the master."""
        return self.watch.pid

    @property
    def ended(self) -> bool:
        return self.watch.ended

    @property
    def exit_status(self) -> int:
        """Of a master in the foreground, once it has ended. Negative: the signal that ended it."""
        assert self._process is not None, "only the foreground's status can be known"
        return self._process.wait(SLOW)

    def children(self) -> list[int]:
        return processes.children(self.pid)

    def read_pid_file(self) -> int | None:
        try:
            return int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def get(self, target: str, **options: str) -> clients.Answer:
        """One GET on a connection of its own; `options` are header fields, `_` standing for `-`."""
        return clients.get(self.port, target, **options)

    def auto(self) -> dict[str, str]:
        """server-status?auto, in its order. The first line, the server's name, has the key "name"."""
        lines = self.get("/server-status?auto").body.decode().splitlines()
        pairs = [line.partition(": ") for line in lines[1:]]
        # "ServerUptime:" in its first second
        return {"name": lines[0], **{name.removesuffix(":"): value for name, _, value in pairs}}

    # waiting

    def wait_until(self, predicate: Callable[[], T | None], limit: float, what: str) -> T:
        """As waiting.wait_until; wakes when the master ends, and shows the end of its log when in vain."""
        return wait_until(predicate, limit, lambda: f"{what}\n{self.describe()}", wake=[self.watch.fd])

    def await_log(self, number: str, after: int = 0, limit: float = SLOW) -> ErrorLine:
        """The first line with this number after a place of the error log."""
        return wait_until(
            lambda: self.error_log.find(number, after),
            limit,
            lambda: f"{number} in the error log\n{self.describe()}",
            wake=[self.watch.fd],
            broken=lambda: "the server has ended" if self.ended else None,
        )[0]

    def await_children(self, count: int, limit: float = SLOW) -> list[int]:
        """Exactly this many."""
        self.wait_until(lambda: len(self.children()) == count, limit, f"{count} children (now {len(self.children())})")
        return self.children()

    def await_end(self, limit: float = SLOW) -> None:
        """Until the master and everything that it started have ended."""
        wait_until(lambda: self.ended, limit, lambda: f"the end of the server\n{self.describe()}", wake=[self.watch.fd])
        if self._process is not None:
            self._process.wait()
        wait_until(lambda: not processes.marked(str(self.root)), limit, lambda: f"no process left\n{self.describe()}")

    def await_change(self, children: set[int], limit: float = SLOW) -> None:
        """Until at least one of these children is gone."""
        self.wait_until(lambda: not children <= set(self.children()), limit, f"the end of one of {children}")

    def await_replaced(self, children: set[int], limit: float = SLOW) -> None:
        """Until all of these children are gone and there are others."""
        self.wait_until(
            lambda: (now := set(self.children())) and not children & now, limit, f"others instead of {children}"
        )

    def describe(self) -> str:
        """What a failed wait shows."""
        log = [line.line for line in self.error_log.lines()[-25:]]
        console = self.console.lines()[-25:]
        left = processes.marked(str(self.root))
        return "\n".join([f"{self.root}: processes {left}", "--- error log", *log, "--- console", *console])

    # acting

    def signal(self, name: str) -> int:
        """Send TERM, HUP, USR1 ... to the master. Returns the place of the error log before it."""
        place = self.error_log.place()
        self.watch.signal(getattr(signal, f"SIG{name}"))
        return place

    def reload(self, name: str, limit: float = SLOW) -> int:
        """HUP or USR1, until it is done. Returns the place of the error log before it."""
        place = self.signal(name)
        self.await_log(RUNNING[self.mpm], place, limit)
        return place

    def stop(self, limit: float = SLOW) -> None:
        """TERM, until nothing is left."""
        self.signal("TERM")
        self.await_end(limit)

    def expect(self, *numbers: str) -> None:
        """Numbers of warnings and errors that this test provokes."""
        self.expected.update(numbers)

    def close(self, *, keep: bool) -> list[str]:
        """Stop what still runs, and tell what was wrong: processes that did not go, unexpected log lines."""
        problems: list[str] = []
        try:
            if self._watch is not None and not self.ended:
                self.signal("TERM")
            if self._watch is not None:
                self.await_end()
        except AssertionError as error:
            problems.append(str(error))
        for pid in processes.marked(str(self.root)):
            problems.append(f"process {pid} was left behind ({processes.state(pid)})")
            processes.kill(pid)
        if self._process is not None:
            self._process.wait()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        problems += [f"unexpected: {line.line}" for line in self.error_log.unexpected(frozenset(self.expected))]
        if keep or problems:
            problems.append(f"kept: {self.root}")
        else:
            remove(self.root)
        return problems


class Pyhttpd(Server):
    """Ours. Listens on a port of the kernel's choice, which the error log tells."""

    program = "pyhttpd"

    last_lines = memos.LINES

    def _listen(self) -> str:
        return "Listen 127.0.0.1:0"

    def _command(self) -> list[str]:
        inherited = os.environ.get("PYTHONPATH", "")
        self.environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(CHECKOUT), inherited)))
        return [sys.executable, "-m", "pyhttpd"]

    def _find_port(self) -> None:
        said = self.error_log.find(LISTENING)
        if said:
            self.port = int(said[-1].text.rpartition(":")[2])
        else:
            self.port = _port_of(self.listen)


class Apache(Server):
    """The real one, as Debian installs it."""

    program = "apache2"

    def _listen(self) -> str:
        return f"Listen 127.0.0.1:{free_port()}"

    def _command(self) -> list[str]:
        assert APACHE is not None, "apache2 is not installed"
        return [APACHE]

    def _find_port(self) -> None:
        self.port = _port_of(self.listen)


def _port_of(listen: str) -> int:
    """The port of the first Listen line."""
    return int(listen.split("\n")[0].split()[1].rpartition(":")[2])


def remove(directory: Path) -> None:
    """A directory with all that is below it, also what only root may look into."""
    for below, names, _ in os.walk(directory):
        for name in names:
            path = os.path.join(below, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(directory)


def close_all(servers: Iterable[Server], *, keep: bool) -> list[str]:
    """Close them; all problems, each with the program's name in front."""
    return [f"{server.program}: {problem}" for server in servers for problem in server.close(keep=keep)]
