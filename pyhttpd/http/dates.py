"""Dates of HTTP (RFC 9110, section 5.6.7): written in one form, read in three."""

from __future__ import annotations

import re
import time
from calendar import timegm

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name.lower(): index for index, name in enumerate(MONTHS, 1)}

_IMF = re.compile(r"\w{3}, *(\d{1,2}) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d)", re.ASCII)
_RFC850 = re.compile(r"\w{6,9}, *(\d{1,2})-(\w{3})-(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_ASCTIME = re.compile(r"\w{3} (\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})", re.ASCII)

# The last second that was asked for and its text. Replaced whole, so that threads need no lock.
_recent: tuple[int, str] = (-1, "")


def format_date(seconds: float) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT` for seconds since the epoch. The same second again costs nothing."""
    global _recent
    second = int(seconds)
    known = _recent
    if known[0] == second:
        return known[1]
    text = _format(second)
    _recent = (second, text)
    return text


def format_other_date(seconds: float) -> str:
    """The same for a time that is not now (a file's), without pushing the current second out of the memo."""
    return _format(int(seconds))


def _format(second: int) -> str:
    t = time.gmtime(second)
    return (
        f"{_DAYS[t.tm_wday]}, {t.tm_mday:02d} {MONTHS[t.tm_mon - 1]} {t.tm_year:04d} "
        f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} GMT"
    )


def parse_date(text: str) -> int | None:
    """Seconds since the epoch; None for what is no date. Takes the three forms that RFC 9110 wants to be read."""
    text = text.strip(" \t")
    if match := _IMF.match(text):
        day, month, year, clock = match[1], match[2], int(match[3]), match.groups()[3:]
    elif match := _RFC850.match(text):
        year = int(match[3])
        year += 2000 if year < 70 else 1900
        day, month, clock = match[1], match[2], match.groups()[3:]
    elif match := _ASCTIME.match(text):
        day, month, year, clock = match[2], match[1], int(match[6]), match.groups()[2:5]
    else:
        return None
    index = _MONTH.get(month.lower())
    hour, minute, second = (int(part) for part in clock)
    if index is None or not 1 <= int(day) <= 31 or year < 1970 or hour > 23 or minute > 59 or second > 60:
        return None
    return timegm((year, index, int(day), hour, minute, second))
