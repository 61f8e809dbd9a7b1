"""mod_log_config: the access logs: LogFormat, CustomLog, GlobalLog, TransferLog."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.api.condition import holds
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Preparation, PrepareError, Provider
from pyhttpd.api.phases import OK, Phase, on
from pyhttpd.api.request import Request, Services
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import GLOBAL, RSRC, Args, Directive, Setting, SettingError
from pyhttpd.config.merging import merged, overlay
from pyhttpd.config.nodes import Location
from pyhttpd.modules.log_format import Line, compile_line, parse
from pyhttpd.modules.log_letters import LETTERS
from pyhttpd.util.append import Appender, open_for_append
from pyhttpd.util.directory import directory_error

COMMON = '%h %l %u %t "%r" %>s %b'


class Log(NamedTuple):
    """One access log. `format` is a nickname or a format, None the server's own; `condition` as after `env=`;
    `inherited` is GlobalLog's."""

    path: str
    format: str | None
    condition: str | None
    location: Location
    inherited: bool = False


def _merge_logs(outer: tuple[Log, ...], inner: tuple[Log, ...]) -> tuple[Log, ...]:
    """A virtual host's logs replace the main server's, but for those of GlobalLog."""
    return inner + tuple(log for log in outer if log.inherited)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """`format` is that of a LogFormat line without a nickname."""

    format: str = COMMON
    nicknames: Mapping[str, str] = merged({}, overlay)
    logs: tuple[Log, ...] = merged((), _merge_logs)

    def format_of(self, log: Log) -> str:
        name = self.format if log.format is None else log.format
        return self.nickname(name) or name

    def nickname(self, name: str) -> str | None:
        """The format that a LogFormat line gave this name; CLF is there from the start."""
        return self.nicknames.get(name, COMMON if name == "CLF" else None)


def _check_format(setting: Setting, text: str) -> None:
    try:
        parse(text, setting.providers("log_letter"))
    except ValueError as error:
        raise SettingError(str(error)) from None


def log_format(setting: Setting, text: str, nickname: str | None = None) -> None:
    _check_format(setting, text)
    if nickname is None:
        setting.set("format", text)
    else:
        setting.put("nicknames", nickname, text)


def _condition(clause: str) -> str:
    kind, equals, name = clause.partition("=")
    if equals and kind.lower() == "env":
        if name in ("", "!"):
            raise SettingError("missing environment variable name")
        return name
    if equals and kind.lower() == "expr":
        raise SettingError("expr= is not there yet", hint="env= with SetEnv, or a log of its own, may do")
    raise SettingError("error in condition clause")


def _add(setting: Setting, name: str, text: str | None, clause: str | None, inherited: bool) -> None:
    if name.startswith("|"):
        raise SettingError("piped log programs are not there yet", hint="log to a file")
    if text is not None:
        _check_format(setting, text)
    condition = None if clause is None else _condition(clause)
    log = Log(setting.path(name), text, condition, setting.location, inherited)
    setting.add("logs", log)


def custom_log(setting: Setting, name: str, text: str, clause: str | None = None) -> None:
    _add(setting, name, text, clause, inherited=False)


def global_log(setting: Setting, name: str, text: str, clause: str | None = None) -> None:
    _add(setting, name, text, clause, inherited=True)


def transfer_log(setting: Setting, name: str) -> None:
    _add(setting, name, None, None, inherited=False)


DIRECTIVES = (
    Directive("CustomLog", Args.take(str, str, str, least=2), RSRC, into=LogConfig, apply=custom_log,
              help='a file name, a custom log format string or format name, and an optional "env=" or "expr=" clause '
              "(see docs)"),
    Directive("GlobalLog", Args.take(str, str, str, least=2), GLOBAL, into=LogConfig, apply=global_log,
              help="Same as CustomLog, but forces virtualhosts to inherit the log"),
    Directive("TransferLog", Args.take(str), RSRC, into=LogConfig, apply=transfer_log,
              help="the filename of the access log"),
    Directive("LogFormat", Args.take(str, str, least=1), RSRC, into=LogConfig, apply=log_format,
              help="a log format string (see docs) and an optional format name"),
)  # fmt: skip


def check_config(configuration: Configuration) -> Sequence[Diagnostic]:
    """The directory of every log has to be there. A nickname that no LogFormat defines is taken as a format: every line
    would be that word."""
    found: dict[tuple[str, Location], Diagnostic] = {}
    for server in configuration.servers:
        config = server.config(LogConfig)
        for log in config.logs:
            place = log.location
            directory = os.path.dirname(log.path)
            reason = directory_error(directory)
            if reason is not None:
                found["AH02297", place] = Diagnostic(
                    Severity.ERROR, "AH02297",
                    f"Cannot access directory '{directory.rstrip('/')}/' for log file '{log.path}' defined at "
                    f"{place.file}:{place.line}",
                    module="log_config", errno=reason,
                )  # fmt: skip
            if log.format is not None and "%" not in log.format and config.nickname(log.format) is None:
                found["PH00311", place] = Diagnostic(
                    Severity.WARNING, "PH00311", f"no LogFormat defines '{log.format}': every line will be that word",
                    place, hint=f"define it with LogFormat \"...\" {log.format}", module="log_config",
                )  # fmt: skip
    return list(found.values())


class LogFile(Appender):
    """One open log. The master opens it, the children write; what is counted here is counted by each child.

    Lines that are lost cost no request; they are told once in the error log, when writing works again.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        super().__init__(open_for_append(path))
        self.path = path

    def write(self, line: bytes, request: Request) -> None:
        if self.append(line) and self.lost:
            lost, self.lost = self.lost, 0
            request.log(Level.ERROR, "log_config", "PH00310", f"{lost} lines could not be written to {self.path}")

    def close(self) -> None:
        os.close(self.fd)


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    for server in configuration.servers:
        for log in server.config(LogConfig).logs:
            key = (LogFile, log.path)
            if key in preparation.resources:
                continue
            try:
                file = LogFile(log.path)
            except OSError as error:
                raise PrepareError("AH00649", f"could not open transfer log file {log.path}.", error.errno) from error
            preparation.keep(key, file, file.close)


_lines: dict[str, Line] = {}  # format -> function; filled by the children, as functions made here do not pickle


def _line(text: str, services: Services) -> Line:
    line = _lines.get(text)
    if line is None:
        line = _lines[text] = compile_line(text, services.providers("log_letter"))
    return line


def log_transaction(request: Request) -> int:
    original, final = request.original, request.final
    config = request.server_config(LogConfig)
    services = request.services
    if not original.ended:
        original.ended = time.monotonic()
    if final is not original:
        final.ended = original.ended
    for log in config.logs:
        if holds(log.condition, original.env):
            text = _line(config.format_of(log), services)(original, final)
            services.resource((LogFile, log.path)).write(text.encode("utf-8", "surrogateescape"), original)
    return OK


MODULE = Module(
    "log_config_module",
    "mod_log_config.c",
    per_server=LogConfig,
    directives=DIRECTIVES,
    hooks=(on(Phase.LOG_TRANSACTION, log_transaction),),
    providers=tuple(Provider("log_letter", name, letter) for name, letter in LETTERS.items()),
    check_config=check_config,
    prepare=prepare,
)
