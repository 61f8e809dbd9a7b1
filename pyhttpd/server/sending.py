"""Sending on a blocking socket: all of it, counted, each call with the Timeout directive's limit."""

from __future__ import annotations

import errno
import os
import socket
import struct

_MORE = getattr(socket, "MSG_MORE", 0)
_READ = 65536


class ClientGoneError(Exception):
    """Nothing more can be sent: the client has gone, or took nothing for the time of Timeout."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.errno = error.errno
        self.timed_out = error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)


class TruncatedFileError(Exception):
    """A file became shorter while it was sent; the promised length cannot be kept."""


class Sender:
    """Writes to one socket. `sent` counts the bytes that the kernel took, since it was last set."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._timeout = -1.0
        self.sent = 0

    def set_timeout(self, seconds: float) -> None:
        """The longest time in which one call may send nothing. The kernel keeps it: no poll for each call."""
        if seconds != self._timeout:
            micros = max(int(seconds * 1_000_000), 1)
            limit = struct.pack("ll", micros // 1_000_000, micros % 1_000_000)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            self._timeout = seconds

    def send(self, data: bytes, *, more: bool = False) -> None:
        """All of `data`. `more` says that other bytes follow at once, so that the packets are filled."""
        flags = _MORE if more else 0
        view = memoryview(data)
        try:
            while view:
                count = self._sock.send(view, flags)
                self.sent += count
                view = view[count:]
        except OSError as error:
            raise ClientGoneError(error) from error

    def send_file(self, fd: int, offset: int, length: int, *, sendfile: bool) -> None:
        """A part of a file: by the kernel alone, or read and sent (EnableSendfile Off)."""
        if not sendfile:
            self._copy_file(fd, offset, length)
            return
        try:
            while length:
                count = os.sendfile(self._sock.fileno(), fd, offset, length)
                if count == 0:
                    raise TruncatedFileError
                self.sent += count
                offset += count
                length -= count
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOSYS):
                self._copy_file(fd, offset, length)  # this file system cannot
                return
            raise ClientGoneError(error) from error

    def _copy_file(self, fd: int, offset: int, length: int) -> None:
        while length:
            data = os.pread(fd, min(length, _READ), offset)
            if not data:
                raise TruncatedFileError
            offset += len(data)
            length -= len(data)
            self.send(data, more=length > 0)
