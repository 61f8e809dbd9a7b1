"""The names that expressions may use: variables, functions, operators (https://httpd.apache.org/docs/2.4/expr.html)."""

from __future__ import annotations

from enum import Enum

VARIABLES = frozenset({
    "TIME_YEAR", "TIME_MON", "TIME_DAY", "TIME_HOUR", "TIME_MIN", "TIME_SEC", "TIME_WDAY", "TIME", "SERVER_SOFTWARE",
    "API_VERSION", "HTTP_USER_AGENT", "HTTP_PROXY_CONNECTION", "HTTP_REFERER", "HTTP_COOKIE", "HTTP_FORWARDED",
    "HTTP_HOST", "HTTP_ACCEPT", "REQUEST_METHOD", "REQUEST_SCHEME", "REQUEST_URI", "REQUEST_FILENAME", "REMOTE_HOST",
    "REMOTE_IDENT", "REMOTE_USER", "SERVER_ADMIN", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
    "SCRIPT_FILENAME", "PATH_INFO", "QUERY_STRING", "IS_SUBREQ", "DOCUMENT_ROOT", "AUTH_TYPE", "THE_REQUEST",
    "CONTENT_TYPE", "HANDLER", "REQUEST_LOG_ID", "SCRIPT_USER", "SCRIPT_GROUP", "DOCUMENT_URI", "LAST_MODIFIED",
    "CONTEXT_PREFIX", "CONTEXT_DOCUMENT_ROOT", "REQUEST_STATUS", "REMOTE_ADDR", "REMOTE_PORT", "HTTPS", "IPV6",
    "CONN_LOG_ID", "CONN_REMOTE_ADDR", "HTTP2",
})  # fmt: skip

HEADER_VARIABLES = {
    "HTTP_USER_AGENT": "User-Agent", "HTTP_PROXY_CONNECTION": "Proxy-Connection", "HTTP_REFERER": "Referer",
    "HTTP_COOKIE": "Cookie", "HTTP_FORWARDED": "Forwarded", "HTTP_HOST": "Host", "HTTP_ACCEPT": "Accept",
}  # fmt: skip
"""Those that are fields of the request, which the answer then varies with."""

FUNCTIONS = frozenset({
    "osenv", "env", "resp", "req", "http", "note", "reqenv", "req_novary", "tolower", "toupper", "escape",
    "unescape", "file", "filesize", "base64", "unbase64", "sha1", "md5", "ldap",
})  # fmt: skip
UNARY = frozenset("nzRTdefsLhxFUA")
BINARY = frozenset(("ipmatch", "fnmatch", "strmatch", "strcmatch"))

FILE_FUNCTIONS = frozenset(("file", "filesize"))
FILE_OPERATORS = frozenset("defsLhx")


class Writer(Enum):
    """Who wrote an expression, and so what it may do: pages and .htaccess may not read the server's files."""

    ADMINISTRATOR = (frozenset[str](), frozenset[str]())
    HTACCESS = (FILE_FUNCTIONS, frozenset[str]())
    PAGE = (FILE_FUNCTIONS, FILE_OPERATORS)  # mod_include

    def __init__(self, functions: frozenset[str], operators: frozenset[str]) -> None:
        self.forbidden_functions = functions
        self.forbidden_operators = operators
