"""What RegexDefaultOptions says, for the patterns that are compiled after its line.

Apache has it for the whole server, and so it is here: a property of the process, which each reading of a configuration
begins anew.
"""

from __future__ import annotations

STANDARD = frozenset({"DOTALL", "DOLLAR_ENDONLY"})
NAMES = ("ICASE", "DOTALL", "DOLLAR_ENDONLY")

_current = STANDARD


def regex_defaults() -> frozenset[str]:
    """The options, some of NAMES."""
    return _current


def set_regex_defaults(options: frozenset[str] = STANDARD) -> None:
    global _current  # a property of the process, as in Apache
    _current = options
