"""Index files, the trailing slash and the fallback resource."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.api.request import DIRECTORY_TYPE, Request
from pyhttpd.modules.mod_dir import fixup
from tests.support.requests import FakeRequest, a_directory, a_file, configure, make_request, refusals

_NOT_THERE = (404, None)


def _finder(configuration: object, answers: dict[str, tuple[int, os.stat_result | None]], asked: list[str]) -> Callable[
    [Request, str], Request
]:  # fmt: skip
    def find(request: Request, uri: str) -> Request:
        asked.append(uri)
        status, finfo = answers.get(uri.partition("?")[0], _NOT_THERE)
        found = FakeRequest(request.connection, request.server, request.services)
        found.per_dir = request.per_dir
        found.status, found.finfo, found.uri, found.filename = status, finfo, uri.partition("?")[0], "/srv" + uri
        found.content_type = "text/html"
        found.headers_out.set("X-Found", uri)
        found.env["FOUND"] = "1"
        return found

    return find


def _directory(
    lines: str,
    directory: Path,
    answers: dict[str, tuple[int, os.stat_result | None]],
    uri: str = "/d/",
    **attributes: Any,
) -> tuple[FakeRequest, list[str]]:
    configuration = configure(lines + "\n", directory)
    request = make_request(configuration, uri, filename="/srv/d", finfo=a_directory(), **attributes)
    asked: list[str] = []
    request.services.found = _finder(configuration, answers, asked)
    return request, asked


@pytest.mark.parametrize(
    ("lines", "answers", "asked", "uri"),
    [
        ("", {"/d/index.html": (200, a_file())}, ["/d/index.html"], "/d/index.html"),
        ("DirectoryIndex a b\nDirectoryIndex c", {"/d/c": (200, a_file())}, ["/d/a", "/d/b", "/d/c"], "/d/c"),
        ("DirectoryIndex a /abs/b", {"/abs/b": (200, a_file())}, ["/d/a", "/abs/b"], "/abs/b"),
        ("DirectoryIndex disabled x", {"/d/x": (200, a_file())}, ["/d/disabled", "/d/x"], "/d/x"),
        ("DirectoryIndex a b", {"/d/a": (200, a_directory()), "/d/b": (200, a_file())}, ["/d/a", "/d/b"], "/d/b"),
    ],
)
def test_the_first_index_that_is_a_file(
    lines: str, answers: dict[str, tuple[int, os.stat_result | None]], asked: list[str], uri: str, tmp_path: Path
) -> None:
    request, looked_up = _directory(lines, tmp_path, answers)
    assert fixup(request) == OK
    assert looked_up == asked
    assert (request.uri, request.content_type, request.env["FOUND"]) == (uri, "text/html", "1")
    assert request.headers_out.get("X-Found") == uri


@pytest.mark.parametrize("lines", ["DirectoryIndex disabled", "DirectoryIndex a\nDirectoryIndex DISABLED"])
def test_disabled(lines: str, tmp_path: Path) -> None:
    request, looked_up = _directory(lines, tmp_path, {})
    assert (fixup(request), looked_up, request.handler) == (DECLINED, [], DIRECTORY_TYPE)


def test_the_place_of_an_index_is_escaped(tmp_path: Path) -> None:
    lines = 'DirectoryIndex "a b"\nDirectoryIndexRedirect 307'
    request, _ = _directory(lines, tmp_path, {"/d/a b": (200, a_file())})
    assert fixup(request) == 307
    assert (request.headers_out.get("Location") or "").endswith("/d/a%20b")


def test_an_empty_word_ends_the_names(tmp_path: Path) -> None:
    request, looked_up = _directory('DirectoryIndex a "" b', tmp_path, {})
    assert (fixup(request), looked_up) == (DECLINED, ["/d/a"])


def test_the_query_goes_along_and_the_path_is_escaped(tmp_path: Path) -> None:
    request, looked_up = _directory("", tmp_path, {}, uri="/a b/", args="q=1")
    assert fixup(request) == DECLINED
    assert looked_up == ["/a%20b/index.html?q=1"]
    assert request.notes["dir-index-names"] == "index.html"


@pytest.mark.parametrize(
    ("lines", "answers", "status"),
    [
        ("DirectoryIndex a b", {"/d/a": (403, a_file())}, 403),
        ("DirectoryIndex a b", {"/d/a": (403, None), "/d/b": (200, a_file())}, OK),
        ("DirectoryIndex a b", {"/d/a": (302, None), "/d/b": (200, a_file())}, 302),
        ("DirectoryIndex a", {"/d/a": (401, None)}, 401),
        ("DirectoryIndex a b", {"/d/a": (401, None), "/d/b": (500, None)}, 500),
        ("DirectoryIndexRedirect On", {"/d/index.html": (200, a_file())}, 302),
        ("DirectoryIndexRedirect 307", {"/d/index.html": (200, a_file())}, 307),
    ],
)
def test_other_answers(
    lines: str, answers: dict[str, tuple[int, os.stat_result | None]], status: int, tmp_path: Path
) -> None:
    request, _ = _directory(lines, tmp_path, answers)
    assert fixup(request) == status


def test_a_redirect_takes_the_found_requests_fields(tmp_path: Path) -> None:
    request, _ = _directory("", tmp_path, {"/d/index.html": (302, None)})
    assert fixup(request) == 302
    assert request.headers_out.get("X-Found") == "/d/index.html"


@pytest.mark.parametrize(
    ("hostname", "port", "location"),
    [
        ("c.example", 8080, "http://c.example:8080/d%c3%a9/?q"),
        ("c.example", None, "http://c.example/d%c3%a9/?q"),
        (None, None, "http://www.example/d%c3%a9/?q"),
        ("::1", 81, "http://[::1]:81/d%c3%a9/?q"),
    ],
)
def test_the_slash(hostname: str | None, port: int | None, location: str, tmp_path: Path) -> None:
    request, _ = _directory("", tmp_path, {}, uri="/dé", args="q", hostname=hostname, port=port)
    assert fixup(request) == 301
    assert request.headers_out.get("Location") == location


@pytest.mark.parametrize(
    ("lines", "attributes"),
    [
        ("DirectorySlash Off", {"uri": "/d"}),
        ("", {"uri": "/d", "method": "POST", "env": {"redirect-carefully": "1"}}),
        ("", {"path_info": "/x"}),
        ("DirectoryCheckHandler On", {"handler": "mine", "content_type": DIRECTORY_TYPE}),
    ],
)
def test_left_alone(lines: str, attributes: dict[str, Any], tmp_path: Path) -> None:
    uri = str(attributes.pop("uri", "/d/"))
    request, looked_up = _directory(lines, tmp_path, {"/d/index.html": (200, a_file())}, uri=uri, **attributes)
    assert (fixup(request), looked_up) == (DECLINED, [])
    assert request.content_type is None


@pytest.mark.parametrize(
    ("lines", "answers", "result"),
    [
        ("FallbackResource /app", {"/app": (200, a_file())}, OK),
        ("FallbackResource /app", {}, DECLINED),
        ("FallbackResource /app", {"/app": (403, None)}, 403),
        ("FallbackResource disabled", {"/app": (200, a_file())}, DECLINED),
        ("", {"/app": (200, a_file())}, DECLINED),
    ],
)
def test_fallback(
    lines: str, answers: dict[str, tuple[int, os.stat_result | None]], result: int, tmp_path: Path
) -> None:
    request, _ = _directory(lines, tmp_path, answers, uri="/d/nothing")
    request.finfo = None
    assert fixup(request) == result


def test_files_are_left_alone(tmp_path: Path) -> None:
    request, looked_up = _directory("", tmp_path, {})
    request.finfo = a_file()
    assert (fixup(request), looked_up) == (DECLINED, [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("DirectoryIndexRedirect foo", "DirectoryIndexRedirect ON|OFF|permanent|temp|seeother|3xx"),
        ("DirectoryIndexRedirect 200", "DirectoryIndexRedirect only accepts values between 300 and 399"),
        ("DirectorySlash maybe", "DirectorySlash must be On or Off"),
    ],
)
def test_wrong_lines(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(line + "\n", tmp_path) == [message]
