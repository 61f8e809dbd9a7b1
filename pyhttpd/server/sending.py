"""Sending all of it, counted, with Timeout as the limit for each wait for the client.

Nothing here blocks in the kernel, though the socket would: the kernel's own limit (SO_SNDTIMEO) begins anew after each
call that sent a part, so that a client that takes nothing any more would have it several times.
"""

from __future__ import annotations

import errno
import math
import os
import select
import socket
import struct

_NOW = socket.MSG_DONTWAIT
_MORE = getattr(socket, "MSG_MORE", 0)
_LONGEST_POLL = 2**31 - 1  # milliseconds
_READ = 65536  # bytes of a file at once, where ReadBufferSize says nothing
_MOST_READ = 1 << 24


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

    def __init__(self, sock: socket.socket, timeout: float = math.inf) -> None:
        """`timeout` is in seconds, in which the client may take nothing."""
        self._sock = sock
        self.timeout = timeout
        self.sent = 0

    def _await_room(self) -> None:
        """Until there is room in the send buffer, a third of it as the kernel sees it. Raises ClientGoneError."""
        poll = select.poll()
        poll.register(self._sock, select.POLLOUT)
        if not poll.poll(min(self.timeout * 1000, _LONGEST_POLL)):
            raise ClientGoneError(BlockingIOError(errno.EAGAIN, "the client takes nothing"))

    def give_up(self) -> None:
        """Let the close that follows be a reset: a client that takes nothing shall not keep megabytes in the kernel."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def send(self, data: bytes, *, more: bool = False) -> None:
        """All of `data`. `more` says that other bytes follow at once, so that the packets are filled."""
        flags = _MORE | _NOW if more else _NOW
        try:
            try:
                count = self._sock.send(data, flags)
            except BlockingIOError:
                count = 0  # the loop waits
            self.sent += count
            if count == len(data):
                return
            view = memoryview(data)[count:]
            while view:
                try:
                    count = self._sock.send(view, flags)
                except BlockingIOError:
                    self._await_room()
                    continue
                self.sent += count
                view = view[count:]
        except OSError as error:
            raise ClientGoneError(error) from error

    def send_file(self, fd: int, offset: int, length: int, *, sendfile: bool, read_size: int = 0) -> None:
        """A part of a file: by the kernel alone, or read and sent (EnableSendfile Off), `read_size` bytes at a time."""
        if not sendfile:
            self._copy_file(fd, offset, length, read_size)
            return
        self._sock.setblocking(False)  # sendfile takes no flags
        try:
            while length:
                try:
                    count = os.sendfile(self._sock.fileno(), fd, offset, length)
                except BlockingIOError:
                    self._await_room()
                    continue
                if count == 0:
                    raise TruncatedFileError
                self.sent += count
                offset += count
                length -= count
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOSYS):
                self._copy_file(fd, offset, length, read_size)  # this file system cannot
                return
            raise ClientGoneError(error) from error
        finally:
            self._sock.setblocking(True)

    def _copy_file(self, fd: int, offset: int, length: int, read_size: int) -> None:
        most = min(read_size, _MOST_READ) or _READ
        while length:
            data = os.pread(fd, min(length, most), offset)
            if not data:
                raise TruncatedFileError
            offset += len(data)
            length -= len(data)
            self.send(data, more=length > 0)
