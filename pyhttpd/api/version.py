"""What this server calls itself: in Server fields (ServerTokens), log lines and status pages."""

from __future__ import annotations

from pyhttpd import PRODUCT

DESCRIPTION = f"{PRODUCT} (Unix)"
"""Everything there is to say, whatever ServerTokens says: the status page, the error log."""

_NAME, _, _VERSION = PRODUCT.partition("/")
_MAJOR, _MINOR = _VERSION.split(".")[:2]
_BANNERS = {
    "Prod": _NAME,
    "Major": f"{_NAME}/{_MAJOR}",
    "Minor": f"{_NAME}/{_MAJOR}.{_MINOR}",
    "Min": PRODUCT,
    "OS": DESCRIPTION,
    "Full": DESCRIPTION,
}


def server_banner(tokens: str) -> str:
    """The Server field, and the foot of error pages, for a value of ServerTokens as CoreServer has it."""
    return _BANNERS[tokens]
