"""mod_mime: content types, encodings, languages, charsets and handlers by the extensions of a file's name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.api.filters import INPUT, OUTPUT, add_input_filter, add_output_filter, warn_of_name
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Preparation, PrepareError
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import DIRECTORY_TYPE, Request
from pyhttpd.config import words
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.directive import ANYWHERE, RSRC, SECTIONS, Args, Context, Directive, Override, Setting, SettingError
from pyhttpd.config.merging import merged
from pyhttpd.modules.mime_content_type import MalformedError, with_charset
from pyhttpd.util.escape import wire
from pyhttpd.util.packaged import TYPES_CONFIG_FILE, httpd_root

TYPES = "mime types"
"""The key under which the children find what the TypesConfig file says: extension -> content type."""


class Extension(NamedTuple):
    """What the lines say about one extension. None: nothing. A `type` of "" (RemoveType) hides TypesConfig's too."""

    type: str | None = None
    encoding: str | None = None
    language: str | None = None
    charset: str | None = None
    handler: str | None = None
    output_filters: str | None = None  # names with `;` between them
    input_filters: str | None = None


class Extensions(NamedTuple):
    """One scope's extensions, lower case and without their dot, and what it takes away from the outer scope's."""

    known: Mapping[str, Extension] = {}  # a NamedTuple's default, never changed
    removed: tuple[tuple[str, str], ...] = ()  # (extension, field)


def merge_extensions(outer: Extensions, inner: Extensions) -> Extensions:
    """Field by field: what the inner scope says about an extension leaves its other fields as they are. By hand, as a
    Remove line also undoes an Add line of its own scope, whichever of them stands first."""
    known = dict(outer.known)
    for name, extension in inner.known.items():
        old = known.get(name, Extension())
        known[name] = Extension(*(new if new is not None else was for new, was in zip(extension, old, strict=True)))
    for name, field in inner.removed:
        if name in known:
            known[name] = known[name]._replace(**{field: None})
    return Extensions(known)


@dataclass(frozen=True, slots=True)
class MimeConfig:
    extensions: Extensions = merged(Extensions(), merge_extensions)
    default_language: str | None = None
    use_path_info: bool = False
    # MultiviewsMatch, lower case: which files mod_negotiation may choose. Without it nobody looks, as in Apache.
    multiviews_match: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MimeServer:
    types_config: str | None = None  # absolute; None: conf/mime.types below ServerRoot


# --- the lines


def _key(extension: str) -> str:
    return extension.lower().removeprefix(".")


def _adder(field: str) -> Callable[..., None]:
    def add(setting: Setting, value: str, *extensions: str) -> None:
        current: Extensions = setting.get("extensions", Extensions())
        known: dict[str, Extension] = setting.memo.setdefault("known", {})  # this scope's, that grows with its lines
        gone: set[tuple[str, str]] = setting.memo.get("gone", set())
        for extension in map(_key, extensions):
            if (extension, field) in gone:
                continue
            known[extension] = known.get(extension, Extension())._replace(**{field: value.lower()})
        setting.set("extensions", current._replace(known=known))

    return add


def _names(filters: str) -> Iterable[str]:
    return filter(None, filters.split(";"))


def _filter_adder(field: str, group: str) -> Callable[..., None]:
    plain = _adder(field)

    def add(setting: Setting, value: str, *extensions: str) -> None:
        for name in _names(value):
            warn_of_name(setting, group, name)
        plain(setting, value, *extensions)

    return add


def _remover(field: str) -> Callable[..., None]:
    def remove(setting: Setting, *extensions: str) -> None:
        current: Extensions = setting.get("extensions", Extensions())
        removed = tuple((_key(extension), field) for extension in extensions)
        if setting.context is not Context.SERVER:  # outside of which nothing is: its Remove lines undo nothing
            setting.memo.setdefault("gone", set()).update(removed)
            known: dict[str, Extension] = setting.memo.get("known", {})
            for extension, _ in removed:
                if extension in known:
                    known[extension] = known[extension]._replace(**{field: None})
        setting.set("extensions", current._replace(removed=current.removed + removed))

    return remove


def remove_type(setting: Setting, *extensions: str) -> None:
    """TypesConfig's type goes too, so that something has to be remembered."""
    _adder("type")(setting, "", *extensions)


_MATCHES = ("NegotiatedOnly", "Handlers", "Filters", "Any")
_ALONE = {
    "any": "Any is incompatible with NegotiatedOnly, Filters and Handlers",
    "negotiatedonly": "NegotiatedOnly is incompatible with Any, Filters and Handlers",
    "filters": "Filters is incompatible with Any and NegotiatedOnly",
    "handlers": "Handlers is incompatible with Any and NegotiatedOnly",
}


def multiviews_match(setting: Setting, *words: str) -> None:
    for word in words:
        key = word.lower()
        if key not in _ALONE:
            raise SettingError(f"Unrecognized option '{word}'", wrong=word, choices=_MATCHES)
        before: frozenset[str] = setting.get("multiviews_match", frozenset())
        together = {"filters", "handlers"} if key in ("filters", "handlers") else {key}
        if before - together:
            raise SettingError(_ALONE[key], wrong=word)
        setting.set("multiviews_match", before | {key})


def types_config(setting: Setting, name: str) -> None:
    setting.set("types_config", setting.path(name))


def _add_row(name: str, field: str, help_text: str) -> Directive:
    return Directive(name, Args.take(str, str, most=None), ANYWHERE, override=Override.FILEINFO, into=MimeConfig,
                     apply=_adder(field), help=help_text)  # fmt: skip


def _remove_row(name: str, apply: Callable[..., None]) -> Directive:
    return Directive(name, Args.take(str, most=None), ANYWHERE, override=Override.FILEINFO, into=MimeConfig,
                     apply=apply, help="one or more file extensions")  # fmt: skip


DIRECTIVES = (
    _add_row("AddCharset", "charset", "a charset (e.g., iso-2022-jp), followed by one or more file extensions"),
    _add_row("AddEncoding", "encoding", "an encoding (e.g., gzip), followed by one or more file extensions"),
    _add_row("AddHandler", "handler", "a handler name followed by one or more file extensions"),
    Directive("AddInputFilter", Args.take(str, str, most=None), ANYWHERE, override=Override.FILEINFO, into=MimeConfig,
              apply=_filter_adder("input_filters", INPUT),
              help="input filter name (or ; delimited names) followed by one or more file extensions"),
    _add_row("AddLanguage", "language", "a language (e.g., fr), followed by one or more file extensions"),
    Directive("AddOutputFilter", Args.take(str, str, most=None), ANYWHERE, override=Override.FILEINFO, into=MimeConfig,
              apply=_filter_adder("output_filters", OUTPUT),
              help="output filter name (or ; delimited names) followed by one or more file extensions"),
    _add_row("AddType", "type", "a mime type followed by one or more file extensions"),
    Directive("DefaultLanguage", Args.take(str), ANYWHERE, override=Override.FILEINFO, into=MimeConfig,
              sets="default_language", help="language to use for documents with no other language file extension"),
    _remove_row("RemoveCharset", _remover("charset")),
    _remove_row("RemoveEncoding", _remover("encoding")),
    _remove_row("RemoveHandler", _remover("handler")),
    _remove_row("RemoveInputFilter", _remover("input_filters")),
    _remove_row("RemoveLanguage", _remover("language")),
    _remove_row("RemoveOutputFilter", _remover("output_filters")),
    _remove_row("RemoveType", remove_type),
    Directive("MultiviewsMatch", Args.iterate(str), ANYWHERE & ~Context.LOCATION, override=Override.FILEINFO,
              into=MimeConfig, apply=multiviews_match,
              help="NegotiatedOnly (default), Handlers and/or Filters, or Any"),
    Directive("TypesConfig", Args.take(str), RSRC, into=MimeServer, apply=types_config,
              help="the MIME types config file"),
    Directive("ModMimeUsePathInfo", Args.flag(), SECTIONS, into=MimeConfig, sets="use_path_info",
              help="Set to 'yes' to allow mod_mime to use path info for type checking"),
)  # fmt: skip


# --- the types file


def parse_types(lines: Iterable[str]) -> dict[str, str]:
    """mime.types: a type and its extensions on each line, which may go on behind a backslash. The last line that names
    an extension wins."""
    types: dict[str, str] = {}
    begun = ""
    for line in lines:
        text = begun + line.rstrip("\n")
        if text.endswith("\\"):
            begun = text[:-1]
            continue
        begun = ""
        given = words.split(text.strip(words.BLANKS)).words
        if not text.lstrip(words.BLANKS).startswith("#"):
            for extension in given[1:]:
                types[extension.lower()] = given[0]
    return types


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    """As in Apache, one file for the whole server: the main server's. Where no line names one and ServerRoot has none,
    it is that which comes with pyhttpd."""
    path = configuration.main.config(MimeServer).types_config
    if path is None:
        path = os.path.join(configuration.server_root, TYPES_CONFIG_FILE)
        if not os.path.exists(path):
            path = os.path.join(httpd_root(), TYPES_CONFIG_FILE)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            preparation.keep(TYPES, parse_types(lines))
    except OSError as error:
        text = f"could not open mime types config file {path}."
        raise PrepareError("AH01597", text, error.errno, module="mime") from error


# --- the requests

_REMEMBERED = 256
_usual: dict[tuple[str, str | None], str] = {}
"""Types and charsets that were put together: there are few. Threads read and write it without a lock."""


def find_type(request: Request) -> int:
    if request.finfo is not None and stat.S_ISDIR(request.finfo.st_mode):
        request.content_type = DIRECTORY_TYPE
        return OK
    if request.filename is None:
        return DECLINED
    config = request.config(MimeConfig)
    name = request.filename + request.path_info if config.use_path_info else request.filename
    charset, languages = _apply_extensions(request, name[name.rfind("/") + 1 :], config.extensions.known)
    if request.content_type is not None:
        request.content_type = _in_usual_form(request, request.content_type, charset)
    if not languages and config.default_language is not None:
        languages = [config.default_language]
    request.content_languages = [wire(language) for language in languages]
    return DECLINED if request.content_type is None else OK


def _in_usual_form(request: Request, content_type: str, charset: str | None) -> str:
    """A type that is malformed stays as it is, and is logged each time."""
    usual = _usual.get((content_type, charset))
    if usual is not None:
        return usual
    try:
        usual = with_charset(content_type, charset)
    except MalformedError as error:
        request.do_not_keep()
        request.error_log.log(Level.WARN, "mime", error.number, str(error))
        return content_type
    if len(_usual) >= _REMEMBERED:
        _usual.clear()
    _usual[content_type, charset] = usual
    return usual


def _apply_extensions(request: Request, name: str, known: Mapping[str, Extension]) -> tuple[str | None, list[str]]:
    """What the extensions say, from left to right: the last type, charset and handler count, encodings and languages
    add up. What stands before the first dot is no extension, nor is a dot at the beginning. Returns charset and
    languages."""
    types: Mapping[str, str] = request.services.resource(TYPES)
    charset: str | None = None
    languages: list[str] = []
    for word in name.lstrip(".").split(".")[1:]:
        if not word:
            continue
        extension = known.get(word.lower())
        if extension is None or extension.type is None:
            request.content_type = types.get(word.lower(), request.content_type)
        if extension is None:
            continue
        if extension.type:
            request.content_type = wire(extension.type)
        if extension.charset is not None:
            charset = wire(extension.charset)
        if extension.language is not None:
            languages.append(extension.language)
        if extension.encoding is not None:
            encoding = wire(extension.encoding)
            old = request.content_encoding
            request.content_encoding = encoding if old is None else f"{old}, {encoding}"
        if extension.handler is not None:
            request.handler = extension.handler
        if extension.input_filters is not None:
            for name in _names(extension.input_filters):
                add_input_filter(request, name)
        if extension.output_filters is not None:
            for name in _names(extension.output_filters):
                add_output_filter(request, name)
    return charset, languages


MODULE = Module(
    "mime_module",
    "mod_mime.c",
    per_dir=MimeConfig,
    per_server=MimeServer,
    directives=DIRECTIVES,
    hooks=(on(Phase.TYPE_CHECKER, find_type, pure=True),),
    prepare=prepare,
    prepare_only_reads=True,
)
