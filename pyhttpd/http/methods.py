"""The methods that are known by name (Apache's built-in list)."""

from __future__ import annotations

from typing import Final

KNOWN: Final = frozenset({
    "GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL",
    "COPY", "MOVE", "LOCK", "UNLOCK", "VERSION-CONTROL", "CHECKOUT", "UNCHECKOUT", "CHECKIN", "UPDATE", "LABEL",
    "REPORT", "MKWORKSPACE", "MKACTIVITY", "BASELINE-CONTROL", "MERGE",
})  # fmt: skip

FILE_METHODS: Final = ("GET", "POST", "OPTIONS", "HEAD")
"""What the default handler does with a file."""
