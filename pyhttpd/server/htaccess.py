"""The .htaccess files of a request: found, read, and kept parsed until they change. One for a generation."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pyhttpd.api.core_config import CoreDir
from pyhttpd.api.log import LEVEL_NAMES, ErrorLog, Level
from pyhttpd.api.module import Module
from pyhttpd.api.recording import YOUNG, Signature, signature
from pyhttpd.config.configuration import Configuration, Scope
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import Allowed
from pyhttpd.config.htaccess import Htaccess, HtaccessReader
from pyhttpd.config.render import apache_lines, log_lines
from pyhttpd.config.source import LARGEST
from pyhttpd.server.request import ServerRequest
from pyhttpd.server.walk import Refused

if TYPE_CHECKING:
    from pyhttpd.config.build import Builder

_SETTLED = YOUNG
"""Seconds after which a change would show in a file's times."""
_MOST_FILES = 512
_MOST_BYTES = 1 << 20
"""What a child keeps parsed: so many files, and so much text of them. When there is more, all are read again."""


class _Kept(NamedTuple):
    seen: Signature
    file: Htaccess
    size: int


class HtaccessFiles:
    """Plain dict reads and writes; at worst two threads read the same file."""

    def __init__(self, configuration: Configuration, modules: Sequence[Module], main_log: ErrorLog) -> None:
        self._reader = HtaccessReader(configuration, modules)
        self._main_log = main_log
        self._kept: dict[tuple[str, Allowed], _Kept] = {}
        self._bytes = 0

    def build_with(self, builder: Callable[..., Builder]) -> None:
        """Let another builder apply the lines: one that takes notes, for `explain`."""
        self._reader.builder = builder

    def find(self, request: ServerRequest, directory: str, allowed: Allowed, names: Sequence[str]) -> Scope | None:
        """What holds in a directory (its name ends with a slash); None where no file is. Raises Refused.

        Looked for once in a request and in all that comes out of it.
        """
        key = (directory, allowed)
        if key not in request.htaccess:
            request.htaccess[key] = self._find(request, directory, allowed, names)
        return request.htaccess[key]

    def _find(self, request: ServerRequest, directory: str, allowed: Allowed, names: Sequence[str]) -> Scope | None:
        for name in names:
            path = os.path.join(directory, name)
            try:
                info = request.stat(path)
                file = None if info is None else self._parsed(request, path, directory, info, allowed)
            except (FileNotFoundError, NotADirectoryError):  # it has gone since
                continue
            except (OSError, ValueError) as error:
                raise _unreadable(request, path, directory, error) from None
            if file is not None:
                return self._use(request, path, file)
        return None

    def _parsed(
        self, request: ServerRequest, path: str, directory: str, info: os.stat_result, allowed: Allowed
    ) -> Htaccess:
        key = (path, allowed)
        kept = self._kept.get(key)
        if kept is not None and kept.seen == signature(info):
            return kept.file
        if not stat.S_ISREG(info.st_mode):
            message = f"Access to file {path} denied by server: not a regular file"
            self._main_log.log(Level.ERROR, "core", "AH00554", message)
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), path)
        fd = request.open(path)
        try:
            before = os.fstat(fd)
            with open(fd, "rb", closefd=False) as opened:
                content = opened.read(LARGEST + 1)
            after = os.fstat(fd)
        finally:
            os.close(fd)
        if len(content) > LARGEST:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        file = self._reader.read(path, directory, content, allowed)
        for advice in filter(_is_ours, file.messages):
            if advice.severity is not Severity.ERROR:
                self._warn(advice)
        # one that has just been written may be written again without its times telling it
        settled = time.time() - max(after.st_mtime, after.st_ctime) > _SETTLED
        if settled and not file.volatile and signature(before) == signature(after):
            self._keep(key, _Kept(signature(after), file, len(content)))
        return file

    def _keep(self, key: tuple[str, Allowed], kept: _Kept) -> None:
        old = self._kept.get(key)
        size = self._bytes + kept.size - (0 if old is None else old.size)
        if len(self._kept) >= _MOST_FILES or size > _MOST_BYTES:
            self._kept, size = {}, kept.size
        if kept.size <= _MOST_BYTES:
            self._kept[key], self._bytes = kept, size

    def _warn(self, message: Diagnostic) -> None:
        level = LEVEL_NAMES[message.log_level]
        details = log_lines(message)[len(apache_lines(message)) :]
        self._main_log.log(level, message.module, message.number, message.message, details=details)

    def _use(self, request: ServerRequest, path: str, file: Htaccess) -> Scope:
        if file.volatile:
            request.do_not_keep()
        if file.messages:
            self._report(request, path, file.messages)
        if file.scope is None:
            raise Refused(500)
        return file.scope

    def _report(self, request: ServerRequest, path: str, messages: Sequence[Diagnostic]) -> None:
        """As Apache: warnings are nobody's, the first error is the request's. What else is wrong stands below it."""
        request.do_not_keep()
        errors = [message for message in messages if message.severity is Severity.ERROR]
        for message in messages:
            if message.severity is not Severity.ERROR and not _is_ours(message):
                self._warn(message)
        if errors:
            first, *rest = errors
            lines = apache_lines(first)[:-1] + log_lines(first)[len(apache_lines(first)) :]
            for other in rest:
                lines += log_lines(other)
            levels = request.config(CoreDir).log_levels
            request.error_log.log(
                Level.ALERT, "core", None, f"{path}: {first.message}", levels=levels, request=request,
                details=lines,
            )  # fmt: skip


def _is_ours(message: Diagnostic) -> bool:
    """Advice that Apache does not give: said when a file is read, and not at each request."""
    return message.number is not None and message.number.startswith("PH")


def _unreadable(request: ServerRequest, path: str, directory: str, error: OSError | ValueError) -> Refused:
    code = error.errno if isinstance(error, OSError) else errno.EINVAL
    message = (
        f"{path} pcfg_openfile: unable to check htaccess file, ensure it is readable and that '{directory}' "
        "is executable"
    )
    request.log(Level.CRIT, "core", "AH00529", message, errno=code)
    request.notes["error-notes"] = "Server unable to read htaccess file, denying access to be safe"
    return Refused(403)
