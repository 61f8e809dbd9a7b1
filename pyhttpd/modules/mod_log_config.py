"""mod_log_config: the access logs: LogFormat, CustomLog, GlobalLog, TransferLog, BufferedLogs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from pyhttpd.api.condition import Texts, is_met, parse_clause
from pyhttpd.api.log import Level, Sink
from pyhttpd.api.log_letter import Again
from pyhttpd.api.log_sink import TRANSFER_LOG, is_file, open_sink
from pyhttpd.api.module import Module, Preparation, Provider
from pyhttpd.api.phases import OK, Phase, on
from pyhttpd.api.request import Request, Services
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import GLOBAL, RSRC, Args, Directive, Setting, SettingError
from pyhttpd.config.merging import merged, overlay
from pyhttpd.config.nodes import Location
from pyhttpd.expr import Condition, EvaluationError
from pyhttpd.modules.log_buffer import Buffer
from pyhttpd.modules.log_format import Item, Line, compile_again, compile_line, parse
from pyhttpd.modules.log_json import compile_json, parse_fields
from pyhttpd.modules.log_letters import LETTERS
from pyhttpd.util.directory import directory_error

COMMON = '%h %l %u %t "%r" %>s %b'


class Format(NamedTuple):
    """What a LogFormat line says; `json` where its third argument is that word."""

    text: str
    json: bool = False


class Log(NamedTuple):
    """One access log. `target` is an absolute path, or a program behind `|`. `format` is a nickname or a format, None
    the server's own; `condition` a variable's name as after `env=`, or an expression; `inherited` is GlobalLog's."""

    target: str
    format: str | None
    condition: str | Condition | None
    location: Location
    inherited: bool = False


def _merge_logs(outer: tuple[Log, ...], inner: tuple[Log, ...]) -> tuple[Log, ...]:
    """A virtual host's logs replace the main server's, but for those of GlobalLog."""
    return inner + tuple(log for log in outer if log.inherited)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """`format` is that of a LogFormat line without a nickname; `buffered`, in the main server, what all BufferedLogs
    lines say, of which the last one counts."""

    format: str = COMMON
    nicknames: Mapping[str, Format] = merged({}, overlay)
    logs: tuple[Log, ...] = merged((), _merge_logs)
    buffered: tuple[bool, ...] = ()

    def format_of(self, log: Log) -> Format:
        name = self.format if log.format is None else log.format
        return self.nickname(name) or Format(name)

    def nickname(self, name: str) -> Format | None:
        """The format that a LogFormat line gave this name; CLF is there from the start."""
        return self.nicknames.get(name, Format(COMMON) if name == "CLF" else None)


def unwritten(config: LogConfig) -> LogConfig:
    """The same logs, in files that keep nothing."""
    logs = tuple(log._replace(target=os.devnull, condition=None) for log in config.logs)
    return replace(config, logs=logs, buffered=())


def _check_format(setting: Setting, text: str, *, json: bool = False) -> None:
    try:
        (parse_fields if json else parse)(text, setting.providers("log_letter"))
    except ValueError as error:
        raise SettingError(str(error)) from None


def log_format(setting: Setting, text: str, nickname: str = "", form: str = "") -> None:
    if form and form.lower() != "json":
        raise SettingError(f"LogFormat has no form '{form}', only json")
    if form and not nickname:
        raise SettingError("a json LogFormat needs a name")
    _check_format(setting, text, json=bool(form))
    if nickname:
        setting.put("nicknames", nickname, Format(text, bool(form)))
    else:
        setting.set("format", text)


_CLAUSE = Texts("missing environment variable name", "missing condition", "{}", "error in condition clause")


def _condition(clause: str, place: Location) -> str | Condition:
    try:
        return parse_clause(clause, _CLAUSE, source=f"{place.file}:{place.line}", module="log_config", varying=False)
    except ValueError as error:
        raise SettingError(str(error)) from None


def _add(setting: Setting, name: str, text: str | None, clause: str, inherited: bool) -> None:
    condition = _condition(clause, setting.location) if clause else None
    if text is not None:
        _check_format(setting, text)
    target = setting.path(name) if is_file(name) else name
    setting.add("logs", Log(target, text, condition, setting.location, inherited))


def custom_log(setting: Setting, name: str, text: str, clause: str = "") -> None:
    _add(setting, name, text, clause, inherited=False)


def global_log(setting: Setting, name: str, text: str, clause: str = "") -> None:
    _add(setting, name, text, clause, inherited=True)


def transfer_log(setting: Setting, name: str) -> None:
    _add(setting, name, None, "", inherited=False)


def buffered_logs(setting: Setting, on: bool) -> None:
    """For all servers, wherever the line stands."""
    setting.add_main(LogConfig, "buffered", on)


DIRECTIVES = (
    Directive("CustomLog", Args.take(str, str, str, least=2), RSRC, into=LogConfig, apply=custom_log,
              help='a file name, a custom log format string or format name, and an optional "env=" or "expr=" clause '
              "(see docs)"),
    Directive("GlobalLog", Args.take(str, str, str, least=2), GLOBAL, into=LogConfig, apply=global_log,
              help="Same as CustomLog, but forces virtualhosts to inherit the log"),
    Directive("TransferLog", Args.take(str), RSRC, into=LogConfig, apply=transfer_log,
              help="the filename of the access log"),
    Directive("LogFormat", Args.take(str, str, str, least=1), RSRC, into=LogConfig, apply=log_format,
              help="a log format string (see docs) and an optional format name; \"json\" behind it asks for JSON"),
    Directive("BufferedLogs", Args.flag(), RSRC, into=LogConfig, apply=buffered_logs,
              help="Enable Buffered Logging (experimental)"),
)  # fmt: skip


def check_config(configuration: Configuration) -> Sequence[Diagnostic]:
    """The directory of every log has to be there. A nickname that no LogFormat defines is taken as a format: every line
    would be that word."""
    found: dict[tuple[str, Location], Diagnostic] = {}
    for server in configuration.servers:
        config = server.config(LogConfig)
        for log in config.logs:
            place = log.location
            directory = os.path.dirname(log.target)
            reason = directory_error(directory) if is_file(log.target) else None
            if reason is not None:
                found["AH02297", place] = Diagnostic(
                    Severity.ERROR, "AH02297",
                    f"Cannot access directory '{directory.rstrip('/')}/' for log file '{log.target}' defined at "
                    f"{place.file}:{place.line}",
                    module="log_config", errno=reason,
                )  # fmt: skip
            if log.format is not None and "%" not in log.format and config.nickname(log.format) is None:
                found["PH00311", place] = Diagnostic(
                    Severity.WARNING, "PH00311", f"no LogFormat defines '{log.format}': every line will be that word",
                    place, hint=f"define it with LogFormat \"...\" {log.format}", module="log_config",
                )  # fmt: skip
    return list(found.values())


# -- writing


class Complain(Protocol):
    """How the error log is told: `log` of a request, or of the log itself."""

    def __call__(self, level: Level, module: str, number: str, message: str, *, errno: int | None = None) -> None: ...


class Writer:
    """An open log as children write to it, or keep lines for it. What cannot be written costs no request; it is told
    in the error log when that begins, and when writing works again. Each child counts for itself."""

    def __init__(self, target: str, sink: Sink, *, buffered: bool) -> None:
        self.target = target
        self.buffer = Buffer(sink) if buffered else None
        self._sink: Sink | Buffer = self.buffer or sink
        self.append = self._sink.append
        self.losing = False  # lines, since AH00646

    def write(self, line: str, complain: Complain) -> None:
        written = self.append(line.encode("utf-8", "surrogateescape"))
        if not written or self.losing:
            self.note(written, complain)

    def note(self, written: bool, complain: Complain) -> None:
        """After a line that was not written, or one that was, after some that were not. Threads that meet here may tell
        a number twice, or less than were lost; never of none."""
        sink = self._sink
        if not written:
            if sink.lost and not self.losing:  # lines that a pipe has no room for are told by the master
                self.losing = True
                reason = getattr(sink, "errno", None)
                complain(Level.WARN, "log_config", "AH00646", f"Error writing to {self.target}", errno=reason)
            return
        self.losing = False
        if sink.lost:
            lost, sink.lost = sink.lost, 0
            message = f"{lost} lines could not be written to {self.target}"
            complain(Level.ERROR, "log_config", "PH00310", message)


class OpenLog(NamedTuple):
    """A log that is written: when, how and where. `parts` are those of its format, None for one in JSON."""

    condition: str | Condition | None
    line: Line
    parts: Sequence[str | Item] | None
    writer: Writer


class ServerLogs:
    """The logs of one server. Formats become functions when they are first used."""

    def __init__(self, logs: Sequence[tuple[str | Condition | None, Format, Writer]]) -> None:
        self._logs = logs
        self._open: tuple[OpenLog, ...] | None = None

    def open(self, services: Services) -> tuple[OpenLog, ...]:
        if self._open is None:
            letters = services.providers("log_letter")
            self._open = tuple(
                OpenLog(condition, compile_json(format.text, letters), None, writer)
                if format.json
                else OpenLog(condition, compile_line(format.text, letters), parse(format.text, letters), writer)
                for condition, format, writer in self._logs
            )
        return self._open


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    main = configuration.main.config(LogConfig)
    buffered = main.buffered[-1:] == (True,)
    writers: dict[str, Writer] = {}
    for server in configuration.servers:
        config = server.config(LogConfig)
        logs = []
        for log in config.logs:
            if log.target not in writers:
                sink = open_sink(log.target, preparation, TRANSFER_LOG)
                writers[log.target] = Writer(log.target, sink, buffered=buffered)
            # Beside its own logs a host has GlobalLog in the main server's format, without any all logs in its own.
            formats = main if log.inherited and config.logs != main.logs else config
            logs.append((log.condition, formats.format_of(log), writers[log.target]))
        preparation.keep((ServerLogs, id(server)), ServerLogs(logs))
    for writer in writers.values():
        if writer.buffer is not None:
            preparation.at_child_exit(writer.buffer.flush)  # what waits in the child


def _met(condition: str | Condition, request: Request) -> bool:
    try:
        return is_met(condition, request)
    except EvaluationError as error:
        request.log(Level.WARN, "log_config", "AH00644", f"Error evaluating log condition: {error}")
        return False


def log_transaction(request: Request) -> int:
    original, final = request.original, request.final
    if not original.ended:
        original.ended = time.monotonic()
    if final is not original:
        final.ended = original.ended
    for condition, line, _, writer in _logs_of(request):
        if condition is None or _met(condition, original):
            writer.write(line(original, final), original.log)
    return OK


def log_again(request: Request) -> Callable[[Again], None] | None:
    """The lines of a kept answer, prepared. A condition that asks for a variable is decided with the answer."""
    original, final = request.original, request.final
    prepared = []
    for condition, _, parts, writer in _logs_of(request):
        if isinstance(condition, Condition) or parts is None:
            return None
        if condition is None or is_met(condition, original):
            line = compile_again(parts, original, final)
            if line is None:
                return None
            prepared.append((line, writer))

    complain = original.error_log.log  # there is no client in what is kept
    if len(prepared) == 1:
        return _again(*prepared[0], complain)
    each = [_again(line, writer, complain) for line, writer in prepared]

    def write_all(again: Again) -> None:
        for write in each:
            write(again)

    return write_all


def _again(line: Callable[[Again], str], writer: Writer, complain: Complain) -> Callable[[Again], None]:
    append = writer.append

    def write(again: Again) -> None:
        written = append(line(again).encode())
        if not written or writer.losing:
            writer.note(written, complain)

    return write


def _logs_of(request: Request) -> tuple[OpenLog, ...]:
    logs: ServerLogs = request.services.resource((ServerLogs, id(request.server)))
    return logs.open(request.services)


MODULE = Module(
    "log_config_module",
    "mod_log_config.c",
    per_server=LogConfig,
    directives=DIRECTIVES,
    hooks=(on(Phase.LOG_TRANSACTION, log_transaction, again=log_again),),
    providers=tuple(Provider("log_letter", name, letter) for name, letter in LETTERS.items()),
    check_config=check_config,
    prepare=prepare,
)
