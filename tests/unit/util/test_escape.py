"""Escaping: bytes into log lines, URLs and HTML."""

from __future__ import annotations

import pytest

from pyhttpd.util.escape import html, log_item, log_path, native, url_path, wire


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET / HTTP/1.1", "GET / HTTP/1.1"),
        ('a"b\\c', 'a\\"b\\\\c'),
        ("\b\t\n\v\r\f\0\x7f", "\\b\\t\\n\\v\\r\\x0c\\x00\\x7f"),
        ("\xe9\xff", "\\xe9\\xff"),
    ],
)
def test_log_items(text: str, expected: str) -> None:
    assert log_item(text) == expected


def test_paths_are_utf8_in_logs_and_urls() -> None:
    assert log_path("/é\udcff") == "/\\xc3\\xa9\\xff"
    assert url_path("/é\udcff ?#%;:@&=+$,~!*'().-_") == "/%c3%a9%ff%20%3f%23%25;:@&=+$,~!*'().-_"


def test_html() -> None:
    assert html('<a href="x">&\'</a>') == "&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;"


def test_wire_and_native_undo_each_other() -> None:
    for text in ("plain", "é", "\udcff"):
        assert native(wire(text)) == text
    assert wire("é") == "\xc3\xa9"
