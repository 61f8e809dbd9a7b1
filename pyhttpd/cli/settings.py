"""`-V` and `-l`: what this program is made of, and which MPM the configuration selects."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata

from pyhttpd.api.build_settings import ARCHITECTURE, MAGIC_NUMBER, compiled_with
from pyhttpd.cli.version import version_text

THREADED = {"prefork": "no", "worker": "yes (fixed thread count)"}


def settings_text(mpm_name: str) -> str:
    """All of `-V`. Without an MPM, because the configuration is broken, its name stays empty, as in Apache."""
    libraries = f"Python {platform.python_version()}, h11 {version_of('h11')}, PCRE2 {version_of('pcre2')}"
    lines = [
        f"Server's Module Magic Number: {MAGIC_NUMBER}",
        f"Server loaded:  {libraries}",
        f"Compiled using: {libraries}",
        f"Architecture:   {ARCHITECTURE}",
        f"Server MPM:     {mpm_name}",
    ]
    if mpm_name:
        lines += [f"  threaded:     {THREADED[mpm_name]}", "    forked:     yes (variable process count)"]
    lines.append("Server compiled with....")
    lines += [f" -D {setting}" for setting in compiled_with()]
    return version_text() + "".join(f"{line}\n" for line in lines)


def version_of(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # unpacked somewhere on the path, not installed
        return "unknown"


def compiled_in_text(sources: Iterable[str]) -> str:
    """`-l`: source names, as `<IfModule mod_alias.c>` uses them."""
    return "Compiled in modules:\n" + "".join(f"  {source}\n" for source in sources)
