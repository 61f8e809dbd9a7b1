"""Letters of LogFormat: what modules offer to mod_log_config. Provider group `log_letter`, name `h`, or `^FB`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyhttpd.api.request import Request


class LogLetter(NamedTuple):
    """`text(request, argument)` gives ASCII that is escaped already, or None, which is logged as `-`.

    `original` tells which request it sees when there was an internal redirect and the format says neither `<` nor `>`.
    """

    text: Callable[[Request, str], str | None]
    original: bool = False
