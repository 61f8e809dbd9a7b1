"""The foot of a page that the server makes itself, as ServerSignature wants it."""

from __future__ import annotations

from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.request import Request
from pyhttpd.api.url import is_url, server_name, server_port
from pyhttpd.api.version import server_banner
from pyhttpd.util.escape import html


def server_signature(request: Request) -> str:
    """An `<address>` with program, name and port of the server; nothing where ServerSignature is Off."""
    kind = request.config(CoreDir).server_signature
    if kind == "off":
        return ""
    core = request.server.config(CoreServer)
    name = html(server_name(request))
    if kind == "email":
        admin = core.server_admin
        name = f'<a href="{"" if is_url(admin) else "mailto:"}{html(admin)}">{name}</a>'
    banner = server_banner(core.server_tokens)
    return f"<address>{banner} Server at {name} Port {server_port(request)}</address>\n"
