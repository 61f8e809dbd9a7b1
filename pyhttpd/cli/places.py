"""Where things are: the packaged default configuration, the file that -f means, and the ServerRoot it implies."""

from __future__ import annotations

import os
from typing import NamedTuple

from pyhttpd.util.packaged import SERVER_CONFIG_FILE, httpd_root

__all__ = ["SERVER_CONFIG_FILE", "Place", "derived_server_root", "httpd_root", "locate"]


class Place(NamedTuple):
    """The main configuration file and the initial ServerRoot (a ServerRoot line in the file overrides it)."""

    config_file: str
    server_root: str


def derived_server_root(config_file: str) -> str:
    """The ServerRoot of a file that names none: X for `X/conf/httpd.conf`, else the file's own directory."""
    directory = os.path.dirname(config_file)
    return os.path.dirname(directory) if os.path.basename(directory) == "conf" else directory


def locate(config_file: str | None, server_root: str | None) -> Place:
    """What -f and -d mean together.

    A relative -f is looked up in the current directory first, then under ServerRoot. Without -f it is the packaged
    default, or, with -d, that name under the directory given.
    """
    root = None if server_root is None else os.path.abspath(server_root)
    if config_file is None:
        default = root or httpd_root()
        return Place(os.path.join(default, SERVER_CONFIG_FILE), default)
    path = os.path.abspath(config_file)
    if not os.path.exists(path):
        under_root = os.path.join(root or httpd_root(), config_file)
        if root is not None or os.path.exists(under_root):
            path = os.path.normpath(under_root)
    return Place(path, root or derived_server_root(path))
