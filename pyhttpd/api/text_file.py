"""The files of users and groups: lines of fields between colons, read for each request as Apache reads them."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyhttpd.api.log import Level

if TYPE_CHECKING:
    from pyhttpd.api.request import Request

_BLANKS = b" \t\n\v\f\r"
_CONTINUED = re.compile(rb"\\\r?\n")
_READ_SIZE = 1 << 20


def read_text_file(request: Request, path: str) -> bytes:
    """What is in a file, lines that a backslash continues joined. Raises OSError, also where it is no regular file."""
    fd = request.open(path)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode) and path != os.devnull:
            message = f"Access to file {path} denied by server: not a regular file"
            request.log(Level.ERROR, "core", "AH00554", message)
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), path)
        pieces = []
        while piece := os.read(fd, _READ_SIZE):
            pieces.append(piece)
    finally:
        os.close(fd)
    text = b"".join(pieces)
    return _CONTINUED.sub(b"", text) if b"\\" in text else text


def read_or_log(request: Request, path: str, what: str, module: str, number: str) -> bytes | None:
    """The same; where it cannot be read, None and a line in the log that says so of a `what` (`password file`)."""
    try:
        return read_text_file(request, path)
    except OSError as error:
        request.log(Level.ERROR, module, number, f"Could not open {what}: {path}", errno=error.errno)
        return None


def lines_with(text: bytes, part: bytes) -> Iterator[bytes]:
    """The lines in which `part` is, without blanks at both ends; no comments. Only these are looked at one by one: a
    file may have a hundred thousand."""
    at = text.find(part)
    while at >= 0:
        start = text.rfind(b"\n", 0, at) + 1
        end = text.find(b"\n", at)
        if end < 0:
            end = len(text)
        line = text[start:end].strip(_BLANKS)
        if line and not line.startswith(b"#"):
            yield line
        at = text.find(part, end + 1)


def find_entry(text: bytes, *names: bytes) -> bytes | None:
    """The field behind `names` in the first line that begins with them, empty if it ends there; None: there is none."""
    for line in lines_with(text, names[0]):
        rest = line
        for name in names:
            field, _, rest = rest.partition(b":")
            if field != name:
                break
            rest = rest.lstrip(b":")
        else:
            return rest.partition(b":")[0]
    return None
