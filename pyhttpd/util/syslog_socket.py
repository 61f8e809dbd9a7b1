"""Messages to the system's log daemon, in the form that its socket takes.

The C library's syslog() has one ident for a process, which virtual hosts would take from each other, and it waits when
the daemon does. Here each log has its own, and a message that the daemon does not take is dropped.
"""

from __future__ import annotations

import os
import socket
import time

SOCKET = "/dev/log"

# In Apache's order: a name may be cut short, and the first that begins so is meant.
FACILITIES = {
    "auth": 4, "authpriv": 10, "cron": 9, "daemon": 3, "ftp": 11, "kern": 0, "lpr": 6, "mail": 2, "news": 7,
    "syslog": 5, "user": 1, "uucp": 8, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20,
    "local5": 21, "local6": 22, "local7": 23,
}  # fmt: skip
LOCAL7 = FACILITIES["local7"]
INFO = 6
DEBUG = 7

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def facility_of(word: str) -> int | None:
    """The number of a facility, or of the first whose name begins with the word; nothing means local7."""
    if not word:
        return LOCAL7
    return next((number for name, number in FACILITIES.items() if name.startswith(word.lower())), None)


class SyslogSocket:
    """A datagram socket that is not connected: a daemon that was started anew is found again. Raises OSError."""

    __slots__ = ("_path", "_socket", "facility", "ident")

    def __init__(self, facility: int, ident: str, path: str = SOCKET) -> None:
        self.facility = facility
        self.ident = ident
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: bytes, severity: int) -> bool:
        """One message; False if nobody takes it. `severity` is syslog's, 0 to 7; what is finer is debug."""
        now = time.localtime()
        head = (
            f"<{self.facility << 3 | min(severity, DEBUG)}>{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2d} "
            f"{now.tm_hour:02d}:{now.tm_min:02d}:{now.tm_sec:02d} {self.ident}[{os.getpid()}]: "
        )
        try:
            self._socket.sendto(head.encode("utf-8", "surrogateescape") + message, self._path)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
