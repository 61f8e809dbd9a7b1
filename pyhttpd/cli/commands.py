"""What pyhttpd does for a command line: inspect a configuration, signal a server that runs, or become one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from pyhttpd import boot
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import LEVEL_NAMES
from pyhttpd.cli import messages
from pyhttpd.cli.options import PROGRAM, Options
from pyhttpd.cli.places import locate
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import ConfigurationError, Diagnostic
from pyhttpd.config.read import ReadOptions
from pyhttpd.mpm.apart import Apart, ProcessFailed
from pyhttpd.util.local_host import local_host

# Errors that Apache finds when all is read, and sums up in one more line. It finds the others while it reads.
FOUND_BY_CHECKS = ("AH01624", "AH02291", "AH02297")


def execute(options: Options) -> int:
    """The exit status. All of -k reads the configuration first: if it is broken, no signal is sent."""
    gc.disable()  # who only looks soon ends; of what a server reads all stays, and its children collect again
    reading = reading_of(options)
    if options.startup_log is not None:
        messages.redirect(options.startup_log, reading.server_root)
    if options.show or options.test or options.dump:
        return inspect(options, reading)
    if options.plan:
        from pyhttpd.cli.plan_command import plan

        return plan(options, reading)
    configuration = read(options, reading)
    if configuration is None:
        return 1
    if "DUMP_CONFIG" in options.defines and any(module.name == "info_module" for module in configuration.modules):
        with suppress(ProcessFailed):  # nobody reads it: no reason not to go on
            in_process_of_its_own(partial(dump_kept, configuration.kept))  # as mod_info does it, whatever -k says
    status = apart(options.action or "start", configuration.mpm.pid_file)
    if status is not None:
        return status
    first = [configuration]
    del configuration  # after a reload it shall be gone
    return boot.run(first, reading, run_options(options))


def apart(action: str, pid_file: str) -> int | None:
    """`signal_server` in a process of its own."""
    status: int | None = in_process_of_its_own(partial(_signal_server, action, pid_file))
    return status


def in_process_of_its_own(work: Callable[[], Any]) -> Any:
    """What `work` returns. A server that starts does not carry what looking has loaded."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = Apart(work)
    try:
        return process.result()
    finally:
        process.wait()


def dump_kept(tree: bytes) -> None:
    """The configuration that was read, as -t -D DUMP_CONFIG shows it."""
    from pyhttpd.config.dump import config_tree
    from pyhttpd.config.kept import unpack

    sys.stdout.write(config_tree(unpack(tree).nodes))


def _signal_server(action: str, pid_file: str) -> int | None:
    from pyhttpd.cli.signals import signal_server  # psutil

    return signal_server(action, pid_file)


def reading_of(options: Options) -> ReadOptions:
    place = locate(options.config_file, options.server_root)
    return ReadOptions(
        path=place.config_file,
        server_root=place.server_root,
        defines=tuple(options.defines),
        before=tuple(options.before),
        after=tuple(options.after),
    )


def run_options(options: Options) -> boot.RunOptions:
    one_process = "DEBUG" in options.defines or "ONE_PROCESS" in options.defines
    return boot.RunOptions(
        foreground=one_process or "FOREGROUND" in options.defines or "NO_DETACH" in options.defines,
        one_process=one_process,
        command_line=options.command_line,
        skip_document_root_check=options.skip_document_root_check,
        startup_level=LEVEL_NAMES[options.startup_level or "warn"],
    )


def read(options: Options, reading: ReadOptions) -> Configuration | None:
    """The configuration; None if it is broken. What there is to say of it is said."""
    try:
        if options.show or options.test or options.dump:
            configuration = boot.read_here(reading, options.skip_document_root_check)
        else:
            configuration = boot.read(reading, options.skip_document_root_check)
    except ConfigurationError as error:
        if options.format is not None:
            show_formatted(options.format, error.diagnostics)
            return None
        messages.show(error.diagnostics, options.startup_level)
        if any(diagnostic.number in FOUND_BY_CHECKS for diagnostic in error.diagnostics):
            sys.stderr.write("AH00014: Configuration check failed\n")
        if "DUMP_INCLUDES" in options.defines and error.included:
            from pyhttpd.config.dump import includes

            sys.stdout.write(includes(error.included))
        return None
    if options.format is not None:
        show_formatted(options.format, configuration.diagnostics)
        return configuration
    if options.show not in ("settings", "compiled_in"):
        say_name_is_guessed(configuration, options.startup_level)
    messages.show(configuration.diagnostics, options.startup_level)
    return configuration


def show_formatted(kind: str, diagnostics: Sequence[Diagnostic]) -> None:
    """-t --format: one document on standard output."""
    from pyhttpd.cli.formats import render

    sys.stdout.write(render(kind, diagnostics))


def say_name_is_guessed(configuration: Configuration, level: str | None) -> None:
    """Without a ServerName the machine has to have a full name. Apache says so as an alert."""
    if configuration.main.config(CoreServer).server_name is not None or level == "emerg":
        return
    host = local_host()
    if host.unknown is not None and level not in ("alert", "crit", "error"):
        text = f"AH00557: {PROGRAM}: apr_sockaddr_info_get() failed for {host.unknown}\n"
        sys.stderr.write(text)
    if not host.certain:
        sys.stderr.write(
            f"AH00558: {PROGRAM}: Could not reliably determine the server's fully qualified domain name, using "
            f"{host.name}. Set the 'ServerName' directive globally to suppress this message\n"
        )


# --- -t, -S, -M, -l, -L, -V --------------------------------------------------------------------------------------


def inspect(options: Options, reading: ReadOptions) -> int:
    """Read the configuration and print what was asked for. If it is broken, -V and -l still say what they can."""
    configuration = read(options, reading)
    if options.show == "settings":
        from pyhttpd.cli.settings import settings_text

        sys.stdout.write(settings_text(configuration.mpm_name if configuration else ""))
    elif options.show == "compiled_in":
        from pyhttpd.cli.settings import compiled_in_text

        sys.stdout.write(compiled_in_text(compiled_in(configuration)))
    elif configuration is not None:
        report(options, reading, configuration)
    return 0 if configuration is not None else 1


def compiled_in(configuration: Configuration | None) -> list[str]:
    """Source names of what is always there, and of the MPM that the configuration selects."""
    sources = [owner.source for owner in boot.catalog().compiled_in]
    return sources if configuration is None else [*sources, f"{configuration.mpm_name}.c"]


def report(options: Options, reading: ReadOptions, configuration: Configuration) -> None:
    """The dumps, in the order in which Apache's modules print them; "Syntax OK" where none takes its place."""
    from pyhttpd.cli import directives_dump, run_config_dump, vhosts_dump
    from pyhttpd.config import dump

    def wanted(name: str) -> bool:
        return name in options.defines

    out = sys.stdout
    if options.test and wanted("DUMP_CONFIG"):
        from pyhttpd.config.read import read_tree

        out.write(dump.config_tree(read_tree(reading, boot.catalog())))
    if wanted("DUMP_INCLUDES"):
        out.write(dump.includes(configuration.included))
    if wanted("DUMP_VHOSTS"):
        out.write(vhosts_dump.dump(configuration))
    if options.show == "directives":
        catalog = boot.catalog()
        owners = (catalog.find(module.name) for module in configuration.modules)
        out.write(directives_dump.dump(owner for owner in owners if owner is not None))
        return
    if wanted("DUMP_RUN_CFG"):
        out.write(run_config_dump.dump(configuration))
    if wanted("DUMP_MODULES"):
        out.write(dump.modules(configuration))
    if options.test and not options.dump and options.format is None:
        out.flush()
        sys.stderr.write("Syntax OK\n")
