"""mod_env: variables for CGI, logs and conditions: SetEnv, PassEnv, UnsetEnv."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pyhttpd.api.env import key_of
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.directive import ANYWHERE, Args, Directive, Override, Setting
from pyhttpd.config.merging import merged, overlay

_NONE: Mapping[str, str | None] = {}


@dataclass(frozen=True, slots=True)
class EnvConfig:
    """`variables` in the order of the lines. None is UnsetEnv: it takes the variable of an outer scope away."""

    variables: Mapping[str, str | None] = merged(_NONE, overlay)


def set_env(setting: Setting, name: str, value: str = "") -> None:
    if "=" in name:
        first, _, rest = name.partition("=")
        meant = f"{setting.row.name} {first} {rest}"
        setting.warn(f"Spurious usage of '=' in an environment variable name. '{meant}' expected instead?", "AH10032")
    _put(setting, name, value)


def _put(setting: Setting, name: str, value: str | None) -> None:
    """A name that was written in another case before keeps that."""
    names: dict[str, str] = setting.memo.setdefault("names", {})
    setting.put("variables", names.setdefault(name.lower(), name), value)


def pass_env(setting: Setting, *names: str) -> None:
    for name in names:
        value = os.environ.get(name)
        if value is None:
            setting.warn(f"PassEnv variable {name} was undefined", "AH01506")
        else:
            _put(setting, name, value)


def unset_env(setting: Setting, *names: str) -> None:
    for name in names:
        _put(setting, name, None)


DIRECTIVES = (
    Directive("PassEnv", Args.take(str, most=None), ANYWHERE, override=Override.FILEINFO, into=EnvConfig,
              apply=pass_env, help="a list of environment variables to pass to CGI."),
    Directive("SetEnv", Args.take(str, str, least=1), ANYWHERE, override=Override.FILEINFO, into=EnvConfig,
              apply=set_env, help="an environment variable name and optional value to pass to CGI."),
    Directive("UnsetEnv", Args.take(str, most=None), ANYWHERE, override=Override.FILEINFO, into=EnvConfig,
              apply=unset_env, help="a list of variables to remove from the CGI environment."),
)  # fmt: skip


def fixup_env(request: Request) -> int:
    variables = request.config(EnvConfig).variables
    if not variables:
        return DECLINED
    for name, value in variables.items():
        # what is set already wins: by SetEnvIf, or for the request that asked for this one
        if value is not None and key_of(request.env, name) is None:
            request.env[name] = value
    return OK


MODULE = Module(
    "env_module", "mod_env.c", per_dir=EnvConfig, directives=DIRECTIVES, hooks=(on(Phase.FIXUPS, fixup_env, pure=True),)
)
