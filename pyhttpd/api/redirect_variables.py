"""What a program that answers for an error document or a redirect is told of the request before it (CGI variables)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhttpd.api.core_config import CoreDir
from pyhttpd.api.url import construct_url

if TYPE_CHECKING:
    from pyhttpd.api.request import Request


def redirect_variables(request: Request) -> dict[str, str]:
    """REDIRECT_URL and REDIRECT_QUERY_STRING of an internal redirect; nothing for a request of the client's own. The
    URL has scheme and host where QualifyRedirectURL is On."""
    before = request.prev
    if before is None:
        return {}
    qualified = request.config(CoreDir).qualify_redirect_url
    variables = {"REDIRECT_URL": construct_url(before, _with_query(before)) if qualified else before.uri}
    if before.args is not None:
        variables["REDIRECT_QUERY_STRING"] = before.args
    return variables


def _with_query(request: Request) -> str:
    return request.uri if request.args is None else f"{request.uri}?{request.args}"
