"""What a line of the configuration must not show to whoever may see mod_info's page. Used by mod_info alone.

Who may see the page may know how the server is configured, which is less than its passwords allow. Apache shows them.
"""

from __future__ import annotations

import re

HIDDEN = "********"

_WORD = r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s]+"""
_SECRET = r"(?:pass(?:word|wd|phrase)?|pwd|pw|secret|token|api[_-]?key|private[_-]?key|credentials?)"

_DIRECTIVE = re.compile(r"(?:Password|Passphrase|Secret|Token)$", re.IGNORECASE)
"""AuthLDAPBindPassword, SessionCryptoPassphrase: all that follows."""

_PAIR = re.compile(rf"""((?:^|[\s"',;?&])[\w.-]*?{_SECRET}=)([^\s"',;&]+)""", re.IGNORECASE)
"""`secret=x` in a BalancerMember, `pass=x` in DBDParams."""

_VARIABLE = re.compile(r"^(?:SetEnv|CGIVar)$", re.IGNORECASE)
_VARIABLE_NAME = re.compile(rf"(?:^|[_-]){_SECRET}(?:$|[_-])", re.IGNORECASE)

_FIELD = re.compile(r"^(?:Header|RequestHeader)$", re.IGNORECASE)
_FIELD_NAME = re.compile(
    rf"""(\b(?:set|setifempty|add|append|merge|edit\*?)\s+["']?(?:(?:Proxy-)?Authorization|Cookie|[\w-]*{_SECRET}):?["']?\s+)"""
    rf"({_WORD})",
    re.IGNORECASE,
)

_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s/@:\"']*:)[^\s/@\"']+(?=@)", re.IGNORECASE)
"""`http://user:password@host`"""


def without_secrets(name: str, rest: str) -> str:
    """What stands behind a directive's name, with HIDDEN in place of passwords and the like."""
    if _DIRECTIVE.search(name):
        return HIDDEN if rest else rest
    if _VARIABLE.search(name):
        variable, blank, value = rest.partition(" ")
        if value and _VARIABLE_NAME.search(variable.strip("\"'")):
            return f"{variable}{blank}{HIDDEN}"
    if _FIELD.search(name):
        rest = _FIELD_NAME.sub(rf"\1{HIDDEN}", rest)
    if "=" in rest:
        rest = _PAIR.sub(rf"\1{HIDDEN}", rest)
    if "://" in rest:
        rest = _IN_URL.sub(rf"\1{HIDDEN}", rest)
    return rest
