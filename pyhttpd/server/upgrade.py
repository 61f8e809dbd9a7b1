"""Upgrade: what a client offers is looked at and logged; http/1.1 is all there is (RFC 9110, section 7.8)."""

from __future__ import annotations

import re

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.log import Level
from pyhttpd.api.phases import DECLINED
from pyhttpd.api.request import Request
from pyhttpd.api.url import canonical_name
from pyhttpd.server.protocol_directives import HTTP_1
from pyhttpd.server.response import has_token
from pyhttpd.util.escape import native

_OFFER = re.compile(r"[^\x00-\x20()<>@,;:\\\"/\[\]?={}\x7f]*")


def log_upgrade(request: Request) -> int:
    """A handler that never answers: the request is answered as if nothing had been offered."""
    field = request.headers_in.get("Upgrade")
    if not field or not has_token(request.headers_in.get("Connection"), "upgrade"):
        return DECLINED
    if not request.wants(Level.DEBUG, "core"):
        return DECLINED
    offers = [offer for word in field.split(",") if (offer := word.strip(" \t"))]
    mistake = next((wrong for offer in offers if (wrong := _mistake(offer)) is not None), None)
    if mistake is not None:
        request.log(Level.DEBUG, "core", "AH02910", f"parsing Upgrade header: Encountered illegal {mistake}")
    elif offers:
        _log_choice(request, [native(offer) for offer in offers])
    return DECLINED


def _mistake(offer: str) -> str | None:
    match = _OFFER.match(offer)
    assert match is not None  # it matches nothing, too
    rest = offer[match.end() :].lstrip(" \t")
    if not rest:
        return None
    return "whitespace in token" if _OFFER.fullmatch(rest[0]) else f"separator '\\x{ord(rest[0]):02x}'"


def _log_choice(request: Request, offers: list[str]) -> None:
    configured = request.server_config(CoreServer).protocols
    name = canonical_name(request)
    message = f"select protocol from {','.join(configured)}, choices={','.join(offers)} for server {name}"
    request.log(Level.DEBUG, "core", "AH03155", message)
    if not configured:
        return
    proposals = [HTTP_1] if HTTP_1 in offers else []
    if proposals:
        preferences = configured if request.server_config(CoreServer).protocols_honor_order else offers
        message = (
            f"select protocol, proposals={','.join(proposals)} preferences={','.join(preferences)} "
            f"configured={','.join(configured)}"
        )
        request.log(Level.DEBUG, "core", "AH03156", message)
    selected = HTTP_1 if proposals and HTTP_1 in configured else "(none)"
    request.log(Level.DEBUG, "core", "AH03157", f"selected protocol={selected}")


def log_upgrade_of_server(request: Request) -> int:
    """The same for `OPTIONS *`, which no handler sees."""
    return log_upgrade(request) if request.method == "OPTIONS" and request.uri == "*" else DECLINED
