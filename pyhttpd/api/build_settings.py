"""What Apache fixes when it is built, and `-V` and mod_info show: the settings that hold here, and their names."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

from pyhttpd.api.core_config import CoreServer
from pyhttpd.util.packaged import SERVER_CONFIG_FILE, TYPES_CONFIG_FILE, httpd_root

MAGIC_NUMBER = "20120211:142"
"""The version of the module interface of the Apache whose language is spoken; tools compare it."""

DEFAULT_PIDLOG = "logs/httpd.pid"

ARCHITECTURE = f"{64 if sys.maxsize > 2**32 else 32}-bit"


def compiled_with() -> Iterator[str]:
    """Those of Apache's build settings that hold here. There is no suexec, no accept mutex and no limit of modules."""
    if hasattr(os, "sendfile"):
        yield "APR_HAS_SENDFILE"
    yield "APR_HAS_MMAP"
    if socket.has_ipv6:
        yield "APR_HAVE_IPV6 (IPv4-mapped addresses enabled)"
    yield "SINGLE_LISTEN_UNSERIALIZED_ACCEPT"
    yield "APR_HAS_OTHER_CHILD"
    yield "AP_HAVE_RELIABLE_PIPED_LOGS"
    yield f'HTTPD_ROOT="{httpd_root()}"'
    yield f'DEFAULT_PIDLOG="{DEFAULT_PIDLOG}"'
    yield f'DEFAULT_ERRORLOG="{CoreServer().error_log}"'
    yield f'AP_TYPES_CONFIG_FILE="{TYPES_CONFIG_FILE}"'
    yield f'SERVER_CONFIG_FILE="{SERVER_CONFIG_FILE}"'
