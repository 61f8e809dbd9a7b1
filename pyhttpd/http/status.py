"""Status codes and their reasons, as Apache's status lines have them."""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[int, str]] = {
    100: "Continue",
    101: "Switching Protocols",
    102: "Processing",
    103: "Early Hints",
    200: "OK",
    201: "Created",
    202: "Accepted",
    203: "Non-Authoritative Information",
    204: "No Content",
    205: "Reset Content",
    206: "Partial Content",
    207: "Multi-Status",
    208: "Already Reported",
    226: "IM Used",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    305: "Use Proxy",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Requested Range Not Satisfiable",
    417: "Expectation Failed",
    421: "Misdirected Request",
    422: "Unprocessable Entity",
    423: "Locked",
    424: "Failed Dependency",
    426: "Upgrade Required",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates",
    507: "Insufficient Storage",
    508: "Loop Detected",
    510: "Not Extended",
    511: "Network Authentication Required",
}

WITHOUT_BODY: Final = frozenset({204, 304})
"""Answers that never have a body or a length (RFC 9110, sections 15.3.5 and 15.4.5)."""

DROPS_CONNECTION: Final = frozenset({400, 408, 411, 413, 414, 500, 501, 503})
"""After these the state of the connection is unknown, or not worth keeping: it is closed."""


def status_line(code: int) -> str:
    """`404 Not Found`; for a code without a reason `299 Status 299`, as Apache makes it up."""
    reason = REASONS.get(code)
    if reason is None:
        return f"{code} Status {code}" if 100 <= code < 600 else "500 Internal Server Error"
    return f"{code} {reason}"


def is_redirect(code: int) -> bool:
    return 300 <= code < 400


def is_success(code: int) -> bool:
    return 200 <= code < 300
