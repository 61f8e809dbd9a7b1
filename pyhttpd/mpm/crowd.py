"""Whether clients wait in vain: connections queue while every slot is taken, some of them by clients that do nothing.

Who may be ended for others then, and when, stands in GRACE: those that have never sent anything at any time, the others
only while no more children can be started.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence

from pyhttpd.api.connection import For
from pyhttpd.mpm.listeners import queue_length
from pyhttpd.scoreboard import IDLE, Scoreboard

GRACE = {For.FIRST: 1.0, For.IDLE: 1.0, For.READ: 5.0, For.DISCARD: 5.0, For.LINGER: 1.0}
"""Seconds that a client has in each kind of wait, while others wait for its slot: in READ for its whole head, in
DISCARD for its whole body. Not there: who sends a body that a handler reads, or takes an answer slowly; these have
RequestReadTimeout and Timeout."""

_LAST_ACK = struct.Struct("@56xI")  # struct tcp_info: tcpi_last_ack_recv, milliseconds


class Crowd:
    """Seen from one child of one generation: at its listeners, and at the slots of all who accept from them.

    That the pool is at its limit is the master's word; it looks once a second.
    """

    def __init__(
        self, scoreboard: Scoreboard, rows: range, generation: int, listeners: Callable[[], Sequence[socket.socket]]
    ) -> None:
        """`rows` are those of the children that share the listeners: of one bucket."""
        self._scoreboard = scoreboard
        self._rows = rows
        self._generation = generation
        self._listeners = listeners

    def wants(self, reason: For) -> bool:
        """Whether somebody waits for a slot, none is free, and one with this kind of wait would be given up."""
        if reason is not For.FIRST and not self._scoreboard["saturated_since"]:
            return False
        return queue_length(self._listeners()) > 0 and not self._idle_slot()

    def _idle_slot(self) -> bool:
        board = self._scoreboard
        for row in self._rows:
            words = board.child(row)
            accepting = words["pid"] != 0 and words["generation"] == self._generation and not words["quiescing"]
            if accepting and any(board.status(row, thread) in IDLE for thread in range(board.threads)):
                return True
        return False


def silence(sock: socket.socket) -> float:
    """Seconds since the client's last packet: of one that has sent nothing, since it connected. 0 if not known."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        return float(_LAST_ACK.unpack_from(info)[0]) / 1000
    except (OSError, struct.error):
        return 0.0
