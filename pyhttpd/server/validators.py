"""What tells one version of a file from another: ETag (FileETag), Last-Modified, Content-MD5."""

from __future__ import annotations

import hashlib
import os
import time
from base64 import b64encode

from pyhttpd.api.core_config import CoreDir, ETagPart, ETagParts
from pyhttpd.api.log import Level
from pyhttpd.http.dates import format_other_date
from pyhttpd.server.request import ServerRequest

_READ = 65536
_UNSAID = ETagParts()
_USUAL = _UNSAID.effective
_64_BITS = 0xFFFFFFFFFFFFFFFF
_WEAK_FOR = 1_000_000  # microseconds in which a file may change again without another mtime


def set_validators(request: ServerRequest, fd: int, finfo: os.stat_result) -> None:
    """Last-Modified and ETag of an open file. Without one (-1) there is nothing to digest, which Apache says, too."""
    config = request.config(CoreDir)
    headers = request.headers_out
    if not request.simple:
        headers.set("Last-Modified", format_other_date(_not_in_the_future(request, finfo)))
    parts = _USUAL if config.etag == _UNSAID else config.etag.effective
    etag: str | None = None
    if parts is not _USUAL and ETagPart.DIGEST in parts:
        digest = _digest(request, fd, "sha1") if fd >= 0 else ""
        etag = f'"{digest}"' if digest is not None else None
    elif parts is _USUAL or ETagPart.NO_TAG not in parts:
        etag = make_etag(parts, finfo.st_ino, finfo.st_size, finfo.st_mtime_ns // 1000, request.arrived)
    if etag is None:
        request.without_etag = True
    else:
        headers.set("ETag", etag)


def set_digest(request: ServerRequest, fd: int) -> None:
    """Content-MD5 of the whole file (ContentDigest)."""
    digest = _digest(request, fd, "md5")
    if digest is not None:
        request.headers_out.set("Content-MD5", digest)


def make_etag(parts: ETagPart, inode: int, size: int, micros: int, request_time: float) -> str:
    """Apache's `"inode-size-mtime"` in hex, of what `parts` names, the time in microseconds; weak while the file is
    under a second old."""
    time_part = f"{micros & _64_BITS:x}"
    if parts is _USUAL:
        text = f"{size:x}-{time_part}"
    else:
        known = ((ETagPart.INODE, f"{inode:x}"), (ETagPart.SIZE, f"{size:x}"), (ETagPart.MTIME, time_part))
        text = "-".join(word for part, word in known if part in parts)
    weak = "W/" if request_time * 1_000_000 - micros < _WEAK_FOR else ""
    return f'{weak}"{text}"'


def _not_in_the_future(request: ServerRequest, finfo: os.stat_result) -> int:
    """The file's mtime in seconds, not before the epoch. A time that is still to come is replaced by now."""
    modified = max(finfo.st_mtime_ns // 1_000_000_000, 0)
    return modified if finfo.st_mtime < request.arrived else min(modified, int(time.time()))


def _digest(request: ServerRequest, fd: int, name: str) -> str | None:
    """The digest of a whole file in base64. None if it cannot be read."""
    state = hashlib.new(name, usedforsecurity=False)
    at = 0
    try:
        while data := os.pread(fd, _READ, at):
            state.update(data)
            at += len(data)
    except OSError as error:
        request.log(Level.ERROR, "core", "AH10254", "Make etag: could not read", errno=error.errno)
        return None
    return b64encode(state.digest()).decode()
