"""mod_info: the handler `server-info`: how the server is built and configured, as pages.

The lines come from what the master keeps of the tree that it runs with, in a memory file that its children inherit:
not from the disk, where they may be other ones by now. What only the pages need is imported where the module is loaded.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from pyhttpd.api.log import Level
from pyhttpd.api.module import KEPT, Module, Preparation
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.directive import RSRC, Args, Directive
from pyhttpd.config.merging import inner_first, merged

if TYPE_CHECKING:
    from pyhttpd.config.kept import KeptLine

_PIECE = 1 << 16  # bytes of what is kept that are read at once
_SENT = 1 << 14  # characters that are sent at once
_LONE_BYTES = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class InfoConfig:
    more: tuple[tuple[str, str], ...] = merged((), inner_first)  # the source name of a module, and HTML about it


def more_information(config: InfoConfig, source: str) -> str | None:
    return next((text for name, text in config.more if name == source), None)


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    """Load what the pages need, before there are children: they may not be able to."""
    from pyhttpd.modules import info_page  # noqa: F401 (handle_info finds it loaded)


def running_lines(request: Request) -> Iterator[KeptLine]:
    """The lines that the server runs with. Where they cannot be had, the error log says so, and there are none."""
    from pyhttpd.config.kept import KeptError, kept_lines

    try:
        kept = request.services.resource(KEPT)
    except KeyError:
        return  # `explain`: nothing runs
    try:
        if kept is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        yield from kept_lines(_read(kept.fd))
    except (OSError, KeptError) as error:
        request.log(Level.ERROR, "info", "PH00302", f"the lines that the server runs with cannot be read: {error}")


def _read(descriptor: int) -> Iterator[bytes]:
    """Whatever others read from it at the same time."""
    offset = 0
    while piece := os.pread(descriptor, _PIECE, offset):
        offset += len(piece)
        yield piece


def _encoded(text: str) -> bytes:
    """ISO-8859-1, as the page says; what that has not got as a reference. A byte that was no UTF-8 is what it was."""
    return _LONE_BYTES.sub(lambda found: chr(ord(found[0]) - 0xDC00), text).encode("latin-1", "xmlcharrefreplace")


def _gathered(texts: Iterable[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= _SENT:
            yield _encoded("".join(waiting))
            waiting.clear()
            size = 0
    if waiting:
        yield _encoded("".join(waiting))


def handle_info(request: Request) -> int:
    if request.handler != "server-info" or request.method not in ("GET", "HEAD"):
        return DECLINED
    request.do_not_keep()
    from pyhttpd.modules import info_page

    more = partial(more_information, request.server_config(InfoConfig))
    pieces = _gathered(info_page.page(request, request.args, partial(running_lines, request), more))
    first, second = next(pieces), next(pieces, None)
    request.content_type = "text/html; charset=ISO-8859-1"
    if second is None:
        request.content, request.content_length = (first,), len(first)
    else:
        request.content = chain((first, second), pieces)
    return OK


DIRECTIVES = (
    Directive("AddModuleInfo", Args.take(str, str), RSRC, into=InfoConfig, adds="more",
              help="a module name and additional information on that module"),
)  # fmt: skip

MODULE = Module(
    "info_module",
    "mod_info.c",
    per_server=InfoConfig,
    directives=DIRECTIVES,
    hooks=(on(Phase.HANDLER, handle_info, pure=True),),
    prepare=prepare,
    prepare_only_reads=True,
)
