"""Whether a directory is there: asked before a log is opened in it, or a line names it."""

from __future__ import annotations

import errno
import os
import stat


def directory_error(path: str) -> int | None:
    """The errno with which a directory cannot be used, None if it is there."""
    try:
        mode = os.stat(path or ".").st_mode
    except OSError as error:
        return error.errno
    except ValueError:  # a name that no file can have
        return errno.EINVAL
    return None if stat.S_ISDIR(mode) else errno.ENOTDIR


def is_directory(path: str) -> bool:
    return directory_error(path) is None
