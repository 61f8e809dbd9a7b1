"""What an answer depended on: recorded while it is made, so that it can be sent again as long as nothing has changed.

Modules read their inputs through Request, and what that tracks is noted here: each look at a file with what was seen.
Whatever else may be another time next time (the client's address, the clock, a line in the error log, a function that
does not promise to be pure) makes the answer one that is not kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from operator import attrgetter
from stat import S_ISDIR
from typing import NamedTuple

Look = Callable[[str], os.stat_result]
"""os.stat or os.lstat."""

Signature = tuple[int, ...]

YOUNG = 2.0
"""Seconds. What has changed less long ago may change once more without its times telling it."""


class Check(NamedTuple):
    """Look at `path` again: it is as it was if `facts` of what that gives are these, or if it fails with this errno."""

    look: Look
    path: str
    seen: Signature | int
    facts: Callable[[os.stat_result], Signature]


class OpenFile(NamedTuple):
    """A file that an answer's body comes from."""

    path: str
    signature: Signature


_facts_of_directory: Callable[[os.stat_result], Signature] = attrgetter(
    "st_ino", "st_mode", "st_dev", "st_uid", "st_gid"
)
_facts_of_file: Callable[[os.stat_result], Signature] = attrgetter(
    "st_ino", "st_mode", "st_mtime_ns", "st_ctime_ns", "st_size", "st_dev", "st_uid", "st_gid"
)


def _facts(mode: int) -> Callable[[os.stat_result], Signature]:
    return _facts_of_directory if S_ISDIR(mode) else _facts_of_file


def signature(info: os.stat_result) -> Signature:
    """What is different after any change of a file: of its content, its owner, its mode, its being another file.

    Of a directory it is not what stands in it: an answer that depends on that has looked at the entry, or is not kept.
    """
    return _facts(info.st_mode)(info)


def unchanged(checks: tuple[Check, ...]) -> bool:
    """Whether everything is as it was."""
    for look, path, seen, facts in checks:
        try:
            if facts(look(path)) != seen:  # what was a directory and is a file has another mode, and the reverse
                return False
        except OSError as error:
            if error.errno != seen:
                return False
    return True


class Recording:
    """One answer in the making. One thread has it."""

    __slots__ = ("_seen", "_youngest", "files", "keepable", "line_read", "query_read")

    def __init__(self, now: float, young: float = YOUNG) -> None:
        """`now` in seconds since the epoch. What is `young`er than that makes the answer one that is not kept."""
        self.keepable = True
        self.query_read = False  # the request's query; its fields note themselves who reads them (WatchedHeaders)
        self.line_read = False  # the request line as it was sent
        self.files: dict[int, OpenFile] = {}  # by descriptor
        self._youngest = now - young
        self._seen: dict[tuple[Look, str], Signature | int] = {}

    def spoil(self) -> None:
        """This answer depends on something that is not recorded."""
        self.keepable = False

    def looked(self, look: Look, path: str, seen: os.stat_result | OSError) -> None:
        """A look at a file, and what it gave."""
        if isinstance(seen, OSError):
            self._note(look, path, seen.errno or 0)
            return
        if max(seen.st_mtime, seen.st_ctime) > self._youngest and not S_ISDIR(seen.st_mode):
            self.keepable = False
        self._note(look, path, signature(seen))

    def opened(self, path: str, fd: int) -> None:
        """A file that is open now under this descriptor."""
        info = os.fstat(fd)
        self.looked(os.stat, path, info)
        self.files[fd] = OpenFile(path, signature(info))

    def failed_to_open(self, path: str) -> None:
        """What made it fail shows in the file's mode, or in that it is not there."""
        try:
            info = os.stat(path)
        except OSError as error:
            self._note(os.stat, path, error.errno or 0)
        else:
            self.looked(os.stat, path, info)

    def _note(self, look: Look, path: str, seen: Signature | int) -> None:
        if self._seen.setdefault((look, path), seen) != seen:
            self.keepable = False  # it changed while the answer was made

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(
            Check(look, path, seen, _facts(0 if isinstance(seen, int) else seen[1]))
            for (look, path), seen in self._seen.items()
        )
