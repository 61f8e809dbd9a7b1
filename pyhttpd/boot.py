"""Assembly, and nothing else: configuration -> modules -> MPM -> run. The one file that knows everybody."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

from pyhttpd.api.log import LEVEL_NAMES, Level
from pyhttpd.api.module import KEPT, Module, Preparation, PrepareError
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.api.version import DESCRIPTION
from pyhttpd.config.catalog import Catalog
from pyhttpd.config.configuration import Configuration, LoadedModule
from pyhttpd.config.diagnostics import ConfigurationError, Diagnostic, Severity
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.render import log_lines
from pyhttpd.modules import COMPILED_IN, LOADABLE
from pyhttpd.modules.mod_log_config import LogConfig, unwritten
from pyhttpd.modules.mod_mime import MimeServer
from pyhttpd.mpm import prefork, worker
from pyhttpd.mpm.apart import Apart, ProcessFailed
from pyhttpd.mpm.directives import MpmConfig, typed_config
from pyhttpd.mpm.generation import Generation, Identity, LogLine, Refused, open_stderr
from pyhttpd.mpm.kept import KeptFile
from pyhttpd.mpm.listeners import Listeners
from pyhttpd.mpm.master import Master
from pyhttpd.mpm.one_process import run_one_process
from pyhttpd.mpm.other_children import OtherChildren
from pyhttpd.mpm.pidfile import lock_holder
from pyhttpd.mpm.rehearsal import rehearse
from pyhttpd.mpm.signals import ALL, SignalQueue
from pyhttpd.mpm.startup import become_quiet, detach, make_scoreboard
from pyhttpd.mpm.transition import bind, buckets_line, take
from pyhttpd.mpm.tuning import Tuning
from pyhttpd.scoreboard import Scoreboard
from pyhttpd.server import rehearsal
from pyhttpd.server.core import CORE, HTTP_CORE, open_error_log
from pyhttpd.server.log_directives import level_lines
from pyhttpd.server.service import HttpService
from pyhttpd.server.vhost_names import with_names
from pyhttpd.util.built import server_built
from pyhttpd.util.collector import collector_paused
from pyhttpd.util.local_host import local_host
from pyhttpd.util.shared_library import open_library

if TYPE_CHECKING:
    from pyhttpd.config.nodes import Node
    from pyhttpd.config.trace import Trace

PROGRAM = "pyhttpd"
# What fails in Apache's open_logs phase; the rest is post_config.
NO_LOGS = (None, "AH00072", "AH00089", "AH00091", "AH00104", "AH00649", "AH10036")
FLAVOURS = {flavour.name: flavour for flavour in (prefork.FLAVOUR, worker.FLAVOUR)}


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about the server's life, rather than about its configuration."""

    foreground: bool = False  # -D FOREGROUND: stay attached
    one_process: bool = False  # -X: no children
    command_line: str = PROGRAM
    skip_document_root_check: bool = False  # -T
    startup_level: Level = Level.WARN  # -e


# --- modules -----------------------------------------------------------------------------------------------------


@cache
def catalog() -> Catalog:
    """The modules that are always there, and those that LoadModule lines bring, the MPMs among them."""
    modules = [import_module(name).MODULE for name in COMPILED_IN]
    others = [import_module(name).MODULE for name in LOADABLE]
    return Catalog(
        compiled_in=(CORE, *modules[:2], HTTP_CORE, *modules[2:]),  # http_core stands behind so and watchdog
        loadable={module.name: module for module in (prefork.MODULE, worker.MODULE, *others)},
    )


def modules_of(configuration: Configuration) -> list[Module]:
    """The Module values of a configuration, in the order of loading."""
    return modules_named(configuration.modules, configuration.libraries)


def modules_named(names: Iterable[LoadedModule], libraries: Iterable[str] = ()) -> list[Module]:
    """The same for a list of them. A user's own are imported here, behind the libraries that they may need."""
    for library in libraries:
        open_library(library)
    found: list[Module] = []
    for loaded in names:
        known = catalog().find(loaded.name)
        module = known if known is not None else import_module(loaded.implementation).MODULE
        assert isinstance(module, Module)
        found.append(module)
    return found


# --- reading -----------------------------------------------------------------------------------------------------


def read(options: ReadOptions, skip_document_root_check: bool = False) -> Configuration:
    """The configuration, read and checked in a process of its own. Raises ConfigurationError."""
    apart = Apart(partial(read_to_run, options, skip_document_root_check), expected=(ConfigurationError,))
    try:
        configuration = apart.result()
    except ProcessFailed as failure:
        raise ConfigurationError([_reader_failed(options, failure)]) from None
    finally:
        apart.wait()
    assert isinstance(configuration, Configuration)
    return configuration


def read_to_run(
    options: ReadOptions, skip_document_root_check: bool = False, previous: MpmConfig | None = None
) -> Configuration:
    """read_here, for a server that will run with it: with its tree, packed, so that it can be asked for later."""
    from pyhttpd.config.kept import pack

    tree: list[Node] = []
    configuration = read_here(options, skip_document_root_check, previous, tree=tree)
    return replace(configuration, kept=pack(options, configuration, tree))


def read_here(
    options: ReadOptions,
    skip_document_root_check: bool = False,
    previous: MpmConfig | None = None,
    *,
    trace: Trace | None = None,
    tree: list[Node] | None = None,
) -> Configuration:
    """Read and check in this process. `previous` is what the running generation has, at a restart. A `trace` gets to
    know which line set what, `tree` takes the nodes."""
    from pyhttpd.config.read import read as read_configuration  # what the master never loads

    return checked(read_configuration(options, catalog(), trace, tree), skip_document_root_check, previous)


def checked(
    configuration: Configuration, skip_document_root_check: bool = False, previous: MpmConfig | None = None
) -> Configuration:
    """With the MPM's part, after the modules' checks. Raises ConfigurationError."""
    flavour = FLAVOURS[configuration.mpm_name]
    if previous is not None and not isinstance(previous, flavour.config_class):
        text = f"{PROGRAM}: Configuration error: The MPM cannot be changed during restart."
        raise ConfigurationError([Diagnostic(Severity.ERROR, "AH00534", text)])
    mpm, clamped = typed_config(configuration, flavour.config_class, flavour.family, flavour.defaults, previous)
    configuration, diagnostics = with_names(replace(configuration, mpm=mpm, local_name=local_host().name))
    diagnostics.extend(clamped)
    for module in modules_of(configuration):
        if module.check_config is not None and not (skip_document_root_check and module is CORE):
            diagnostics.extend(module.check_config(configuration))
    everything = (*configuration.diagnostics, *diagnostics)
    if any(diagnostic.severity is Severity.ERROR for diagnostic in everything):
        raise ConfigurationError(everything, configuration.included)
    return replace(configuration, diagnostics=everything)


def _reader_failed(options: ReadOptions, failure: ProcessFailed) -> Diagnostic:
    text = f"{options.path} could not be read: {failure}"
    return Diagnostic(Severity.ERROR, "PH00222", text)


class ConfigurationReading:
    """A configuration that is being read for a running master. Implements mpm.generation.Reading."""

    def __init__(self, loader: ConfigurationLoader, previous: MpmConfig, in_child: Callable[[], None]) -> None:
        self._loader = loader
        work = partial(read_to_run, loader.options, loader.run_options.skip_document_root_check, previous)
        self._apart = Apart(work, in_child, (ConfigurationError,))

    def fileno(self) -> int:
        return self._apart.fileno()

    def collect(self) -> Generation | None:
        if not self._apart.advance():
            return None
        try:
            configuration = self._apart.result()
        except ConfigurationError as error:
            raise Refused(_as_log_lines(error.diagnostics)) from None
        except ProcessFailed as failure:
            lines = _as_log_lines([_reader_failed(self._loader.options, failure)])
            raise Refused([*lines, *_details(failure.details)]) from None
        return self._loader.prepare(configuration)

    def abandon(self) -> None:
        self._apart.abandon()

    def forget(self) -> None:
        self._apart.forget()


class ConfigurationLoader:
    """How the master gets the next generation. Implements mpm.generation.Loader."""

    def __init__(
        self, options: ReadOptions, run_options: RunOptions, scoreboard: Scoreboard, others: OtherChildren
    ) -> None:
        self.options = options
        self.run_options = run_options
        self.scoreboard = scoreboard
        self.others = others

    def start(self, running: Generation, in_child: Callable[[], None], *, graceful: bool) -> ConfigurationReading:
        # Children that stay accept from the sets of sockets that there are.
        previous = running.config if graceful else replace(running.config, buckets=0)
        return ConfigurationReading(self, previous, in_child)

    def prepare(self, configuration: Configuration) -> Generation:
        """Everything that a generation needs, opened and started. Raises Refused, and has then undone it."""
        generation = prepare(configuration, self.run_options, self.scoreboard, self.others)
        stderr = open_stderr(generation.error_log)
        try:
            self.others.start_prepared(stderr)
        except Refused:
            generation.release()
            raise
        finally:
            os.close(stderr)
        return generation


def _as_log_lines(diagnostics: Sequence[Diagnostic]) -> list[LogLine]:
    return [
        LogLine(LEVEL_NAMES[diagnostic.log_level], diagnostic.module, None, line)
        for diagnostic in diagnostics
        for line in log_lines(diagnostic.for_log)
    ]


# --- preparing ---------------------------------------------------------------------------------------------------


def prepare(
    configuration: Configuration, run_options: RunOptions, scoreboard: Scoreboard, others: OtherChildren
) -> Generation:
    """From a configuration to a generation: logs opened, modules prepared, nothing of the running one touched."""
    preparation = Preparation(configuration.server_root, others)
    try:
        with collector_paused():
            return _prepare(configuration, run_options, scoreboard, preparation)
    except PrepareError as error:
        failure = Refused([LogLine(error.level, error.module, error.number, str(error), error.errno)])
    except OSError as error:
        text = f"the configuration cannot be prepared: {error.filename or ''}".rstrip(": ")
        failure = Refused([LogLine(Level.ERROR, "core", "PH00223", text, error.errno)])
    except (Exception, SystemExit) as error:  # of a module: no reason to lose a running server
        text = f"the configuration cannot be prepared: {type(error).__name__}: {error}"
        details = _details(traceback.format_exc().splitlines())
        failure = Refused([LogLine(Level.ERROR, "core", "PH00223", text), *details])
    preparation.close()
    raise failure


def _prepare(
    configuration: Configuration, run_options: RunOptions, scoreboard: Scoreboard, preparation: Preparation
) -> Generation:
    error_log = open_error_log(configuration, configuration.main, preparation)
    check_pid_file(configuration.mpm.pid_file)
    if configuration.kept:
        keep(configuration.kept, preparation)
        configuration = replace(configuration, kept=b"")  # no child needs it
    modules = modules_of(configuration)
    for module in modules:
        if module.prepare is not None:
            module.prepare(configuration, preparation)
    sources = {module.name: module.source for module in modules}
    return Generation(
        flavour=FLAVOURS[configuration.mpm_name],
        config=configuration.mpm,
        service=HttpService(configuration, modules, scoreboard, error_log, preparation),
        error_log=error_log,
        identity=identity_of(configuration.main.config(UnixdConfig)),
        tuning=Tuning(configuration.mpm),
        description=DESCRIPTION,
        built=server_built(),
        command_line=run_options.command_line,
        release=preparation.close,
        open_files=lambda: tuple(preparation.descriptors),
        notes=(
            *(LogLine(Level.TRACE3, "core", None, line) for line in level_lines(configuration, sources)),
            *_as_log_lines(configuration.diagnostics),
        ),
    )


def keep(tree: bytes, preparation: Preparation) -> None:
    """Let `--plan` find what this generation was made from. A server that cannot have that serves nevertheless."""
    try:
        kept = KeptFile(tree)
    except OSError:
        preparation.keep(KEPT, None)  # a sandbox without memory files; the plan says that nothing is kept
        return
    preparation.keep(KEPT, kept, kept.close)


def _details(lines: Sequence[str]) -> list[LogLine]:
    """A traceback for the error log; not for a terminal, where the line before has said enough."""
    return [LogLine(Level.ERROR, "core", None, line) for line in lines]


def check_pid_file(path: str) -> None:
    """Said before the terminal is released, or the running generation ends; later only the log could tell."""
    directory = os.path.dirname(path)
    if os.path.isdir(path) or not os.access(directory, os.W_OK | os.X_OK):
        raise PrepareError("AH00100", f"{PROGRAM}: could not log pid to file {path}: it cannot be written")
    try:
        holder = lock_holder(path)
    except OSError:
        return  # there is none, or it cannot be read
    if holder is not None:
        raise PrepareError("PH00224", f"{PROGRAM}: pid file {path} belongs to the running server with pid {holder}")


def identity_of(config: UnixdConfig) -> Identity | None:
    """Whom the children become; nobody else unless the master is root."""
    if os.geteuid() != 0 or config.user is None or config.uid is None or config.gid is None:
        return None
    return Identity(config.user, config.uid, config.gid, config.groups, config.chroot_dir)


# --- the server's life -------------------------------------------------------------------------------------------


def run(first: list[Configuration], options: ReadOptions, run_options: RunOptions) -> int:
    """Start, serve, stop. Returns the exit status; what goes wrong before the terminal is released is said there.

    `first` holds what `read` gave for `options`, and is emptied: nobody may keep it when there is another one. At a
    restart the files are read anew.
    """
    # A supervisor may signal as soon as it can connect; until there are handlers, the signals wait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ALL)
    try:
        return start(first, options, run_options, before)
    except Refused as refusal:
        line = refusal.lines[0]
        for each in refusal.lines if line.number == "AH00072" else [line]:  # both wildcards were tried
            sys.stderr.write(f"{each.explained}\n")
        if line.number == "AH00072":
            sys.stderr.write("no listening sockets available, shutting down\n")
        unopened = line.number in NO_LOGS
        sys.stderr.write("AH00015: Unable to open logs\n" if unopened else "AH00016: Configuration Failed\n")
        return 1
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start(first: list[Configuration], options: ReadOptions, run_options: RunOptions, mask: Iterable[int]) -> int:
    """Bind, prepare, detach, run. Raises Refused while there is still a terminal to say it on.

    `mask` is what is blocked again once there are handlers.
    """
    configuration = first.pop()
    if run_options.one_process:  # which nobody else would help with the other sets of sockets
        configuration = replace(configuration, mpm=replace(configuration.mpm, buckets=1, buckets_reckoned=None))
    config: MpmConfig = configuration.mpm
    listeners = Listeners()
    others = OtherChildren()
    change = bind(listeners, config)
    scoreboard: Scoreboard | None = None
    try:
        scoreboard, no_file = make_scoreboard(config)
        generation = prepare(configuration, run_options, scoreboard, others)
    except Refused:
        change.rollback()
        if scoreboard is not None:
            scoreboard.close()
        raise
    for line in (no_file, buckets_line(config)):
        if line is not None and line.level <= run_options.startup_level:
            sys.stderr.write(f"{line.explained}\n")
    scoreboard["config_generation"] = 1
    if not run_options.foreground:
        detach(generation, [sock for listener in change.listeners for sock in listener.sockets])
    become_quiet(generation, detached=not run_options.foreground)
    if no_file is not None:
        no_file.write(generation.error_log)
    take(listeners, change, generation)
    others.take(0, generation.error_log.log)
    try:
        if run_options.one_process:
            return run_one_process(generation, listeners, scoreboard, others)
        signals = SignalQueue()
        signals.install()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        loader = ConfigurationLoader(options, run_options, scoreboard, others)
        kept = rehearse_with(generation)
        master = Master(generation, listeners, scoreboard, loader, signals, others)
        del configuration, generation  # they are the master's, until there are others
        status = master.run()
        del kept
        return status
    except Exception:
        traceback.print_exc()  # while there is still somebody who reads the error log
        return 1
    finally:
        others.end_all()
        scoreboard.close()


def rehearse_with(generation: Generation) -> object:
    """Let the interpreter write once, before the first fork, what each child would write. It is for memory alone: where
    it fails, that is all that is lost. What is returned is to be kept as long as children are forked."""
    assert isinstance(generation.service, HttpService)
    configuration = generation.service.configuration
    modules = [module for module in modules_of(configuration) if catalog().find(module.name) is module]
    settings = {
        LogConfig: unwritten(configuration.main.config(LogConfig)),
        MimeServer: MimeServer(os.devnull),
        UnixdConfig: configuration.main.config(UnixdConfig),
    }
    make_service = partial(rehearsal.make_service, configuration, modules, settings)
    try:
        return rehearse(generation, make_service, rehearsal.requests)
    except Exception as error:
        text = f"the rehearsal failed: {type(error).__name__}: {error}"
        generation.error_log.log(Level.DEBUG, "core", None, text)
        return None
