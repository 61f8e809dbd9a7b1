"""The directory walk: from a file name to what it is, which sections apply, and whether its links may be followed.

As in Apache every component of the path is looked at with the Options of the directories above it, so that a directory
that a forbidden link leads to cannot allow the link itself.
"""

from __future__ import annotations

import errno
import os
import stat

from pyhttpd.api.core_config import CoreDir, Option
from pyhttpd.api.log import Level
from pyhttpd.api.phases import OK
from pyhttpd.config.sections import Sections
from pyhttpd.server.request import ServerRequest

_LINKS = Option.FOLLOW_SYM_LINKS | Option.SYM_LINKS_IF_OWNER_MATCH
_REMEMBERED = 1024  # directories


class Walker:
    """The walk for one server. Remembers in which directories no link needs a look; plain dict reads and writes."""

    def __init__(self, sections: Sections) -> None:
        self.sections = sections
        self._free: dict[str, bool] = {}

    def walk(self, request: ServerRequest) -> int:
        """Set `filename`, `finfo`, `path_info` and `per_dir`. Returns OK, or 403 with the reason in the error log."""
        filename = request.filename
        if filename is None:
            return OK
        try:
            found = request.stat(filename) if request.finfo is None else request.finfo
        except (OSError, ValueError):
            found = None
        if found is not None:
            mode = found.st_mode
            if stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not filename.endswith("/")):
                return self._found(request, filename, found)
        return self._component_by_component(request, filename)

    def _found(self, request: ServerRequest, filename: str, found: os.stat_result) -> int:
        is_directory = stat.S_ISDIR(found.st_mode)
        bare = filename.rstrip("/") if is_directory else filename
        parent = bare[: bare.rfind("/") + 1] or "/"
        if not self._all_free(parent):
            refused = self._check_links(request, bare)
            if refused is not None:
                return refused
        request.finfo = found
        request.canonical_filename = filename
        path = f"{bare}/" if is_directory else filename
        request.per_dir = self.sections.directory(path, request.env)
        return self._files(request)

    def _files(self, request: ServerRequest) -> int:
        directory, _, name = (request.filename or "").rpartition("/")
        if name:
            request.per_dir = self.sections.files(request.per_dir, f"{directory}/", name, request.env)
        return OK

    def _options(self, directory: str) -> Option:
        return self.sections.directory(directory).config(CoreDir).options.effective

    def _all_free(self, directory: str) -> bool:
        """Whether Options let every link be followed, in this directory and in all above it."""
        known = self._free.get(directory)
        if known is None:
            known = self._options(directory) & _LINKS == Option.FOLLOW_SYM_LINKS
            if known and directory != "/":
                known = self._all_free(directory[: directory.rfind("/", 0, -1) + 1])
            if len(self._free) >= _REMEMBERED:
                self._free.clear()
            self._free[directory] = known
        return known

    def _check_links(self, request: ServerRequest, path: str) -> int | None:
        """Every component of a path that is there."""
        end = 0
        while end >= 0:
            directory = path[: end + 1]
            end = path.find("/", end + 1)
            component = path if end < 0 else path[:end]
            options = self._options(directory)
            if options & _LINKS == Option.FOLLOW_SYM_LINKS or component == "":
                continue
            try:
                info = request.lstat(component)
            except OSError as error:
                return _failed(request, component, path[len(component) :], error)
            if stat.S_ISLNK(info.st_mode) and not self._may_follow(request, component, info, options):
                return _link_refused(request, component, path[len(component) :])
        return None

    def _may_follow(self, request: ServerRequest, path: str, link: os.stat_result, options: Option) -> bool:
        if not options & _LINKS:
            return False
        target = _stat(request, path)
        if target is None:
            return False
        return not options & Option.SYM_LINKS_IF_OWNER_MATCH or link.st_uid == target.st_uid

    def _component_by_component(self, request: ServerRequest, filename: str) -> int:
        """The longest part of the path that is there; what follows a file is its path_info."""
        given = request.path_info
        at = 0
        while True:
            directory = filename[: at + 1]
            end = filename.find("/", at + 1)
            component = filename if end < 0 else filename[:end]
            rest = "" if end < 0 else filename[end:]
            if component == directory:  # nothing behind the last slash, and all that is before it is a directory
                request.filename, request.path_info = filename, given
                request.finfo = request.stat(filename)
                break
            try:
                info = request.lstat(component)
            except FileNotFoundError:
                request.filename, request.path_info, request.finfo = component, rest + given, None
                break
            except (OSError, ValueError) as error:
                return _failed(request, component, rest, error)
            if stat.S_ISLNK(info.st_mode):
                if not self._may_follow(request, component, info, self._options(directory)):
                    return _link_refused(request, component, rest)
                target = _stat(request, component)
                if target is None:
                    return _link_refused(request, component, rest)
                info = target
            if stat.S_ISREG(info.st_mode):
                request.filename, request.path_info, request.finfo = component, rest + given, info
                break
            if not stat.S_ISDIR(info.st_mode):
                message = f"Forbidden: {component} doesn't point to a file or directory"
                request.log(Level.ERROR, "core", "AH00038", message)
                return _forbidden(request, component, rest)
            if end < 0:
                request.filename, request.path_info, request.finfo = component, given, info
                break
            at = end
        request.canonical_filename = request.filename
        request.per_dir = self.sections.directory(request.filename or filename, request.env)
        return self._files(request)


def _stat(request: ServerRequest, path: str) -> os.stat_result | None:
    try:
        return request.stat(path)
    except OSError:
        return None


def _failed(request: ServerRequest, path: str, rest: str, error: OSError | ValueError) -> int:
    code = error.errno if isinstance(error, OSError) else errno.EINVAL
    if code == errno.EACCES:
        message = (
            f"access to {request.uri} denied (filesystem path '{path}') because search permissions are missing on a "
            "component of the path"
        )
        request.log(Level.ERROR, "core", "AH00035", message, errno=code)
    else:
        message = f"access to {request.uri} failed (filesystem path '{path}')"
        request.log(Level.ERROR, "core", "AH00036", message, errno=code)
    return _forbidden(request, path, rest)


def _link_refused(request: ServerRequest, path: str, rest: str) -> int:
    message = f"Symbolic link not allowed or link target not accessible: {path}"
    request.log(Level.ERROR, "core", "AH00037", message)
    return _forbidden(request, path, rest)


def _forbidden(request: ServerRequest, path: str, rest: str) -> int:
    """The request is left where the walk has ended, and has its status already: an error document that is refused here
    is reported as such."""
    request.filename, request.path_info = path, rest + request.path_info
    request.status = 403
    return 403
