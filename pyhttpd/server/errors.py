"""Apache's built-in error pages, to the byte, and the redirect pages."""

from __future__ import annotations

from collections.abc import Callable

from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.env import variable
from pyhttpd.api.signature import server_signature
from pyhttpd.http.status import REASONS, WITHOUT_BODY, is_redirect, status_line
from pyhttpd.server.request import ServerRequest
from pyhttpd.util.escape import html, native

_HEAD = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n<html><head>\n'

# Paragraphs without anything of the request in them.
_FIXED = {
    305: "<p>This resource is only accessible through the proxy\n<br />\n"
    "You will need to configure your client to use that proxy.</p>\n",
    404: "<p>The requested URL was not found on this server.</p>\n",
    408: "<p>Server timeout waiting for the HTTP request from the client.</p>\n",
    410: "<p>The requested resource is no longer available on this server and there is no forwarding address.\n"
    "Please remove all references to this resource.</p>\n",
    412: "<p>The precondition on the request for this URL evaluated to false.</p>\n",
    415: "<p>The supplied request data is not in a format\nacceptable for processing by this resource.</p>\n",
    416: "<p>None of the range-specifier values in the Range\n"
    "request-header field overlap the current extent\nof the selected resource.</p>\n",
    421: "<p>The client needs a new connection for this\nrequest as the requested host name does not match\n"
    "the Server Name Indication (SNI) in use for this\nconnection.</p>\n",
    422: "<p>The server understands the media type of the\nrequest entity, but was unable to process the\n"
    "contained instructions.</p>\n",
    423: "<p>The requested resource is currently locked.\nThe lock must be released or proper identification\n"
    "given before the method can be applied.</p>\n",
    424: "<p>The method could not be performed on the resource\nbecause the requested action depended on another\n"
    "action and that other action failed.</p>\n",
    426: "<p>The requested resource can only be retrieved\nusing SSL.  The server is willing to upgrade the current\n"
    "connection to SSL, but your client doesn't support it.\nEither upgrade your client, or try requesting the page\n"
    "using https://\n",
    428: "<p>The request is required to be conditional.</p>\n",
    429: "<p>The user has sent too many requests\nin a given amount of time.</p>\n",
    431: "<p>The server refused this request because\nthe request header fields are too large.</p>\n",
    503: "<p>The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\n"
    "problems. Please try again later.</p>\n",
    504: "<p>The gateway did not receive a timely response\nfrom the upstream server or application.</p>\n",
    506: "<p>A variant for the requested resource\n<pre>\n\n</pre>\nis itself a negotiable resource. "
    "This indicates a configuration error.</p>\n",
    507: "<p>The method could not be performed on the resource\nbecause the server is unable to store the\n"
    "representation needed to successfully complete the\nrequest.  There is insufficient free space left in\n"
    "your storage allocation.</p>\n",
    508: "<p>The server terminated an operation because\nit encountered an infinite loop.</p>\n",
    510: "<p>A mandatory extension policy in the request is not\naccepted by the server for this resource.</p>\n",
    511: "<p>The client needs to authenticate to gain\nnetwork access.</p>\n",
}
_UNAUTHORIZED = (
    "<p>This server could not verify that you\nare authorized to access the document\nrequested.  Either you supplied "
    "the wrong\ncredentials (e.g., bad password), or your\nbrowser doesn't understand how to supply\n"
    "the credentials required.</p>\n"
)

# Statuses whose paragraph may be followed by the note that a module left in `error-notes`: beginning, end.
_NOTED = {
    400: ("<p>Your browser sent a request that this server could not understand.<br />\n", "</p>\n"),
    403: ("<p>You don't have permission to access this resource.", "</p>\n"),
    414: ("<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n", "</p>\n"),
    451: ("<p>Access to this URL has been denied for legal reasons.<br />\n", "</p>\n"),
    502: ("<p>The proxy server received an invalid\r\nresponse from an upstream server.<br />\r\n", "</p>\n"),
}


LAST_PAGE = (
    f"{_HEAD}<title>500 Internal Server Error</title>\n</head><body>\n<h1>Internal Server Error</h1>\n"
    "<p>More information about this error may be available\nin the server error log.</p>\n</body></html>\n"
).encode()
"""For a 500 whose own page cannot be made."""


def paragraph(request: ServerRequest, status: int, location: str) -> str:
    """What the page for a status says between its heading and its end."""
    method = html(native(request.method))
    notes = request.notes.get("error-notes", "")
    if status in (301, 302, 307, 308):
        return f'<p>The document has moved <a href="{html(native(location))}">here</a>.</p>\n'
    if status == 303:
        return f'<p>The answer to your request is located <a href="{html(native(location))}">here</a>.</p>\n'
    if status in (401, 407):
        return _UNAUTHORIZED
    if status in _FIXED:
        return _FIXED[status]
    if status in _NOTED:
        begin, end = _NOTED[status]
        return f"{begin}{notes}{end}"
    if status == 300:
        return request.notes.get("variant-list", "")
    if status == 405:
        return f"<p>The requested method {method} is not allowed for this URL.</p>\n"
    if status == 406:
        variants = request.notes.get("variant-list", "")
        begin = "<p>An appropriate representation of the requested resource could not be found on this server.</p>\n"
        return f"{begin}{variants}"
    if status == 411:
        return f"<p>A request of the requested method {method} requires a valid Content-length.<br />\n{notes}</p>\n"
    if status == 413:
        return (
            f"The requested resource does not allow request data with {method} requests, or the amount of data "
            "provided in\nthe request exceeds the capacity limit.\n"
        )
    if status == 417:
        expected = request.headers_in.get("Expect")
        if expected is None:
            begin = "<p>No expectation was seen, the Expect request-header \nfield was not presented by the client.\n"
        else:
            begin = (
                "<p>The expectation given in the Expect request-header\nfield could not be met by this server.\n"
                f"The client sent<pre>\n    Expect: {html(native(expected))}\n</pre>\n"
            )
        return f"{begin}{notes}</p><p>Only the 100-continue expectation is supported.</p>\n"
    if status == 501:
        return f"<p>{method} not supported for current URL.<br />\n{notes}</p>\n"
    if notes and request.notes.get("verbose-error-to") == "*":
        return f"{notes}<p />\n"
    admin = html(request.server.config(CoreServer).server_admin)
    return (
        "<p>The server encountered an internal error or\nmisconfiguration and was unable to complete\n"
        "your request.</p>\n"
        f"<p>Please contact the server administrator at \n {admin} to inform them of the time this error occurred,\n"
        " and the actions you performed just before this error.</p>\n"
        "<p>More information about this error may be available\nin the server error log.</p>\n"
    )


def allow(request: ServerRequest) -> str:
    """The Allow field: what the handler does, and TRACE, which is the server's own."""
    trace = () if request.server.config(CoreServer).trace == "off" else ("TRACE",)
    return ",".join((*request.allowed, *trace))


def signature(request: ServerRequest) -> str:
    """The foot of a page that the server makes itself (ServerSignature), behind a ruler; nothing if it is Off."""
    text = server_signature(request)
    return f"<hr>\n{text}" if text else ""


def page(request: ServerRequest, status: int, location: str, also: int) -> bytes:
    """The whole page. `also` is the status of the ErrorDocument that failed, 0 if there was none."""
    title = status_line(status if status in REASONS else 500)
    if request.status_line and request.status_line[:3] == str(status):
        title = request.status_line
    text = f"{_HEAD}<title>{title}</title>\n</head><body>\n<h1>{title[4:]}</h1>\n{paragraph(request, status, location)}"
    if also:
        text += (
            f"<p>Additionally, a {status_line(also)}\n"
            "error was encountered while trying to use an ErrorDocument to handle the request.</p>\n"
        )
    return f"{text}{signature(request)}</body></html>\n".encode("utf-8", "surrogateescape")


def _start_over(request: ServerRequest, location: str) -> None:
    """The fields of an answer that the server makes itself."""
    request.headers_out, request.err_headers_out = request.err_headers_out, request.headers_out
    request.err_headers_out.clear()
    if (is_redirect(request.status) or request.status == 201) and location:
        request.headers_out.set("Location", location)
    request.content_encoding = None
    request.content_languages = []
    if variable(request.env, "suppress-error-charset") is not None:
        request.content_type = "text/html"
        request.bare_charset = True
    else:
        request.content_type = "text/html; charset=iso-8859-1"
    if request.status in (405, 501):
        request.headers_out.set("Allow", allow(request))


def answer_with_error(request: ServerRequest, *, text: Callable[[], str | None] | None = None, also: int = 0) -> None:
    """Make the answer to `request.status`: the built-in page, or what `text` (of an ErrorDocument) gives, which may
    look at the answer's fields.

    Fields that were meant for the answer that failed are dropped; those in err_headers_out stay.
    """
    status = request.status
    request.content, request.content_length = None, None
    if status not in REASONS:
        request.shown_status = 500  # as the page says; the log has the real one
    if status in WITHOUT_BODY:
        return
    location = request.headers_out.get("Location") or request.err_headers_out.get("Location") or ""
    if not request.simple:
        _start_over(request, location)
    if request.header_only:
        return
    own = text() if text is not None else None
    if own is not None:
        body = own.encode("utf-8", "surrogateescape")
    else:
        body = page(request, status, location, also)
    request.content = [body]
    request.content_length = None if request.unmeasured else len(body)
