"""The JSON form of LogFormat: `LogFormat "time=%t client=%a status=%>s" nickname json`. Used by mod_log_config alone.

A format is a list of `name=value`, separated by spaces. A value is a letter, or several and constant text, which make
one string together; between single quotes it may hold spaces. What a letter does not know is null, what it counts is a
number, all else a string. No escaping but JSON's own is done. Where the client's bytes are not UTF-8, the string has
U+FFFD in their place and a second member, `name_base64`, holds all bytes.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pyhttpd.api.log_letter import LogLetter, Text, Value
from pyhttpd.api.request import Request
from pyhttpd.modules.log_format import Item, Line, parse
from pyhttpd.util.escape import json_string, native_bytes, wire_bytes

_BYTES = "_base64"
_FIELD = re.compile(r"\s*([A-Za-z0-9_.@-]+)=('[^']*'|(?>%[^%{}\s]*\{[^}]*\}|[^\s'])++)(?=\s|$)")


class Field(NamedTuple):
    """One member of the object. `parts` is a single letter, or what is put together."""

    name: str
    parts: tuple[str | Item, ...]


def parse_fields(text: str, letters: Mapping[str, LogLetter]) -> list[Field]:
    """A JSON format. Raises ValueError with what is wrong."""
    fields: list[Field] = []
    at = 0
    while text[at:].strip():
        match = _FIELD.match(text, at)
        if match is None:
            raise ValueError(f"a json LogFormat is a list of name=value, not '{text[at:].strip()}'")
        value = match[2][1:-1] if match[2].startswith("'") else match[2]
        fields.append(Field(match[1], tuple(parse(value, letters))))
        at = match.end()
    if not fields:
        raise ValueError("a json LogFormat needs at least one name=value")
    names: set[str] = set()
    for field in fields:
        if field.name in names or field.name + _BYTES in names or field.name.removesuffix(_BYTES) in names:
            raise ValueError(f"a json LogFormat has two members for '{field.name.removesuffix(_BYTES)}'")
        names.add(field.name)
    return fields


def compile_json(text: str, letters: Mapping[str, LogLetter]) -> Line:
    """A JSON format as one function."""
    members = [_member(field) for field in parse_fields(text, letters)]

    def line(original: Request, final: Request) -> str:
        return "{" + ",".join([member(original, final) for member in members]) + "}\n"

    return line


def _member(field: Field) -> Callable[[Request, Request], str]:
    """A function that writes `"name":value`."""
    head = json_string(field.name) + ":"
    twin = "," + json_string(field.name + _BYTES) + ":"
    if len(field.parts) == 1 and isinstance(field.parts[0], Item):
        item = field.parts[0]
        get, of_original, text = item.getter(), item.of_original, item.letter.text

        def single(original: Request, final: Request) -> str:
            value = get(original if of_original else final)
            if value is None:
                return head + "null"
            if type(value) is int:
                return head + str(value)
            assert isinstance(value, str)
            if value.isascii():
                return head + json_string(value)
            return _string(head, twin, _bytes(value, text))

        return single

    pieces = [part if isinstance(part, str) else _piece(part) for part in field.parts]

    def joined(original: Request, final: Request) -> str:
        data = [native_bytes(part) if isinstance(part, str) else part(original, final) for part in pieces]
        return _string(head, twin, b"".join(data))

    return joined


def _piece(item: Item) -> Callable[[Request, Request], bytes]:
    get, of_original, text = item.getter(), item.of_original, item.letter.text
    return lambda original, final: _bytes(get(original if of_original else final), text)


def _bytes(value: Value, text: Text) -> bytes:
    if value is None:
        return b"-"
    if type(value) is int:
        return b"%d" % value
    assert isinstance(value, str)
    return wire_bytes(value) if text is Text.WIRE else native_bytes(value)


def _string(head: str, twin: str, data: bytes) -> str:
    try:
        return head + json_string(data.decode())
    except UnicodeDecodeError:
        shown = json_string(data.decode("utf-8", "replace"))
        return f'{head}{shown}{twin}"{b2a_base64(data, newline=False).decode()}"'
