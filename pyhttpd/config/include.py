"""Which files an Include line means: one file, a directory with everything below it, or a wildcard."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pyhttpd.util.wildcard import compile_wildcard, is_wild

MAX_INCLUDE_DEPTH = 128
MAX_DIRECTORY_DEPTH = 128
_PREFIX = "Include/IncludeOptional: "


class IncludeError(Exception):
    """The text is Apache's."""


def matching_files(path: str, *, optional: bool) -> Iterator[str]:
    """The files of an absolute path, in the order in which they are read. Raises IncludeError, maybe after some.

    A file that is not there is yielded unless `optional`; opening it gives the message.
    """
    try:
        if not is_wild(path):
            yield from _everything(path, optional, 0)
        else:
            yield from _wildcard("/", path.lstrip("/"), optional)
    except ValueError:  # a NUL, or what no file system can encode
        raise IncludeError(f"Include has a bad path, {path}") from None


def _everything(path: str, optional: bool, depth: int) -> Iterator[str]:
    if not os.path.isdir(path):
        if not optional or os.path.exists(path):
            yield path
        return
    if depth >= MAX_DIRECTORY_DEPTH:
        raise IncludeError(
            f"{_PREFIX}Directory '{path}' exceeds the maximum include directory nesting level of "
            f"{MAX_DIRECTORY_DEPTH}. You have probably a recursion somewhere."
        )
    try:
        entries = _entries(path)
    except OSError as error:
        raise _not_open(path, error) from None
    for entry in entries:
        yield from _everything(os.path.join(path, entry.name), optional, depth + 1)


def _wildcard(directory: str, pattern: str, optional: bool) -> Iterator[str]:
    """Walk a path with wildcards, one component at a time."""
    part, slash, rest = pattern.partition("/")
    rest = rest.lstrip("/")
    if not is_wild(part):
        path = os.path.join(directory, part)
        yield from _wildcard(path, rest, optional) if slash and rest else _everything(path, optional, 0)
        return
    matches = compile_wildcard(part, period=True).fullmatch
    try:
        # between directories a symlink is not followed, as Apache reads the entry's own type
        found = [
            entry
            for entry in _entries(directory)
            if matches(entry.name) and not (rest and not entry.is_dir(follow_symlinks=False))
        ]
    except FileNotFoundError as error:
        if optional:
            return
        raise _not_open(directory, error) from None
    except OSError as error:
        raise _not_open(directory, error) from None
    if not found and not optional:
        raise IncludeError(f"{_PREFIX}No matches for the wildcard '{part}' in '{directory}', failing")
    for entry in found:
        path = os.path.join(directory, entry.name)
        yield from _wildcard(path, rest, optional) if rest else _everything(path, optional, 0)


def _entries(directory: str) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return sorted(entries, key=lambda entry: os.fsencode(entry.name))


def _not_open(directory: str, error: OSError) -> IncludeError:
    return IncludeError(f"{_PREFIX}Could not open directory {directory}: {error.strerror}")
