"""mod_dir: index files of a directory, the trailing-slash redirect, and a resource to fall back to."""

from __future__ import annotations

import stat
from dataclasses import dataclass

from pyhttpd.api.env import variable
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Order, Phase, on
from pyhttpd.api.request import DIRECTORY_TYPE, Request
from pyhttpd.api.url import construct_url
from pyhttpd.config.directive import ANYWHERE, Args, ChoiceError, Directive, Override, Setting
from pyhttpd.util.digits import is_number, value_of
from pyhttpd.util.escape import url_path


@dataclass(frozen=True, slots=True)
class DirConfig:
    index_names: tuple[str, ...] = ("index.html",)
    slash: bool = True
    check_handler: bool = False
    index_redirect: int = 0  # a 3xx status; 0: serve the index in place
    fallback: str | None = None


def directory_index(setting: Setting, *names: str) -> None:
    """Lines of one scope add up; `disabled` alone clears what stands before it. An empty word ends a line."""
    names = names[: names.index("")] if "" in names else names
    if len(names) == 1 and names[0].lower() == "disabled":
        setting.set("index_names", ())
    else:
        setting.set("index_names", (*setting.get("index_names", ()), *names))


_REDIRECTS = {"on": 302, "off": 0, "permanent": 301, "temp": 302, "seeother": 303}


def index_redirect(word: str) -> int:
    if word.lower() in _REDIRECTS:
        return _REDIRECTS[word.lower()]
    if not is_number(word[:1]):
        raise ChoiceError("DirectoryIndexRedirect ON|OFF|permanent|temp|seeother|3xx", _REDIRECTS)
    status = value_of(word) if is_number(word) else 0
    if not 300 <= status <= 399:
        raise ValueError("DirectoryIndexRedirect only accepts values between 300 and 399")
    return status


DIRECTIVES = (
    Directive("FallbackResource", Args.take(str), ANYWHERE, override=Override.INDEXES, into=DirConfig, sets="fallback",
              help="Set a default handler"),
    Directive("DirectoryIndex", Args.take(str, least=0, most=None), ANYWHERE, override=Override.INDEXES, into=DirConfig,
              apply=directory_index, help="a list of file names"),
    Directive("DirectorySlash", Args.flag(), ANYWHERE, override=Override.INDEXES, into=DirConfig, sets="slash",
              help="On or Off"),
    Directive("DirectoryCheckHandler", Args.flag(), ANYWHERE, override=Override.INDEXES, into=DirConfig,
              sets="check_handler", help="On or Off"),
    Directive("DirectoryIndexRedirect", Args.take(index_redirect), ANYWHERE, override=Override.INDEXES, into=DirConfig,
              sets="index_redirect", help="On, Off, or a 3xx status code."),
)  # fmt: skip


def fixup(request: Request) -> int:
    if request.finfo is None:
        return DECLINED if request.handler is not None else fixup_fallback(request)
    return fixup_directory(request) if stat.S_ISDIR(request.finfo.st_mode) else DECLINED


def fixup_directory(request: Request) -> int:
    if request.handler is None:
        request.handler = DIRECTORY_TYPE
    if request.path_info:
        return DECLINED
    config = request.config(DirConfig)
    if not request.uri.endswith("/"):
        return redirect_to_slash(request) if config.slash else DECLINED
    if config.check_handler and request.handler != DIRECTORY_TYPE:
        if request.content_type == DIRECTORY_TYPE:
            request.content_type = None
        return DECLINED
    return find_index(request, config)


def redirect_to_slash(request: Request) -> int:
    if request.method not in ("GET", "HEAD") and variable(request.env, "redirect-carefully") is not None:
        return DECLINED
    query = "" if request.args is None else f"?{request.args}"
    request.headers_out.set("Location", construct_url(request, f"{url_path(request.uri)}/{query}"))
    return 301


def find_index(request: Request, config: DirConfig) -> int:
    """Go on as the first index that is a regular file. A redirect, or a lone index that needs a login, is passed on.
    Other errors are kept: if nothing is found they are the answer, not a listing of the directory."""
    error = 0
    for name in config.index_names:
        found = _look_up(request, name)
        if found.status == 200 and _is_file(found):
            if config.index_redirect:
                request.headers_out.set("Location", construct_url(request, url_path(found.uri)))
                return config.index_redirect
            request.become(found)
            return OK
        if 300 <= found.status <= 399 or (found.status in (401, 406) and len(config.index_names) == 1):
            _take_fields(request, found)
            return found.status
        if found.status not in (200, 404):
            error = found.status
    if error:
        return error
    request.notes["dir-index-names"] = ",".join(config.index_names)
    return DECLINED


def fixup_fallback(request: Request) -> int:
    name = request.config(DirConfig).fallback
    if name is None or name.lower() == "disabled":
        return DECLINED
    found = _look_up(request, name)
    if found.status == 200 and _is_file(found):
        request.become(found)
        return OK
    if found.status in (200, 404):
        return DECLINED
    if 300 <= found.status <= 399:
        _take_fields(request, found)
    return found.status


def _look_up(request: Request, name: str) -> Request:
    """`name` is a URL: absolute, or below the directory of the request."""
    if not name.startswith("/"):
        name = url_path(request.uri[: request.uri.rfind("/") + 1]) + name
    if request.args is not None:
        name = f"{name}?{request.args}"
    return request.services.lookup_uri(request, name)


def _is_file(found: Request) -> bool:
    if found.handler == "proxy-server":
        return True
    return found.finfo is not None and stat.S_ISREG(found.finfo.st_mode)


def _take_fields(request: Request, found: Request) -> None:
    for name, value in found.headers_out:
        request.headers_out.set(name, value)
    for name, value in found.err_headers_out:
        request.err_headers_out.set(name, value)
    request.notes.update(found.notes)


MODULE = Module(
    "dir_module", "mod_dir.c", per_dir=DirConfig, directives=DIRECTIVES,
    hooks=(on(Phase.FIXUPS, fixup, Order.LAST, pure=True),),
)  # fmt: skip
