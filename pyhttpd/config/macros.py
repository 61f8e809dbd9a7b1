"""mod_macro's macros: `<Macro name $a @b>` keeps lines, `Use name x y` gives them back with the arguments put in.

Texts, warnings and the way arguments are found are mod_macro's. Warnings are collected, not printed: the caller knows
the place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pyhttpd.config import words
from pyhttpd.config.nodes import Location

MOST_LINES = 2_000_000
"""Lines that all uses of one reading may give. Macros that use each other twice grow like powers of two."""

LONGEST = 8192
"""Characters of a line in which arguments were put, and its end: mod_macro's limit."""

EMPTY_ARGUMENTS = "/IgnoreEmptyArgs"
BAD_NESTING = "/IgnoreBadNesting"
"""Flags behind a macro's name: what is not warned of. MacroIgnoreEmptyArgs and MacroIgnoreBadNesting are for all."""

_PREFIXES = "$%@"

Warn = Callable[[str, str], None]
"""(number, message)"""


class MacroError(Exception):
    """What is wrong with a macro or its use; the text is Apache's. `known` are the names that may have been meant."""

    def __init__(self, message: str, known: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.known = tuple(known)


class TooManyLinesError(MacroError):
    """Nothing that follows would be worth reading."""


@dataclass(slots=True)
class Macro:
    """A definition. `lines` are logical lines, `places` where each of them stands."""

    name: str
    parameters: tuple[str, ...]
    defined: str  # `defined on line 3 of "/etc/httpd.conf"`
    lines: tuple[str, ...] = ()
    places: tuple[Location, ...] = ()
    flags: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        return f"macro '{self.name}' ({self.defined})"


class Macros:
    """The macros of one reading."""

    def __init__(self, known: Mapping[str, Macro] | None = None) -> None:
        """`known` is what another reading has left."""
        self._macros = dict(known or {})
        self._broken: set[str] = set()
        self._any = known is not None
        self._lines = 0
        self.ignored: set[str] = set()  # the flags that all macros have from here on

    @property
    def known(self) -> dict[str, Macro] | None:
        """What is defined now; None if there never was a macro."""
        return dict(self._macros) if self._any else None

    # --- <Macro name parameters> -------------------------------------------------------------------------------------

    def begin(self, raw: str, tail: str, file: str, line: int, warn: Warn) -> Macro:
        """The opening tag: `raw` stands before its bracket, `tail` from there on. Raises MacroError."""
        place = f'line {line} of "{file}"'
        self._any = True
        if not tail:
            raise MacroError("<Macro> directive missing closing '>'")
        if not raw:
            raise MacroError("<Macro macro definition: empty name")
        if not is_remark(tail[1:]):
            what = "AH02801: non blank chars found after <Macro closing '>'"
            warn("AH02989", f"{what} on line {line} of {file}: {tail[1:]}")
        name, rest = words.first(raw)
        if not name:
            raise MacroError("<Macro macro definition: name not found")
        name = lower(name)
        known = self._macros.get(name)
        if known is not None:
            warn("AH02802", f"macro '{name}' multiply defined: {known.defined}, redefined on {place}")
        flags, unknown, rest = _flags(rest)
        macro = Macro(name, words.split(rest).words, f"defined on {place}", flags=frozenset(flags | self.ignored))
        for flag in unknown:
            warn("AH02804", f"{macro.label}: unknown flag '{flag}'")
        if name[0] in _PREFIXES:
            warn("AH02803", f"{macro.label} better prefix a macro name with any of '{_PREFIXES}'")
        try:
            _check_parameters(macro, warn)
        except MacroError:
            self.broken(macro)
            raise
        return macro

    def broken(self, macro: Macro) -> None:
        """A definition with a mistake: uses of it are no mistakes of their own."""
        self._broken.add(macro.name)

    def end(self, macro: Macro, warn: Warn) -> None:
        """The closing tag: `lines` is complete."""
        if not macro.lines:
            warn("AH02799", f"{macro.label}: empty contents!")
        else:
            used: set[int] = set()
            for line in macro.lines:
                _substitute(line, macro.parameters, macro.parameters, used)
            for index, name in enumerate(macro.parameters):
                if index not in used:
                    warn("AH02800", f"{macro.label}: argument '{name}' (#{index + 1}) never used")
        self._macros[macro.name] = macro
        self._broken.discard(macro.name)

    # --- Use, UndefMacro ---------------------------------------------------------------------------------------------

    def use(self, raw: str, file: str, line: int, warn: Warn) -> tuple[Macro, str, list[str]] | None:
        """The macro, what Apache calls its text (`macro 'x' (defined ...) used on ...`), and its lines. Raises
        MacroError; None for a macro whose definition was refused."""
        if not self._any:
            raise MacroError("no macro defined before Use")
        name, rest = words.first(raw)
        name = lower(name)
        if not name:
            raise MacroError("no macro name specified with Use")
        macro = self._macros.get(name)
        if macro is None:
            if name in self._broken:
                return None
            raise MacroError(f"macro '{name}' undefined", tuple(self._macros))
        if f"macro '{name}'" in file:  # as Apache sees it: the name of what is read tells the macros around it
            raise MacroError(f"recursive use of macro '{name}' is invalid")
        values = words.split(rest).words
        if len(values) != len(macro.parameters):
            raise MacroError(f"{macro.label} used with {len(values)} arguments instead of {len(macro.parameters)}")
        where = f'{macro.label} used on line {line} of "{file}"'
        for index, value in enumerate(values):
            if not value and EMPTY_ARGUMENTS not in macro.flags | self.ignored:
                warn("AH02798", f"{where}: empty argument #{index + 1}")
        self._lines += len(macro.lines)
        if self._lines > MOST_LINES:
            raise TooManyLinesError(f"macros have given more than {MOST_LINES} lines: they use each other too often")
        lines: list[str] = []
        for number, text in enumerate(macro.lines, start=1):
            changed = _substitute(text, macro.parameters, values)
            if changed is None:
                raise MacroError(
                    f"{where} error while substituting: while processing line {number} of {macro.label} cannot "
                    "substitute, buffer size too small"
                )
            lines.append(changed)
        return macro, where, lines

    def undefine(self, name: str) -> None:
        """Raises MacroError."""
        name = lower(name)
        if not self._any:
            raise MacroError("no macro defined before UndefMacro")
        if not name:
            raise MacroError("no macro name specified with UndefMacro")
        if self._macros.pop(name, None) is None and name not in self._broken:
            raise MacroError(f"cannot remove undefined macro '{name}'", tuple(self._macros))


class Body:
    """Takes the lines of a definition up to its `</Macro>`, counting tags as mod_macro does."""

    def __init__(self, macro: Macro, warn: Warn) -> None:
        self._macro = macro
        self._warn = warn
        self._macros = self._any = 1
        self._lines: list[str] = []
        self._places: list[Location] = []

    def take(self, line: str, place: Location, origin: Location, number: int) -> bool:
        """One logical line without the blanks around it; `origin` is where it stands in a file, `number` counts from
        the opening tag. True at the end."""
        if line.startswith("#"):
            return False
        word = words.first(line)[0] if line[:1] in {"<", '"', "'"} else ""
        if word.startswith("</"):
            self._any -= 1
            if self._any < 0 and BAD_NESTING not in self._macro.flags:
                self._warn("AH02793", f"bad (negative) nesting on line {number} of {self._macro.label}")
        elif word.startswith("<"):
            self._any += 1
        if word.lower() == "</macro>":
            behind = line[line.rindex(">") + 1 :]
            if not is_remark(behind):
                self._warn(
                    "AH02989",
                    "AH02794: non blank chars found after directive closing on line "
                    f"{place.line} of {place.file}: {behind}",
                )
            self._macros -= 1
            if self._macros == 0:
                if self._any and BAD_NESTING not in self._macro.flags:
                    self._warn("AH02795", f"bad cumulated nesting ({self._any:+d}) in {self._macro.label}")
                self._macro.lines = tuple(self._lines)
                self._macro.places = tuple(self._places)
                return True
        elif word.lower() == "<macro":
            self._macros += 1
        self._lines.append(line)
        self._places.append(origin)
        return False


def _flags(rest: str) -> tuple[set[str], list[str], str]:
    """The flags in front of a macro's parameters, what is none of them, and what follows."""
    flags: set[str] = set()
    unknown: list[str] = []
    while (rest := rest.lstrip(words.BLANKS)).startswith("/"):
        word = rest.split(None, 1)[0]
        rest = rest[len(word) :]
        known = next((flag for flag in (EMPTY_ARGUMENTS, BAD_NESTING) if lower(word).startswith(lower(flag))), "")
        if known:
            flags.add(known)
        if word[len(known) :]:
            unknown.append(word[len(known) :])
    return flags, unknown, rest


def is_remark(text: str) -> bool:
    """Nothing, or a comment: what may stand behind a tag."""
    return text.lstrip(" \t")[:1] in {"", "#"}


def lower(text: str) -> str:
    """ASCII letters alone, as in C's locale."""
    return text.lower() if text.isascii() else "".join(char.lower() if char.isascii() else char for char in text)


def _check_parameters(macro: Macro, warn: Warn) -> None:
    names = macro.parameters
    for index, name in enumerate(names):
        if not name:
            raise MacroError(f"{macro.label}: empty argument #{index + 1} name")
        if name[0] not in _PREFIXES:
            warn(
                "AH02796",
                f"{macro.label} argument name '{name}' (#{index + 1}) without expected prefix, better prefix argument "
                f"names with one of '{_PREFIXES}'.",
            )
        elif name.startswith("${"):
            warn(
                "AH02805",
                f"{macro.label} argument name '{name}' (#{index + 1}) clashes with 'Define' syntax '${{...}}', better "
                "use '$(...)'.",
            )
        for other in range(index + 1, len(names)):
            if name == names[other]:
                raise MacroError(
                    f"argument name conflict in {macro.label}: argument '{name}': #{index + 1} and #{other + 1}, "
                    "change argument names!"
                )
            if names[other].startswith(name) or (names[other] and name.startswith(names[other])):
                warn(
                    "AH02797",
                    f"{macro.label}: argument name prefix conflict ({name} #{index + 1} and {names[other]} "
                    f"#{other + 1}), be careful about your macro definition!",
                )


def _substitute(line: str, names: Sequence[str], values: Sequence[str], used: set[int] | None = None) -> str | None:
    """The first argument in the line is replaced, of several there the longest; then on behind what was put in (for
    `@x`, as in mod_macro, behind as many characters as the value has, so that a quoted value may be looked at again:
    what makes the limit necessary). None if the line becomes too long."""
    at = 0
    while True:
        found, which = -1, -1
        for index, name in enumerate(names):
            start = line.find(name, at)
            if start >= 0 and (found < 0 or start < found or (start == found and len(names[which]) < len(name))):
                found, which = start, index
        if found < 0:
            return line
        name, value = names[which], values[which]
        if name != value:
            text = value
            if name[0] == "@":
                text = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            line = line[:found] + text + line[found + len(name) :]
            if len(line) + 1 >= LONGEST:
                return None
        at = found + len(value)
        if used is not None:
            used.add(which)
