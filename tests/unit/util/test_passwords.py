"""Passwords and hashes: known pairs of each kind, and what is no hash."""

from __future__ import annotations

import pytest

from pyhttpd.util import passwords

SECRET = (
    b"$apr1$E32naY9A$Jq9MZ4gadog1uFkA77cSW.",
    b"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
    b"$2y$04$/E0Te9Cu.eALfuTsIREFheNHOCnIKENhrpA1oLoZjoJXcw4tWoT.a",
    b"$2a$04$/E0Te9Cu.eALfuTsIREFheNHOCnIKENhrpA1oLoZjoJXcw4tWoT.a",
    b"$2b$04$/E0Te9Cu.eALfuTsIREFheNHOCnIKENhrpA1oLoZjoJXcw4tWoT.a",
)
OF_CRYPT = (
    b"$1$abc$iCQ2D3nhptRYi27fDYv2s1",
    b"$5$Cx0juDYnOGj9.XSx$3xFGKzRT5yQ683palnxcbSYZX.LtyG6Pgb5THNdtnD5",
    b"rP0MgvuSopn3M",
)


@pytest.mark.parametrize("hashed", SECRET)
def test_known_hashes(hashed: bytes) -> None:
    assert passwords.matches(b"secret", hashed)
    assert passwords.matches(b"secret\0more", hashed)
    assert not passwords.matches(b"Secret", hashed)
    assert not passwords.matches(b"", hashed)
    assert not passwords.matches(b"secret", hashed + b"x")
    assert not passwords.matches(b"secret", hashed[:-1])


@pytest.mark.parametrize("hashed", OF_CRYPT)
def test_what_crypt_knows(hashed: bytes) -> None:
    if passwords.system_crypt() is None:
        pytest.skip("no crypt(3)")
    assert passwords.matches(b"secret", hashed)
    assert not passwords.matches(b"Secret", hashed)


@pytest.mark.parametrize(
    "text",
    [b"", b"secret", b"$", b"$2y$", b"$2y$05$short", b"$2y$99$" + b"a" * 53, b"$2y$05$" + b"\xff" * 53, b"$apr1$",
     b"$apr1$$", b"{SHA}", b"$5$", b"$6$rounds=1$x$", b"*0", b"*1", b"!", b"x", b"\xff\xff"],
)  # fmt: skip
def test_what_is_no_hash_is_nobodys(text: bytes) -> None:
    assert not passwords.matches(b"secret", text)
    assert not passwords.matches(b"", text)
    assert not passwords.matches(text, text)


def test_without_crypt_its_hashes_are_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "system_crypt", lambda: None)
    assert not passwords.matches(b"secret", OF_CRYPT[0])
    assert not passwords.matches(b"secret", b"secret")
    assert passwords.crypt_hash(b"secret", b"$1$abc") is None


def test_new_hashes() -> None:
    for hashed in (passwords.bcrypt_hash(b"x" * 100, 4), passwords.apr1(b"x" * 100, passwords.random_salt(8))):
        assert passwords.matches(b"x" * 100, hashed)
    assert passwords.bcrypt_hash(b"", 4).startswith(b"$2y$04$")


def test_of_a_salt_eight_characters_count() -> None:
    assert passwords.apr1(b"secret", b"12345678more") == passwords.apr1(b"secret", b"12345678")
    assert passwords.apr1(b"secret", b"12$more") == passwords.apr1(b"secret", b"12")
