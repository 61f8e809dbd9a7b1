"""The directives of mpm_common, prefork and worker, and the typed configuration that they become."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pyhttpd.api.build_settings import DEFAULT_PIDLOG
from pyhttpd.api.core_config import CoreServer
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import GLOBAL, Args, Directive, Setting, SettingError, at_least, number
from pyhttpd.mpm.listen import ListenAddress, set_listen
from pyhttpd.policy import Family, Limits, clamp, share_out
from pyhttpd.util.digits import is_number, value_of


@dataclass(frozen=True, slots=True)
class MpmSettings:
    """What the lines say. None: not set; what that means depends on the MPM."""

    listens: tuple[ListenAddress, ...] = ()
    listen_backlog: int = 511
    listen_cores_ratio: int = 0
    listen_defer_accept: int = 30
    pid_file: str = DEFAULT_PIDLOG
    scoreboard_file: str | None = None
    core_dump_directory: str | None = None
    exception_hook: bool = False
    graceful_shutdown_timeout: int = 0
    max_connections_per_child: int = 0
    max_mem_free: int | None = None  # KiB
    receive_buffer_size: int = 0
    send_buffer_size: int = 0
    thread_stack_size: int = 0
    start_servers: int | None = None
    min_spare: int | None = None
    max_spare: int | None = None
    server_limit: int | None = None
    max_request_workers: int | None = None
    thread_limit: int | None = None
    threads_per_child: int | None = None


@dataclass(frozen=True, slots=True)
class MpmConfig:
    """What an MPM runs with: limits that are clamped, paths that are absolute."""

    limits: Limits
    family: Family
    listens: tuple[ListenAddress, ...]
    listen_backlog: int
    listen_defer_accept: int  # seconds in which a client that sends nothing is not offered to accept
    deferred_protocols: frozenset[str]  # those that this holds for
    buckets: int
    buckets_reckoned: str | None  # what Apache says of their number, where it is not that of before
    pid_file: str
    scoreboard_file: str | None
    core_dump_directory: str | None
    exception_hook: bool
    graceful_shutdown_timeout: int  # seconds, 0 for ever
    max_connections_per_child: int  # 0 without end
    max_mem_free: int | None
    receive_buffer_size: int
    send_buffer_size: int
    thread_stack_size: int


@dataclass(frozen=True, slots=True)
class PreforkConfig(MpmConfig):
    """One connection a child."""


@dataclass(frozen=True, slots=True)
class WorkerConfig(MpmConfig):
    """ThreadsPerChild connections a child."""


def typed_config(
    configuration: Configuration,
    config_class: type[MpmConfig],
    family: Family,
    defaults: Limits,
    previous: MpmConfig | None = None,
) -> tuple[MpmConfig, list[Diagnostic]]:
    """PreforkConfig or WorkerConfig of a configuration. `defaults` has a multiple of threads as its `max_workers`.

    `previous` is what the running generation has; a restart can't change some of it (see policy.clamp). Its buckets are
    kept; 0 of them are reckoned anew.
    """
    settings = configuration.main.config(MpmSettings)
    threads = _first(settings.threads_per_child, defaults.threads)
    server_limit = _first(settings.server_limit, defaults.server_limit)
    wanted = Limits(
        start=_first(settings.start_servers, defaults.start),
        min_spare=_first(settings.min_spare, defaults.min_spare),
        max_spare=_first(settings.max_spare, defaults.max_spare),
        server_limit=server_limit,
        max_workers=_first(settings.max_request_workers, defaults.max_workers),
        thread_limit=_first(settings.thread_limit, defaults.thread_limit),
        threads=threads,
    )
    limits, messages = clamp(wanted, family, previous.limits if previous else None)
    module = f"mpm_{configuration.mpm_name}"
    # Who did not write a value is not told that it was cut.
    unset = {"PH00211"} if settings.max_spare is None else set()
    if settings.start_servers is None:
        unset.add("PH00212")
    diagnostics = [
        Diagnostic(Severity.WARNING, number, text, module=module, in_log=(log_number, log_text))
        for number, text, log_number, log_text in messages
        if number not in unset
    ]

    def path(name: str) -> str:
        return os.path.join(configuration.server_root, name)

    buckets, reckoned = (previous.buckets if previous else 0), None
    if not buckets:
        buckets, reckoned = _buckets(settings.listen_cores_ratio, limits)
    limits = share_out(limits, family, buckets)
    config = config_class(
        limits=limits,
        family=family,
        listens=settings.listens,
        listen_backlog=settings.listen_backlog,
        listen_defer_accept=settings.listen_defer_accept,
        deferred_protocols=deferred_protocols(configuration.main.config(CoreServer).accept_filters),
        buckets=buckets,
        buckets_reckoned=reckoned,
        pid_file=path(settings.pid_file),
        scoreboard_file=path(settings.scoreboard_file) if settings.scoreboard_file else None,
        core_dump_directory=settings.core_dump_directory,
        exception_hook=settings.exception_hook,
        graceful_shutdown_timeout=settings.graceful_shutdown_timeout,
        max_connections_per_child=settings.max_connections_per_child,
        max_mem_free=settings.max_mem_free,
        receive_buffer_size=settings.receive_buffer_size,
        send_buffer_size=settings.send_buffer_size,
        thread_stack_size=settings.thread_stack_size,
    )
    return config, diagnostics


_ACCEPT_FILTERS = {"http": "data", "https": "data"}


def deferred_protocols(accept_filters: Mapping[str, str]) -> frozenset[str]:
    """The protocols whose clients speak first, by AcceptFilter. Others, as in `Listen 21 ftp`, are not filtered."""
    filters = {**_ACCEPT_FILTERS, **accept_filters}
    return frozenset(protocol for protocol, name in filters.items() if name != "none")


def _first(value: int | None, default: int) -> int:
    return default if value is None else value


def _buckets(ratio: int, limits: Limits) -> tuple[int, str | None]:
    """ListenCoresBucketsRatio: how many sets of listeners, each with children of its own; and Apache's words for it."""
    if ratio == 0:
        return 1, None
    cores = os.sysconf("SC_NPROCESSORS_ONLN")
    buckets = max(1, min(cores // ratio, limits.children))
    return buckets, f"Using {buckets} listeners bucket(s) based on {cores} online CPU cores and a ratio of {ratio}"


# --- other converters --------------------------------------------------------------------------------------------


def _buffer_size(word: str) -> int:
    value = number(word)
    if value < 512 and value != 0:
        raise ValueError("{name} must be >= 512 bytes, or 0 for system default.")
    return value


def _mem_free(word: str) -> int:
    if not is_number(word) or (value := value_of(word)) >= 1 << 31:
        raise ValueError(f"Invalid MaxMemFree value: {word}")
    return value


_SMALLEST_STACK = 32768  # bytes; of a thread that runs Python


def _stack_size(word: str) -> int:
    value = number(word)
    if value < 0 or value > 1 << 30:
        raise ValueError("{name} takes 0, for the system's size, or 32768 to 1073741824 bytes")
    return value


def set_stack_size(setting: Setting, value: int) -> None:
    """Of the threads of worker. prefork takes it, as Apache's does, and has none: its children serve in the thread that
    they begin with."""
    if 0 < value < _SMALLEST_STACK:
        setting.warn(f"WARNING: ThreadStackSize of {value} is inappropriate, using default", "AH02435")
        value = 0
    setting.set("thread_stack_size", value)


def set_core_dump_directory(setting: Setting, name: str) -> None:
    directory = setting.path(name)
    if not os.path.isdir(directory):
        what = "is not a directory" if os.path.exists(directory) else "does not exist"
        raise SettingError(f"CoreDumpDirectory {directory} {what}", wrong=name)
    setting.set("core_dump_directory", directory)


def _row(name: str, field: str, help_: str, convert: Callable[[str], object] = number) -> Directive:
    return Directive(name, Args.take(convert), GLOBAL, help_, into=MpmSettings, sets=field)


def _set_by_old_name(setting: Setting, value: int, *, field: str, name: str, number: str) -> None:
    setting.set(field, value)
    text = f"{setting.row.name} is deprecated, use {name} instead."
    if number == "AH00545":  # what all MPMs share is core to Apache's log
        setting.inform(text, number, module="core")
    else:
        setting.inform(text, number)


def _old_row(old: str, name: str, field: str, number: str, convert: Callable[[str], object]) -> Directive:
    """A row for a name that a directive had before 2.3.13."""
    apply = partial(_set_by_old_name, field=field, name=name, number=number)
    help_ = f"Deprecated name of {name}"
    return Directive(old, Args.take(convert), GLOBAL, help_, into=MpmSettings, apply=apply)


_NOT_NEGATIVE = at_least(0, "{name} takes 0 or a positive number")

_COMMON = (
    Directive("Listen", Args.argv(), GLOBAL,
              "A port number or a numeric IP address and a port number, and an optional protocol",
              into=MpmSettings, apply=set_listen),
    _row("ListenBacklog", "listen_backlog",
         "Maximum length of the queue of pending connections, as used by listen(2)",
         at_least(1, "ListenBacklog must be > 0")),
    _row("ListenCoresBucketsRatio", "listen_cores_ratio",
         "Ratio between the number of CPU cores (online) and the number of listeners buckets",
         at_least(1, "ListenCoresBucketsRatio must be > 0")),
    _row("ListenTCPDeferAccept", "listen_defer_accept",
         "Value set for the socket option TCP_DEFER_ACCEPT if it is set",
         at_least(1, "ListenTCPDeferAccept must be > 0")),
    Directive("PidFile", Args.take(str), GLOBAL, "A file for logging the server process ID",
              into=MpmSettings, sets="pid_file"),
    Directive("ScoreBoardFile", Args.take(str), GLOBAL,
              "A file to maintain runtime process management information in", into=MpmSettings,
              sets="scoreboard_file"),
    Directive("CoreDumpDirectory", Args.take(str), GLOBAL,
              "The location of the directory that children change to before dumping core", into=MpmSettings,
              apply=set_core_dump_directory),
    Directive("EnableExceptionHook", Args.flag(), GLOBAL,
              "Whether a child that crashes writes its Python stack to the error log", into=MpmSettings,
              sets="exception_hook"),
    _row("GracefulShutdownTimeout", "graceful_shutdown_timeout",
         "Maximum time in seconds to wait for child processes to complete transactions during shutdown",
         _NOT_NEGATIVE),
    _row("MaxConnectionsPerChild", "max_connections_per_child",
         "Maximum number of connections a particular child serves before dying.", _NOT_NEGATIVE),
    _old_row("MaxRequestsPerChild", "MaxConnectionsPerChild", "max_connections_per_child", "AH00545", _NOT_NEGATIVE),
    _row("MaxMemFree", "max_mem_free",
         "Maximum number of 1k blocks a particular child's allocator may hold.", _mem_free),
    _row("ReceiveBufferSize", "receive_buffer_size", "Receive buffer size in bytes", _buffer_size),
    _row("SendBufferSize", "send_buffer_size", "Send buffer size in bytes", _buffer_size),
    _row("StartServers", "start_servers", "Number of child processes launched at server startup"),
    Directive("ThreadStackSize", Args.take(_stack_size), GLOBAL,
              "Size in bytes of stack used by threads handling client connections", into=MpmSettings,
              apply=set_stack_size),
)  # fmt: skip


def _limits(limit: str, workers: str, old_number: str) -> tuple[Directive, ...]:
    """The rows that the MPMs share by name, but explain each in its own way."""
    return (
        _row("ServerLimit", "server_limit", limit),
        _row("MaxRequestWorkers", "max_request_workers", workers),
        _old_row("MaxClients", "MaxRequestWorkers", "max_request_workers", old_number, number),
    )


PREFORK_DIRECTIVES = (
    *_COMMON,
    *_limits(
        "Maximum value of MaxRequestWorkers for this run of the server",
        "Maximum number of children alive at the same time",
        "AH00188",
    ),
    _row("MinSpareServers", "min_spare", "Minimum number of idle children, to handle request spikes"),
    _row("MaxSpareServers", "max_spare", "Maximum number of idle children"),
)

WORKER_DIRECTIVES = (
    *_COMMON,
    *_limits(
        "Maximum number of child processes for this run of the server",
        "Maximum number of threads alive at the same time",
        "AH00324",
    ),
    _row("MinSpareThreads", "min_spare", "Minimum number of idle threads, to handle request spikes"),
    _row("MaxSpareThreads", "max_spare", "Maximum number of idle threads"),
    _row("ThreadLimit", "thread_limit",
         "Maximum number of threads of a child process: the upper limit of ThreadsPerChild"),
    _row("ThreadsPerChild", "threads_per_child", "Number of threads each child creates"),
)  # fmt: skip
