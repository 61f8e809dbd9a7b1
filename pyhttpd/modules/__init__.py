"""The modules: one file each, named as in Apache. Those listed here are always there; the order is Apache's."""

from __future__ import annotations

COMPILED_IN: tuple[str, ...] = (
    "pyhttpd.modules.mod_so",
    "pyhttpd.modules.mod_watchdog",
    "pyhttpd.modules.mod_log_config",
    "pyhttpd.modules.mod_logio",
    "pyhttpd.modules.mod_version",
    "pyhttpd.modules.mod_unixd",
    "pyhttpd.modules.mod_authn_file",
    "pyhttpd.modules.mod_authn_core",
    "pyhttpd.modules.mod_authz_host",
    "pyhttpd.modules.mod_authz_groupfile",
    "pyhttpd.modules.mod_authz_user",
    "pyhttpd.modules.mod_authz_core",
    "pyhttpd.modules.mod_access_compat",
    "pyhttpd.modules.mod_auth_basic",
    "pyhttpd.modules.mod_reqtimeout",
    "pyhttpd.modules.mod_filter",
    "pyhttpd.modules.mod_mime",
    "pyhttpd.modules.mod_env",
    "pyhttpd.modules.mod_headers",
    "pyhttpd.modules.mod_setenvif",
    "pyhttpd.modules.mod_status",
    "pyhttpd.modules.mod_autoindex",
    "pyhttpd.modules.mod_dir",
    "pyhttpd.modules.mod_alias",
)

LOADABLE: tuple[str, ...] = ("pyhttpd.modules.mod_macro", "pyhttpd.modules.mod_info")
"""There after a LoadModule line."""
