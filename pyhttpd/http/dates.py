"""Dates of HTTP (RFC 9110, section 5.6.7): written in one form, read in three."""

from __future__ import annotations

import re
import time
from calendar import monthrange, timegm

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name: index for index, name in enumerate(MONTHS, 1)}

# Behind the name of the day, which nobody looks at: RFC 1123 (one or two digits of the day), RFC 850, asctime.
_RFC1123 = re.compile(r"([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ")
_RFC850 = re.compile(r"([0-9]{2})-([A-Z][a-z]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ")
_ASCTIME = re.compile(r"([A-Z][a-z]{2}) ([0-9 ][0-9]) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4})")

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
        f"{DAYS[t.tm_wday]}, {t.tm_mday:02d} {MONTHS[t.tm_mon - 1]} {t.tm_year:04d} "
        f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} GMT"
    )


def parse_date(text: str) -> int | None:
    """Seconds since the epoch; None for what is no date. Takes the three forms that RFC 9110 wants to be read, as
    generously as Apache: the day's name may be anything, and so may what stands in the place of the time zone."""
    _, blank, rest = text.lstrip().partition(" ")
    if not blank:
        return None
    if match := _RFC1123.match(rest):
        day, month, year, *clock = match.groups()
        full_year = int(year)
    elif match := _RFC850.match(rest):
        day, month, year, *clock = match.groups()
        full_year = int(year) + (2000 if int(year) < 70 else 1900)
    elif match := _ASCTIME.match(rest):
        month, day, *clock, year = match.groups()
        full_year = int(year)
    else:
        return None
    index = _MONTH.get(month)
    hour, minute, second = (int(part) for part in clock)
    if index is None or full_year < 1900 or hour > 23 or minute > 59 or second > 61:
        return None
    if not 1 <= int(day) <= monthrange(full_year, index)[1]:
        return None
    return max(timegm((full_year, index, int(day), hour, minute, second)), 0) or None
