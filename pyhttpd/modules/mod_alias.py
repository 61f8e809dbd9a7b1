"""mod_alias: other places for parts of the URL space (Alias, ScriptAlias), and redirects to other URLs (Redirect)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import NamedTuple

from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.api.url import construct_url, is_url
from pyhttpd.config.directive import ANYWHERE, RSRC, Args, Context, Directive, Override, Setting, SettingError
from pyhttpd.config.merging import inner_first, merged
from pyhttpd.expr import EvaluationError, ExpressionError, Text, parse_text
from pyhttpd.http.rewritten import rewritten
from pyhttpd.util.digits import value_of
from pyhttpd.util.escape import native, url_path, wire
from pyhttpd.util.regex import Regex, compile_pcre, substitute

_SLASHES = re.compile("/+")
CGI = "cgi-script"  # the handler of what a ScriptAlias maps
_STATUS_WORDS = {"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}


class Mapped(NamedTuple):
    """One Alias or AliasMatch line: a URL prefix or a pattern, and the path, in which `$1` stands for a group. Of a
    ScriptAlias there is a handler, too."""

    prefix: str
    path: str
    regex: Regex | None = None
    handler: str | None = None


class LocationAlias(NamedTuple):
    """An Alias or ScriptAlias line in a section, whose own path is the prefix."""

    prefix: str
    path: str | Text
    handler: str | None = None


class Redirection(NamedTuple):
    """One Redirect or RedirectMatch line. `url` is None where the status is no redirect (`gone`)."""

    prefix: str
    url: str | None
    status: int
    regex: Regex | None = None


@dataclass(frozen=True, slots=True)
class AliasConfig:
    """`aliases` and `server_redirects` are what stands outside sections: they act before a URL is mapped to a file.
    `redirects` stand inside sections, and act in the fixups. The `location` fields are those of a `<Location>` whose
    own path is the first argument."""

    aliases: tuple[Mapped, ...] = merged((), inner_first)
    server_redirects: tuple[Redirection, ...] = merged((), inner_first)
    redirects: tuple[Redirection, ...] = merged((), inner_first)
    location_alias: LocationAlias | None = None
    location_redirect: tuple[str | Text | None, int] | None = None  # url, status
    preserve_path: bool = False
    relative: bool = False


def matched_length(uri: str, prefix: str) -> int:
    """How many characters of `uri` the prefix takes; 0 where it does not match. It ends at a slash or at the end, and
    any number of slashes matches any number."""
    at = used = 0
    while at < len(prefix):
        if prefix[at] == "/":
            if uri[used : used + 1] != "/":
                return 0
            while prefix[at : at + 1] == "/":
                at += 1
            while uri[used : used + 1] == "/":
                used += 1
        else:
            if uri[used : used + 1] != prefix[at]:
                return 0
            at += 1
            used += 1
    if prefix[-1:] != "/" and uri[used : used + 1] not in ("", "/"):
        return 0
    return used


# --- the lines


def _regex(text: str) -> Regex:
    try:
        return compile_pcre(text)
    except re.error as error:
        raise SettingError("Regular expression could not be compiled.", hint=str(error), wrong=text) from None


def _expression(setting: Setting, kind: str, text: str) -> str | Text:
    """The one-argument forms take an expression. The text itself, if nothing in it depends on a request."""
    try:
        parsed = parse_text(
            text, writer=setting.writer, source=f"{setting.location.file}:{setting.location.line}", module="alias"
        )
    except ExpressionError as error:
        raise SettingError(f"Cannot parse {kind} expression '{text}': {error}") from None
    return text if parsed.constant is not None else parsed


def _note_alias(setting: Setting, prefix: str, regex: Regex | None = None) -> None:
    """Remember an alias; warn if one that stands before it matches first. Looked up, as there may be thousands."""
    prefixes: dict[str, tuple[int, str]] = setting.memo.setdefault("prefixes", {})  # to the number and kind of the line
    regexes: list[tuple[int, str, Regex]] = setting.memo.setdefault("regexes", [])
    number, kind = len(prefixes) + len(regexes), setting.row.name.removesuffix("Match")
    if regex is not None:
        regexes.append((number, kind, regex))
        return
    plain = _SLASHES.sub("/", prefix)
    ends = [end for end, char in enumerate(plain) if char == "/"]
    shorter = {plain, *(plain[:end] for end in ends), *(plain[: end + 1] for end in ends)} - {""}
    earlier = [prefixes[each] for each in shorter if each in prefixes]
    earlier += [(at, f"{name}Match") for at, name, pattern in regexes if pattern.search(prefix)]
    if earlier:
        setting.warn(
            f"The {setting.row.name} directive in {setting.location.file} at line {setting.location.line} will "
            f"probably never match because it overlaps an earlier {min(earlier)[1]}.",
            "AH00671",
        )
    prefixes.setdefault(plain, (number, kind))


def _add_alias(setting: Setting, prefix: str, path: str | None, handler: str | None = None) -> None:
    name = setting.row.name
    inside = setting.section is not None
    if path is not None:
        if inside:
            raise SettingError(f"{name} cannot occur within directory context")
        if not prefix.startswith("/"):
            message = f"{name} {prefix}: a path that does not begin with a slash is never asked for"
            setting.warn(message, "PH00404", wrong=prefix)
        _note_alias(setting, prefix)
        setting.add("aliases", Mapped(prefix, _rooted(setting, path), None, handler))
    elif setting.section is None:
        raise SettingError("Alias must have two arguments when used globally")
    else:
        path_text = _expression(setting, "alias", prefix)
        rooted = _rooted(setting, path_text) if isinstance(path_text, str) else path_text
        setting.set("location_alias", LocationAlias(setting.section, rooted, handler))


def alias(setting: Setting, prefix: str, path: str | None = None) -> None:
    _add_alias(setting, prefix, path)


def script_alias(setting: Setting, prefix: str, path: str | None = None) -> None:
    _add_alias(setting, prefix, path, CGI)


def _add_match(setting: Setting, pattern: str, path: str, handler: str | None = None) -> None:
    regex = _regex(pattern)
    _note_alias(setting, pattern, regex)
    setting.add("aliases", Mapped(pattern, _rooted(setting, path), regex, handler))


def alias_match(setting: Setting, pattern: str, path: str) -> None:
    _add_match(setting, pattern, path)


def script_alias_match(setting: Setting, pattern: str, path: str) -> None:
    _add_match(setting, pattern, path, CGI)


def _rooted(setting: Setting, path: str) -> str:
    """Made absolute with ServerRoot, the end as written: what follows the prefix is put behind it."""
    return path if path.startswith("/") else os.path.join(setting.server_root, path)


def _add_redirect(setting: Setting, words: tuple[str, ...], status: int, *, regex: bool) -> None:
    """Which word is what depends on the first: a status or not, and if so one of a redirect or not."""
    first = words[0]
    second, third = (*words[1:3], None, None)[:2]
    known = True
    if first.lower() in _STATUS_WORDS:
        status = _STATUS_WORDS[first.lower()]
    elif digits := re.match("[0-9]+", first):
        status = value_of(digits[0])
    else:
        known = False
    redirecting = 300 <= status <= 399
    if third is not None and not known:
        raise SettingError("Redirect: invalid first argument (of three)", wrong=first, choices=_STATUS_WORDS)
    if setting.section is not None:
        if (known and redirecting and second is not None and third is None) or (not known and second is None):
            url = second if known else first
            setting.set("location_redirect", (_expression(setting, "redirect", url or ""), status))
            return
        if known and not redirecting and second is None:
            setting.set("location_redirect", (None, status))
            return
    prefix, target = (second, third) if known else (first, second)
    compiled = _regex(prefix) if regex and prefix is not None else None
    if redirecting:
        if target is None:
            raise SettingError("URL to redirect to is missing")
        if not regex and not is_url(target) and not target.startswith("/"):
            raise SettingError("Redirect to non-URL", wrong=target)
    elif target is not None:
        raise SettingError("Redirect URL not valid for this status", wrong=target)
    if prefix is None:
        # Apache goes on with a prefix that is no string
        raise SettingError("Redirect needs the path that it is for", hint="only inside <Location> it may be left out")
    if not regex and not prefix.startswith(("/", "*")):
        message = f"{setting.row.name} {prefix}: a path that does not begin with a slash is never asked for"
        setting.warn(message, "PH00404", wrong=prefix, choices=_STATUS_WORDS)
    field = "server_redirects" if setting.section is None else "redirects"
    setting.add(field, Redirection(prefix, target, status, compiled))


def redirect(setting: Setting, *words: str) -> None:
    _add_redirect(setting, words, 302, regex=False)


def redirect_match(setting: Setting, *words: str) -> None:
    _add_redirect(setting, words, 302, regex=True)


def redirect_permanent(setting: Setting, prefix: str, url: str) -> None:
    _add_redirect(setting, (prefix, url), 301, regex=False)


DIRECTIVES = (
    Directive("Alias", Args.take(str, str, least=1), RSRC | Context.LOCATION, into=AliasConfig, apply=alias,
              help="a fakename and a realname, or a realname in a Location"),
    Directive("ScriptAlias", Args.take(str, str, least=1), RSRC | Context.LOCATION, into=AliasConfig,
              apply=script_alias, help="a fakename and a realname, or a realname in a Location"),
    Directive("Redirect", Args.take(str, str, str, least=1), ANYWHERE, override=Override.FILEINFO, into=AliasConfig,
              apply=redirect, help="an optional status, then document to be redirected and destination URL"),
    Directive("AliasMatch", Args.take(str, str), RSRC, into=AliasConfig, apply=alias_match,
              help="a regular expression and a filename"),
    Directive("ScriptAliasMatch", Args.take(str, str), RSRC, into=AliasConfig, apply=script_alias_match,
              help="a regular expression and a filename"),
    Directive("RedirectMatch", Args.take(str, str, str, least=2), ANYWHERE, override=Override.FILEINFO,
              into=AliasConfig, apply=redirect_match,
              help="an optional status, then a regular expression and destination URL"),
    Directive("RedirectTemp", Args.take(str, str), ANYWHERE, override=Override.FILEINFO, into=AliasConfig,
              apply=redirect, help="a document to be redirected, then the destination URL"),
    Directive("RedirectPermanent", Args.take(str, str), ANYWHERE, override=Override.FILEINFO, into=AliasConfig,
              apply=redirect_permanent, help="a document to be redirected, then the destination URL"),
    Directive("RedirectRelative", Args.flag(), ANYWHERE, override=Override.FILEINFO, into=AliasConfig, sets="relative",
              help="Set to ON to allow relative redirect targets to be issued as-is"),
    Directive("AliasPreservePath", Args.flag(), ANYWHERE, override=Override.FILEINFO, into=AliasConfig,
              sets="preserve_path", help="Set to ON to map the full path after the fakename to the realname."),
)  # fmt: skip


# --- the requests


def escape_target(target: str) -> str:
    """A URL that was put together: its path escaped, its query and fragment as they are."""
    before, query = rewritten(target)
    return url_path(before) + query


def _found(request: Request, redirects: tuple[Redirection, ...]) -> tuple[str, int] | None:
    """The first redirect that fits: URL (empty where the status has none) and status. In Apache its prefix is the
    context from then on, as that of an alias."""
    uri = request.uri
    for entry in redirects:
        if entry.regex is not None:
            match = entry.regex.search(uri)
            if match is not None:
                return (escape_target(substitute(entry.url, match)) if entry.url is not None else "", entry.status)
        else:
            length = matched_length(uri, entry.prefix)
            if length:
                request.context_prefix = entry.prefix
                request.context_document_root = entry.url or request.context_document_root
                return (entry.url or "") + url_path(uri[length:]), entry.status
    return None


def _redirect(request: Request, redirects: tuple[Redirection, ...], numbers: tuple[str, str]) -> int | None:
    """Answer with the redirect that fits; None where none does. `numbers` are those of the log lines."""
    config = request.config(AliasConfig)
    if config.location_redirect is not None:
        url, status = config.location_redirect
        found_url = _value(request, url, ("AH02826", "redirect"))
        if found_url is None:
            return 500
        target = escape_target(found_url)
    else:
        found = _found(request, redirects)
        if found is None:
            return None
        target, status = found
    if not 300 <= status <= 399:
        return status
    if not (config.relative and target.startswith("/")):
        if target.startswith("/"):
            absolute = construct_url(request, target)
            changed = f"incomplete redirection target of '{target}' for URI '{request.uri}' modified to '{absolute}'"
            request.log(Level.DEBUG, "alias", numbers[0], changed)
            target = absolute
        if not is_url(target):
            wrong = f"cannot redirect '{request.uri}' to '{target}'; target is not a valid absoluteURI or abs_path"
            request.log(Level.ERROR, "alias", numbers[1], wrong)
            return 500
    target = wire(target)
    if request.args is not None and "?" not in target:
        target = f"{target}?{request.args}"
    request.headers_out.set("Location", target)
    return status


def _value(request: Request, text: str | Text | None, failure: tuple[str, str]) -> str | None:
    """What an expression is worth for this request; None if that cannot be told. `failure`: number and kind."""
    if not isinstance(text, Text):
        return text or ""
    try:
        return native(text.evaluate(variables_of(request)))
    except EvaluationError as error:
        request.log(Level.ERROR, "alias", failure[0], f"Can't evaluate {failure[1]} expression: {error}")
        return None


def _set_handler(request: Request, handler: str | None) -> None:
    if handler is not None:
        request.handler = handler
        request.notes["alias-forced-type"] = handler


def _alias_path(request: Request) -> str | int | None:
    """The path, None where no alias is for this URL, or the status of what went wrong."""
    config = request.config(AliasConfig)
    if config.location_alias is not None:
        prefix, text, handler = config.location_alias
        value = _value(request, text, ("AH02825", "alias"))
        if value is None:
            return 500
        path = value if value.startswith("/") else os.path.join(request.services.configuration.server_root, value)
        length = matched_length(request.uri, prefix) if config.preserve_path else 0
        if length:
            request.context_prefix, request.context_document_root = prefix, path
        _set_handler(request, handler)
        return path + request.uri[length:] if length else path
    for entry in config.aliases:
        if entry.regex is not None:
            match = entry.regex.search(request.uri)
            if match is not None:
                _set_handler(request, entry.handler)
                return substitute(entry.path, match)
        else:
            length = matched_length(request.uri, entry.prefix)
            if length:
                request.context_prefix, request.context_document_root = entry.prefix, entry.path
                _set_handler(request, entry.handler)
                return entry.path + request.uri[length:]
    return None


def _canonical(path: str) -> str:
    """No `.`, `..` or doubled slash (a group of AliasMatch may have brought one); the slash at the end stays."""
    clean = os.path.normpath(path)
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def translate(request: Request) -> int:
    if not request.uri.startswith("/"):
        return DECLINED
    status = _redirect(request, request.config(AliasConfig).server_redirects, ("AH00673", "AH00674"))
    if status is not None:
        return status
    path = _alias_path(request)
    if path is None:
        return DECLINED
    if isinstance(path, int):
        return path
    request.filename = _canonical(path)
    return OK


def fixup_redirect(request: Request) -> int:
    config = request.config(AliasConfig)
    if not config.redirects and config.location_redirect is None:
        return DECLINED
    status = _redirect(request, config.redirects, ("AH00675", "AH00676"))
    return DECLINED if status is None else status


MODULE = Module(
    "alias_module",
    "mod_alias.c",
    per_dir=AliasConfig,
    directives=DIRECTIVES,
    hooks=(
        on(Phase.TRANSLATE_NAME, translate, before=("mod_userdir.c", "mod_vhost_alias.c"), pure=True),
        on(Phase.FIXUPS, fixup_redirect, pure=True),
    ),
)
