"""`-k`: find the running server by its pid file, and signal it."""

from __future__ import annotations

import os
import signal
import sys

from pyhttpd.cli.running import running
from pyhttpd.mpm.pidfile import read_pid

SIGNALS = {
    "stop": signal.SIGTERM,
    "restart": signal.SIGHUP,
    "graceful": signal.SIGUSR1,
    "graceful-stop": signal.SIGWINCH,
}
STARTS_ANYWAY = ("restart", "graceful")


def signal_server(action: str, pid_file: str) -> int | None:
    """Do what `-k action` asks of a server that runs. The exit status; None: none runs, so start one.

    `start` belongs here too: it says so if a server runs already, which is no failure.
    """
    try:
        status, pid = find(pid_file)
    except (OSError, ValueError) as error:
        return fail(unusable(pid_file, error))
    if action == "start":
        if pid is None:
            return None
        print(status)
        return 0
    if pid is not None:
        return send(pid, SIGNALS[action])
    if action in STARTS_ANYWAY:
        print("httpd not running, trying to start", flush=True)
        return None
    print(status)
    return 0


def unusable(pid_file: str, error: OSError | ValueError) -> str:
    """Apache's two lines about a pid file that tells nothing."""
    reason = "(20014)Internal error (specific information not available)"
    if isinstance(error, OSError):
        reason = f"({error.errno}){error.strerror}"
    return (
        f"{reason}: AH00058: Error retrieving pid file {pid_file}\n"
        "AH00059: Remove it before continuing if it is corrupted."
    )


def find(pid_file: str) -> tuple[str, int | None]:
    """What the pid file tells, in Apache's words, and the pid if our server runs with it.

    Raises OSError if the file is there but can't be read, ValueError if there is no number in it.
    """
    try:
        with open(pid_file, "rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        empty = True
    if empty:  # a server that had become its User could only empty it
        return "httpd (no pid file) not running", None
    written = read_pid(pid_file)
    if written is None:
        raise ValueError(pid_file)
    pid = running(pid_file)
    if pid is None:
        return f"httpd (pid {written}?) not running", None
    return f"httpd (pid {pid}) already running", pid


def send(pid: int, number: signal.Signals) -> int:
    try:
        os.kill(pid, number)
    except OSError as error:
        return fail(f"({error.errno}){error.strerror}: AH00057: sending signal to server")
    return 0


def fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1
