"""The core's directives for the error log: LogLevel and ErrorLogFormat, and what they make of a server's log."""

from __future__ import annotations

from collections.abc import Mapping

from pyhttpd.api.core_config import CoreDir, CoreServer, ModuleLevels
from pyhttpd.api.error_format import Server, parse
from pyhttpd.api.log import LEVEL_NAMES, ErrorLog, Formats, Level, Levels
from pyhttpd.api.url import server_name
from pyhttpd.config.configuration import Configuration, ServerRecord
from pyhttpd.config.directive import RSRC, SECTIONS, Args, Directive, Setting, SettingError

_NOT_A_LEVEL = "Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8"
_ONCE = {"connection": "error_log_connection", "request": "error_log_request"}


def _log_level(setting: Setting, *words: str) -> None:
    current: Levels | None = setting.get("log_levels")
    default = current.default if current is not None else None
    inherits = current is None or isinstance(current, ModuleLevels)
    modules = dict(current.modules) if current is not None else {}
    for word in words:
        name, colon, level_name = word.rpartition(":")
        if colon and not level_name:
            raise SettingError(f"Module specifier '{name}' must be followed by a log level keyword", wrong=word)
        level = LEVEL_NAMES.get(level_name.lower())
        if level is None:
            message = f"{word}: {_NOT_A_LEVEL}" if colon else _NOT_A_LEVEL
            raise SettingError(message, wrong=word, part=level_name, choices=LEVEL_NAMES)
        if colon:
            module = setting.module(name)
            if module is None:
                message = f"Cannot find module {name}"
                raise SettingError(message, _not_loaded(name), wrong=word, part=name, choices=setting.modules())
            modules[module.removesuffix("_module")] = level
        else:
            default, inherits = level, False
            modules.clear()  # a level for all takes back what was said of single modules before
    if inherits:
        setting.set("log_levels", ModuleLevels(Level.WARN, modules))
    else:
        setting.set("log_levels", Levels(Level.WARN if default is None else default, modules))


def _not_loaded(name: str) -> str | None:
    """What to do about a module of Apache's that is not there, by any of its names."""
    from pyhttpd.config.owners import known_modules  # reads a file of ours

    source = f"mod_{name.removeprefix('mod_').removesuffix('.c').removesuffix('_module')}"
    if source not in known_modules():
        return None
    return f"{source} is not loaded: put this into <IfModule {source}.c>, on a LogLevel line of its own"


def _error_log_format(setting: Setting, first: str, second: str = "") -> None:
    """One format is that of messages; with a word before it, it is one more line for each connection or request."""
    try:
        if not second:
            parse(first)
            setting.set("error_log_format", first)
            return
        field = _ONCE.get(first.lower())
        if field is None:
            raise SettingError("ErrorLogFormat type must be one of request, connection", wrong=first, choices=_ONCE)
        parse(second, main=False)
    except ValueError as error:
        raise SettingError(str(error)) from None
    setting.add(field, second)


LOG_DIRECTIVES = (
    Directive(
        "ErrorLogFormat", Args.take(str, str, least=1), RSRC, "Format string for the ErrorLog",
        into=CoreServer, apply=_error_log_format,
    ),
    Directive(
        "LogLevel", Args.iterate(str), RSRC | SECTIONS, "Level of verbosity in error logging",
        into=CoreDir, apply=_log_level,
    ),
)  # fmt: skip


_DEFAULT = CoreDir().log_levels


def log_levels_of(server: ServerRecord) -> Levels:
    """LogLevel of a server, outside all sections: what its connections and its start are logged at."""
    levels: Levels = server.base.get(CoreDir, {}).get("log_levels", _DEFAULT)
    return levels


def level_lines(configuration: Configuration, sources: Mapping[str, str]) -> list[str]:
    """What the main server's LogLevel lines come to, as Apache tells of each at trace3 when it reads them again.
    `sources` are the modules' (`alias_module`: `mod_alias.c`)."""
    levels = configuration.main.base.get(CoreDir, {}).get("log_levels")
    if not isinstance(levels, Levels):
        return []
    lines = [
        f"Setting LogLevel for module {sources.get(f'{name}_module', name)} to {level.name.lower()}"
        for name, level in levels.modules.items()
    ]
    if not isinstance(levels, ModuleLevels):
        lines.insert(0, f"Setting LogLevel for all modules to {levels.default.name.lower()}")
    return lines


def log_of_server(log: ErrorLog, configuration: Configuration, server: ServerRecord) -> ErrorLog:
    """A log as this server writes it: with its levels, its formats, its name. Others may write to the same file."""
    core = server.config(CoreServer)
    formats = Formats(
        message=None if core.error_log_format is None else tuple(parse(core.error_log_format)),
        connection=tuple(tuple(parse(text, main=False)) for text in core.error_log_connection),
        request=tuple(tuple(parse(text, main=False)) for text in core.error_log_request),
    )
    name = core.server_name or configuration.local_name
    shown = Server(name, server_name, threaded=configuration.mpm_name != "prefork")
    return log.of_server(log_levels_of(server), formats, shown)
