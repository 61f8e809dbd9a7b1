"""Where the files are that come with pyhttpd: the default configuration, mime.types, the first page."""

from __future__ import annotations

import os

import pyhttpd

SERVER_CONFIG_FILE = "conf/httpd.conf"
TYPES_CONFIG_FILE = "conf/mime.types"


def httpd_root() -> str:
    """The directory that holds the packaged `conf/httpd.conf`: HTTPD_ROOT in `-V`.

    That is the checkout when pyhttpd runs from one, else `share/pyhttpd` below the prefix that it was installed in
    (`/usr/local`, a virtual environment, `~/.local`).
    """
    package = os.path.dirname(os.path.abspath(pyhttpd.__file__))
    checkout = os.path.dirname(package)
    if os.path.exists(os.path.join(checkout, "pyproject.toml")):
        return checkout
    above = package
    while above != "/":
        above = os.path.dirname(above)
        shared = os.path.join(above, "share", "pyhttpd")
        if os.path.exists(os.path.join(shared, SERVER_CONFIG_FILE)):
            return shared
    return checkout
