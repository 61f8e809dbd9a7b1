"""The request target as a value: its parts, its path unescaped and normalised, the host it names. No I/O."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from pyhttpd.util.escape import native

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_SLASHES = re.compile(r"/{2,}")


class UrlError(Exception):
    """The target or the host cannot be used. `status` is 400 or 404, `number` that of the message in the error log."""

    def __init__(self, status: int, message: str, number: str = "AH03450") -> None:
        super().__init__(message)
        self.status = status
        self.number = number


class Target(NamedTuple):
    """A request target in its parts. `host` is lower case where the target was absolute and names one."""

    scheme: str | None
    host: str | None
    port: int | None
    path: str  # raw
    query: str | None


def split_target(target: str, method: str) -> Target:
    """The parts of an origin, absolute, authority (CONNECT) or asterisk form (RFC 9112, section 3.2)."""
    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    rest = target
    if method == "CONNECT":
        host, port = _authority(target)
        return Target(None, host, port, "/", None)
    if rest.startswith("/"):
        rest = "/" + rest.lstrip("/") if rest.startswith("//") else rest
    elif match := _SCHEME.fullmatch(rest):
        scheme = match[1].lower()
        if "@" in match[2]:
            raise UrlError(400, "HTTP Request Line; URI must not contain a username/password", "AH02422")
        host, port = _authority(match[2]) if match[2] else (None, None)
        rest = match[3]
    if "#" in rest:
        raise UrlError(400, "HTTP Request Line; URI must not contain a fragment", "AH02421")
    path, mark, query = rest.partition("?")
    if not path and scheme is not None:
        path = "*" if method == "OPTIONS" else "/"
    if not path.startswith("/") and not (path == "*" and method == "OPTIONS"):
        raise UrlError(400, f"HTTP Request Line; Unable to parse URI: '{target[:80]}'")
    return Target(scheme, host, port, path, query if mark else None)


def _authority(text: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(\[[^]]*\]|[^:]*)(?::(\d*))?", text)
    if match is None or not match[1]:
        raise UrlError(400, f"HTTP Request Line; Unable to parse URI: '{text[:80]}'")
    port = int(match[2]) if match[2] else None
    if port is not None and not 0 < port < 65536:
        raise UrlError(400, f"HTTP Request Line; Unable to parse URI: '{text[:80]}'")
    return match[1].strip("[]").lower(), port


def decode_unreserved(path: str) -> str:
    """`%41` to `A`: escapes of letters, digits and `-._~` mean the same decoded (RFC 3986, section 2.3)."""
    if "%" not in path:
        return path
    if re.search(r"%(?![0-9A-Fa-f]{2})", path):
        raise UrlError(400, "invalid URI path", "AH10244")

    def decode(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else match[0]

    return _ESCAPE.sub(decode, path)


def normalise(path: str) -> str:
    """Without `//`, `/./` and `/../`. A path that would leave the root is refused: 400, as by Apache."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    if "/." not in path:
        return path
    result: list[str] = []
    segments = path[1:].split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment in (".", ".."):
            if segment == "..":
                if not result:
                    raise UrlError(400, "invalid URI path", "AH10244")
                result.pop()
            if last:
                result.append("")
        else:
            result.append(segment)
    return "/" + "/".join(result)


def unescape(path: str) -> str:
    """All escapes decoded. An encoded slash or NUL is 404: no file can be meant by it."""
    if "%" not in path:
        return path

    def decode(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        if char in "/\0":
            raise UrlError(404, "found %2f (encoded '/') in URI path", "AH00026")
        return char

    return _ESCAPE.sub(decode, path)


def decode_path(raw: str) -> str:
    """The raw path of a target as `Request.uri`: normalised, unescaped, in the file system's encoding."""
    if raw == "*":
        return raw
    return native(unescape(normalise(decode_unreserved(raw))))


class Host(NamedTuple):
    name: str  # lower case, no trailing dot, no brackets
    port: int | None


def parse_host(field: str) -> Host | None:
    """The value of a Host field. None for an empty one; UrlError (400) for a malformed one, strictly as Apache."""
    if not field:
        return None
    if field.isdigit():
        raise UrlError(400, f"[strict] purely numeric host names not allowed: {field}", "AH02416")
    name, port = field, None
    if match := re.fullmatch(r"(.+):(\d+)", field, re.DOTALL):
        name, port = match[1], int(match[2])
        if not 0 < port < 65536:
            raise UrlError(400, f"Client sent malformed Host header: {field}", "AH00550")
    if name.startswith("["):
        if not name.endswith("]"):
            raise UrlError(400, f"Client sent malformed Host header: {field}", "AH00550")
        try:
            IPv6Address(name[1:-1])
        except AddressValueError:
            raise UrlError(400, f"Client sent malformed Host header: {field}", "AH00550") from None
        if "%" in name:
            raise UrlError(400, f"Client sent malformed Host header: {field}", "AH00550")
        return Host(name[1:-1].lower(), port)
    return Host(check_hostname(name, field), port)


def check_hostname(name: str, shown: str) -> str:
    """A registered name or IPv4 address, lower case; UrlError for what is neither."""
    name = name.lower().removesuffix(".") if len(name) > 1 else name.lower()
    if ".." in name or not re.fullmatch(r"[a-z0-9._-]*", name):
        raise UrlError(400, f"Client sent malformed Host header: {shown}", "AH00550")
    if re.fullmatch(r"[0-9.]*", name):
        if name.count(".") != 3 or re.search(r"(?:^|\.)0[0-9]", name) or name.startswith("."):
            raise UrlError(400, f"Client sent malformed Host header: {shown}", "AH00550")
    elif re.search(r"\.[^a-z.][^.]*$", name):
        raise UrlError(400, f"Client sent malformed Host header: {shown}", "AH00550")
    return name
