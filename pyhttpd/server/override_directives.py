"""The core's directives about .htaccess files: AllowOverride, AllowOverrideList, AccessFileName."""

from __future__ import annotations

from pyhttpd.api.core_config import ALL_OPTIONS, CoreDir, CoreServer, Option, Overriding
from pyhttpd.config import words
from pyhttpd.config.directive import (
    RSRC,
    SECTIONS,
    Allowed,
    Args,
    Context,
    Directive,
    Override,
    Setting,
    SettingError,
)
from pyhttpd.config.limited import ALL_METHODS

OPTIONS = {
    "indexes": Option.INDEXES,
    "includes": Option.INCLUDES,
    "includesnoexec": Option.INCLUDES_NOEXEC,
    "followsymlinks": Option.FOLLOW_SYM_LINKS,
    "symlinksifownermatch": Option.SYM_LINKS_IF_OWNER_MATCH,
    "execcgi": Option.EXEC_CGI,
    "multiviews": Option.MULTI_VIEWS,
    "runscripts": Option.MULTI_VIEWS | Option.EXEC_CGI,
    "none": Option.NONE,
    "all": ALL_OPTIONS,
}
"""By their names in lower case."""

OPTION_WORDS = (
    "All", "None", "Indexes", "Includes", "IncludesNOEXEC", "FollowSymLinks", "SymLinksIfOwnerMatch", "ExecCGI",
    "MultiViews",
)  # fmt: skip

_CLASSES = {
    "limit": Override.LIMIT,
    "options": Override.OPTIONS,
    "fileinfo": Override.FILEINFO,
    "authconfig": Override.AUTHCONFIG,
    "indexes": Override.INDEXES,
}
_ALL = Override.OPTIONS | Override.FILEINFO | Override.AUTHCONFIG | Override.LIMIT | Override.INDEXES
_WORDS = ("All", "None", "AuthConfig", "FileInfo", "Indexes", "Limit", "Options", "Nonfatal")
_NONFATAL = ("Override", "Unknown", "All")


def allowed_by(core: CoreDir) -> Allowed | None:
    """What an .htaccess file may say where this holds; None: it is not looked for."""
    override, names = core.override, core.override_list
    if override is None:  # nothing is allowed, but a file that is there and says something is an error
        return Allowed(options=core.override_options, names=names or frozenset())
    if override == Overriding() and not names:
        return None
    return Allowed(
        override.classes, core.override_options, names or frozenset(), override.passes_forbidden,
        override.passes_unknown,
    )  # fmt: skip


def may_name(allowed: Allowed, option: Option) -> bool:
    """Whether `Options` may name it. What allows Includes allows IncludesNOEXEC."""
    if allowed.options is None:
        return True
    given: Option = allowed.options
    if given & Option.INCLUDES:
        given |= Option.INCLUDES_NOEXEC
    return not option & ~given


def _is_useless(setting: Setting) -> bool:
    """In sections that a walk through directories comes to too late, and in `<Limit>`."""
    return setting.context in (Context.LOCATION, Context.FILES) or setting.limited is not ALL_METHODS


def _allow_override(setting: Setting, *given: str) -> None:
    place = setting.location
    if _is_useless(setting):
        setting.warn(f"Useless use of AllowOverride in line {place.line} of {place.file}.", "AH00114")
    override = Overriding()
    for word in given:
        key, equals, value = word.partition("=")
        name = key.lower()
        if name in _CLASSES:
            override = override._replace(classes=override.classes | _CLASSES[name])
            if name == "options":
                setting.set("override_options", _options(word, value) if equals else ALL_OPTIONS)
        elif name == "nonfatal":
            override = _nonfatal(setting, override, key, value if equals else None)
        elif name == "none":
            override = Overriding()
        elif name == "all":
            override = Overriding(_ALL)
        else:
            raise SettingError(f"Illegal override option {key}", wrong=word, part=key, choices=_WORDS)
    setting.set("override", override)


def _nonfatal(setting: Setting, override: Overriding, key: str, value: str | None) -> Overriding:
    if value is None:
        raise SettingError(f"=Override, =Unknown or =All expected after {key}", wrong=key)
    which = value.lower()
    if which not in {"override", "unknown", "all"}:  # Apache passes over it
        message = f"AllowOverride {key}={value} has no effect: it is one of {', '.join(_NONFATAL)}"
        setting.warn(message, "PH00404", wrong=value, choices=_NONFATAL)
    return Overriding(
        override.classes, override.passes_forbidden or which in {"override", "all"},
        override.passes_unknown or which in {"unknown", "all"},
    )  # fmt: skip


def _options(given: str, value: str) -> Option:
    """`Indexes,FollowSymLinks`; `given` is the whole word."""
    options = Option.NONE
    for word in filter(None, value.split(",")):
        option = OPTIONS.get(word.lower())
        if option is None:
            raise SettingError(f"Illegal option {word}", wrong=given, part=word, choices=OPTION_WORDS)
        options |= option
    return options


def _allow_override_list(setting: Setting, *given: str) -> None:
    place = setting.location
    if _is_useless(setting):
        setting.warn(f"Useless use of AllowOverrideList at {place.file}:{place.line}", "AH00115")
    names: set[str] = set()
    setting.set("override_list", frozenset())
    for name in given:
        if name.lower() == "none":
            if len(given) != 1:
                raise SettingError("'None' not allowed with other directives in AllowOverrideList", wrong=name)
            break
        row = setting.row_of(name)
        if row is None:
            setting.warn(
                f"Discarding unrecognized directive `{name}' in AllowOverrideList at {place.file}:{place.line}",
                "AH00116", wrong=name, choices=setting.names(),
            )  # fmt: skip
        elif not row.override and not row.contexts & SECTIONS:
            setting.warn(
                f"Discarding directive `{name}' not allowed in AllowOverrideList at {place.file}:{place.line}",
                "AH02304",
            )
        else:
            names.add(name.lower())
    setting.set("override_list", frozenset(names))


def _access_file_name(setting: Setting, text: str) -> None:
    """The names that are tried, in this order, in each directory. None at all: no file is looked for."""
    setting.set("access_names", tuple(filter(None, words.split(text).words)))


OVERRIDE_DIRECTIVES = (
    Directive(
        "AccessFileName", Args.raw(), RSRC, "Name(s) of per-directory config files (default: .htaccess)",
        into=CoreServer, apply=_access_file_name,
    ),
    Directive(
        "AllowOverride", Args.take(str, least=0, most=None), SECTIONS,
        "Controls what groups of directives can be configured by per-directory config files",
        into=CoreDir, apply=_allow_override,
    ),
    Directive(
        "AllowOverrideList", Args.argv(), SECTIONS,
        "Controls what individual directives can be configured by per-directory config files",
        into=CoreDir, apply=_allow_override_list,
    ),
)  # fmt: skip
