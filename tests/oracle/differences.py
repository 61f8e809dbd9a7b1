"""Where pyhttpd answers otherwise than Apache on purpose, and why. A difference that has gone fails its test."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """`parts` of the answers that are not compared: status, headers, body, kept, log."""

    parts: frozenset[str]
    reason: str


DIFFERENCES: dict[str, Difference] = {
    "body-both": Difference(
        frozenset({"status", "headers", "body"}),
        "Content-Length beside Transfer-Encoding is how requests are smuggled; RFC 9112, section 6.1 lets us refuse it",
    ),
    "chunk-largest": Difference(
        frozenset({"status", "headers", "body"}),
        "Apache waits for the bytes of a chunk that is larger than LimitRequestBody, until the time is up",
    ),
}
