"""Passwords and their hashes as htpasswd writes them: bcrypt, `$apr1$`, `{SHA}`, and what the system's crypt(3) knows.

Everything is bytes. Like C's strings, a password ends at its first NUL. bcrypt and crypt(3) run without the GIL, so
that a verification, which is slow on purpose, stops no other thread. Their libraries are loaded by `load`, or when one
is first needed: a server without passwords has no memory for them.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from hmac import compare_digest

Crypt = Callable[[bytes, bytes], bytes | None]
"""Password and setting (a hash, or the beginning of one) to a hash; None where crypt(3) does not take the setting."""

ALPHABET = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BCRYPT = (b"$2a$", b"$2b$", b"$2y$")
_BCRYPT_LONGEST = 72  # bytes of a password that count
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2", "libcrypt.so", None)  # None: the C library itself (musl)
_CRYPT_DATA = 1 << 18  # bytes; struct crypt_data takes 32 KiB or 128 KiB


def load() -> None:
    """Import what the functions below need, ahead of the first fork."""
    import bcrypt  # noqa: F401  # that it is loaded is what counts

    system_crypt()


@cache
def system_crypt() -> Crypt | None:
    """The system's crypt_r(3); None where there is none. It may be called from any thread."""
    import ctypes  # a MiB that only passwords need

    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name, use_errno=True).crypt_r
        except (OSError, AttributeError):
            continue
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
        function.restype = ctypes.c_char_p

        def crypt(password: bytes, setting: bytes, function: Callable[..., bytes | None] = function) -> bytes | None:
            found = function(password, setting, ctypes.create_string_buffer(_CRYPT_DATA))
            return None if found is None or found.startswith(b"*") else found

        return crypt
    return None


def matches(password: bytes, hashed: bytes) -> bool:
    """Whether a password is the one that was hashed. A text that is no hash is nobody's: there are no plain ones."""
    password = password.partition(b"\0")[0]
    found: bytes | None
    if hashed.startswith(_BCRYPT):
        return _bcrypt_matches(password, hashed)
    if hashed.startswith(b"$apr1$"):
        found = apr1(password, hashed[6:])
    elif hashed.startswith(b"{SHA}"):
        found = sha1(password)
    else:
        crypt = system_crypt()
        found = crypt(password, hashed) if crypt is not None and hashed else None
    return found is not None and compare_digest(found, hashed)


def _bcrypt_matches(password: bytes, hashed: bytes) -> bool:
    import bcrypt

    try:
        return bcrypt.checkpw(password[:_BCRYPT_LONGEST], hashed)
    except ValueError:
        return False  # it only begins like a hash


def bcrypt_hash(password: bytes, cost: int) -> bytes:
    """`$2y$`, as Apache's htpasswd calls it. `cost` is 4 to 31."""
    import bcrypt

    setting = b"$2y$" + bcrypt.gensalt(cost)[4:]
    return bcrypt.hashpw(password[:_BCRYPT_LONGEST], setting)


def sha1(password: bytes) -> bytes:
    """`{SHA}` and the digest in base64: without a salt, and quick to guess."""
    return b"{SHA}" + b64encode(hashlib.sha1(password, usedforsecurity=False).digest())


def apr1(password: bytes, salt: bytes) -> bytes:
    """`$apr1$salt$...`, Apache's variant of the MD5 of crypt(3). Of `salt` count up to eight bytes, and none from a
    dollar sign on."""
    salt = salt.partition(b"$")[0][:8]
    inner = _md5(password + salt + password)
    text = password + b"$apr1$" + salt + inner * (len(password) // 16) + inner[: len(password) % 16]
    bits = len(password)
    while bits:
        text += b"\0" if bits & 1 else password[:1]
        bits >>= 1
    digest = _md5(text)
    for turn in range(1000):
        first, last = (password, digest) if turn & 1 else (digest, password)
        digest = _md5(first + (salt if turn % 3 else b"") + (password if turn % 7 else b"") + last)
    return b"$apr1$" + salt + b"$" + _letters(digest)


def _md5(text: bytes) -> bytes:
    return hashlib.md5(text, usedforsecurity=False).digest()


def _letters(digest: bytes) -> bytes:
    """crypt(3)'s own base64, of 16 bytes in crypt(3)'s own order: 22 characters."""
    text = bytearray()
    for first, second, third in ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)):
        text += _six_bits(digest[first] << 16 | digest[second] << 8 | digest[third], 4)
    return bytes(text + _six_bits(digest[11], 2))


def _six_bits(number: int, count: int) -> bytes:
    return bytes(ALPHABET[number >> 6 * place & 63] for place in range(count))


def random_salt(length: int) -> bytes:
    """So many characters for a setting of crypt(3)."""
    from os import urandom

    return bytes(ALPHABET[byte & 63] for byte in urandom(length))


def crypt_hash(password: bytes, setting: bytes) -> bytes | None:
    """By crypt(3); None where that does not know the setting, or there is none."""
    crypt = system_crypt()
    return None if crypt is None else crypt(password, setting)
