"""The pipe of death: one for each generation. Its end is the message.

The master alone holds the writing end. When it closes that end, or dies, every child of the generation that polls the
reading end sees it hang up: nothing is counted, nothing can be lost, and who looks later sees it too. Single children
are told by SIGUSR1 instead (mpm/child.py).

`kick` is an eventfd beside it, by which a child tells the others that it leaves a connection to them (mpm/waiting.py).
"""

from __future__ import annotations

import os


class PipeOfDeath:
    def __init__(self) -> None:
        self.reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.kick = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def close_writer(self) -> None:
        """In the master: tell the generation to finish. In a new child: let go of what is the master's alone."""
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1

    def close(self) -> None:
        self.close_writer()
        if self.reader >= 0:
            os.close(self.reader)
            os.close(self.kick)
            self.reader = self.kick = -1
