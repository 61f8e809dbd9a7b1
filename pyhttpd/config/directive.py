"""The `Directive` row: everything there is to know about a directive, in one place.

A row drives the check of a line (context, AllowOverride class, number and type of arguments), what the line sets,
`-L`, the manual (whose longer texts stand in docs/modules) and the error texts. Sections (`<Directory>`) have rows too;
their names begin with `<`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Any, Protocol, TypedDict, Unpack

from pyhttpd.config.limited import Methods
from pyhttpd.config.merging import Values
from pyhttpd.config.nodes import Location
from pyhttpd.expr import Writer
from pyhttpd.util.digits import is_number, value_of


class Context(Flag):
    """Where a directive may stand."""

    SERVER = auto()  # the main server, outside all sections
    VHOST = auto()
    DIRECTORY = auto()
    LOCATION = auto()
    FILES = auto()
    HTACCESS = auto()


GLOBAL = Context.SERVER
RSRC = Context.SERVER | Context.VHOST
SECTIONS = Context.DIRECTORY | Context.LOCATION | Context.FILES
ACCESS = SECTIONS | Context.HTACCESS
ANYWHERE = RSRC | ACCESS


class Override(Flag):
    """AllowOverride's classes: what an .htaccess file must have been allowed before it may use a directive."""

    NONE = 0
    OPTIONS = auto()
    FILEINFO = auto()
    AUTHCONFIG = auto()
    LIMIT = auto()
    INDEXES = auto()


Converter = Callable[[str], Any]
"""A word to a value. Raises ValueError with the text of the error message; `{name}` in it becomes the directive."""


class Form(Enum):
    WORDS = auto()  # a number of words between least and most
    ARGV = auto()  # any number of words, an empty one at the end left out
    ITERATE = auto()  # one or more words, all of one type: one tuple, or for `apply` so many arguments
    FLAG = auto()  # On or Off
    RAW = auto()  # the rest of the line, unsplit, ${VAR} resolved


@dataclass(frozen=True, slots=True)
class Args:
    """The arguments of a directive: how many words, and what each becomes."""

    form: Form
    least: int = 0
    most: int | None = 0
    types: tuple[Converter, ...] = ()

    @classmethod
    def none(cls) -> Args:
        return cls(Form.WORDS, 0, 0)

    @classmethod
    def flag(cls) -> Args:
        return cls(Form.FLAG, 1, 1)

    @classmethod
    def raw(cls) -> Args:
        return cls(Form.RAW)

    @classmethod
    def take(cls, *types: Converter, least: int | None = None, most: int | None = -1) -> Args:
        """As many words as there are types. `least` makes the last ones optional; `most=None` repeats the last type."""
        count = len(types)
        return cls(Form.WORDS, count if least is None else least, count if most == -1 else most, types)

    @classmethod
    def argv(cls) -> Args:
        return cls(Form.ARGV, 0, None, (str,))

    @classmethod
    def iterate(cls, convert: Converter = str) -> Args:
        return cls(Form.ITERATE, 1, None, (convert,))


class About(TypedDict, total=False):
    """What else there is to say of a warning."""

    reason: str | None  # stands in front: `(EAI 2)Name or service not known`
    wrong: str | None  # as in SettingError
    choices: Iterable[str]
    level: str  # of its line in the log, where it is not `warn`
    module: str  # short name, where it is not that of the directive


class Setting(Protocol):
    """One directive line while it is applied: what an `apply` function sees and what it may do."""

    @property
    def row(self) -> Directive: ...
    @property
    def location(self) -> Location: ...
    @property
    def text(self) -> str:
        """What follows the name, unsplit, ${VAR} resolved."""

    @property
    def context(self) -> Context: ...
    @property
    def section(self) -> str | None:
        """The argument of the innermost Directory, Location or Files section (`/srv/www`); None outside."""

    @property
    def server_root(self) -> str: ...
    @property
    def allowed(self) -> Allowed | None:
        """What the file may say that the line stands in, if it is an .htaccess file; None elsewhere."""

    @property
    def writer(self) -> Writer:
        """Who has written the expressions of this line, and so what they may ask for."""

    @property
    def memo(self) -> dict[str, Any]:
        """A module's own notes on this scope while it is read, forgotten afterwards: an index of its earlier lines."""

    @property
    def apart(self) -> Values:
        """For `close` of a container that is `apart`: what the lines in it have set."""

    limited: Methods
    """The methods that the line is for: what `<Limit>` has left, which `apply` narrows for the lines in it."""

    def get(self, field: str, default: Any = None) -> Any:
        """What this scope has set so far for a field of the directive's configuration class."""

    def set(self, field: str, value: Any) -> None: ...

    def add(self, field: str, value: Any) -> None:
        """Append to a tuple field; without the copy that `get` and `set` would make for every line."""

    def put(self, field: str, key: Any, value: Any) -> None:
        """Enter into a mapping field, at its end."""

    def get_main(self, into: type, field: str, default: Any = None) -> Any:
        """What lines so far have set in the main server, for a per_server class: what all of it shares."""

    def add_main(self, into: type, field: str, value: Any) -> None:
        """Append to a tuple field there, from whatever scope."""

    def path(self, name: str) -> str:
        """A file name, made absolute with ServerRoot."""

    def warn(self, message: str, number: str | None = None, **about: Unpack[About]) -> None: ...

    def inform(self, message: str, number: str, **about: Unpack[About]) -> None:
        """Something that is right, and worth a line at LogLevel info."""

    def providers(self, group: str) -> Mapping[str, Any]:
        """What the modules that are loaded so far offer under `group`, by name (`authz`, `log_letter`)."""

    def names(self) -> Sequence[str]:
        """Those of all directives and sections of the modules that are loaded so far."""

    def row_of(self, name: str) -> Directive | None:
        """The row of a directive (or section, with its `<`) of the modules that are loaded so far."""

    def modules(self) -> Sequence[str]:
        """Those that are loaded so far, by their short names (`alias`)."""

    def module(self, name: str) -> str | None:
        """`alias_module` for `alias`, `alias_module` or `mod_alias.c`; None if it is not loaded."""


class SettingError(Exception):
    """Raised by an `apply` function: the line is wrong; the text is Apache's second line."""

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        wrong: str | None = None,
        part: str | None = None,
        choices: Iterable[str] = (),
        missing: str | None = None,
    ) -> None:
        """`wrong` is the word that is underlined, or of it only `part`; the one of `choices` that is most like it is
        suggested. `missing` is the module that it belongs to (`mod_authnz_ldap`), if pyhttpd has not got that."""
        super().__init__(message)
        if missing is not None:
            hint = f"{wrong} belongs to {missing}, which pyhttpd does not have yet"
        self.hint = hint
        self.wrong = wrong
        self.part = part
        self.choices = tuple(choices)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Directive:
    """A row. Exactly one of `sets`, `adds`, `apply` says what the line does, none of them for what acts while reading.

    `sets` names a field that takes the value (one argument: the value; several: a tuple); `adds` names a tuple field
    to which it is appended (each word of ITERATE for itself). `apply(setting, *values)` does anything else. The field
    belongs to `into`, a configuration dataclass of the module: its `per_dir` or `per_server` one.
    """

    name: str
    args: Args
    contexts: Context
    help: str
    into: type | None = None
    sets: str | None = None
    adds: str | None = None
    apply: Callable[..., None] | None = None
    override: Override = Override.NONE
    on_read: bool = False
    section: bool = False
    # A section that is no scope (`<RequireAll>`): `apply(setting, rest)` is called where it opens, `close(setting)`
    # where it ends, and what stands in it acts on the scope around it, or, if it is `apart`, on nothing but itself.
    close: Callable[[Setting], None] | None = None
    apart: bool = False
    inside: Override | None = None  # the classes of directives that it has room for; None: all


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an .htaccess file may say: AllowOverride and AllowOverrideList, as they hold for its directory."""

    override: Override = Override.NONE
    options: Any = None  # the core's Option: what `Options` may name; None: everything
    names: frozenset[str] = frozenset()  # AllowOverrideList, lower case
    passes_forbidden: bool = False  # Nonfatal=Override: what is not allowed is passed over, with a line in the log
    passes_unknown: bool = False  # Nonfatal=Unknown

    def permits(self, row: Directive) -> bool:
        return bool(row.override & self.override) or row.name.lower() in self.names


class Offer(Protocol):
    """What a module offers to others by group and name. api.Provider is one."""

    @property
    def group(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> Any: ...


class DirectiveOwner(Protocol):
    """What reading a configuration needs to know of a module. api.Module is one."""

    @property
    def name(self) -> str:
        """`dir_module`"""

    @property
    def source(self) -> str:
        """`mod_dir.c`"""

    @property
    def directives(self) -> tuple[Directive, ...]: ...
    @property
    def per_dir(self) -> type | None: ...
    @property
    def per_server(self) -> type | None: ...
    @property
    def providers(self) -> Sequence[Offer]: ...


def number(word: str) -> int:
    """A decimal integer of 32 bits. Apache takes atoi's 0 for what is none; here it is an error."""
    digits = word[1:] if word[:1] in ("-", "+") else word
    if not is_number(digits):
        raise ValueError(f"{{name}} takes a number, not '{word}'")
    value = -value_of(digits) if word[0] == "-" else value_of(digits)
    if not -(2**31) <= value < 2**31:
        raise ValueError(f"{{name}} takes a number of at most {2**31 - 1}, not {word}")
    return value


def at_least(least: int, message: str) -> Converter:
    """A number with a lower bound; `message` is the error text."""

    def convert(word: str) -> int:
        value = number(word)
        if value < least:
            raise ValueError(message)
        return value

    return convert


class ChoiceError(ValueError):
    """A word is none of those that there are. `wrong` and `part` as in SettingError; a converter has only one word."""

    def __init__(
        self, message: str, choices: Iterable[str] = (), *, wrong: str | None = None, part: str | None = None
    ) -> None:
        super().__init__(message)
        self.choices = tuple(choices)
        self.wrong = wrong
        self.part = part


def setting_error(error: ValueError) -> SettingError:
    """What a function that knows no Setting has found wrong."""
    if isinstance(error, ChoiceError):
        return SettingError(str(error), wrong=error.wrong, part=error.part, choices=error.choices)
    return SettingError(str(error))


def one_of(*choices: str) -> Converter:
    """One of several words, whatever its case; the value is the word as listed."""
    known = {choice.lower(): choice for choice in choices}

    def convert(word: str) -> str:
        try:
            return known[word.lower()]
        except KeyError:
            raise ChoiceError(f"{{name}} must be one of: {' | '.join(choices)}", choices) from None

    return convert
