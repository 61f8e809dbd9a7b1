"""Where pyhttpd answers otherwise than Apache on purpose, and why. A difference that has gone fails its test."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tests.oracle.exchange import Letters, Stream


class Difference(NamedTuple):
    """`parts` of the outcome in which the two differ: status, headers, body, kept, log, errors."""

    parts: frozenset[str]
    reason: str


# Values that are not compared in any case; `%` stands in front of letters of the access log.
VALUES = {
    "Date": "the time of the answer",
    "Server": "the program's name",
    "the boundary of multipart/byteranges": "any is as good as another",
    "the sizes of the chunks of an answer": "they say when a server had so much of it, and mean nothing",
    "the order of Allow": "Apache's is that of a hash table with a random seed",
    "%I of a request that ends the connection": "how far a server has read when it gives up is its own affair",
    "%I of a request on a connection that had others": "Apache counts its first byte twice where mod_reqtimeout waits",
    "%I, %k and %X of several requests in one piece": "Apache holds the answers back and logs them together, each with "
    "the state of the connection after the last one",
}

_LENGTH_AND_CODING = (
    "a length beside a coding is how requests are smuggled; RFC 9112, section 6.3 lets a server refuse it, where "
    "Apache forgets the length"
)
_UNKNOWN_CODING = (
    "RFC 9112, section 6.1: a coding that is not understood is answered with 501. Apache takes the body for plain, if "
    "only chunked is the last one"
)
_CHUNKED_TWICE = "RFC 9112, section 6.1: chunked must not be applied twice. Apache takes the chunks apart once"
_CODING_IN_10 = (
    "RFC 9112, section 6.1: an HTTP/1.0 client that sends a coding has faulty framing, its connection must be closed"
)
_LARGE_CHUNK = (
    "Apache waits for the bytes of a chunk that is larger than LimitRequestBody; we refuse it when its size is there"
)
_NO_HOST_IN_URI = "RFC 9110, section 4.2.1: an http URI without a host is invalid and must be rejected"
_LARGE_PORT = "no TCP port has that number; Apache takes its last 16 bits, and redirects to the port that comes of it"
_SIGNED = "the foot of an error page names the program, and so has another length"
_SIGNED_PARTS = (
    "FileETag +MTime adds to what the server says, as the manual has it; Apache forgets the server's where several "
    "sections are merged"
)
_NEVER_SENT = "Apache's %b and %B also count the page of the redirect, which is not sent because the body turns out bad"

_COUNTED = (
    "when a field turns out bad, Apache has counted the body that it does not send then, and tells no length of the "
    "error page"
)

_EMPTY_NAME = "Apache takes the mark of a failed expression for a file name, and serves ServerRoot; we answer with 500"

_UNSET = (
    "Apache merges the sections of one kind with each other first, and forgets what they unset before they are merged "
    "with what stands outside all sections"
)

_ASKED_AGAIN = (
    "where an <If> is merged, Apache asks again for each entry of a listing what is ruled for the directory already"
)

_PROVIDER = (
    "a FilterProtocol line for a filter and a provider is for the two together, as the manual has it; Apache changes "
    "the provider for all filters of the server, and a line in an .htaccess file as long as the process lives"
)


def _rows(reason: str, parts: str, *names: str) -> dict[str, Difference]:
    return dict.fromkeys(names, Difference(frozenset(parts.split()), reason))


DIFFERENCES: dict[str, Difference] = {
    **_rows(_LENGTH_AND_CODING, "status headers body log errors",
            "body-both", "coding-10-length", "coding-length-first", "coding-length-zero", "smuggle-te-lf@unsafe"),
    **_rows(_UNKNOWN_CODING, "status headers body kept log errors",
            "coding-cow-chunked", "coding-gzip-chunked", "coding-identity-chunked", "coding-two-fields"),
    **_rows(_CHUNKED_TWICE, "status headers body kept log errors", "coding-twice", "coding-two-chunked"),
    **_rows(_CODING_IN_10, "headers kept log errors", "coding-10-keep"),
    **_rows(_LARGE_CHUNK, "status headers body log errors", "chunk-largest", "chunk-size-33-bit"),
    **_rows(_NO_HOST_IN_URI, "status headers body kept log errors",
            "absolute-target-no-host", "target-absolute-empty-host"),
    **_rows(_LARGE_PORT, "status headers body kept log errors", "target-absolute-port-large"),
    **_rows(_NEVER_SENT, "log", "chunk-bad-redirect", "expect-bad-body"),
    **_rows(_SIGNED, "headers body log", "files-signature"),
}  # fmt: skip

# Of tests/oracle/cases: by the name of the case (headers/actions), or of it in one place (headers/actions-server).
CASES: dict[str, Difference] = {
    **_rows(_SIGNED_PARTS, "headers log", "core/etag-server", "core/etag-vhost"),
    **_rows(_SIGNED, "headers body log", "core/signature"),
    **_rows(_COUNTED, "headers log", "headers/line_end"),
    **_rows(_EMPTY_NAME, "status headers body kept log errors", "alias/location_fails"),
    **_rows(_UNSET, "headers", "env/unset-directory", "env/unset-htaccess", "env/unset_far-vhost"),
    **_rows(_ASKED_AGAIN, "errors", "autoindex/each-if"),
    **_rows(_PROVIDER, "headers log", "filter/protocol-elsewhere"),
}  # fmt: skip
# Lines of their `== wrong` blocks, of which we say something else than Apache, and why.
_FIRST_WHERE = "where a line may not stand is told before it is looked how many arguments it has"
WRONG: dict[str, str] = {
    **dict.fromkeys((f"<Directory /x>\n{name} /x /y\n</Directory>" for name in ("Alias", "ScriptAlias")), _FIRST_WHERE),
    **dict.fromkeys(("LogFormat", 'LogFormat "%r" a b'), "a third argument is pyhttpd's own: lines as JSON"),
    "Suexec On": "Apache names the file that it misses",
}


class Pattern(NamedTuple):
    """A kind of difference in what tests/oracle/heads.py makes. `example` shows that it is still there.

    `applies` gets the letters of the first line of the access log that is not the same, as Apache and as we wrote it;
    of the last one that both have, if only what follows differs.
    """

    name: str
    applies: Callable[[Letters, Letters], bool]
    reason: str
    example: bytes


def _length_and_coding(theirs: Letters, ours: Letters) -> bool:
    return ours["s"] == "400" and "-" not in (ours["{Content-Length}i"], ours["{Transfer-Encoding}i"])


def _unknown_coding(theirs: Letters, ours: Letters) -> bool:
    return (ours["s"], ours["f"]) == ("501", "-") and "," in ours["{Transfer-Encoding}i"]


def _chunked_twice(theirs: Letters, ours: Letters) -> bool:
    return ours["s"] == "400" and ours["{Transfer-Encoding}i"].lower().count("chunked") > 1


def _coding_in_10(theirs: Letters, ours: Letters) -> bool:
    return theirs == ours and ours["H"] == "HTTP/1.0" and ours["{Transfer-Encoding}i"] != "-"


def _large_chunk(theirs: Letters, ours: Letters) -> bool:
    """Our end, behind what was sent, is what Apache finds when it waits."""
    return (theirs["s"], ours["s"], theirs["{Content-Length}o"]) == ("400", "413", "266")


def _no_host_in_uri(theirs: Letters, ours: Letters) -> bool:
    return ours["s"] == "400" and ours["U"].startswith(("http:///", "http://:"))


def _large_port(theirs: Letters, ours: Letters) -> bool:
    port = re.match(r"\w+://[^/]*:(\d+)", ours["U"])
    return ours["s"] == "400" and port is not None and int(port[1]) > 65535


def _never_sent(theirs: Letters, ours: Letters) -> bool:
    return {name for name in ours if ours[name] != theirs[name]} == {"b", "B"} and ours["s"] == "400"


_REST = b"Host: a\r\n\r\n"
PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "length and coding",
        _length_and_coding,
        _LENGTH_AND_CODING,
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + _REST + b"0\r\n\r\n",
    ),
    Pattern(
        "unknown coding",
        _unknown_coding,
        _UNKNOWN_CODING,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" + _REST + b"0\r\n\r\n",
    ),
    Pattern(
        "chunked twice",
        _chunked_twice,
        _CHUNKED_TWICE,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n" + _REST + b"0\r\n\r\n",
    ),
    Pattern(
        "coding in HTTP/1.0",
        _coding_in_10,
        _CODING_IN_10,
        b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n" + _REST + b"0\r\n\r\n",
    ),
    Pattern(
        "chunk larger than LimitRequestBody",
        _large_chunk,
        _LARGE_CHUNK,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + _REST + b"100000005\r\nx\r\n",
    ),
    Pattern("URI without host", _no_host_in_uri, _NO_HOST_IN_URI, b"GET http:///a.txt HTTP/1.1\r\n" + _REST),
    Pattern("large port", _large_port, _LARGE_PORT, b"GET http://a:99999/a.txt HTTP/1.1\r\n" + _REST),
    Pattern(
        "a redirect that is not sent",
        _never_sent,
        _NEVER_SENT,
        b"POST /old/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + _REST + b"x\r\n\r\n",
    ),
)


def explained(theirs: Stream, ours: Stream) -> list[str]:
    """The names of the patterns that explain where the two part ways."""
    both = list(zip(theirs.letters(), ours.letters(), strict=False))
    parting = next((lines for lines in both if lines[0] != lines[1]), both[-1] if both else None)
    return [pattern.name for pattern in PATTERNS if parting is not None and pattern.applies(*parting)]
