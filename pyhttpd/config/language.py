"""The rows of what acts while a configuration is read, and of the sections.

Their work is done by expand.py and build.py; the rows say where they may stand, how many words they take and what
`-L` prints. LoadModule and LoadFile belong to mod_so, `<IfVersion>` to mod_version; all else to the core.
"""

from __future__ import annotations

from pyhttpd.config import words
from pyhttpd.config.directive import (
    ANYWHERE,
    GLOBAL,
    RSRC,
    SECTIONS,
    Args,
    Context,
    Directive,
    Override,
    Setting,
    SettingError,
)
from pyhttpd.util.regex_defaults import NAMES, regex_defaults, set_regex_defaults

ALL = Override.OPTIONS | Override.FILEINFO | Override.AUTHCONFIG | Override.LIMIT | Override.INDEXES

_FILES = RSRC | Context.DIRECTORY | Context.FILES | Context.HTACCESS


def fail(_: Setting, message: str) -> None:
    """`Error`: what a configuration says of itself, mostly inside a condition."""
    if not message:
        raise SettingError("The Error directive was used with no message.")
    if message[0] in "\"'" and message[0] == message[-1]:
        message = message[1:-1]
    raise SettingError(message)


def name_virtual_host(setting: Setting, _: str) -> None:
    """Obsolete. Apache says so once, and nothing else."""
    setting.warn(
        "NameVirtualHost has no effect and will be removed in the next release "
        f"{setting.location.file}:{setting.location.line}",
        "AH00548",
        level="notice",
    )


def regex_default_options(setting: Setting, text: str) -> None:
    """For the patterns of the lines that follow."""
    options = regex_defaults()
    for word in words.split(text).words:
        if word.lower() == "none":
            options = frozenset()
            continue
        sign, name = (word[0], word[1:]) if word[:1] in {"+", "-"} else ("", word)
        if name.upper() not in NAMES:
            raise SettingError(f"RegexDefaultOptions: option '{name}' unknown", wrong=word, choices=(*NAMES, "None"))
        option = frozenset({name.upper()})
        options = options | option if sign == "+" else options - option if sign == "-" else option
    set_regex_defaults(options)


def _on_read(name: str, args: Args, contexts: Context, help_: str) -> Directive:
    return Directive(name, args, contexts, help_, on_read=True)


def _condition(name: str, help_: str, args: Args | None = None) -> Directive:
    return Directive(name, args or Args.raw(), ANYWHERE, help_, override=ALL, on_read=True, section=True)


def _section(name: str, contexts: Context, help_: str, override: Override = Override.NONE) -> Directive:
    return Directive(name, Args.raw(), contexts, help_, override=override, section=True)


LANGUAGE = (
    _section("<Directory", RSRC, "Container for directives affecting resources located in the specified directories"),
    _section("<Location", RSRC,
             "Container for directives affecting resources accessed through the specified URL paths"),
    _section("<VirtualHost", GLOBAL,
             "Container to map directives to a particular virtual host, takes one or more host addresses"),
    _section("<Files", _FILES, "Container for directives affecting files matching specified patterns", ALL),
    _condition("<IfModule", "Container for directives based on existence of specified modules"),
    _condition("<IfDefine", "Container for directives based on existence of command line defines"),
    _condition("<IfFile", "Container for directives based on existence of files on disk"),
    _condition("<IfDirective", "Container for directives based on existence of named directive"),
    _condition("<IfSection", "Container for directives based on existence of named section"),
    _section("<DirectoryMatch", RSRC,
             "Container for directives affecting resources located in the specified directories"),
    _section("<LocationMatch", RSRC,
             "Container for directives affecting resources accessed through the specified URL paths"),
    _section("<FilesMatch", _FILES, "Container for directives affecting files matching specified patterns", ALL),
    _section("<If", ANYWHERE, "Container for directives to be conditionally applied", ALL),
    _section("<ElseIf", ANYWHERE, "Container for directives to be conditionally applied", ALL),
    _section("<Else", ANYWHERE, "Container for directives to be conditionally applied", ALL),
    _on_read("Define", Args.take(str, str, least=1), RSRC | SECTIONS,
             "Define a variable, optionally to a value.  Same as passing -D to the command line."),
    _on_read("UnDefine", Args.take(str), RSRC | SECTIONS, "Undefine the existence of a variable. Undo a Define."),
    Directive("Error", Args.raw(), ANYWHERE, "Generate error message from within configuration",
              apply=fail, override=ALL),
    Directive("NameVirtualHost", Args.take(str), RSRC, "A numeric IP address:port, or the name of a host",
              apply=name_virtual_host),
    Directive("RegexDefaultOptions", Args.raw(), GLOBAL,
              "default options for regexes (prefixed by '+' to add, '-' to del)", apply=regex_default_options),
    _on_read("ServerRoot", Args.take(str), RSRC, "Common directory of server-related files (logs, confs, etc.)"),
    _on_read("DefaultRuntimeDir", Args.take(str), RSRC,
             "Common directory for run-time files (shared memory, locks, etc.)"),
    _on_read("Include", Args.take(str), RSRC | SECTIONS,
             "Name(s) of the config file(s) to be included; fails if the wildcard does not match at least one file"),
    _on_read("IncludeOptional", Args.take(str), RSRC | SECTIONS,
             "Name or pattern of the config file(s) to be included; ignored if the file does not exist or the pattern "
             "does not match any files"),
)  # fmt: skip

SO_DIRECTIVES = (
    _on_read("LoadModule", Args.take(str, str), RSRC,
             "a module name and the name of a shared object file to load it from"),
    _on_read("LoadFile", Args.iterate(), RSRC, "shared object file or library to load into the server at runtime"),
)  # fmt: skip

VERSION_DIRECTIVES = (
    _condition("<IfVersion", "a comparison operator, a version (and a delimiter)", Args.take(str, str, str, least=1)),
)

MACRO_DIRECTIVES = (
    _condition("<Macro", "Beginning of a macro definition section."),
    Directive("Use", Args.raw(), ANYWHERE, "Use of a macro.", override=ALL, on_read=True),
    Directive("UndefMacro", Args.take(str), ANYWHERE, "Remove a macro definition.", override=ALL, on_read=True),
    Directive(
        "MacroIgnoreEmptyArgs",
        Args.raw(),
        ANYWHERE,
        "Globally ignore warnings about empty arguments.",
        override=ALL,
        on_read=True,
    ),
    Directive(
        "MacroIgnoreBadNesting",
        Args.raw(),
        ANYWHERE,
        "Globally ignore warnings about bad nesting.",
        override=ALL,
        on_read=True,
    ),
)
