"""A command line split into arguments, as Apache splits those of its piped programs."""

from __future__ import annotations

import re

# A quote counts where an argument begins, and then ends it; elsewhere it is a character. A backslash keeps a blank or a
# quote from ending the argument; wherever it stands, it goes.
_ARGUMENT = re.compile(
    r"""[ \t]*(?: " ((?:\\[ \t"'] | [^"])*) "? | ' ((?:\\[ \t"'] | [^'])*) '? | ((?:\\[ \t"'] | [^ \t])+) )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)


def split_command(line: str) -> tuple[str, ...]:
    """The arguments, the program's name first; empty if there is none."""
    return tuple(_ESCAPE.sub(r"\1", match[match.lastindex or 0]) for match in _ARGUMENT.finditer(line))
