"""Functions and operators of expressions that need no request: texts, files, patterns. All texts are wire text."""

from __future__ import annotations

import binascii
import hashlib
import os
import re
import socket
import stat

from pyhttpd.expr.errors import EvaluationError
from pyhttpd.util.escape import native, url_path, wire
from pyhttpd.util.network import Network, parse_address
from pyhttpd.util.wildcard import compile_wildcard

LARGEST_FILE = 10 * 1024 * 1024

_UPPER = {ord(char): char.upper() for char in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {ord(char): char.lower() for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})?")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_LDAP = {char: f"\\{char:02x}" for char in (*range(32), *b'"#()*+,;<=>\\', *range(127, 256))}
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class BadEscape(Exception):
    """What `unescape` cannot take. The text is `Bad` or `Forbidden`."""


def to_lower(text: str) -> str:
    return text.translate(_LOWER)


def to_upper(text: str) -> str:
    return text.translate(_UPPER)


def escape(text: str) -> str:
    return url_path(native(text))


def unescape(text: str) -> str:
    """`%xx` decoded, but for an escaped slash. Raises BadEscape."""
    if any(found[1] is None for found in _ESCAPED.finditer(text)):
        raise BadEscape("Bad")
    if "%00" in text:
        raise BadEscape("Forbidden")
    return _ESCAPED.sub(lambda found: found[0] if found[1].lower() == "2f" else chr(int(found[1], 16)), text)


def to_base64(text: str) -> str:
    return binascii.b2a_base64(text.encode("latin-1"), newline=False).decode("ascii")


def from_base64(text: str) -> str:
    """As far as it can be decoded, up to a NUL."""
    found = _BASE64.match(text)
    digits = found[0] if found is not None else ""
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    decoded = binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
    return decoded.partition(b"\0")[0].decode("latin-1")


def md5(text: str) -> str:
    return hashlib.md5(text.encode("latin-1"), usedforsecurity=False).hexdigest()


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode("latin-1"), usedforsecurity=False).hexdigest()


def ldap(text: str) -> str:
    """What means something in a filter or in a distinguished name (RFC 4515, RFC 4514) as `\\xx`."""
    return text.translate(_LDAP)


def read_file(text: str) -> str:
    """A file's content, up to a NUL. Raises EvaluationError."""
    try:
        # a FIFO must not keep the child waiting
        fd = os.open(native(text), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        raise EvaluationError(f"Cannot open file {text}") from None
    try:
        size = os.fstat(fd).st_size
        if size > LARGEST_FILE:
            raise EvaluationError(f"File {text} too large")
        data = os.read(fd, size) if size else b""
    except OSError:
        raise EvaluationError(f"Cannot read from file {text}") from None
    finally:
        os.close(fd)
    return data.partition(b"\0")[0].decode("latin-1")


def file_size(text: str) -> str:
    found = _stat(text)
    return str(found.st_size) if found is not None and stat.S_ISREG(found.st_mode) else "0"


def os_variable(name: str) -> str | None:
    """A variable of the process's environment."""
    value = os.environ.get(native(name))
    return None if value is None else wire(value)


def integer(text: str) -> int:
    """A number as C reads it: what follows it does not matter, what is none is 0, what is too large is the largest."""
    found = _INTEGER.match(text)
    if found is None:
        return 0
    digits = found[1]
    if len(digits.lstrip("+-0")) > 20:
        return _LEAST if digits.startswith("-") else _MOST
    return max(_LEAST, min(_MOST, int(digits)))


# --- operators


def is_true(text: str) -> bool:
    return text.lower() not in ("", "off", "no", "false", "0")


def _stat(text: str) -> os.stat_result | None:
    try:
        return os.stat(native(text))
    except (OSError, ValueError):
        return None


def _lstat(text: str) -> os.stat_result | None:
    try:
        return os.lstat(native(text))
    except (OSError, ValueError):
        return None


def is_directory(text: str) -> bool:
    found = _stat(text)
    return found is not None and stat.S_ISDIR(found.st_mode)


def is_file(text: str) -> bool:
    found = _stat(text)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_filled_file(text: str) -> bool:
    found = _stat(text)
    return found is not None and stat.S_ISREG(found.st_mode) and found.st_size > 0


def exists(text: str) -> bool:
    return _stat(text) is not None


def is_link(text: str) -> bool:
    found = _lstat(text)
    return found is not None and stat.S_ISLNK(found.st_mode)


def is_executable(text: str) -> bool:
    """Whether anybody may run it. A link is looked at itself."""
    found = _lstat(text)
    return found is not None and bool(found.st_mode & 0o111)


def in_network(text: str, network: Network) -> bool:
    """Whether an address belongs to a network. A host's name is looked up; its first address counts."""
    address = parse_address(text)
    if address is None:
        try:
            address = parse_address(str(socket.getaddrinfo(native(text), None, type=socket.SOCK_STREAM)[0][4][0]))
        except (OSError, ValueError, IndexError):
            return False
    return address is not None and network.contains(address)


def fnmatch(text: str, pattern: str) -> bool:
    return compile_wildcard(pattern, pathname=True).fullmatch(text) is not None


def strmatch(text: str, pattern: str) -> bool:
    return compile_wildcard(pattern).fullmatch(text) is not None


def strcmatch(text: str, pattern: str) -> bool:
    return compile_wildcard(pattern, ignore_case=True).fullmatch(text) is not None
