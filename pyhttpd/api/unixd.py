"""As whom the children run: what mod_unixd configures and the MPM reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnixdConfig:
    """`user` and `group` as given, `#33` for a number; None where no line says. `uid` and `gid` are resolved while the
    configuration is read, and None where there is no such user or group, which check_config refuses. `groups` are all
    that the user is in, with `gid`. `chroot_dir` is absolute: what the children have as `/`."""

    user: str | None = None
    group: str | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    chroot_dir: str | None = None
    suexec: bool | None = None
