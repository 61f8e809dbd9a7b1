"""The directory walk: from a file name to what it is, which sections apply, and whether its links may be followed.

As in Apache every component of the path is looked at with the Options of the directories above it, so that a directory
that a forbidden link leads to cannot allow the link itself. On the way .htaccess files are looked for.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyhttpd.api.core_config import CoreDir, Option, Overriding
from pyhttpd.api.log import Level
from pyhttpd.api.phases import OK
from pyhttpd.config.directive import Allowed
from pyhttpd.config.sections import PerDir, Sections
from pyhttpd.server.override_directives import allowed_by
from pyhttpd.server.request import ServerRequest

if TYPE_CHECKING:
    from pyhttpd.config.configuration import Scope
    from pyhttpd.server.htaccess import HtaccessFiles

_LINKS = Option.FOLLOW_SYM_LINKS | Option.SYM_LINKS_IF_OWNER_MATCH
_REMEMBERED = 1024  # directories


class Refused(Exception):
    """An .htaccess file ends the request, with this status; the log has the reason."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Walker:
    """The walk for one server. Remembers in which directories nothing needs a look; plain dict reads and writes."""

    def __init__(self, sections: Sections, files: HtaccessFiles | None, access_names: tuple[str, ...]) -> None:
        """`files` is None where no section lets .htaccess files be looked for."""
        self.sections = sections
        self._htaccess = files if access_names else None
        self._access_names = access_names
        self._free: dict[str, bool] = {}
        self._allowed: dict[str, Allowed | None] = {}

    def walk(self, request: ServerRequest) -> int:
        """Set `filename`, `finfo`, `path_info` and `per_dir`. Returns OK, or 403 or 500 with the reason in the log."""
        filename = request.filename
        if filename is None:
            return OK
        try:
            found = request.stat(filename) if request.finfo is None else request.finfo
        except (OSError, ValueError):
            found = None
        if found is not None:
            mode = found.st_mode
            is_directory = stat.S_ISDIR(mode)
            if not is_directory and (not stat.S_ISREG(mode) or filename.endswith("/")):
                found = None
            else:
                parent = filename[: filename.rfind("/") + 1] or "/"
                directory = filename if filename.endswith("/") else f"{filename}/" if is_directory else parent
                if (request.main is not None or request.prev is not None) and not (is_directory and request.path_info):
                    result = self._walked_before(request, filename, found, directory)
                    if result is not None:
                        return result
                if self._all_free(parent) and (not is_directory or self._may_say(directory) is None):
                    per_dir = self.sections.above(directory) if is_directory else self.sections.entered(filename)
                    return self._found(request, filename, found, per_dir)
        return self._component_by_component(request, filename, found)

    def _found(self, request: ServerRequest, filename: str, found: os.stat_result, per_dir: PerDir) -> int:
        """What is there, and nothing on the way to it needs a look."""
        request.finfo = found
        return self._end(request, filename, self.sections.patterns(per_dir, filename, request.env))

    def _walked_before(
        self, request: ServerRequest, filename: str, found: os.stat_result, directory: str
    ) -> int | None:
        """What a request that comes out of another one may take over from it: a walk to the same directory. Regular
        expressions have been matched with the other one's name then, and are not matched again."""
        family = (request.prev, request.main)
        before = next((each for each in family if isinstance(each, ServerRequest) and each.walked is not None), None)
        if before is None or before.walked is None or before.walked[0] != directory:
            return None
        per_dir = before.walked[1]
        options = _options(per_dir)
        if not options & Option.FOLLOW_SYM_LINKS:
            try:
                link = request.lstat(filename)
            except OSError as error:
                return _failed(request, filename, "", error)
            if stat.S_ISLNK(link.st_mode) and not self._may_follow(request, filename, link, options):
                message = f"Symbolic link not allowed or link target not accessible: {filename}"
                request.log(Level.ERROR, "core", "AH00032", message)
                return _forbidden(request, filename, "")
        request.finfo = found
        return self._end(request, filename, per_dir)

    def _end(self, request: ServerRequest, filename: str, per_dir: PerDir) -> int:
        is_directory = request.finfo is not None and stat.S_ISDIR(request.finfo.st_mode)
        request.canonical_filename = filename
        request.walked = (filename if is_directory else filename[: filename.rfind("/") + 1], per_dir)
        request.per_dir = per_dir
        name = filename.rpartition("/")[2]  # of a directory it is empty, and `<Files "*">` fits that, too
        request.per_dir = self.sections.files(request.per_dir, name, request.env)
        return OK

    def _all_free(self, directory: str) -> bool:
        """Whether in this directory and in all above it every link may be followed and no .htaccess file counts."""
        known = self._free.get(directory)
        if known is None:
            known = True
            end = -1
            while known and (end := directory.find("/", end + 1)) >= 0:
                part = directory[: end + 1]
                per_dir = self.sections.above(part)
                known = _options(per_dir) & _LINKS == Option.FOLLOW_SYM_LINKS and self._may_say(part) is None
            if len(self._free) >= _REMEMBERED:
                self._free.clear()
            self._free[directory] = known
        return known

    def _may_say(self, directory: str) -> Allowed | None:
        """What an .htaccess file in a directory may say; None: none is looked for. What such files say themselves does
        not matter to it: AllowOverride may not stand in one."""
        if self._htaccess is None:
            return None
        try:
            return self._allowed[directory]
        except KeyError:
            pass
        allowed = allowed_by(self.sections.above(directory).config(CoreDir))
        if len(self._allowed) >= _REMEMBERED:
            self._allowed.clear()
        self._allowed[directory] = allowed
        return allowed

    def _may_follow(self, request: ServerRequest, path: str, link: os.stat_result, options: Option) -> bool:
        if not options & _LINKS:
            return False
        target = _stat(request, path)
        if target is None:
            return False
        return not options & Option.SYM_LINKS_IF_OWNER_MATCH or link.st_uid == target.st_uid

    def _component_by_component(self, request: ServerRequest, filename: str, found: os.stat_result | None) -> int:
        """The longest part of the path that is there; what follows a file is its path_info. `found` is what the whole
        path leads to: then a component needs a look only where its link may not be followed blindly."""
        given = request.path_info
        per_dir = self.sections.base
        request.finfo = found
        at = 0
        while True:
            directory = filename[: at + 1]
            try:
                per_dir = self._enter(request, per_dir, directory)
            except Refused as refused:
                request.filename, request.path_info = directory, filename[at:] + given
                return refused.status
            end = filename.find("/", at + 1)
            component = filename if end < 0 else filename[:end]
            rest = "" if end < 0 else filename[end:]
            if component == directory:  # nothing behind the last slash, and all that is before it is a directory
                request.filename, request.path_info = filename, given
                request.finfo = found or request.stat(filename)
                break
            options = _options(per_dir)
            if found is None or options & _LINKS != Option.FOLLOW_SYM_LINKS:
                try:
                    info: os.stat_result | None = self._look(request, component, options)
                except FileNotFoundError:
                    request.filename, request.path_info, request.finfo = component, rest + given, None
                    break
                except (OSError, ValueError) as error:
                    return _failed(request, component, rest, error)
                if info is None:
                    return _link_refused(request, component, rest)
                if stat.S_ISREG(info.st_mode):
                    request.filename, request.path_info, request.finfo = component, rest + given, info
                    break
                if not stat.S_ISDIR(info.st_mode):
                    message = f"Forbidden: {component} doesn't point to a file or directory"
                    request.log(Level.ERROR, "core", "AH00038", message)
                    return _forbidden(request, component, rest)
            else:
                info = found
                if end < 0 and stat.S_ISREG(found.st_mode):
                    request.filename, request.path_info = component, given
                    per_dir = self.sections.level(per_dir, f"{component}/")
                    break
            if end < 0:  # a directory, named without a slash
                try:
                    per_dir = self._enter(request, per_dir, f"{component}/")
                except Refused as refused:
                    request.filename, request.path_info = f"{component}/", given
                    return refused.status
                request.filename, request.path_info, request.finfo = component, given, info
                break
            at = end
        path = request.filename or filename
        return self._end(request, path, self.sections.patterns(per_dir, path, request.env))

    def _enter(self, request: ServerRequest, outer: PerDir, directory: str) -> PerDir:
        """The sections and the .htaccess file of one directory. Raises Refused."""
        per_dir = self.sections.level(outer, directory)
        allowed = self._may_say(directory)
        if allowed is None or self._htaccess is None:
            return per_dir
        file = self._htaccess.find(request, directory, allowed, self._access_names)
        return per_dir if file is None else self.sections.htaccess(per_dir, file)

    def _look(self, request: ServerRequest, path: str, options: Option) -> os.stat_result | None:
        """What a component is, behind its link if it is one; None if that may not be followed. Raises OSError."""
        info = request.lstat(path)
        if not stat.S_ISLNK(info.st_mode):
            return info
        return _stat(request, path) if self._may_follow(request, path, info, options) else None


def may_be_looked_for(sections: Sections, scopes: Iterable[Scope]) -> bool:
    """Whether any directory may have an .htaccess file that counts. `scopes` are the `<Directory>` sections."""
    if allowed_by(sections.above("/").config(CoreDir)) is not None:
        return True
    for scope in scopes:
        override = scope.values.get(CoreDir, {}).get("override")
        if override is not None and override != Overriding():
            return True
        if scope.values.get(CoreDir, {}).get("override_list"):
            return True
    return False


def _options(per_dir: PerDir) -> Option:
    return per_dir.config(CoreDir).options.effective


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
