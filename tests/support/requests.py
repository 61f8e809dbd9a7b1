"""Requests built by hand: a configuration from a text, and a request to it that no server runs."""

from __future__ import annotations

import os
import pickle
import stat
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pyhttpd.api.log import ErrorLog, Level, Levels
from pyhttpd.api.module import Module, Preparation
from pyhttpd.api.request import Request
from pyhttpd.config.catalog import Catalog
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions, read
from pyhttpd.config.sections import Sections
from pyhttpd.http.headers import Headers
from pyhttpd.modules import COMPILED_IN, mod_unixd
from pyhttpd.mpm import prefork, worker
from pyhttpd.server.core import CORE, HTTP_CORE


@cache
def modules() -> tuple[Module, ...]:
    compiled = [import_module(name).MODULE for name in COMPILED_IN]
    return (CORE, compiled[0], HTTP_CORE, *compiled[1:])


@cache
def catalog() -> Catalog:
    return Catalog(modules(), {module.name: module for module in (prefork.MODULE, worker.MODULE)})


def configure(text: str, directory: Path) -> Configuration:
    """What a configuration says, after the way that it takes into the master: pickled and back."""
    path = directory / "httpd.conf"
    path.write_text("Listen 127.0.0.1:0\nServerName www.example\n" + text)
    configuration = read(ReadOptions(str(path), str(directory)), catalog())
    result = pickle.loads(pickle.dumps(configuration))
    assert isinstance(result, Configuration)
    return result


def refusals(text: str, directory: Path) -> list[str]:
    """The messages of a configuration that is wrong, without numbers and places; none if it is right."""
    try:
        configuration = configure(text, directory)
    except ConfigurationError as error:
        return [diagnostic.message for diagnostic in error.diagnostics]
    return [d.message for module in modules() if module.check_config for d in module.check_config(configuration)]


class FakeConnection:
    def __init__(self) -> None:
        self.client_ip, self.client_port = "192.0.2.7", 40000
        self.client_name: str | None = None
        self.local_name: str | None = None
        self.log_id: str | None = None
        self.kept = 0
        self.local_ip, self.local_port = "192.0.2.1", 8080
        self.number = 1
        self.requests = 0
        self.keep_alive = False
        self.aborted = False
        self.bytes_in, self.bytes_out = 120, 450
        self.slot: Any = None


class FakeServices:
    """Provides what the modules offer and prepared. `found` answers lookup_uri; `lines` is the error log."""

    def __init__(self, configuration: Configuration, resources: Mapping[Any, Any]) -> None:
        self.configuration = configuration
        self.scoreboard: Any = None
        self.error_log = ErrorLog(-1, Levels(Level.EMERG))  # whoever does not ask the request writes nowhere
        self.default_name = "default.example"
        self.modules = modules()
        self.resources = dict(resources)
        self.found: Callable[[Request, str], Request] | None = None
        self.lines: list[tuple[Level, str | None, str]] = []

    def providers(self, group: str) -> Mapping[str, Any]:
        return {p.name: p.value for module in modules() for p in module.providers if p.group == group}

    def resource(self, key: Any) -> Any:
        return self.resources[key]

    def internal_redirect(self, request: Request, uri: str) -> int:
        raise AssertionError("no module redirects here")

    def lookup_uri(self, request: Request, uri: str) -> Request:
        assert self.found is not None
        return self.found(request, uri)

    def lookup_file(self, request: Request, path: str) -> Request:
        assert self.found is not None
        return self.found(request, path)

    def lookup_entry(self, request: Request, name: str, *, is_directory: bool) -> Request:
        assert self.found is not None
        return self.found(request, f"{name}/" if is_directory else name)

    def run_subrequest(self, found: Request) -> int:
        raise AssertionError("no handler runs here")

    def discard_body(self, request: Request) -> int:
        return 0

    def set_validators(self, request: Request, fd: int, finfo: os.stat_result) -> None:
        raise AssertionError("nothing is validated here")


class FakeRequest(Request):
    """Its error log is a list: `lines`."""

    services: FakeServices

    @property
    def lines(self) -> list[tuple[Level, str | None, str]]:
        return self.services.lines

    def log(self, level: Level, module: str, number: str | None, message: str, *, errno: int | None = None) -> None:
        self.services.lines.append((level, number, message))


def make_request(
    configuration: Configuration,
    uri: str = "/",
    *,
    host: int | None = None,
    section: str | None = None,
    filename: str | None = None,
    resources: Mapping[Any, Any] | None = None,
    **attributes: Any,
) -> FakeRequest:
    """A GET for `uri`, to the main server or the virtual host number `host`, with the sections for `section` (a path
    that ends in a slash is a directory) and the locations for `uri`. Other attributes of the request by their names."""
    server = configuration.main if host is None else configuration.vhosts[host]
    request = FakeRequest(FakeConnection(), server, FakeServices(configuration, resources or {}))
    sections = Sections(server)
    outer = sections.base if section is None else sections.directory(section)
    request.per_dir = sections.location(outer, uri)
    request.uri = request.target = uri
    request.request_line = f"GET {uri} HTTP/1.1"
    request.filename = filename
    for name, value in attributes.items():
        assert hasattr(request, name), name
        setattr(request, name, value)
    return request


def prepared(configuration: Configuration) -> Preparation:
    """What the modules open for this configuration, whoever runs the test. The caller closes it."""
    preparation = Preparation()
    for module in modules():
        if module.prepare is not None and module not in (CORE, HTTP_CORE, mod_unixd.MODULE):
            module.prepare(configuration, preparation)
    return preparation


def fields(headers: Headers) -> list[tuple[str, str]]:
    return list(headers)


def a_file(size: int = 10) -> os.stat_result:
    """What stat says of a regular file."""
    return os.stat_result((stat.S_IFREG | 0o644, 1, 1, 1, 0, 0, size, 0, 0, 0))


def a_directory() -> os.stat_result:
    return os.stat_result((stat.S_IFDIR | 0o755, 1, 1, 1, 0, 0, 0, 0, 0, 0))
