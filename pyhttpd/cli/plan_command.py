"""What `-k graceful --plan` prints, and how it finds the running server."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator

from pyhttpd import boot
from pyhttpd.cli import messages
from pyhttpd.cli.explain_text import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Paint
from pyhttpd.cli.options import PROGRAM, Options
from pyhttpd.cli.plan import Change, Plan, Side, as_json, compare, is_root, options_of, rebuilt
from pyhttpd.cli.signals import fail, find, unusable
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.kept import Kept, KeptError, unpack
from pyhttpd.config.nodes import Location
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.read import read as read_configuration
from pyhttpd.config.trace import Trace
from pyhttpd.mpm.kept import read_kept


def plan(options: Options, reading: ReadOptions) -> int:
    """Exit status 0: it is printed, whatever it says; 1: the new configuration is wrong, or no server is there."""
    configuration = _pid_file(options, reading)
    if configuration is None:
        return 1
    try:
        status, pid = find(configuration)
    except (OSError, ValueError) as error:
        return fail(unusable(configuration, error))
    if pid is None:
        return fail(f"{status}: there is nothing that a reload would change")
    kept = running_tree(pid)
    if kept is None:
        return 1
    _take_environment(pid)
    try:
        old = rebuilt(kept)
    except (ConfigurationError, ImportError, LookupError, TypeError) as error:
        text = f"what the server (pid {pid}) runs with cannot be built again: {error}"
        return fail(f"{PROGRAM}: {text}; was this program changed since it started?")
    own = options_of(kept)
    trace = Trace()
    try:
        found = read_configuration(own, boot.catalog(), trace)
        # Another MPM would be refused at once; what else there is can be said nevertheless.
        previous = old[0].mpm if found.mpm_name == old[0].mpm_name else None
        found = boot.checked(found, options.skip_document_root_check, previous)
    except ConfigurationError as error:
        messages.show(error.diagnostics, options.startup_level)
        return fail(f"{PROGRAM}: the new configuration would be refused; the server (pid {pid}) would go on as it is")
    made = compare(old, (found, trace), as_root=is_root(pid))
    _print(made, pid, own, reading, old, options.format)
    return 0


def _pid_file(options: Options, reading: ReadOptions) -> str | None:
    """Where the pid file is according to the configuration; as the server's own may have moved it, only a beginning."""
    try:
        return str(boot.read_here(reading, skip_document_root_check=True).mpm.pid_file)
    except ConfigurationError as error:
        messages.show(error.diagnostics, options.startup_level)
        fail(f"{PROGRAM}: the new configuration would be refused; nothing would change")
        return None


def running_tree(pid: int) -> Kept | None:
    """What the server runs with; None if it can't be had, which has been said."""
    try:
        data = read_kept(pid)
    except PermissionError:
        owner = os.stat(f"/proc/{pid}").st_uid
        fail(f"{PROGRAM}: what the server (pid {pid}) runs with can be read by its user (uid {owner}) and root alone")
        return None
    except OSError as error:
        fail(f"{PROGRAM}: what the server (pid {pid}) runs with cannot be read: {error.strerror}")
        return None
    if data is None:
        fail(
            f"{PROGRAM}: the server (pid {pid}) keeps no copy of its configuration: it was started by an older version"
        )
        return None
    try:
        return unpack(data)
    except KeptError as error:
        fail(f"{PROGRAM}: what the server (pid {pid}) runs with cannot be understood: {error}")
        return None


def _take_environment(pid: int) -> None:
    """${VAR} means what it means to the server."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        pairs = [pair.partition(b"=") for pair in file.read().split(b"\0") if b"=" in pair]
    for name, _, value in pairs:
        os.environb[name] = value
    for name in set(os.environb) - {name for name, _, _ in pairs}:
        del os.environb[name]


# --- the text


def _print(made: Plan, pid: int, own: ReadOptions, asked: ReadOptions, old: Side, form: str | None) -> None:
    if form == "json":
        sys.stdout.write(json.dumps(as_json(made), indent=2) + "\n")
        return
    messages.show(made.warnings, None)
    colour = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")
    paint = Paint(colour)
    lines = [f"Server with pid {pid}, configured by {own.path}"]
    if own != asked:
        lines.append(
            paint(YELLOW, "It was started with other options than these; it will read what it was started with.")
        )
    lines += _lines(made, paint)
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _lines(made: Plan, paint: Paint) -> Iterator[str]:
    if made.empty:
        yield "A reload would change nothing."
        return
    if made.listeners:
        yield ""
        yield paint(BOLD, "Listeners")
        for change in made.listeners:
            if change.old and change.new:
                yield from _change(change, paint)
            else:
                tint, sign = (RED, "-") if change.old else (GREEN, "+")
                yield "  " + paint(tint, f"{sign} {change.old or change.new}") + f"  {change.what}"
    if made.everything:
        yield ""
        yield paint(BOLD, "Server")
        for change in made.everything:
            yield from _change(change, paint)
    server = section = ""
    for part in made.parts:
        if part.server != server:
            yield ""
            yield paint(BOLD, part.server)
        if part.section and (part.section != section or part.server != server):
            yield f"  {paint(BOLD, part.section)}"
        server, section = part.server, part.section
        for change in part.changes:
            if change.what == part.server:
                tint, sign, what = (RED, "-", "is gone") if change.old else (GREEN, "+", "is new")
                place = change.old_place if change.old else change.new_place
                yield "  " + paint(tint, f"{sign} the whole of it {what}") + _spot(place, paint)
            else:
                yield from _change(change, paint, "    " if part.section else "  ")
    if made.restart:
        yield ""
        yield paint(YELLOW, "Would need a full restart (stop and start)")
        for text in made.restart:
            yield f"  {text}"


def _change(change: Change, paint: Paint, indent: str = "  ") -> Iterator[str]:
    if change.old:
        yield indent + paint(RED, f"- {change.what} {change.old}") + _spot(change.old_place, paint)
    if change.new:
        yield indent + paint(GREEN, f"+ {change.what} {change.new}") + _spot(change.new_place, paint)
    if not change.old and not change.new:
        yield indent + paint(DIM, f"{change.what} (without arguments)")


def _spot(place: Location | None, paint: Paint) -> str:
    return "" if place is None else "  " + paint(CYAN, f"{place.file}:{place.line}")
