"""How long a client may take for its head and its body: the values behind RequestReadTimeout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Stage(NamedTuple):
    """`initial` seconds, and one more for each `rate` bytes that arrive, up to `longest` in all (0: no bound).

    `rate` 0 gives no extra time, `initial` 0 switches the limit off.
    """

    initial: float = 0.0
    longest: float = 0.0
    rate: int = 0


NO_LIMIT = Stage()
HEADER = Stage(20.0, 40.0, 500)
BODY = Stage(20.0, 0.0, 500)


@dataclass(frozen=True, slots=True)
class ReadTimeouts:
    """mod_reqtimeout's per-server configuration; these defaults hold without the module's directive too."""

    handshake: Stage = NO_LIMIT
    header: Stage = HEADER
    body: Stage = BODY
