"""`-v`, and the first two lines of `-V`."""

from __future__ import annotations

from pyhttpd import PRODUCT
from pyhttpd.util.built import server_built


def version_text() -> str:
    return f"Server version: {PRODUCT} (Unix)\nServer built:   {server_built()}\n"
