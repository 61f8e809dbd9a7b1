"""Conditional requests (RFC 9110, section 13) with Apache's order of checks. No I/O."""

from __future__ import annotations

import re
from enum import Enum, auto

from pyhttpd.http.dates import parse_date
from pyhttpd.http.headers import Headers

_BETWEEN = re.compile(r"[,\s]*")
_ITEM = re.compile(r'(?:"(?:\\(?:.|$)|[^"\\])*(?:"|$)|[^,"])+', re.DOTALL)
_CONDITIONS = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
_WEAK_FOR = 60  # seconds in which Last-Modified is only a weak validator (RFC 9110, section 8.8.2.2)


class _Found(Enum):
    NONE = auto()  # the field is not there
    NO_MATCH = auto()
    MATCH = auto()


def _matches(field: str, etag: str | None, *, weakly: bool) -> bool:
    """Whether a list of entity tags names this one. As in Apache the search ends at the first item that is no tag of
    the kind that is looked for: a weak one, where only strong ones count."""
    if etag is None:
        return False
    wanted = etag.removeprefix("W/") if weakly else etag
    if not wanted.startswith('"'):
        return False
    at = _BETWEEN.match(field).end()  # type: ignore[union-attr]  # it matches anywhere, if only nothing
    while at < len(field):
        if weakly and field.startswith('W/"', at):
            at += 2
        if field[at] != '"':
            return False
        item = _ITEM.match(field, at)
        assert item is not None
        if item[0].rstrip(" \t") == wanted:
            return True
        at = _BETWEEN.match(field, item.end()).end()  # type: ignore[union-attr]  # as above
    return False


def _modified(answer: Headers, mtime: float, now: float) -> int:
    modified = parse_date(answer.get("Last-Modified") or "")
    return int(mtime or now) if modified is None else modified


def _tag_condition(field: str | None, etag: str | None, *, weakly: bool) -> _Found:
    if field is None:
        return _Found.NONE
    return _Found.MATCH if field.startswith("*") or _matches(field, etag, weakly=weakly) else _Found.NO_MATCH


def _changed_since(field: str | None, modified: int, now: int, *, ranged: bool) -> _Found:
    """If-Unmodified-Since. A weak validator is not enough for a range."""
    if field is None:
        return _Found.NONE
    since = parse_date(field)
    changed = since is not None and modified > since and not (ranged and now < modified + _WEAK_FOR)
    return _Found.MATCH if changed else _Found.NO_MATCH


def _same_since(field: str | None, modified: int, now: int, *, ranged: bool) -> _Found:
    """If-Modified-Since. A date in the future counts for nothing."""
    if field is None:
        return _Found.NONE
    since = parse_date(field)
    same = since is not None and modified <= since <= now and not (ranged and now < modified + _WEAK_FOR)
    return _Found.MATCH if same else _Found.NO_MATCH


def precondition(method: str, asked: Headers, answer: Headers, mtime: float, now: float) -> int | None:
    """304 or 412 if a condition of the request says so, else None.

    `answer` has the ETag and Last-Modified of what would be sent; `mtime` (0: not known, so now) stands in for a
    missing Last-Modified.
    """
    if not asked.has_any(_CONDITIONS):
        return None
    etag = answer.get("ETag")
    reading = method in ("GET", "HEAD")
    ranged = "Range" in asked
    modified = _modified(answer, mtime, now)
    second = int(now)
    if _tag_condition(asked.joined("If-Match"), etag, weakly=False) is _Found.NO_MATCH:
        return 412
    verdicts = [_changed_since(asked.get("If-Unmodified-Since"), modified, second, ranged=ranged)]
    if verdicts[0] is _Found.MATCH:
        return 412
    none_match = _tag_condition(asked.joined("If-None-Match"), etag, weakly=reading and not ranged)
    if none_match is _Found.MATCH and not reading:
        return 412
    verdicts += (none_match, _same_since(asked.get("If-Modified-Since"), modified, second, ranged=ranged))
    if not reading or (ranged and "If-Range" in asked):
        return None  # whatever If-Range says: a part or the whole is sent
    return 304 if _Found.MATCH in verdicts and _Found.NO_MATCH not in verdicts else None


def range_applies(asked: Headers, answer: Headers, mtime: float, now: float) -> bool:
    """Whether If-Range lets the Range field count: the tag is equal, or the date is equal and old enough."""
    field = asked.get("If-Range")
    if field is None:
        return True
    if field.startswith('"'):
        return field == answer.get("ETag")
    modified = _modified(answer, mtime, now)
    return parse_date(field) == modified and int(now) >= modified + _WEAK_FOR
