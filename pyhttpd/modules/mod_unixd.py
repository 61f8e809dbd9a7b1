"""mod_unixd: the user and the group as whom the children run, and the directory that is all they see of the system."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Sequence

from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Preparation, PrepareError
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import Diagnostic, Severity
from pyhttpd.config.directive import GLOBAL, Args, Directive, Setting, SettingError
from pyhttpd.util.digits import value_of
from pyhttpd.util.directory import is_directory


def _numeric(name: str) -> int | None:
    """What `#33` says; 0 where no number follows, as atoi has it."""
    if not name.startswith("#"):
        return None
    found = re.fullmatch(r"\s*(-?)([0-9]+)\s*", name[1:])
    if found is None:
        return 0
    return -value_of(found[2]) if found[1] else value_of(found[2])


def user_id(name: str) -> int | None:
    """The number of a user, None where there is none of this name."""
    number = _numeric(name)
    if number is not None:
        return number
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def group_id(name: str) -> int | None:
    number = _numeric(name)
    if number is not None:
        return number if -1 <= number < 1 << 32 else None  # setgid takes no other; the child would die of it
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def primary_group(uid: int) -> int | None:
    try:
        return pwd.getpwuid(uid).pw_gid
    except (KeyError, OverflowError):
        return None


def set_user(setting: Setting, name: str) -> None:
    uid = user_id(name)
    if uid == 0:
        raise SettingError(
            "User must not be root: whoever finds a hole in the server, or may place a link, could read every file",
            hint="name a user that owns nothing, such as www-data or nobody",
        )
    setting.set("user", name)
    setting.set("uid", uid)
    if uid is not None and setting.get("group") is None:
        setting.set("gid", primary_group(uid))  # Apache would go on as group -1, which fails in every child
    _set_groups(setting)


def set_group(setting: Setting, name: str) -> None:
    setting.set("group", name)
    setting.set("gid", group_id(name))
    _set_groups(setting)


def _set_groups(setting: Setting) -> None:
    uid, gid = setting.get("uid"), setting.get("gid")
    if uid is None or gid is None:
        return
    try:
        name = pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        setting.set("groups", (gid,))
    else:
        setting.set("groups", tuple(os.getgrouplist(name, gid)))


def set_chroot_dir(setting: Setting, name: str) -> None:
    path = setting.path(name)
    if not is_directory(path):
        raise SettingError("ChrootDir must be a valid directory", wrong=name)
    setting.set("chroot_dir", path)


def set_suexec(setting: Setting, wanted: bool) -> None:
    """Off is what there is: nothing is run as another user, and so no program is needed that could do that."""
    if wanted:
        reason = "Suexec directive is Off" if setting.get("suexec") is False else "pyhttpd has no suexec binary"
        raise SettingError(f"suEXEC isn't supported: {reason}", hint="Remove this line; programs run as User")
    setting.set("suexec", False)


DIRECTIVES = (
    Directive("User", Args.take(str), GLOBAL, into=UnixdConfig, apply=set_user,
              help="Effective user id for this server"),
    Directive("Group", Args.take(str), GLOBAL, into=UnixdConfig, apply=set_group,
              help="Effective group id for this server"),
    Directive("ChrootDir", Args.take(str), GLOBAL, into=UnixdConfig, apply=set_chroot_dir,
              help="The directory to chroot(2) into"),
    Directive("Suexec", Args.flag(), GLOBAL, into=UnixdConfig, apply=set_suexec,
              help="Enable or disable suEXEC support"),
)  # fmt: skip


def _error(number: str, message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(Severity.ERROR, number, message, hint=hint, module="unixd")


def check_config(configuration: Configuration) -> Sequence[Diagnostic]:
    config = configuration.main.config(UnixdConfig)
    found: list[Diagnostic] = []
    if config.user is not None and config.uid is None:
        found.append(_error("AH00543", f"bad user name {config.user}"))
    if config.group is not None and config.gid is None:
        found.append(_error("AH00544", f"bad group name {config.group}"))
    by_number = config.user is not None and config.user.startswith("#")
    if os.geteuid() == 0 and not found and by_number and primary_group(config.uid or -1) is None:
        found.append(_error(
            "AH02155", f"getpwuid: couldn't determine user name from uid {config.uid}, "
            "you probably need to modify the User directive",
        ))  # fmt: skip
    return found


def prepare(configuration: Configuration, preparation: Preparation) -> None:
    """Nothing to open. Here, and not in check_config, because such a file may be inspected by anybody."""
    config = configuration.main.config(UnixdConfig)
    if os.geteuid() != 0 and config.chroot_dir is not None:  # each child would end of it, as in Apache
        raise PrepareError("AH02158", "Cannot chroot when not started as root", module="unixd", level=Level.ALERT)
    if os.geteuid() == 0 and config.user is None:
        raise PrepareError(
            "PH00301",
            "started as root without a User directive: the children would go on as root. Add `User www-data` and "
            "`Group www-data`, or whatever user your system has for web servers",
        )


MODULE = Module(
    "unixd_module",
    "mod_unixd.c",
    per_server=UnixdConfig,
    directives=DIRECTIVES,
    check_config=check_config,
    prepare=prepare,
)
