"""Texts made safe for where they go: log lines, HTML, URLs, header fields.

Two kinds of text meet here. Text from the wire is latin-1: one character, one byte. Text from the file system and from
the configuration is UTF-8 with surrogateescape. What escapes bytes says which kind it takes.
"""

from __future__ import annotations

import re

_ODD_IN_LOGS = re.compile(r"[^ !#-\[\]-~]")
_LOG_NAMES = {0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0B: "\\v", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}
_LOG_BYTES = tuple(
    _LOG_NAMES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}") for byte in range(256)
)

_ODD_IN_PATHS = re.compile(r"[^A-Za-z0-9$\-_.+!*'(),:;@&=/~]")
_PATH_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789$-_.+!*'(),:;@&=/~")
_PATH_BYTES = tuple(chr(byte) if byte in _PATH_PLAIN else f"%{byte:02x}" for byte in range(256))

_HTML = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}

_ODD_IN_JSON = re.compile(r"[^ !#-\[\]-~]")
_JSON_NAMES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def wire_bytes(text: str) -> bytes:
    """The bytes of a text from the wire; of one that can be none, those of its other kind."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return native_bytes(text)


def native_bytes(text: str) -> bytes:
    """The bytes of a text from the file system or the configuration. Half a surrogate pair that is no byte of a file
    name becomes a backslash escape."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def log_item(text: str) -> str:
    """A text from the wire as part of an access log line: quotes, backslashes and what cannot be printed escaped."""
    if _ODD_IN_LOGS.search(text) is None:
        return text
    return "".join([_LOG_BYTES[byte] for byte in wire_bytes(text)])


def log_path(text: str) -> str:
    """The same for a path or for text from the configuration."""
    if _ODD_IN_LOGS.search(text) is None:
        return text
    return "".join([_LOG_BYTES[byte] for byte in native_bytes(text)])


def error_item(text: str) -> str:
    """A text from the wire as part of an error log line, where quotes stand for themselves."""
    return '"'.join([log_item(part) for part in text.split('"')])


def error_text(text: str) -> str:
    """A message, a path or text from the configuration as part of an error log line."""
    return '"'.join([log_path(part) for part in text.split('"')])


def json_string(text: str) -> str:
    """A text as a JSON string in ASCII, with its quotes. What UTF-8 cannot say (half a pair) becomes U+FFFD."""
    if _ODD_IN_JSON.search(text) is None:
        return f'"{text}"'
    return f'"{_ODD_IN_JSON.sub(_json_character, text)}"'


def _json_character(match: re.Match[str]) -> str:
    character = match[0]
    name = _JSON_NAMES.get(character)
    if name is not None:
        return name
    code = ord(character)
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code - 0x10000 & 0x3FF):04x}"


def url_path(path: str) -> str:
    """A path as part of a URL: every byte that may not stand there becomes %xx (lower case, as Apache writes it)."""
    if _ODD_IN_PATHS.search(path) is None:
        return path
    return "".join([_PATH_BYTES[byte] for byte in path.encode("utf-8", "surrogateescape")])


def html(text: str) -> str:
    """A text in HTML, also between double quotes."""
    return text.translate(_HTML)


def wire(text: str) -> str:
    """A text from the configuration as a header field's value: its bytes as latin-1."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def ascii_lower(text: str) -> str:
    """A text from the wire with ASCII's capitals made small, and no others: they are bytes."""
    return text.encode("latin-1", "replace").lower().decode("latin-1")


def native(text: str) -> str:
    """A text from the wire as text of the other kind."""
    return text if text.isascii() else text.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
