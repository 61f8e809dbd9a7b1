"""ETag, Last-Modified and Content-MD5 of files."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable
from hashlib import md5, sha1

import pytest

from pyhttpd.api.core_config import ETagPart
from pyhttpd.server.validators import make_etag
from tests.unit.server.serving import Serving, parts, status_of

Make = Callable[..., Serving]
MTIME = 1577934245


@pytest.mark.parametrize(
    ("parts_", "tag"),
    [
        (ETagPart.MTIME | ETagPart.SIZE, '"c-59b1f7226f340"'),
        (ETagPart.INODE, '"ff"'),
        (ETagPart.INODE | ETagPart.SIZE | ETagPart.MTIME, '"ff-c-59b1f7226f340"'),
    ],
)
def test_etag(parts_: ETagPart, tag: str) -> None:
    def made(now: float) -> str:
        return make_etag(parts_, 255, 12, MTIME * 1_000_000, now)

    assert made(MTIME + 60.0) == tag
    assert made(MTIME + 1.0) == tag
    assert made(MTIME + 0.9) == f"W/{tag}"
    assert made(MTIME - 60.0) == f"W/{tag}"


def test_a_time_before_the_epoch() -> None:
    assert make_etag(ETagPart.SIZE | ETagPart.MTIME, 1, 12, -1_000_000, MTIME) == f'"c-{2**64 - 1_000_000:x}"'


def test_a_young_file_has_a_weak_tag(serving: Serving) -> None:
    path = serving.page("new.txt", "new")
    os.utime(path)
    tag = parts(serving.get("/new.txt"))[1]["etag"]
    assert tag.startswith('W/"3-')
    assert status_of(serving.get("/new.txt", f"If-None-Match: {tag}")) == 304
    assert status_of(serving.get("/new.txt", f"If-Match: {tag}")) == 412  # a weak tag is never strongly equal


def test_a_time_to_come_is_now(serving: Serving) -> None:
    path = serving.page("f", "x")
    os.utime(path, (time.time() + 10_000, time.time() + 10_000))
    _, fields, _ = parts(serving.get("/f"))
    assert fields["last-modified"] in (fields["date"], parts(serving.get("/f"))[1]["date"])
    assert fields["etag"].startswith("W/")


def test_a_fraction_of_a_second_is_cut_off(serving: Serving) -> None:
    path = serving.page("f", "x")
    os.utime(path, ns=(MTIME * 10**9 + 999_999_999, MTIME * 10**9 + 999_999_999))
    assert parts(serving.get("/f"))[1]["last-modified"] == "Thu, 02 Jan 2020 03:04:05 GMT"


def test_digests(make_serving: Make) -> None:
    serving = make_serving("FileETag Digest\nContentDigest On")
    content = os.urandom(200_000)
    serving.page("f", content)
    _, fields, _ = parts(serving.get("/f"))
    assert fields["etag"] == f'"{b64encode(sha1(content).digest()).decode()}"'
    assert fields["content-md5"] == b64encode(md5(content).digest()).decode()
    assert status_of(serving.get("/f", f"If-Match: {fields['etag']}")) == 200


def test_no_etag_whoever_sets_one(make_serving: Make) -> None:
    serving = make_serving("FileETag None\nHeader set ETag '\"x\"'")
    serving.page("f", "x")
    assert "etag" not in parts(serving.get("/f"))[1]
    assert status_of(serving.get("/f", "If-None-Match: *")) == 304
    assert status_of(serving.get("/f", 'If-Match: "x"')) == 412
