"""`-V` and `-l`: what this program is made of, and which MPM the configuration selects."""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata

from pyhttpd.api.core_config import CoreServer
from pyhttpd.cli.places import SERVER_CONFIG_FILE, httpd_root
from pyhttpd.cli.version import version_text
from pyhttpd.mpm.directives import MpmSettings
from pyhttpd.util.packaged import TYPES_CONFIG_FILE

# The version of the module interface of the Apache whose language is spoken; tools compare it.
MAGIC_NUMBER = "20120211:142"

THREADED = {"prefork": "no", "worker": "yes (fixed thread count)"}


def settings_text(mpm_name: str) -> str:
    """All of `-V`. Without an MPM, because the configuration is broken, its name stays empty, as in Apache."""
    libraries = f"Python {platform.python_version()}, h11 {version_of('h11')}, PCRE2 {version_of('pcre2')}"
    lines = [
        f"Server's Module Magic Number: {MAGIC_NUMBER}",
        f"Server loaded:  {libraries}",
        f"Compiled using: {libraries}",
        f"Architecture:   {64 if sys.maxsize > 2**32 else 32}-bit",
        f"Server MPM:     {mpm_name}",
    ]
    if mpm_name:
        lines += [f"  threaded:     {THREADED[mpm_name]}", "    forked:     yes (variable process count)"]
    lines.append("Server compiled with....")
    lines += [f" -D {setting}" for setting in compiled_with()]
    return version_text() + "".join(f"{line}\n" for line in lines)


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
    yield f'DEFAULT_PIDLOG="{MpmSettings().pid_file}"'
    yield f'DEFAULT_ERRORLOG="{CoreServer().error_log}"'
    yield f'AP_TYPES_CONFIG_FILE="{TYPES_CONFIG_FILE}"'
    yield f'SERVER_CONFIG_FILE="{SERVER_CONFIG_FILE}"'


def version_of(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # unpacked somewhere on the path, not installed
        return "unknown"


def compiled_in_text(sources: Iterable[str]) -> str:
    """`-l`: source names, as `<IfModule mod_alias.c>` uses them."""
    return "Compiled in modules:\n" + "".join(f"  {source}\n" for source in sources)
