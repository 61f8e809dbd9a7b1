"""A URL as Apache writes it again after it took it apart: without its default port, with the password hidden."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_END_OF_AUTHORITY = re.compile(r"[/?#]")
_PORT = re.compile(r"[ \t\n\r\f\v]*([+-]?[0-9]{1,20})")
_PORTS = {
    "ftp": 21, "ssh": 22, "telnet": 23, "gopher": 70, "http": 80, "pop": 110, "nntp": 119, "imap": 143,
    "prospero": 191, "wais": 210, "ldap": 389, "https": 443, "rtsp": 554, "snews": 563, "acap": 674, "nfs": 2049,
    "tip": 3372, "sip": 5060,
}  # fmt: skip


def rewritten(url: str) -> tuple[str, str]:
    """What stands before the query, and the query and the fragment with their signs. What cannot be read as a URL ends
    where that shows; a password becomes `XXXXXXXX`."""
    scheme, at = "", 0
    if not url.startswith("/"):
        found = _SCHEME.match(url)
        if found is not None:
            scheme, at = found[1].lower(), found.end()
        elif ":" in url.partition("/")[0]:
            return "", ""
    before, rest = url[:at], url[at:]
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority = _END_OF_AUTHORITY.split(rest[2:], maxsplit=1)[0]
        rest = rest[2 + len(authority) :]
        user, sign, host = authority.rpartition("@")
        name, colon, _ = user.partition(":")
        user = f"{name}{':XXXXXXXX' if colon else ''}{sign}"
        shown, good = _host_and_port(host, scheme)
        if shown is None:
            return before or user, ""
        before += f"//{user}{shown}"
        if not good:
            return before, ""
    rest, sign, fragment = rest.partition("#")
    path, mark, query = rest.partition("?")
    return before + path, f"{mark}{query}{sign}{fragment}"


def _host_and_port(text: str, scheme: str) -> tuple[str | None, bool]:
    """Both as they are shown, and whether the port is a number. None where a bracket is not closed."""
    if text.startswith("["):
        end = text.find("]")
        if end < 0:
            return None, False
        host, rest = text[1:end], text[end + 1 :]
        if not rest.startswith(":"):
            host, rest = text[1:-1], ""
    else:
        host, colon, rest = text.partition(":")
        rest = colon + rest
    shown = f"[{host}]" if ":" in host else host
    port = rest[1:]
    if not port:
        return shown, True
    found = _PORT.match(port)
    number = 0 if found is None else max(-(2**63), min(2**63 - 1, int(found[1]))) % 65536
    if number not in (0, _PORTS.get(scheme, 0)):
        shown += f":{port}"
    return shown, found is not None and found.end() == len(port)
