"""The program `pyhttpdctl`: apachectl's verbs over `pyhttpd`."""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from pyhttpd.cli.httpd import INTERRUPTED, READER_GONE, drop_output, keep_bytes, open_missing_streams
from pyhttpd.cli.options import ACTIONS, Options, UsageError, parse
from pyhttpd.cli.places import locate

PROGRAM = "pyhttpdctl"

USAGE = f"""\
Usage: {PROGRAM} start|stop|restart|graceful|graceful-stop|configtest|status|fullstatus [pyhttpd options]
       {PROGRAM} graceful|restart --plan [pyhttpd options]
       {PROGRAM} explain URL [options]
       {PROGRAM} <pyhttpd options>
       {PROGRAM} -h            (for help on <pyhttpd options>)
"""

# Tells the second run of this program, below the shell, that envvars has been read.
SOURCED = "PYHTTPDCTL_ENVVARS"

SOURCE_AND_GO_ON = '. "$1"; shift; exec "$@"'


def main(arguments: list[str] | None = None) -> int:
    """Run the program; the exit status, if another program does not take its place."""
    open_missing_streams()
    keep_bytes()
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return READER_GONE
    except OSError as error:
        sys.stderr.write(f"{PROGRAM}: {f'{error.filename}: ' if error.filename else ''}{error.strerror}\n")
        return 1


def run(words: list[str]) -> int:
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb in ("", "usage", "help", "--help"):
        sys.stderr.write(USAGE)
        return 1
    if verb in ("startssl", "sslstart", "start-SSL"):
        print("The startssl option is no longer supported.")
        print("Please edit httpd.conf to include the SSL configuration settings")
        print(f'and then use "{PROGRAM} start".')
        return 2
    source_envvars(words, envvars_file(rest if verb in VERBS else words))
    if verb in ("status", "fullstatus"):
        from pyhttpd.cli.status import print_status

        return print_status(understood(rest), full=verb == "fullstatus")
    become_pyhttpd(pyhttpd_arguments(verb, rest))
    return 1  # not reached


VERBS = (*ACTIONS, "configtest", "status", "fullstatus")


def pyhttpd_arguments(verb: str, rest: list[str]) -> list[str]:
    """What a verb means: `start` is `-k start`, `configtest` is `-t`; anything else is pyhttpd's own."""
    if verb in ACTIONS:
        return ["-k", verb, *rest]
    if verb == "configtest":
        return ["-t", *rest]
    return [verb, *rest]


def understood(words: list[str]) -> Options:
    """The options for pyhttpd, as far as they say where the configuration is; it will complain about them itself."""
    if words[:1] == ["explain"]:  # its long options are its own
        words = [word for pair in pairwise(words) if pair[0] in ("-f", "-d") for word in pair]
    try:
        return parse(words)
    except UsageError:
        return Options()


def envvars_file(words: list[str]) -> str:
    """`envvars` beside the configuration file that the options name."""
    options = understood(words)
    place = locate(options.config_file, options.server_root)
    return os.path.join(os.path.dirname(place.config_file), "envvars")


def source_envvars(words: list[str], envvars: str) -> None:
    """Let a shell read `envvars` and start this program again: variables, ulimit and umask in it all take effect."""
    if os.environ.pop(SOURCED, None) == envvars or not os.path.isfile(envvars):
        return
    again = [sys.executable, "-m", "pyhttpd.cli.ctl", *words]
    environment = {**os.environ, SOURCED: envvars}
    os.execve("/bin/sh", ["/bin/sh", "-c", SOURCE_AND_GO_ON, PROGRAM, envvars, *again], environment)


def become_pyhttpd(arguments: list[str]) -> None:
    """This process goes on as `pyhttpd`, so that it is what ps shows and what the shell waits for."""
    os.execv(sys.executable, [sys.executable, "-m", "pyhttpd", *arguments])


if __name__ == "__main__":
    sys.exit(main())
