"""Conditional requests (RFC 9110, section 13) with Apache's order of checks, and entity tags. No I/O."""

from __future__ import annotations

from pyhttpd.http.dates import parse_date
from pyhttpd.http.headers import Headers

_WEAK_FOR = 60  # seconds in which Last-Modified is only a weak validator (RFC 9110, section 8.8.2.2)


def make_etag(size: int, mtime_ns: int, request_time: float) -> str:
    """Apache's default, `"size-mtime"` in hex with microseconds; weak while the file is under a second old."""
    micros = mtime_ns // 1000
    weak = "W/" if request_time * 1_000_000 - micros < 1_000_000 else ""
    return f'{weak}"{size:x}-{micros:x}"'


def _tags(field: str) -> list[str]:
    """The entity tags of a list; a comma inside quotes does not separate."""
    tags: list[str] = []
    current = ""
    quoted = False
    for char in field:
        if char == '"':
            quoted = not quoted
        if char == "," and not quoted:
            tags.append(current.strip())
            current = ""
        else:
            current += char
    tags.append(current.strip())
    return [tag for tag in tags if tag]


def _matches(field: str, etag: str | None, *, weakly: bool) -> bool:
    if etag is None:
        return False
    if weakly:
        return etag.removeprefix("W/") in {tag.removeprefix("W/") for tag in _tags(field)}
    return not etag.startswith("W/") and etag in _tags(field)


def _modified(answer: Headers, mtime: float) -> int:
    modified = parse_date(answer.get("Last-Modified") or "")
    return int(mtime) if modified is None else modified


def precondition(method: str, asked: Headers, answer: Headers, mtime: float, now: float) -> int | None:
    """304 or 412 if a condition of the request says so, else None.

    `answer` has the ETag and Last-Modified of what would be sent; `mtime` stands in for a missing Last-Modified.
    """
    etag = answer.get("ETag")
    reading = method in ("GET", "HEAD")
    ranged = "Range" in asked

    match = asked.get("If-Match")
    if match is not None and not match.startswith("*") and not _matches(match, etag, weakly=False):
        return 412
    not_modified: bool | None = None
    if (unmodified := asked.get("If-Unmodified-Since")) is not None:
        since, modified = parse_date(unmodified), _modified(answer, mtime)
        if since is not None and modified > since and not (ranged and now < modified + _WEAK_FOR):
            return 412
        not_modified = False
    if (none_match := asked.get("If-None-Match")) is not None:
        if none_match.startswith("*") or _matches(none_match, etag, weakly=reading and not ranged):
            if not reading:
                return 412
            if not_modified is None:
                not_modified = True
        else:
            not_modified = False
    if reading and not_modified is not False and (since_field := asked.get("If-Modified-Since")) is not None:
        since, modified = parse_date(since_field), _modified(answer, mtime)
        if since is not None and modified <= since <= int(now) and not (ranged and now < modified + _WEAK_FOR):
            not_modified = True
        else:
            not_modified = False
    return 304 if not_modified else None


def range_applies(asked: Headers, answer: Headers, mtime: float, now: float) -> bool:
    """Whether If-Range lets the Range field count: the tag is equal, or the date is equal and old enough."""
    field = asked.get("If-Range")
    if field is None:
        return True
    if field.startswith('"'):
        return field == answer.get("ETag")
    modified = _modified(answer, mtime)
    return parse_date(field) == modified and now >= modified + _WEAK_FOR
