"""Files: fields, bodies, ranges, conditions, what the directory walk refuses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.server.serving import Serving, parts, status_of

Make = Callable[..., Serving]


def test_a_file_as_apache_sends_it(serving: Serving) -> None:
    serving.page("a.txt", "hello world\n")
    line, fields, body = parts(serving.get("/a.txt", "Connection: close"))
    assert line == "HTTP/1.1 200 OK"
    assert list(fields) == [
        "date", "server", "last-modified", "etag", "accept-ranges", "content-length", "connection", "content-type",
    ]  # fmt: skip
    assert fields["server"] == "pyhttpd/0.1.0 (Unix)"
    assert fields["etag"] == '"c-59b1f7226f340"'
    assert fields["last-modified"] == "Thu, 02 Jan 2020 03:04:05 GMT"
    assert (fields["content-length"], fields["content-type"], body) == ("12", "text/plain", b"hello world\n")


def test_head_has_the_length_and_no_body(serving: Serving) -> None:
    serving.page("a.txt", "hello world\n")
    _, fields, body = parts(serving.get("/a.txt", method="HEAD"))
    assert (fields["content-length"], body) == ("12", b"")


@pytest.mark.parametrize("sendfile", ["On", "Off"])
@pytest.mark.parametrize("size", [0, 1, 16384, 16385, 3_000_000])
def test_every_size_arrives_whole(make_serving: Make, sendfile: str, size: int) -> None:
    serving = make_serving(f"EnableSendfile {sendfile}")
    content = os.urandom(size)
    serving.page("f", content)
    _, fields, body = parts(serving.get("/f"))
    assert fields["content-length"] == str(size)
    assert body == content


@pytest.mark.parametrize(
    ("fields", "status", "length"),
    [
        (("If-Modified-Since: Thu, 02 Jan 2020 03:04:05 GMT",), 304, 0),
        (("If-None-Match: *",), 304, 0),
        (('If-Match: "x"',), 412, 0),
        (("Range: bytes=0-4",), 206, 5),
        (("Range: bytes=x",), 200, 12),
        (("Range: bytes=0-4", 'If-Range: "x"'), 200, 12),
    ],
)
def test_conditions_and_ranges(serving: Serving, fields: tuple[str, ...], status: int, length: int) -> None:
    serving.page("a.txt", "hello world\n")
    answer = serving.get("/a.txt", *fields)
    assert (status_of(answer), len(parts(answer)[2])) == (status, length)
    assert parts(answer)[1]["etag"] == '"c-59b1f7226f340"'


def test_several_ranges(serving: Serving) -> None:
    serving.page("a.txt", "hello world\n")
    _, fields, body = parts(serving.get("/a.txt", "Range: bytes=0-1,5-6"))
    boundary = fields["content-type"].removeprefix("multipart/byteranges; boundary=")
    kind = "Content-type: text/plain"
    assert body.decode() == (
        f"\r\n--{boundary}\r\n{kind}\r\nContent-range: bytes 0-1/12\r\n\r\nhe"
        f"\r\n--{boundary}\r\n{kind}\r\nContent-range: bytes 5-6/12\r\n\r\n w\r\n--{boundary}--\r\n"
    )
    assert fields["content-length"] == str(len(body))


def test_no_range_lies_in_the_file(serving: Serving) -> None:
    serving.page("a.txt", "hello world\n")
    assert status_of(serving.get("/a.txt", "Range: bytes=99-")) == 416


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "CONNECT"])
def test_methods_that_a_file_has_not(serving: Serving, method: str) -> None:
    line, fields, _ = parts(serving.get("x:80" if method == "CONNECT" else "/a.txt", method=method))
    assert line == "HTTP/1.1 405 Method Not Allowed"
    assert set(fields["allow"].split(",")) == {"GET", "HEAD", "POST", "OPTIONS", "TRACE"}


def test_an_unknown_method(serving: Serving) -> None:
    assert status_of(serving.get("/a.txt", method="FOO")) == 501
    assert "AH00135" in serving.log


def test_options(serving: Serving) -> None:
    assert parts(serving.get("/a.txt", method="OPTIONS"))[1]["content-length"] == "0"
    assert "allow" not in parts(serving.get("*", method="OPTIONS"))[1]


def test_trace_sends_the_head_back(serving: Serving) -> None:
    _, fields, body = parts(serving.get("/a.txt", "X-A: b", method="TRACE"))
    assert (fields["content-type"], fields["transfer-encoding"]) == ("message/http", "chunked")
    assert b"TRACE /a.txt HTTP/1.1\r\nHost: www.example.com\r\nX-A: b\r\n" in body
    assert status_of(serving.get("/a.txt", "Content-Length: 1", method="TRACE", body=b"x")) == 413


def test_what_is_behind_a_file_is_path_info(make_serving: Make) -> None:
    serving = make_serving('<Location "/accepts">\nAcceptPathInfo On\n</Location>')
    serving.page("a.txt", "a")
    serving.page("accepts/b.txt", "b")
    assert status_of(serving.get("/a.txt/x/y")) == 404
    assert status_of(serving.get("/a.txt/")) == 404
    assert "AH00130" in serving.log
    assert status_of(serving.get("/accepts/b.txt/x/y")) == 200


def test_symbolic_links(make_serving: Make, tmp_path: Path) -> None:
    root = f"{tmp_path}/htdocs"
    serving = make_serving(
        f'<Directory "{root}/closed">\nOptions -FollowSymLinks\n</Directory>\n'
        f'<Directory "{root}/own">\nOptions SymLinksIfOwnerMatch\n</Directory>\n'
        f'<Directory "{root}/closed/real/sub">\nOptions FollowSymLinks\n</Directory>\n'
    )
    serving.page("a.txt", "a")
    for directory in ("open", "closed", "own"):
        serving.page(f"{directory}/real/sub/b.txt", "b")
        os.symlink("../a.txt", f"{root}/{directory}/link.txt")
        os.symlink("real", f"{root}/{directory}/linked")
        os.symlink("/nonexistent", f"{root}/{directory}/broken")
    os.symlink("b.txt", f"{root}/closed/real/sub/link.txt")

    def status(target: str) -> int:
        return status_of(serving.get(target))

    assert [status(f"/open/{name}") for name in ("link.txt", "linked/sub/b.txt", "broken")] == [200, 200, 403]
    assert [status(f"/own/{name}") for name in ("link.txt", "linked/sub/b.txt", "broken")] == [200, 200, 403]
    assert [status(f"/closed/{name}") for name in ("link.txt", "linked/sub/b.txt", "broken")] == [403, 403, 403]
    assert status("/closed/real/sub/b.txt") == 200
    assert status("/closed/real/sub/link.txt") == 200
    assert "AH00037" in serving.log


def test_names_that_cannot_be(serving: Serving) -> None:
    assert status_of(serving.get(f"/{'a' * 300}")) == 403
    assert "AH00036" in serving.log
    assert status_of(serving.get("/" + "a/" * 2500)) == 403
    assert "AH00127" in serving.log


def test_what_is_neither_file_nor_directory(serving: Serving) -> None:
    os.mkfifo(serving.root / "htdocs" / "fifo")
    assert status_of(serving.get("/fifo")) == 403
    assert "AH00038" in serving.log


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_and_directories(serving: Serving) -> None:
    serving.page("f", "x").chmod(0)
    serving.page("d/f", "x").parent.chmod(0)
    assert status_of(serving.get("/f")) == 403
    assert status_of(serving.get("/d/f")) == 403
    assert "AH00132" in serving.log
    assert "AH00529" in serving.log, "its .htaccess file is looked for first"
    (serving.root / "htdocs" / "d").chmod(0o700)


def test_names_of_any_bytes(serving: Serving) -> None:
    path = os.fsencode(serving.root / "htdocs") + b"/\xe9\xff"
    with open(path, "wb") as file:
        file.write(b"odd")
    assert parts(serving.get("/%e9%FF"))[2] == b"odd"
    assert parts(serving.get("/\xe9\xff"))[2] == b"odd"
