"""A content type taken apart and put together again, as mod_mime does with every one that it gives. Wire text."""

from __future__ import annotations

import re
from typing import NamedTuple

_BLANKS = " \t\n\v\f\r"
_TYPE = re.compile(r"[ \t\n\v\f\r]*+(.[^/; \t\n\v\f\r]*)", re.DOTALL)
_SUBTYPE = re.compile(r"[ \t\n\v\f\r]*+(.[^; \t\n\v\f\r]*)[ \t\n\v\f\r]*", re.DOTALL)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]*")
_ATTRIBUTE = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z \t\n]*")
_QUOTED = re.compile(r'"(?:[\0-\x09\x0b-!#-\[\]-\x7f]|\\[\x01-\x7f])*')


class MalformedError(Exception):
    """What is no content type. `number` is that of the log line."""

    def __init__(self, number: str, message: str = "Cannot get media parameter.") -> None:
        super().__init__(message)
        self.number = number


class ContentType(NamedTuple):
    """`text/html`, and its parameters as they were written."""

    base: str
    parameters: tuple[tuple[str, str], ...]


def parse_content_type(text: str) -> ContentType:
    """Raises MalformedError, wherever Apache finds something wrong."""
    found = _TYPE.match(text)
    if found is None:
        raise MalformedError("AH01598", f"mod_mime: analyze_ct: cannot get media type from '{text}'")
    at = found.end()
    if text[at : at + 1] in ("", ";"):
        raise MalformedError("AH01599", f"Cannot get media type from '{text}'")
    slash = len(text) - len(text[at:].lstrip(_BLANKS))
    if text[slash : slash + 1] != "/":
        raise MalformedError("AH01600", f"mod_mime: analyze_ct: cannot get media type from '{text}'")
    subtype = _SUBTYPE.match(text, slash + 1)
    if subtype is None:
        raise MalformedError("AH01601", "Cannot get media subtype.")
    base = f"{text[found.start(1) : slash]}/{subtype[1]}"
    return ContentType(base, tuple(_parameters(text, subtype.end())))


def _parameters(text: str, at: int) -> list[tuple[str, str]]:
    """What stands behind the type; `at` is the place of the semicolon, or the end. A name at the end that has no value
    is passed over."""
    parameters: list[tuple[str, str]] = []
    if at < len(text):
        at += 1
        if not text[at:].strip(" \t\n"):
            raise MalformedError("AH01602")
    while at < len(text):
        name = _ATTRIBUTE.match(text, at)
        assert name is not None
        at = name.end()
        if at == len(text):
            break
        if text[at] != "=":
            raise MalformedError("AH01605")
        if not name[0].strip(_BLANKS):
            raise MalformedError("AH01603")
        value, at = _value(text, at + 1)
        parameters.append((name[0].strip(_BLANKS), value))
    return parameters


def _value(text: str, at: int) -> tuple[str, int]:
    """A value, with its quotes, and where the next parameter begins."""
    at += len(text[at:]) - len(text[at:].lstrip(" \t\n"))
    if at == len(text):
        raise MalformedError("AH01604")
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        end = quoted.end()
        if end < len(text):
            if text[end] != '"':
                raise MalformedError("AH01607")
            end += 1 + len(text[end + 1 :]) - len(text[end + 1 :].lstrip(" \t\n"))
            if text[end : end + 1] not in ("", ";"):
                raise MalformedError("AH01606")
    else:
        token = _TOKEN.match(text, at)
        assert token is not None
        end = token.end()
        if text[end : end + 1] not in ("", ";"):
            raise MalformedError("AH01608")
    value = text[at:end].strip(_BLANKS)
    if not value:
        raise MalformedError("AH01609")
    return value, end + 1


def with_charset(text: str, charset: str | None) -> str:
    """A content type in its usual form, with this charset in the place of its own. Raises MalformedError."""
    if charset is None and ";" not in text and " " not in text:
        parse_content_type(text)
        return text
    base, parameters = parse_content_type(text)
    out = [base]
    replaced = False
    for name, value in parameters:
        if charset is None or name != "charset":
            out.append(f"{name}={value}")
        elif not replaced:
            out.append(f"charset={charset}")
            replaced = True
    if charset is not None and not replaced:
        out.append(f"charset={charset}")
    return "; ".join(out)
