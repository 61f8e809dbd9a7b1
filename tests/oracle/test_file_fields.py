"""Ranges, conditions and paths from a grammar of near-valid ones: both servers answer them alike."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.exchange import report
from tests.oracle.site import Pairs

TAG = '"64-60a24181e4000"'  # of digits.txt, see tests/support/servers.py
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"

_numbers = st.one_of(
    st.integers(0, 120).map(str),
    st.sampled_from(["", "007", "99999999999999999999", "-1", "x", " 3", "100"]),
)
_specs = st.tuples(_numbers, _numbers).map("-".join)
_ranges = st.tuples(
    st.sampled_from(["bytes=", "bytes=", "bytes=", "Bytes=", "bytes =", "byte="]),
    st.lists(_specs, min_size=1, max_size=8),
    st.sampled_from([",", ",", ", ", ",,"]),
).map(lambda parts: parts[0] + parts[2].join(parts[1]))
_tags = st.lists(
    st.sampled_from([TAG, f"W/{TAG}", '"x"', 'W/"x"', "*", "x", '"a,b"', '"a\\"b"', '"', "", " ", "(c)", f"{TAG}z"]),
    min_size=1, max_size=3,
).map(", ".join)  # fmt: skip
_dates = st.sampled_from([
    DATE, "Tue, 14 Nov 2023 22:13:19 GMT", "Tue, 14 Nov 2023 22:13:21 GMT", "Tue, 14 Nov 2099 22:13:21 GMT", "x", "",
    "0", "Tuesday, 14-Nov-23 22:13:20 GMT", "Tue Nov 14 22:13:20 2023", "Tue, 14 Nov 2023 22:13:20",
    "Thu, 01 Jan 1970 00:00:01 GMT", "Tuesday, 14-Nov-70 22:13:20 GMT", "Tuesday, 14-Nov-69 22:13:20 GMT",
    "a 4 Nov 2024 22:13:20 GMT",
])  # fmt: skip
_fields = st.fixed_dictionaries({}, optional={
    "Range": _ranges, "If-Match": _tags, "If-None-Match": _tags, "If-Range": st.one_of(_tags, _dates),
    "If-Modified-Since": _dates, "If-Unmodified-Since": _dates,
})  # fmt: skip
_paths = st.lists(
    st.sampled_from([
        "/", "%2f", "%2F", "..", ".", "%2e", "%2E%2e", "slash", "a", "b.txt", "dir", "x.txt", "links", "through",
        "link.txt", "closed", "%00", "%", "%4", "%41", "digits.txt", "//", "?", "%25", "%252f", "%e9", ";", "info",
        "on.txt", "al", "none", "rd", "one", "error/", "locked", "%20", "*", "~", "mime", "text",
    ]),
    min_size=1, max_size=7,
).map("".join)  # fmt: skip
_hosts = st.sampled_from(["a", "on.example", "nodecode.example", "slashes.example", "limited.example"])
_often = settings(
    max_examples=400, deadline=None, database=None, derandomize=True, phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def _compare(pairs: Pairs, data: str, *, head: bool = False) -> None:
    heads = frozenset({1}) if head else frozenset[int]()
    theirs, ours = (server.run(data.encode("latin-1"), heads) for server in pairs.get("files"))
    differing = theirs.differing(ours)
    if ours.status[0].split()[1] == "416":
        differing -= {"log"}  # see differences.py: Apache counts it twice
    assert not differing, report(theirs, ours)


@given(method=st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS"]), fields=_fields)
@_often
def test_ranges_and_conditions(pairs: Pairs, method: str, fields: dict[str, str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    _compare(pairs, f"{method} /digits.txt HTTP/1.1\r\nHost: a\r\n{lines}\r\n", head=method == "HEAD")


@given(path=_paths, host=_hosts)
@_often
def test_paths(pairs: Pairs, path: str, host: str) -> None:
    _compare(pairs, f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n")


def test_the_tag_is_that_of_the_file(pairs: Pairs) -> None:
    """Else half of the grammar would be for nothing."""
    for observed in pairs.get("files"):
        assert observed.server.get("/digits.txt").header("ETag") == TAG
