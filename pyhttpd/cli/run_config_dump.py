"""`-S`, second half: the settings that a start would use."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.config.configuration import Configuration

NOBODY = 0xFFFFFFFF  # -1 as an unsigned id: what Apache shows where no User line is


def dump(configuration: Configuration) -> str:
    return "".join(f"{line}\n" for line in describe(configuration))


def describe(configuration: Configuration) -> Iterator[str]:
    root = configuration.server_root
    core = configuration.main.config(CoreServer)
    yield f'ServerRoot: "{root}"'
    yield f'Main DocumentRoot: "{os.path.join(root, core.document_root or "htdocs")}"'
    yield f'Main ErrorLog: "{log_target(root, core.error_log)}"'
    if configuration.mpm.scoreboard_file is not None:
        yield f'ScoreBoardFile: "{configuration.mpm.scoreboard_file}"'
    # Nothing here needs a mutex; scripts expect to find where one would be.
    yield f'Mutex default: dir="{configuration.runtime_dir}/" mechanism=default '
    yield "Mutex mpm-accept: using_defaults"
    if any(module.name == "watchdog_module" for module in configuration.modules):
        yield "Mutex watchdog-callback: using_defaults"
    yield f'PidFile: "{configuration.mpm.pid_file}"'
    for name, value in configuration.defines.items():
        yield f"Define: {name}={value}" if value else f"Define: {name}"
    unixd = configuration.main.config(UnixdConfig)
    note = "" if os.geteuid() == 0 else " not_used"
    yield identity("User", unixd.user, unixd.uid) + note
    yield identity("Group", unixd.group, unixd.gid) + note
    if unixd.chroot_dir is not None:
        yield f'ChrootDir: "{unixd.chroot_dir}"{note}'


def log_target(root: str, name: str) -> str:
    """A file below ServerRoot, but `|program` and `syslog:facility` as they are."""
    if name == "syslog" or name.startswith(("|", "syslog:")):
        return name
    return os.path.join(root, name)


def identity(label: str, name: str | None, number: int | None) -> str:
    return f'{label}: name="{name or "#-1"}" id={NOBODY if number is None else number}'
