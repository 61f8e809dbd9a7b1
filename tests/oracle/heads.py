"""A grammar of requests that are nearly right: hypothesis strategies for bytes, one request or a few in a row."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_ODD_BYTES = b'\r\n\0 \t\x0b\x0c:,;="%/\\?#@[]<>\x01\x7f\x80\xa0\xff0aZ'


def _mostly(good: tuple[bytes, ...], odd: tuple[bytes, ...], chance: int = 8) -> SearchStrategy[bytes]:
    """One of `good`, or with a chance of one to `chance` one of `odd`."""
    return st.integers(0, chance).flatmap(lambda n: st.sampled_from(odd if n == chance else good))


METHODS = _mostly(
    (b"GET", b"GET", b"HEAD", b"POST", b"OPTIONS", b"PUT", b"DELETE"),
    (b"TRACE", b"CONNECT", b"get", b"FOO", b"G:T", b"", b" GET", b"GET\t", b"PRI", b"PATCH", b"G\xe9T", b'"GET"'),
)
TARGETS = _mostly(
    (b"/a.txt", b"/a.txt", b"/dir/", b"/dir", b"/none", b"/dir/x.txt?q=1", b"/empty.txt", b"/old/x", b"/docs/x"),
    (b"*", b"a.txt", b"", b"http://two.example/", b"http://one.example:80/a.txt", b"/%2e%2e/a.txt", b"/a%00", b"/%zz",
     b"/dir%2fx.txt", b"/..", b"//a.txt", b"/a.txt/x", b"/secret/a.txt", b"/.htpasswd", b"one.example:80", b"/\xe9",
     b"/a.txt#f", b"http:///a.txt", b"/a b", b"/sp%20ace.txt", b"?q", b"http://a b/", b"/%41", b"/a.txt?%00",
     b"/limited/x", b"http://u:p@one.example/a.txt", b"http://[::1]/a.txt", b"/" + b"a" * 2100, b"/teapot",
     b"/aliased/dir", b"/match/a.gif", b"/perm/x", b"/text-error/x", b"/url-error/x", b"/no-doc/x", b"/gone",
     b"/noindex/", b"http://one.example", b"HTTP://TWO.EXAMPLE/none", b"https://one.example/a.txt", b"/a.txt;x",
     b"//two.example/", b"/dir/../a.txt", b"/dir/./x.txt", b"/two/index.html", b"\\a.txt", b"/<b>", b"/a.txt?<b>",
     b"/unreadable.txt", b"/%2f"),
)  # fmt: skip
VERSIONS = _mostly(
    (b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"),
    (
        b"HTTP/1.2",
        b"HTTP/2.0",
        b"HTTP/0.9",
        b"http/1.1",
        b"HTTP/1.",
        b"HTTP/1.10",
        b"",
        b"HTTP/x",
        b"HTTP/1.1 ",
        b"FOO",
    ),
)
SPACES = _mostly((b" ",), (b"  ", b"\t", b"", b" \t", b"\x0b"), 30)
ENDS = _mostly((b"\r\n",), (b"\n", b"\r", b"\r\r\n", b"\n\r", b""), 60)
HOSTS = _mostly(
    (b"127.0.0.1", b"one.example", b"two.example", b"127.0.0.1:80"),
    (
        b"",
        b"a b",
        b"a/b",
        b"[::1]",
        b"[::1",
        b"a:b",
        b"a:99999",
        b"TWO.EXAMPLE.",
        b"a,b",
        b"a_b",
        b"\xe9",
        b":80",
        b"%41",
    ),
)
LENGTHS = _mostly(
    (b"5", b"5", b"0", b"05", b"11"),
    (b"", b"+5", b"-1", b"5, 5", b"5,", b"0x5", b"5 5", b"abc", b"99999999999999999999", b"5;x", b"\t5", b"1e1"),
    5,
)
CODINGS = _mostly(
    (b"chunked", b"chunked", b"Chunked", b"gzip, chunked"),
    (b"", b"identity", b"chunked, chunked", b"chunked, gzip", b"xchunked", b"chunked;a=b", b",chunked", b"chunked,",
     b"\x0bchunked", b'"chunked"', b"chun ked", b"gzip"),
    5,
)  # fmt: skip
CONNECTIONS = _mostly(
    (b"close", b"keep-alive", b"Keep-Alive"), (b"foo, close", b"close;x", b"", b"upgrade", b"CLOSE"), 4
)
RANGES = _mostly(
    (b"bytes=0-0", b"bytes=1-", b"bytes=-1", b"bytes=0-0,1-1"),
    (
        b"bytes=5-",
        b"bytes=1-0",
        b"bytes=",
        b"items=0-0",
        b"bytes=a-b",
        b"bytes=0-0,",
        b"bytes=,",
        b"bytes=0-0, 9-",
        b"x",
    ),
    3,
)
DATES = _mostly(
    (b"Tue, 14 Nov 2023 22:13:20 GMT", b"Mon, 13 Nov 2023 00:00:00 GMT", b"Wed, 15 Nov 2023 00:00:00 GMT"),
    (b"Tue Nov 14 22:13:20 2023", b"Tuesday, 14-Nov-23 22:13:20 GMT", b"yesterday", b"", b"0"),
    3,
)
TAGS = _mostly((b'"2-60a24181e4000"', b'"x"', b"*"), (b'W/"2-60a24181e4000"', b"", b'"x', b'"x", "2-60a24181e4000"'), 3)
VALUES = _mostly((b"a", b"", b"a b", b"a, b"), (b"a\0b", b"a\x01", b"\xe9", b"\x7f", b"a\rb", b"a" * 1100, b" \t"), 12)


def _field(name: bytes, values: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    colons = _mostly((b": ", b":", b":\t"), (b" : ", b"", b"\t:", b"::", b":\r\n ", b":  "), 30)
    names = _mostly((name, name, name.lower()), (name + b"\0", b" " + name, name[:-1], name + b"_", b"(" + name), 60)
    return st.tuples(names, colons, values, ENDS).map(b"".join)


HOST = _field(b"Host", HOSTS)
OTHER = st.one_of(
    _field(b"Connection", CONNECTIONS),
    _field(b"Range", RANGES),
    _field(b"If-Modified-Since", DATES),
    _field(b"If-Unmodified-Since", DATES),
    _field(b"If-None-Match", TAGS),
    _field(b"If-Match", TAGS),
    _field(b"If-Range", TAGS | DATES),
    _field(b"Expect", _mostly((b"100-continue",), (b"foo", b"", b"100-continue, foo", b"100-Continue"), 2)),
    _field(b"X-Test", VALUES),
    _field(b"X-Test", VALUES),
    _field(b"Upgrade", _mostly((b"h2c", b"websocket"), (b"", b"HTTP/1.1", b"foo/1, bar"))),
    _field(b"Trailer", VALUES),
    st.sampled_from((b" folded\r\n", b"\tfolded\r\n", b" \r\n", b"no colon\r\n", b": no name\r\n", b"\r\n")),
)
_SIZES = _mostly(
    (b"5",),
    (
        b"0x5",
        b"05",
        b"+5",
        b"-5",
        b" 5",
        b"5 ",
        b"5;a=b",
        b'5;a="b"',
        b"5 ;a",
        b"",
        b"FFFFFFFFFFFFFFFF",
        b"6",
        b"4",
        b"z",
    ),
)
_CHUNK = st.tuples(_SIZES, ENDS, st.just(b"hello"), ENDS).map(b"".join)
_TRAILERS = st.lists(
    _mostly((b"X-Trailer: a\r\n",), (b"bad\r\n", b" x\r\n", b"X: \0\r\n", b"X: a\n", b"a b: c\r\n"), 3), max_size=2
)
_LASTS = st.tuples(_mostly((b"0",), (b"00", b"0;a", b"0 ", b""), 12), ENDS).map(b"".join)
CHUNKS = st.tuples(st.lists(_CHUNK, max_size=2).map(b"".join), _LASTS, _TRAILERS.map(b"".join), ENDS).map(b"".join)
COUNTED = _mostly((b"hello", b"hello", b"hello world"), (b"", b"hell", b"GET /dir/x.txt HTTP/1.1\r\n\r\n"), 6)
BODIES = st.one_of(
    st.just((b"", b"")),
    st.just((b"", b"")),
    st.tuples(_field(b"Content-Length", LENGTHS), COUNTED),
    st.tuples(_field(b"Transfer-Encoding", CODINGS), CHUNKS),
    st.tuples(st.tuples(_field(b"Content-Length", LENGTHS), _field(b"Content-Length", LENGTHS)).map(b"".join), COUNTED),
    st.tuples(
        st.tuples(_field(b"Transfer-Encoding", CODINGS), _field(b"Content-Length", LENGTHS)).map(b"".join), CHUNKS
    ),
)


@st.composite
def _request(draw: st.DrawFn) -> bytes:
    blanks = draw(_mostly((b"", b""), (b"\r\n", b"\n", b"\r\n" * 11, b"\r", b" \r\n"), 20))
    line = b"".join(draw(piece) for piece in (METHODS, SPACES, TARGETS, SPACES, VERSIONS, ENDS))
    framing, body = draw(BODIES)
    fields = draw(st.lists(OTHER, max_size=3))
    if draw(st.integers(0, 15)):
        fields.insert(draw(st.integers(0, len(fields))), draw(HOST))
    fields.insert(draw(st.integers(0, len(fields))), framing)
    return b"".join([blanks, line, *fields, draw(ENDS), body])


def _changed(draw: st.DrawFn, data: bytes, changes: int) -> bytes:
    """With so many bytes changed, inserted or lost."""
    for _ in range(changes):
        at = draw(st.integers(0, len(data)))
        new = draw(st.one_of(st.just(b""), st.sampled_from([bytes([code]) for code in _ODD_BYTES])))
        data = data[:at] + new + data[at + draw(st.integers(0, 1)) :]
    return data


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Up to three requests; in some of them, a few bytes are not what they were."""
    data = b"".join(draw(st.lists(_request(), min_size=1, max_size=3)))
    return _changed(draw, data, draw(st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3))))


@st.composite
def changed_cases(draw: st.DrawFn, cases: list[bytes]) -> bytes:
    """One of `cases`, of which a few bytes are not what they were."""
    return _changed(draw, draw(st.sampled_from(cases)), draw(st.integers(1, 3)))
