"""The core's directives: what http.conf says about servers, directories, limits and logs."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence

from pyhttpd.api.core_config import CoreDir, CoreServer, Option, Options
from pyhttpd.api.log import ErrorLog
from pyhttpd.api.log_sink import ERROR_LOG, MAIN_ERROR_LOG, is_file, open_sink
from pyhttpd.api.module import Module, Preparation
from pyhttpd.config.configuration import Configuration, ServerRecord
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import (
    ANYWHERE,
    GLOBAL,
    RSRC,
    Args,
    ChoiceError,
    Context,
    Converter,
    Directive,
    Override,
    Setting,
    SettingError,
    at_least,
    number,
)
from pyhttpd.config.language import LANGUAGE
from pyhttpd.server.arguments import on_or_off
from pyhttpd.server.cgi_directives import CGI_DIRECTIVES
from pyhttpd.server.core_hooks import CORE_HOOKS, HTTP_HOOKS
from pyhttpd.server.file_directives import FILE_DIRECTIVES
from pyhttpd.server.filters import OWN_FILTERS
from pyhttpd.server.limit_sections import LIMIT_SECTIONS
from pyhttpd.server.log_directives import LOG_DIRECTIVES, log_of_server
from pyhttpd.server.override_directives import OPTION_WORDS, OPTIONS, OVERRIDE_DIRECTIVES, may_name
from pyhttpd.server.protocol_directives import PROTOCOL_DIRECTIVES
from pyhttpd.util.digits import is_number, value_of
from pyhttpd.util.directory import directory_error
from pyhttpd.util.wildcard import is_wild

_TOKENS = {
    "os": "OS", "min": "Min", "minimal": "Min", "major": "Major", "minor": "Minor",
    "prod": "Prod", "productonly": "Prod", "full": "Full",
}  # fmt: skip
_UNITS = {"": 1.0, "s": 1.0, "ms": 0.001, "mi": 60.0, "min": 60.0, "h": 3600.0}
_MIXED = "Either all Options must start with + or -, or no Option may."
_LONGEST = 2**31 - 1
"""Seconds that a directive may ask for."""


def duration(message: str) -> Converter:
    """Seconds, or a number with ms, s, min or h; at most 2**31-1 seconds. `message` is the error text."""

    def convert(word: str) -> float:
        match = re.fullmatch(r"([0-9]+)([a-z]*)", word)
        if match is None or match[2] not in _UNITS:
            raise ValueError(message)
        seconds = value_of(match[1]) * _UNITS[match[2]]
        if seconds > _LONGEST:
            raise ValueError(f"{{name}} of {word} is too long: {_LONGEST} seconds at most")
        return seconds

    return convert


def _server_name(setting: Setting, word: str) -> None:
    scheme: str | None = None
    rest = word
    if is_wild(word):
        raise SettingError(f'Invalid ServerName "{word}" use ServerAlias to set multiple server names.')
    if "://" in word:
        scheme, rest = word.split("://", 1)
        scheme = scheme.lower()
        if not scheme:
            raise SettingError('The ServerName scheme "" is invalid', wrong=word)
    port = 0
    if match := re.fullmatch(r"(\[[^]]*\]|[^:]*):(.*)", rest):
        rest = match[1]
        digits = match[2].removesuffix("/")  # of a whole URL
        if not is_number(digits) or not 1 <= value_of(digits) <= 65535:
            raise SettingError(f'The port number "{word}" is outside the appropriate range (i.e., 1..65535).')
        port = value_of(digits)
    setting.set("server_name", rest)
    setting.set("server_scheme", scheme)
    setting.set("server_port", port)
    setting.set("named_itself", Context.VHOST in setting.context)


def _server_alias(setting: Setting, *names: str) -> None:
    if Context.VHOST not in setting.context:
        raise SettingError("ServerAlias only used in <VirtualHost>")
    for field, wild in (("server_wild_aliases", True), ("server_aliases", False)):
        for name in names:
            if bool({"*", "?"} & set(name)) is wild:
                setting.add(field, name)


def _accept_filter(setting: Setting, protocol: str, name: str) -> None:
    """What Linux has is one filter, TCP_DEFER_ACCEPT, so every name but none switches it on, as in Apache."""
    setting.put("accept_filters", protocol, name)


def _keep_alive_timeout(setting: Setting, seconds: float) -> None:
    """A virtual host without one of its own waits as long as the first host of its address."""
    setting.set("keep_alive_timeout", seconds)
    setting.set("own_keep_alive_timeout", Context.VHOST in setting.context)


def _server_tokens(word: str) -> str:
    try:
        return _TOKENS[word.lower()]
    except KeyError:
        message = "ServerTokens takes 1 argument: 'Prod(uctOnly)', 'Major', 'Minor', 'Min(imal)', 'OS', or 'Full'"
        raise ChoiceError(message, ("Prod", "ProductOnly", "Major", "Minor", "Min", "Minimal", "OS", "Full")) from None


def _document_root(setting: Setting, name: str) -> None:
    path = setting.path(name)
    setting.set("document_root", path.rstrip("/") or "/")
    setting.set("document_root_location", setting.location)


def _options(setting: Setting, *words: str) -> None:
    """`All` and `None` come first if at all, and signed ones may follow them; else all words have a sign, or none."""
    current: Options = setting.get("options", Options())
    whole = signed = False  # a set begins with All or None; a sign was seen
    for position, word in enumerate(words):
        name = word[1:] if word[:1] in ("+", "-") else word
        if name is not word:
            if position > 0 and not signed and not whole:
                raise SettingError(_MIXED, wrong=word)
            signed = True
        elif signed:
            raise SettingError(_MIXED, wrong=word)
        elif position == 0:
            current = Options(Option.NONE)
        option = OPTIONS.get(name.lower())
        if option is None:
            raise SettingError(f"Illegal option {name}", wrong=word, part=name, choices=OPTION_WORDS)
        if name.lower() in ("all", "none"):
            whole = _begin_whole(word, name.capitalize(), first=position == 0, signed=signed)
        if setting.allowed is not None and not may_name(setting.allowed, option):
            raise SettingError(f"Option {name} not allowed here", wrong=word)
        if word[:1] == "-":
            current = current.minus(option)
        elif signed or current.base is None:
            current = current.plus(option)
        else:
            current = Options(current.base | option, current.add, current.remove)
    setting.set("options", current)


def _begin_whole(word: str, name: str, *, first: bool, signed: bool) -> bool:
    if not first:
        message = f"'Options {name}' must be the first {'option' if name == 'All' else 'Option'} given."
        raise SettingError(message, wrong=word)
    if signed:
        raise SettingError(f"You may not use 'Options +{name}' or 'Options -{name}'.", wrong=word)
    return True


def _error_log(setting: Setting, name: str) -> None:
    setting.set("error_log", setting.path(name) if is_file(name, ERROR_LOG) else name)


def _path_info(word: str) -> bool | None:
    known = {"on": True, "off": False, "default": None}
    try:
        return known[word.lower()]
    except KeyError:
        raise ChoiceError("AcceptPathInfo must be set to on, off or default", known) from None


def _body_limit(word: str) -> int:
    if not re.fullmatch("[0-9]+", word):
        raise ValueError("LimitRequestBody requires a non-negative integer.")
    limit = value_of(word)
    if limit >= 1 << 63:
        raise ValueError("LimitRequestBody argument is not parsable.")
    return limit


def _limit(name: str, zero: str = "") -> Converter:
    def convert(word: str) -> int:
        value = number(word)
        if value < 0:
            raise ValueError(f'{name} "{word}" must be a non-negative integer{zero}')
        return value

    return convert


_MECHANISMS = ("default", "yes", "flock", "fcntl", "file", "pthread", "sysvsem", "posixsem", "sem", "none", "no")
_SHOWN_MECHANISMS = (
    "(Mutex mechanisms are: 'none', 'default', 'flock:/path/to/file', 'fcntl:/path/to/file', 'file:/path/to/file', "
    "'pthread', 'sysvsem', 'posixsem', 'sem')"
)
_MUTEXES = ("default", "mpm-accept", "watchdog-callback")


def _mutex(setting: Setting, *words: str) -> None:
    """Checked and without effect: children accept in turn on a blocking socket, there is no accept mutex."""
    if not words or not words[0]:
        raise SettingError(f"Mutex requires at least a mechanism argument {_SHOWN_MECHANISMS}")
    mechanism, *names = words
    kind, _, directory = mechanism.partition(":")
    if kind.lower() not in _MECHANISMS:
        message = f"Invalid Mutex argument {mechanism} {_SHOWN_MECHANISMS}"
        raise SettingError(message, wrong=mechanism, part=kind, choices=_MECHANISMS)
    if directory and not os.path.isdir(setting.path(directory)):
        raise SettingError(f"Invalid Mutex directory in argument {mechanism}", wrong=mechanism, part=directory)
    for name in reversed([name for name in names if name.lower() != "omitpid"] or ["default"]):
        if name not in _MUTEXES:
            raise SettingError(f"Mutex type {name} is not valid", wrong=name, choices=_MUTEXES)
        if kind.lower() in ("none", "no"):
            raise SettingError(f"None is not allowed for mutex type {name}")


def _server_row(name: str, args: Args, sets: str, help_text: str, contexts: Context = RSRC) -> Directive:
    return Directive(name, args, contexts, help_text, into=CoreServer, sets=sets)


DIRECTIVES = (
    Directive(
        "AcceptFilter", Args.take(str.lower, str.lower), GLOBAL,
        "Set the Accept Filter to use for a protocol",
        into=CoreServer, apply=_accept_filter,
    ),
    Directive(
        "AcceptPathInfo", Args.take(_path_info), ANYWHERE,
        "Set to on or off for PATH_INFO to be accepted by handlers, or default for the per-handler preference",
        into=CoreDir, sets="accept_path_info", override=Override.FILEINFO,
    ),
    Directive(
        "DocumentRoot", Args.take(str), RSRC, "Root directory of the document tree",
        into=CoreServer, apply=_document_root,
    ),
    Directive(
        "Options", Args.take(str, least=0, most=None), ANYWHERE, "Set a number of attributes for a given directory",
        into=CoreDir, apply=_options, override=Override.OPTIONS,
    ),
    Directive(
        "EnableSendfile", Args.take(on_or_off()), ANYWHERE, "Controls whether sendfile may be used to transmit files",
        into=CoreDir, sets="enable_sendfile", override=Override.FILEINFO,
    ),
    _server_row("ServerAdmin", Args.take(str), "server_admin", "The email address of the server administrator"),
    Directive(
        "ServerName", Args.take(str), RSRC, "The hostname and port of the server",
        into=CoreServer, apply=_server_name,
    ),
    Directive(
        "ServerAlias", Args.take(str, least=0, most=None), RSRC,
        "A name or names alternately used to access the server", into=CoreServer, apply=_server_alias,
    ),
    _server_row(
        "Timeout", Args.take(duration("Timeout has wrong format")), "timeout", "Timeout duration (sec)"
    ),
    _server_row(
        "ServerTokens", Args.take(_server_tokens), "server_tokens",
        "Determine tokens displayed in the Server: header - Min(imal), Major, Minor, Prod(uctOnly), OS, or Full",
        GLOBAL,
    ),
    Directive("ErrorLog", Args.take(str), RSRC, "The filename of the error log", into=CoreServer, apply=_error_log),
    _server_row(
        "LimitRequestLine", Args.take(_limit("LimitRequestLine")), "limit_request_line",
        "Limit on maximum size of an HTTP request line",
    ),
    _server_row(
        "LimitRequestFieldSize", Args.take(_limit("LimitRequestFieldsize")), "limit_request_field_size",
        "Limit on maximum size of an HTTP request header field",
    ),
    _server_row(
        "LimitRequestFields", Args.take(_limit("LimitRequestFields", " (0 = no limit)")), "limit_request_fields",
        "Limit (0 = unlimited) on max number of header fields in a request message",
    ),
    Directive(
        "LimitRequestBody", Args.take(_body_limit), ANYWHERE,
        "Limit (in bytes) on maximum size of request message body",
        into=CoreDir, sets="limit_request_body",
        override=Override.OPTIONS | Override.FILEINFO | Override.AUTHCONFIG | Override.LIMIT | Override.INDEXES,
    ),
    _server_row(
        "ExtendedStatus", Args.flag(), "extended_status",
        '"On" to track extended status information, "Off" to disable', GLOBAL,
    ),
    _server_row(
        "SeeRequestTail", Args.flag(), "see_request_tail",
        'For extended status, "On" to see the last 63 chars of the request line, "Off" (default) to see the first 63',
        GLOBAL,
    ),
    Directive(
        "Mutex", Args.take(str, least=0, most=None), GLOBAL, 'mutex (or "default") and mechanism',
        into=CoreServer, apply=_mutex,
    ),
)  # fmt: skip

HTTP_DIRECTIVES = (
    Directive(
        "KeepAliveTimeout", Args.take(duration("KeepAliveTimeout has wrong format")), RSRC,
        "Keep-Alive timeout duration (sec)", into=CoreServer, apply=_keep_alive_timeout,
    ),
    _server_row(
        "MaxKeepAliveRequests", Args.take(at_least(0, "MaxKeepAliveRequests must not be negative")),
        "max_keep_alive_requests", "Maximum number of Keep-Alive requests per connection, or 0 for infinite",
    ),
    _server_row(
        "KeepAlive", Args.flag(), "keep_alive", "Whether persistent connections should be On or Off",
    ),
)  # fmt: skip


def check_document_roots(configuration: Configuration) -> Sequence[Diagnostic]:
    """The main server's DocumentRoot has to be a directory that can be entered; one of a virtual host should be: Apache
    serves the others without it. `-T` leaves this out."""
    found: list[Diagnostic] = []
    known: dict[str, bool] = {}  # many virtual hosts may share one
    main = configuration.main.config(CoreServer)
    for server in configuration.servers:
        core = server.config(CoreServer)
        root, place = core.document_root, core.document_root_location
        if root is None or (server is not configuration.main and place == main.document_root_location):
            continue
        if root not in known:
            known[root] = _is_directory(root)
        if known[root]:
            continue
        if server is configuration.main:
            message = f"DocumentRoot '{root}' is not a directory, or is not readable"
            found.append(Diagnostic(Severity.ERROR, "AH00526", message, place))
        else:
            message = f"Warning: DocumentRoot [{root}] does not exist"
            found.append(Diagnostic(Severity.WARNING, "AH00112", message, place))
    return found


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False


def check_error_log_directories(configuration: Configuration) -> Sequence[Diagnostic]:
    """The directory of every error log has to be there."""
    found: dict[str, Diagnostic] = {}
    seen: set[str] = set()  # most virtual hosts share the main server's
    for server in configuration.servers:
        core = server.config(CoreServer)
        if core.error_log in seen:
            continue
        seen.add(core.error_log)
        path = error_log_path(configuration, core)
        if not is_file(path, ERROR_LOG):
            continue
        directory = os.path.dirname(path)
        reason = directory_error(directory)
        if reason is not None:
            place = server.location
            whose = "main error log" if place is None else f"error log of vhost defined at {place.file}:{place.line}"
            message = f"Cannot access directory '{directory}/' for {whose}"
            found.setdefault(directory, Diagnostic(Severity.ERROR, "AH02291", message, errno=reason))
    return tuple(found.values())


def error_log_path(configuration: Configuration, server: CoreServer) -> str:
    """ErrorLog as an absolute path; a program or syslog as it was named."""
    name = server.error_log
    return os.path.join(configuration.server_root, name) if is_file(name, ERROR_LOG) else name


def check_config(configuration: Configuration) -> Sequence[Diagnostic]:
    return (*check_document_roots(configuration), *check_error_log_directories(configuration))


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    """Open the error logs of virtual hosts that have one of their own; the main one is open before all else."""
    for server in configuration.vhosts:
        _opened(configuration, server, preparation)


def open_error_log(configuration: Configuration, server: ServerRecord, preparation: Preparation) -> ErrorLog:
    """The log of a server, as it writes it. Raises PrepareError."""
    return log_of_server(_opened(configuration, server, preparation), configuration, server)


def _opened(configuration: Configuration, server: ServerRecord, preparation: Preparation) -> ErrorLog:
    """Kept under ("error_log", path); servers that name one file share it."""
    path = error_log_path(configuration, server.config(CoreServer))
    key = ("error_log", path)
    if key not in preparation.resources:
        use = MAIN_ERROR_LOG if server is configuration.main else ERROR_LOG
        preparation.keep(key, ErrorLog(open_sink(path, preparation, use)))
    log = preparation.resources[key]
    assert isinstance(log, ErrorLog)
    return log


CORE = Module(
    "core_module",
    "core.c",
    per_dir=CoreDir,
    per_server=CoreServer,
    directives=(
        *LANGUAGE,
        *LIMIT_SECTIONS,
        *DIRECTIVES,
        *OVERRIDE_DIRECTIVES,
        *FILE_DIRECTIVES,
        *PROTOCOL_DIRECTIVES,
        *LOG_DIRECTIVES,
        *CGI_DIRECTIVES,
    ),
    hooks=CORE_HOOKS,
    providers=OWN_FILTERS,
    check_config=check_config,
    prepare=prepare,
)

# The keep-alive directives belong to http_core.c, their values to the core: the connection reads them together.
HTTP_CORE = Module("http_module", "http_core.c", directives=HTTP_DIRECTIVES, hooks=HTTP_HOOKS)
