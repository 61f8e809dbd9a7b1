"""What goes to the terminal while a configuration is read: diagnostics, as far as -e lets them through."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from pyhttpd.api.log import LEVEL_NAMES, Level
from pyhttpd.cli.options import PROGRAM
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.render import WIDEST, coloured, terminal, with_excerpts


def show(diagnostics: Iterable[Diagnostic], level: str | None) -> None:
    """Print to stderr. `level` is the argument of -e; without one, warnings and worse are shown. Whatever it is, nobody
    is left without the reason why a configuration is refused; and notices are for everybody, as in Apache.
    """
    threshold = LEVEL_NAMES[level] if level is not None else Level.WARN
    colour = is_colourful()
    width = os.get_terminal_size(2).columns if sys.stderr.isatty() else WIDEST
    width = width or WIDEST  # of a terminal that has not been told
    shown = [each for each in diagnostics if each.severity is Severity.ERROR or _wanted(each, threshold)]
    for diagnostic in with_excerpts(shown):
        text = coloured(diagnostic, PROGRAM, width) if colour else terminal(diagnostic, PROGRAM, width)
        sys.stderr.write(text if text.endswith("\n") else f"{text}\n")
    sys.stderr.flush()


def _wanted(diagnostic: Diagnostic, threshold: Level) -> bool:
    level = LEVEL_NAMES[diagnostic.log_level]
    return level is Level.NOTICE or level <= threshold


def is_colourful() -> bool:
    """A terminal that has colours, and nobody who has asked for none (no-color.org)."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")


def redirect(startup_log: str, server_root: str) -> None:
    """-E: from now on stderr is that file (below ServerRoot, if relative). It stays the terminal if that fails."""
    try:
        fd = os.open(os.path.join(server_root, startup_log), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError as error:
        print(
            f"({error.errno}){error.strerror}: AH00086: {PROGRAM}: could not open error log file {startup_log}.",
            file=sys.stderr,
        )
        return
    sys.stderr.flush()
    os.dup2(fd, 2)
    os.close(fd)
