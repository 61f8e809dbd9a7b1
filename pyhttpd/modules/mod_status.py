"""mod_status: the handler `server-status`: what the scoreboard says, as a page, or with ?auto as lines for programs."""

from __future__ import annotations

import os
import re
import time

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.module import Module
from pyhttpd.api.phases import DECLINED, OK, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.api.url import server_name
from pyhttpd.api.version import DESCRIPTION
from pyhttpd.modules import status_page
from pyhttpd.modules.status_facts import Facts, gather
from pyhttpd.util.built import server_built
from pyhttpd.util.digits import value_of

HANDLERS = ("server-status", "application/x-httpd-status")
DEFAULT_REFRESH = 10  # seconds, where ?refresh has no number


def facts_for(request: Request, now: float) -> Facts:
    configuration = request.services.configuration
    return gather(
        request.services.scoreboard,
        name=server_name(request),
        address=request.connection.local_ip,
        version=DESCRIPTION,
        built=server_built(),
        mpm=configuration.mpm_name,
        children=configuration.mpm.limits.children,
        threads=configuration.mpm.limits.threads,
        extended=configuration.main.config(CoreServer).extended_status is not False,
        load=os.getloadavg(),
        now=now,
    )


def refresh_seconds(query: str) -> int | None:
    """What `refresh` or `refresh=n` asks for; None where it is not there."""
    found = re.search(r"refresh(?:=\s*([0-9]+))?", query)
    return None if found is None else value_of(found[1] or "") or DEFAULT_REFRESH


def handle_status(request: Request) -> int:
    if request.handler not in HANDLERS or request.method not in ("GET", "HEAD"):
        return DECLINED
    query = request.args or ""
    request.do_not_keep()
    facts = facts_for(request, time.time())
    seconds = refresh_seconds(query)
    if seconds is not None:
        request.headers_out.set("Refresh", str(seconds))
    if "auto" in query:
        request.content_type = "text/plain; charset=ISO-8859-1"
        text = status_page.lines(facts)
    else:
        request.content_type = "text/html; charset=ISO-8859-1"
        text = status_page.page(facts, table="notable" not in query)
    data = text.encode("latin-1", "xmlcharrefreplace")
    request.content = (data,)
    request.content_length = len(data)
    return OK


MODULE = Module("status_module", "mod_status.c", hooks=(on(Phase.HANDLER, handle_status, pure=True),))
