"""What IndexOptions says, and how the options of a scope meet those of the scopes around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Flag, auto
from typing import Any, NamedTuple

from pyhttpd.config.directive import ChoiceError


class Show(Flag):
    """The options that are on or off."""

    NOTHING = 0
    NONE = auto()  # the word None
    FANCY_INDEXING = auto()
    FOLDERS_FIRST = auto()
    HTML_TABLE = auto()
    ICONS_ARE_LINKS = auto()
    IGNORE_CASE = auto()
    IGNORE_CLIENT = auto()
    SCAN_HTML_TITLES = auto()
    SUPPRESS_COLUMN_SORTING = auto()
    SUPPRESS_DESCRIPTION = auto()
    SUPPRESS_HTML_PREAMBLE = auto()
    SUPPRESS_ICON = auto()
    SUPPRESS_LAST_MODIFIED = auto()
    SUPPRESS_SIZE = auto()
    SUPPRESS_RULES = auto()
    TRACK_MODIFIED = auto()
    VERSION_SORT = auto()
    XHTML = auto()
    SHOW_FORBIDDEN = auto()
    ADD_ALT_CLASS = auto()


_SWITCH_NAMES = tuple(
    (option.name or "").title().replace("_", "").replace("Xhtml", "XHTML").replace("Html", "HTML") for option in Show
)
_SWITCHES = {option.name.replace("_", "").lower(): option for option in Show if option.name is not None}


class Options(NamedTuple):
    """The switches of one scope: those that it names (`base`; None: none), and what `+` and `-` words change.

    `merged` tells that the scope has met the one around it; `outermost` that it is what stands outside all sections.
    """

    base: Show | None = None
    add: Show = Show.NOTHING
    remove: Show = Show.NOTHING
    merged: bool = False
    outermost: bool = False

    @property
    def effective(self) -> Show:
        if self.merged:
            return self.base or Show.NOTHING
        if self.outermost:  # in Apache only if a section has lines of this module, too
            return ((self.base or Show.NOTHING) | self.add) & ~self.remove
        return merge_options(Options(outermost=True), self).base or Show.NOTHING


def merge_options(outer: Options, inner: Options) -> Options:
    """What the inner scope names replaces the outer one's options, and its own `+` and `-` words, too. By hand, since
    this is Apache's arithmetic: an option that an outer scope took away stays away, whoever adds it."""
    if not (outer.merged or outer.outermost):
        outer = merge_options(Options(outermost=True), outer)
    if inner.base is not None:
        return Options(inner.base, merged=True)
    add = (outer.add | inner.add) & ~inner.remove
    remove = outer.remove | inner.remove
    base = (outer.base or Show.NOTHING) & ~Show.NONE
    return Options((base | add) & ~remove, add, remove, merged=True)


class Width(NamedTuple):
    """The characters of a column; `adjust` True: as many as the longest entry needs; None: no line says."""

    characters: int = 23
    adjust: bool | None = None


def inner_width(outer: Width, inner: Width) -> Width:
    """An icon's size or a `Width=*` alone says nothing about a column."""
    return outer if inner.adjust is None else inner


class Line(NamedTuple):
    """What one scope's IndexOptions lines have said so far. None: nothing."""

    options: Options = Options()
    name_width: Width = Width()
    description_width: Width = Width()
    icon_width: int = 0  # pixels; 0: not said
    icon_height: int = 0
    type: str | None = None
    charset: str | None = None
    date_format: str | None = None


_ICON = {"iconwidth": ("icon_width", 20), "iconheight": ("icon_height", 22)}
_COLUMNS = {
    "namewidth": ("NameWidth", "name_width", 5),
    "descriptionwidth": ("DescriptionWidth", "description_width", 12),
}


def _number(text: str) -> int:
    """C's atoi, within 32 bits."""
    found = re.match(r"[ \t]*([+-]?[0-9]{1,18})", text)
    return max(-(2**31), min(int(found[1]), 2**31 - 1)) if found else 0


def read_options(line: Line, given: Sequence[str]) -> Line:
    """A line's words, one after the other. Raises ValueError with Apache's words."""
    base, add, remove = line.options[:3]
    for given_word in given:
        sign = given_word[:1] if given_word[:1] in ("+", "-") else ""
        word = given_word[len(sign) :]
        option = _SWITCHES.get(word.lower(), Show.NOTHING)
        if option is Show.NONE:
            if sign:
                raise ValueError("Cannot combine '+' or '-' with 'None' keyword")
            base = Show.NONE
        elif option is Show.NOTHING:
            line = _read_value(line, word, sign)
        if not sign:
            if option is not Show.NOTHING:
                base = (base or Show.NOTHING) | option
            add = remove = Show.NOTHING
        elif sign == "+":
            add, remove = add | option, remove & ~option
        else:
            add, remove = add & ~option, remove | option
    if base is not None and Show.NONE in base and base is not Show.NONE:
        raise ValueError("Cannot combine other IndexOptions keywords with 'None'")
    return line._replace(options=line.options._replace(base=base, add=add, remove=remove))


def _read_value(line: Line, word: str, sign: str) -> Line:
    """`IconWidth=20`, `NameWidth=*`, `-NameWidth`, `Charset=UTF-8`, `UseOldDateFormat`."""
    name, equals, value = word.partition("=")
    key = name.lower()
    changed: dict[str, Any]
    if key in _ICON:
        field, usual = _ICON[key]
        if equals and sign == "-":
            raise ValueError(f"Cannot combine '-' with {'IconWidth' if key == 'iconwidth' else 'IconHeight'}=n")
        size = _number(value) if equals else 0 if sign == "-" else usual
        changed = {field: size}
    elif key in _COLUMNS:
        shown, field, least = _COLUMNS[key]
        width: Width = getattr(line, field)
        changed = {field: _read_width(shown, least, width, sign, value if equals else None)}
    elif equals and key in ("type", "charset"):
        changed = {key: value}
    elif key == "useolddateformat" and not equals:
        changed = {"date_format": "%d-%b-%Y %H:%M"}
    else:
        choices = (*_SWITCH_NAMES, "IconWidth", "IconHeight", "NameWidth", "DescriptionWidth", "Type", "Charset")
        raise ChoiceError("Invalid directory indexing option", choices, wrong=sign + word, part=name)
    return line._replace(**changed)


def _read_width(name: str, least: int, width: Width, sign: str, value: str | None) -> Width:
    if value is None:
        if sign != "-":
            raise ValueError(f"{name} with no value may only appear as '-{name}'")
        return Width(adjust=False)
    if sign == "-":
        raise ValueError(f"Cannot combine '-' with {name}=n")
    if value.startswith("*"):
        return width._replace(adjust=True)
    characters = _number(value)
    if characters and characters < least:
        raise ValueError(f"{name} value must be greater than {least}")
    return Width(characters, adjust=False)
