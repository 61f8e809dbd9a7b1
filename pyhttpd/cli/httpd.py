"""The program `pyhttpd`: httpd's command line.

`-v` and `-h` are answered here, from what is imported already; everything else is in commands.py.
"""

from __future__ import annotations

import gc
import os
import sys

from pyhttpd.cli.options import PROGRAM, USAGE, UsageError, parse

READER_GONE = 128 + 13  # what a shell reports of a program that SIGPIPE has ended
INTERRUPTED = 128 + 2


def main(arguments: list[str] | None = None) -> int:
    """Run the program; the exit status. What goes wrong at the terminal is said in a line, never in a traceback."""
    open_missing_streams()
    keep_bytes()
    try:
        status = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        if arguments is None and not gc.isenabled():
            # It has only looked (commands.read): to take a million objects apart would be a tenth of its time.
            sys.stderr.flush()
            os._exit(status)
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return READER_GONE
    except OSError as error:
        drop_output()
        place = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"({error.errno}){error.strerror}: {PROGRAM}{place}\n")
        return 1


def run(arguments: list[str]) -> int:
    if arguments[:1] == ["explain"]:
        from pyhttpd.cli.explain_command import main as explain

        return explain(arguments[1:])
    try:
        options = parse(arguments)
    except UsageError as mistake:
        sys.stderr.write(f"{mistake}\n{USAGE}" if str(mistake) else USAGE)
        return 1
    if options.show == "version":
        from pyhttpd.cli.version import version_text

        sys.stdout.write(version_text())
        return 0
    from pyhttpd.cli.commands import execute

    return execute(options)


def open_missing_streams() -> None:
    """What the caller closed of descriptors 0 to 2: else a file or a socket of the server would get the number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is fd
            os.set_inheritable(fd, True)
    if sys.stdin is None:  # which detaching redirects
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 (it stays open)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 (it stays open)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 (it stays open)


def keep_bytes() -> None:
    """File names and directives are bytes to Apache; they shall come out as they came in, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def drop_output() -> None:
    """What stdout still holds can't be written; without this Python would try again at its exit, and complain."""
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1)
        os.close(sink)
    except OSError:
        pass  # then the complaint is all that is lost
