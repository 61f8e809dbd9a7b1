"""URLs that are taken apart and written again, as apr_uri_parse and apr_uri_unparse do it."""

from __future__ import annotations

import pytest

from pyhttpd.http.rewritten import rewritten


@pytest.mark.parametrize(
    ("url", "before", "query"),
    [
        ("http://h/a b?q=a b#f g", "http://h/a b", "?q=a b#f g"),
        ("http://h:80/p", "http://h/p", ""),
        ("HTTPS://h:443", "HTTPS://h", ""),
        ("https://h:80/p", "https://h:80/p", ""),
        ("unknown://h:1/p", "unknown://h:1/p", ""),
        ("http://h:/p", "http://h/p", ""),
        ("http://h:65536/p", "http://h/p", ""),
        ("http://h: +80/p", "http://h/p", ""),
        ("http://h:-1/p", "http://h:-1/p", ""),
        ("http://u@h/", "http://u@h/", ""),
        ("http://u:p@h/", "http://u:XXXXXXXX@h/", ""),
        ("http://u:p@x@h:81/", "http://u:XXXXXXXX@h:81/", ""),
        ("http://[::1]:80/", "http://[::1]/", ""),
        ("http://[::1]x/", "http://[::1]]/", ""),
        ("mailto:a@b", "mailto:a@b", ""),
        ("/p?#", "/p", "?#"),
        ("//h:80/p", "//h:80/p", ""),
        ("///p", "///p", ""),
        ("p/a:b", "p/a:b", ""),
        ("?", "", "?"),
        # what cannot be read ends where that shows
        ("http://h:x/p?q", "http://h", ""),
        ("http://h:8x/p?q", "http://h:8x", ""),
        ("http://[::1/p?q", "http:", ""),
        ("//u@[::1/p?q", "u@", ""),
        ("1a:b?q", "", ""),
        ("x?a:b", "", ""),
    ],
)  # fmt: skip
def test_parts(url: str, before: str, query: str) -> None:
    assert rewritten(url) == (before, query)
