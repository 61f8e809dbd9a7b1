"""Modules that are not Apache's own and that many configurations have, known by the directives they bring."""

from __future__ import annotations

import re

_MODULES = {
    "mod_php": r"php_(?:admin_)?(?:value|flag)|phpinidir",
    "mod_wsgi": r"wsgi\w+",
    "mod_perl": r"perl\w*|<perl",
    "mod_python": r"python\w+",
    "mod_fcgid": r"fcgid\w+",
    "mod_fastcgi": r"fastcgi\w+",
    "mod_passenger": r"passenger\w+|pool(?:min|max|idle)\w+|rails\w+|rackenv|railsbaseuri",
    "mod_security2": r"sec(?:rule|action|marker|arg|audit|component|conn|content|cookie|collection|data|debug|default|"
    r"geo|hash|pcre|remote|request|response|server|stream|tmp|unicode|upload|web)\w*",
    "mod_evasive": r"dos(?:hash|page|site|block|email|log|system|whitelist|http)\w*",
    "mod_qos": r"qs_\w+",
    "mod_shib": r"shib\w+",
    "mod_auth_mellon": r"mellon\w+",
    "mod_auth_openidc": r"oidc\w+|oauth2?\w+",
    "mod_auth_gssapi": r"gssapi\w+",
    "mod_auth_kerb": r"krb\w+|kerberos\w+",
    "mod_auth_cas": r"cas(?:login|validate|cookie|cert|debug|version|scope|sso|cache|attribute|auth|root|idle|timeout|"
    r"proxy|gateway)\w*",
    "mod_geoip": r"geoip\w+",
    "mod_maxminddb": r"maxminddb\w+",
    "mod_rpaf": r"rpaf\w*",
    "mod_cloudflare": r"cloudflare\w+",
    "mod_xsendfile": r"xsendfile\w*",
    "mod_dav_svn": r"svn\w+",
    "mod_authz_svn": r"authzsvn\w+|authzforceusernamecase",
    "mod_pagespeed": r"modpagespeed\w*|<modpagespeedif",
    "mod_jk": r"jk\w+",
    "mod_auth_memcookie": r"auth_memcookie\w+",
    "mod_auth_tkt": r"tkt\w+",
    "mod_auth_pam": r"authpam\w+",
    "mod_auth_mysql": r"auth_?mysql\w+",
    "mod_ruid2": r"r(?:mode|uidgid|groups|minuidgid|defaultuidgid|documentchroot)",
    "mod_itk": r"assignuserid(?:expr)?|assigngroupidexpr|maxclientsvhost|nicevalue|limit[ug]idrange",
    "mod_bw": r"bandwidth\w*|minbandwidth|largefilelimit|maxconnection",
    "mod_gnutls": r"gnutls\w+",
    "mod_nss": r"nss\w+",
    "mod_uwsgi": r"uwsgi\w+",
    "mod_tile": r"(?:loadtile|addtile|modtile)\w+",
}

FOREIGN_MODULES = frozenset(_MODULES)

_OWNER = re.compile("|".join(f"(?P<{name}>{names})" for name, names in _MODULES.items()))


def foreign_module(name: str) -> str | None:
    """`php_value` -> `mod_php`; None for what none of them has. `name` is a directive, or a section with its `<`."""
    found = _OWNER.fullmatch(name.lower())
    return found.lastgroup if found is not None else None


def foreign_identifier(identifier: str) -> str | None:
    """`php7_module`, `mod_shib` -> `mod_php`, `mod_shib`: by the identifier in its LoadModule line."""
    name = f"mod_{identifier.removesuffix('_module').removeprefix('mod_')}"
    return next((known for known in (name, name.rstrip("0123456789.")) if known in _MODULES), None)
