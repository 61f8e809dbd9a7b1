"""mod_status: the handler `server-status`: what the scoreboard says, as a page, as lines, as JSON, as metrics.

A module that has something to add offers a provider in the group `status`: a function of the request and of `auto`
(whether lines are wanted, not HTML) that returns text, escaped already.
"""

from __future__ import annotations

import os
import re
import time

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request, Services
from pyhttpd.api.signature import server_signature
from pyhttpd.api.url import server_name
from pyhttpd.api.version import DESCRIPTION
from pyhttpd.modules import status_metrics
from pyhttpd.modules.status_facts import Facts, gather
from pyhttpd.modules.status_json import as_json
from pyhttpd.modules.status_lines import lines
from pyhttpd.modules.status_page import page
from pyhttpd.modules.status_style import SCRIPT, STYLE
from pyhttpd.util.built import server_built
from pyhttpd.util.digits import value_of
from pyhttpd.util.escape import wire_bytes

HANDLERS = ("server-status", "application/x-httpd-status")
DEFAULT_REFRESH = 10  # seconds, where ?refresh has no number
LONGEST_REFRESH = 2**63 - 1

# The page needs nothing from elsewhere and holds what clients have sent.
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'"
_PARTS = {"style": ("text/css", STYLE), "script": ("text/javascript", SCRIPT)}
_KEPT = "max-age=31536000, immutable"  # another text has another URL
_REFRESH = re.compile(r"refresh(?:=[ \t\n\v\f\r]*([+-]?)([0-9]+))?")


def facts_for(request: Request, now: float) -> Facts:
    configuration = request.services.configuration
    mpm = configuration.mpm
    return gather(
        request.services.scoreboard,
        name=server_name(request),
        address=request.connection.local_ip,
        version=DESCRIPTION,
        built=server_built(),
        mpm=configuration.mpm_name,
        limits=mpm.limits,
        spare_name=mpm.family.spare_name,
        max_connections=mpm.max_connections_per_child,
        extended=configuration.main.config(CoreServer).extended_status is not False,
        load=os.getloadavg(),
        now=now,
    )


def refresh_seconds(query: str) -> int | None:
    """What `refresh` or `refresh=n` asks for, wherever it stands in the query; None where it does not."""
    found = _REFRESH.search(query)
    if found is None:
        return None
    seconds = 0 if found[2] is None or found[1] == "-" else value_of(found[2])
    return min(seconds, LONGEST_REFRESH) or DEFAULT_REFRESH


def handle_status(request: Request) -> int:
    if request.handler not in HANDLERS or request.method not in ("GET", "HEAD"):
        return DECLINED
    query = request.args or ""
    names = {part.partition("=")[0] for part in query.split("&")}
    for name, (content_type, text) in _PARTS.items():
        if name in names:
            request.headers_out.set("Cache-Control", _KEPT)
            return _answer(request, content_type, text.encode())
    request.do_not_keep()
    facts = facts_for(request, time.time())
    seconds = refresh_seconds(query)
    if seconds is not None:
        request.headers_out.set("Refresh", str(seconds))
    if "auto" in query:  # Apache's options count wherever they stand
        return _answer(
            request, "text/plain; charset=ISO-8859-1", wire_bytes("".join([lines(facts), *_more(request, auto=True)]))
        )
    if "json" in names:
        return _answer(request, "application/json", as_json(facts).encode())
    if "prometheus" in names:
        open_metrics = status_metrics.wants_open_metrics(request.headers_in.joined("Accept") or "")
        content_type = status_metrics.OPEN_METRICS if open_metrics else status_metrics.TEXT
        request.headers_out.add("Vary", "Accept")
        return _answer(request, content_type, status_metrics.as_metrics(facts, open_metrics=open_metrics).encode())
    request.headers_out.set("Content-Security-Policy", _POLICY)
    text = page(
        facts,
        table="notable" not in query,
        live=seconds is None,  # else the browser loads the page again by itself
        more=_more(request, auto=False),
        signature=server_signature(request),
    )
    return _answer(request, "text/html; charset=ISO-8859-1", text.encode("latin-1", "xmlcharrefreplace"))


def _answer(request: Request, content_type: str, data: bytes) -> int:
    request.content_type = content_type
    request.content = (data,)
    request.content_length = len(data)
    return OK


def _more(request: Request, *, auto: bool) -> list[str]:
    return [function(request, auto) for function in request.services.providers("status").values()]


def sample(services: Services) -> None:
    """Once a second, in the master: from the difference of two samples comes the present rate."""
    services.scoreboard.take_sample()


MODULE = Module(
    "status_module",
    "mod_status.c",
    hooks=(on(Phase.HANDLER, handle_status, pure=True), on(Phase.MONITOR, sample)),
)
