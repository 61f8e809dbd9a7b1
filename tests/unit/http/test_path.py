"""Slashes in paths: AllowEncodedSlashes, MergeSlashes, and what a refused path is called in the log."""

from __future__ import annotations

import pytest

from pyhttpd.http.url import UrlError, decode_path, normalise, refused_path


@pytest.mark.parametrize(
    ("raw", "slashes", "path"),
    [
        ("/a%2Fb", "on", "/a/b"),
        ("/a%2f%2Fb", "on", "/a/b"),
        ("/a%2F.%2Fb%2f..", "on", "/a/"),
        ("/..%2f..%2fa", "on", "/a"),  # what would leave the root ends at it
        ("/a%2Fb%20c", "nodecode", "/a%2Fb c"),
        ("/a%2f..%2fb", "nodecode", "/a%2f..%2fb"),
        ("/a%252Fb", "on", "/a%2Fb"),  # decoded once
        ("/a%252Fb", "off", "/a%2Fb"),
    ],
)
def test_encoded_slashes(raw: str, slashes: str, path: str) -> None:
    assert decode_path(raw, slashes) == path


@pytest.mark.parametrize(("raw", "slashes"), [("/a%2Fb", "off"), ("/a%00", "on"), ("/a%00", "nodecode")])
def test_not_found(raw: str, slashes: str) -> None:
    with pytest.raises(UrlError) as caught:
        decode_path(raw, slashes)
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("raw", "path"), [("/a//b", "/a//b"), ("/a//../b", "/a/b"), ("//..//b", "//b"), ("/a/./b/", "/a/b/")]
)
def test_slashes_that_are_not_merged(raw: str, path: str) -> None:
    assert normalise(raw, merge=False) == path


def test_the_root_cannot_be_left() -> None:
    with pytest.raises(UrlError) as caught:
        normalise("/a/../..", merge=False)
    assert caught.value.status == 400
    assert normalise("/a/../../b", refuse=False) == "/b"


@pytest.mark.parametrize(
    ("raw", "slashes", "path"),
    [
        ("/a/%2e%2e/../x%2f", None, "/x%2f"),
        ("/%zz//x", None, "/%zz/x"),
        ("/a%2Fb%20c", "off", "/a/b c"),
        ("/a%00b", "off", "/a"),
        ("/a%2f%00b", "nodecode", "/a%2f"),
    ],
)
def test_a_refused_path(raw: str, slashes: str | None, path: str) -> None:
    assert refused_path(raw, slashes) == path
