"""The request target as a value: its parts, its path unescaped and normalised, the host it names. No I/O."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from pyhttpd.util.escape import native

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_REFERENCE = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(//[^/?#]*)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^]]*\]|[^:]*)(?::(.*))?", re.DOTALL)
_SLASHES = re.compile(r"/{2,}")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]")
_NUMERIC = re.compile(r"[0-9.]*")
_OCTAL = re.compile(r"(?:^|\.)0[0-9]")
_ODD_TAIL = re.compile(r"\.[^a-z.][^.]*$")


class UrlError(Exception):
    """The target or the host cannot be used. `status` is 400 or 404, `number` that of the message in the error log.

    `first` is a number and a message that are logged before it; `target` is what was understood of a target.
    """

    def __init__(
        self,
        status: int,
        message: str,
        number: str = "AH03450",
        *,
        first: tuple[str, str] | None = None,
        target: Target | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.number = number
        self.first = first
        self.target = target


class Target(NamedTuple):
    """A request target in its parts. `host` is as it was sent, without brackets; None where no host is named."""

    scheme: str | None
    host: str | None
    port: int | None
    path: str  # raw
    query: str | None
    fragment: str | None = None
    user: bool = False  # a user name stands before the host
    port_text: str | None = None  # what stands behind the host's colon


def split_target(target: str, method: str) -> Target:
    """The parts of an origin, absolute, authority (CONNECT) or asterisk form (RFC 9112, section 3.2). Raises UrlError.

    A fragment and a user are told, not refused.
    """
    if target.startswith("//"):
        target = "/" + target.lstrip("/")
    host: str | None = None
    port: int | None = None
    if method == "CONNECT":
        host, port, text = _authority(target, target)
        if port is None:
            raise _unparsable(target, target)
        return Target(None, host, port, "/", None, port_text=text)
    match = _REFERENCE.fullmatch(target)
    assert match is not None  # every text is one
    scheme, authority, path, query, fragment = match.groups()
    user, text = False, None
    if authority is not None:  # behind a scheme: slashes at the beginning are one by now
        _, at, place = authority[2:].rpartition("@")
        user = bool(at)
        host, port, text = _authority(place, target)
        if not host and (scheme or "").lower() in ("http", "https"):
            raise _unparsable(target, target)  # RFC 9110, section 4.2.1: no http URI has an empty host
    if scheme is None and ":" in path.partition("/")[0]:
        raise _unparsable(target, target)  # RFC 3986, section 3.3
    if not path:
        path = "*" if method == "OPTIONS" else "/"
    parts = Target(scheme.lower() if scheme else None, host, port, path, query, fragment, user, text)
    if not path.startswith("/") and not (path == "*" and method == "OPTIONS"):
        raise _unparsable(path, target, parts)
    return parts


def _unparsable(shown: str, target: str, parts: Target | None = None) -> UrlError:
    message = f"HTTP Request Line; Unable to parse URI: '{shown[:80]}'"
    return UrlError(400, message, target=parts or Target(None, None, None, target, None))


def _authority(text: str, target: str) -> tuple[str, int | None, str | None]:
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise _unparsable(target, target)
    port: int | None = None
    if match[2]:
        if not (match[2].isascii() and match[2].isdigit() and len(match[2]) < 10 and 0 < int(match[2]) < 65536):
            raise _unparsable(target, target)
        port = int(match[2])
    host = match[1]
    return host[1:-1] if host.startswith("[") else host, port, match[2]


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


def normalise(path: str, *, merge: bool = True, refuse: bool = True) -> str:
    """Without `//` (unless not to `merge` them), `/./` and `/../`. A path that would leave the root is refused (400),
    or stays at it."""
    if merge and "//" in path:
        path = _SLASHES.sub("/", path)
    if "/." not in path:
        return path
    result: list[str] = []
    segments = path[1:].split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment in (".", ".."):
            if segment == "..":
                if result:
                    result.pop()
                elif refuse:
                    raise UrlError(400, "invalid URI path", "AH10244")
            if last:
                result.append("")
        else:
            result.append(segment)
    return "/" + "/".join(result)


def unescape(path: str, slashes: str = "off") -> str:
    """All escapes decoded. An encoded NUL is 404: no file can be meant by it. So is an encoded slash, unless `slashes`
    (AllowEncodedSlashes) is `on` (it is decoded) or `nodecode` (its escape stays)."""
    if "%" not in path:
        return path

    def decode(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        if char == "/" and slashes != "off":
            return char if slashes == "on" else match[0]
        if char in "/\0":
            raise UrlError(404, "found %2f (encoded '/') in URI path", "AH00026")
        return char

    return _ESCAPE.sub(decode, path)


def decode_path(raw: str, slashes: str = "off", *, merge: bool = True) -> str:
    """The raw path of a target as `Request.uri`: normalised, unescaped, in the file system's encoding."""
    if raw == "*":
        return raw
    path = unescape(normalise(decode_unreserved(raw), merge=merge), slashes)
    if slashes == "on" and "%" in raw:
        path = normalise(path, merge=merge, refuse=False)  # decoded slashes may have made new segments
    return native(path)


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is a prefix itself or lies below it. The prefix may end with a slash."""
    return path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in ("", "/"))


def refused_path(raw: str, slashes: str | None, *, merge: bool = True) -> str:
    """What Apache has made of a path when it refuses it: for its log line. `slashes` is None where it could not be
    normalised, and so was not decoded."""
    path = _ESCAPE.sub(lambda match: char if (char := chr(int(match[1], 16))) in _UNRESERVED else match[0], raw)
    path = normalise(path, merge=merge, refuse=False) if path.startswith("/") else path
    if slashes is not None:
        kept = "/" if slashes == "nodecode" else ""
        path = _ESCAPE.sub(lambda match: match[0] if (char := chr(int(match[1], 16))) == kept else char, path)
    return native(path.partition("\0")[0])


class Host(NamedTuple):
    name: str  # lower case, no trailing dot, no brackets
    port: int | None


def parse_host(field: str, *, strict: bool = True) -> Host | None:
    """The value of a Host field. None for an empty one; UrlError (400) for a malformed one, as by Apache.

    Not `strict` takes any name that cannot lead out of a directory (HttpProtocolOptions Unsafe).
    """
    if not field:
        return None
    if field.isascii() and field.isdigit():
        return Host(_numeric(field, strict=strict), None)
    name, port = field, None
    if match := re.fullmatch(r"(.+):([0-9]+)", field, re.DOTALL):
        name, port = match[1], int(match[2]) if len(match[2]) < 10 else 0
        if not 0 < port < 65536:
            raise _malformed(field)
    elif re.fullmatch(r":[0-9]+", field):
        raise _malformed(field)
    if name.startswith("["):
        if not name.endswith("]"):
            raise _malformed(field)
        return Host(_literal(name[1:-1], field), port)
    return Host(check_hostname(name, field, strict=strict), port)


def target_host(target: Target, *, strict: bool = True) -> Host | None:
    """The host that an absolute target names, by the same rules; None if it names none."""
    host = target.host
    if not host:
        return None
    if host.isascii() and host.isdigit():
        return Host(_numeric(host, strict=strict), target.port)
    name = _literal(host, host) if ":" in host else check_hostname(host, host, strict=strict)
    return Host(name, target.port)


def _malformed(shown: str, first: tuple[str, str] | None = None) -> UrlError:
    return UrlError(400, f"Client sent malformed Host header: {shown}", "AH00550", first=first)


def _numeric(name: str, *, strict: bool) -> str:
    if strict:
        raise UrlError(400, f"[strict] purely numeric host names not allowed: {name}", "AH02416")
    return name


def _literal(name: str, shown: str) -> str:
    """An IPv6 address, without a scope."""
    try:
        IPv6Address(name)
    except AddressValueError:
        raise _malformed(shown) from None
    if "%" in name:
        raise _malformed(shown)
    return name.lower()


def check_hostname(name: str, shown: str, *, strict: bool = True) -> str:
    """A registered name or IPv4 address, lower case, without a dot at its end; UrlError for what is neither."""
    name = _ascii_lower(name)
    if ".." in name or "/" in name or "\\" in name:
        raise _malformed(shown)
    name = name.removesuffix(".")
    if not strict:
        return name
    near: int | None = None
    if (bad := _NOT_IN_NAMES.search(name)) is not None:
        near = bad.start()
    elif _NUMERIC.fullmatch(name):
        if name.count(".") != 3 or _OCTAL.search(name) or name.startswith("."):
            near = len(name)
    elif bad := _ODD_TAIL.search(name):
        near = bad.start()
    if near is not None:
        rest = f", problem near: {name[near : near + 6]}" if near < len(name) else ""
        raise _malformed(shown, ("AH02415", f"[strict] Invalid host name '{name}'{rest}"))
    return name


def _ascii_lower(text: str) -> str:
    return text.lower() if text.isascii() else re.sub("[A-Z]+", lambda match: match[0].lower(), text)
