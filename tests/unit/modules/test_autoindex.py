"""What listings are made of: options and how scopes merge them, queries, orders, sizes, descriptions, titles."""

from __future__ import annotations

import pickle
from functools import cmp_to_key
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.modules.autoindex_entries import find_item, is_ignored, item_of, title_in
from pyhttpd.modules.autoindex_options import Line, Options, Show, Width, merge_options, read_options
from pyhttpd.modules.autoindex_order import Wish, name_key, natural, read_query, size_text
from pyhttpd.modules.autoindex_page import shortened
from tests.support.requests import configure, refusals

FANCY, TABLE, SIZE = Show.FANCY_INDEXING, Show.HTML_TABLE, Show.SUPPRESS_SIZE


def options(text: str, *, outermost: bool = False) -> Options:
    line = Line(Options(outermost=outermost))
    for words in text.split("\n"):
        line = read_options(line, words.split())
    return line.options


@pytest.mark.parametrize(
    ("scopes", "effective"),
    [
        ([""], Show.NOTHING),
        (["FancyIndexing"], FANCY),
        (["+FancyIndexing"], FANCY),
        (["FancyIndexing", "+HTMLTable"], FANCY | TABLE),
        (["FancyIndexing HTMLTable", "-HTMLTable"], FANCY),
        (["FancyIndexing", "HTMLTable"], TABLE),
        (["FancyIndexing", "None"], Show.NONE),
        (["None", "+FancyIndexing"], FANCY),
        (["FancyIndexing", "+HTMLTable SuppressSize"], SIZE),
        (["FancyIndexing", "+HTMLTable Charset=x"], FANCY),  # a word without a sign takes the signed ones away
        (["+HTMLTable", "-HTMLTable", "+HTMLTable"], Show.NOTHING),  # what was taken away stays away
        (["", "FancyIndexing +HTMLTable"], FANCY),  # its own signed words do not count beside a named one
    ],
)
def test_scopes(scopes: list[str], effective: Show) -> None:
    merged = options(scopes[0], outermost=True)
    for scope in scopes[1:]:
        merged = merge_options(merged, options(scope))
    assert merged.effective == effective


def test_a_section_alone_is_merged_with_nothing() -> None:
    assert options("FancyIndexing +HTMLTable").effective == FANCY
    assert options("FancyIndexing +HTMLTable", outermost=True).effective == FANCY | TABLE
    assert merge_options(options("+FancyIndexing"), options("+HTMLTable")).effective == FANCY | TABLE


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("NameWidth=*", "name_width", Width(23, adjust=True)),
        ("NameWidth=50", "name_width", Width(50, adjust=False)),
        ("NameWidth=50 NameWidth=*", "name_width", Width(50, adjust=True)),
        ("NameWidth=0x", "name_width", Width(0, adjust=False)),
        ("-NameWidth", "name_width", Width(23, adjust=False)),
        ("DescriptionWidth=12", "description_width", Width(12, adjust=False)),
        ("IconWidth", "icon_width", 20),
        ("IconHeight", "icon_height", 22),
        ("IconWidth=7 -IconWidth", "icon_width", 0),
        ("IconWidth=99999999999", "icon_width", 2**31 - 1),
        ("Type=a=b", "type", "a=b"),
        ("CHARSET=", "charset", ""),
        ("useOldDateFormat", "date_format", "%d-%b-%Y %H:%M"),
    ],
)
def test_values(words: str, field: str, value: object) -> None:
    assert getattr(read_options(Line(), words.split()), field) == value


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("IndexOptions Fancy", "Invalid directory indexing option"),
        ("IndexOptions UseOldDateFormat=1", "Invalid directory indexing option"),
        ("IndexOptions None FancyIndexing", "Cannot combine other IndexOptions keywords with 'None'"),
        ("IndexOptions -None", "Cannot combine '+' or '-' with 'None' keyword"),
        ("IndexOptions NameWidth", "NameWidth with no value may only appear as '-NameWidth'"),
        ("IndexOptions -NameWidth=9", "Cannot combine '-' with NameWidth=n"),
        ("IndexOptions NameWidth=4", "NameWidth value must be greater than 5"),
        ("IndexOptions DescriptionWidth", "DescriptionWidth with no value may only appear as '-DescriptionWidth'"),
        ("IndexOptions DescriptionWidth=11", "DescriptionWidth value must be greater than 12"),
        ("IndexOptions -IconWidth=3", "Cannot combine '-' with IconWidth=n"),
        ("IndexOptions -IconHeight=3", "Cannot combine '-' with IconHeight=n"),
        ("IndexOrderDefault Up Name", "First keyword must be 'Ascending' or 'Descending'"),
        ("IndexOrderDefault Ascending Age", "Second keyword must be 'Name', 'Date', 'Size', or 'Description'"),
        ("AddIcon (TXT,/a.gif .txt", "missing closing paren"),
        ("FancyIndexing On",
         "The FancyIndexing directive is no longer supported. Use IndexOptions FancyIndexing."),
    ],
)  # fmt: skip
def test_wrong_lines(lines: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert refusals(f"{lines}\n", tmp_path) == [message]


def test_a_configuration_with_all_lines_pickles(tmp_path: Path) -> None:
    text = Path("/etc/apache2/mods-available/autoindex.conf")
    lines = text.read_text() if text.exists() else "AddIcon /a.gif .a\nIndexIgnore *~\n"
    assert pickle.dumps(configure(f"{lines}\nAddDescription d *x*\n", tmp_path))


# --- the query

USUAL = Wish("N", True, FANCY)


@pytest.mark.parametrize(
    ("query", "wish"),
    [
        ("", USUAL),
        ("C=M;O=D", Wish("M", False, FANCY)),
        ("O=D&C=S&", Wish("S", False, FANCY)),
        ("C=X;O=D", USUAL),
        ("O=D;x;C=M", Wish("N", False, FANCY)),
        ("C=MM", USUAL),
        ("F=0", Wish("N", True, Show.NOTHING, None, ";F=0")),
        ("F=2;V=1", Wish("N", True, FANCY | TABLE | Show.VERSION_SORT, None, ";F=2;V=1")),
        ("V=1;F=1;V=0", Wish("N", True, FANCY, None, ";F=1;V=0")),
        ("P=*.txt;C=D", Wish("D", True, FANCY, "*.txt", ";P=*.txt")),
        ("P=a%20%22%3cb", Wish("N", True, FANCY, 'a "<b', ";P=a%20%22%3cb")),
        ("P=%e9", Wish("N", True, FANCY, "\xe9", ";P=%e9")),
        ("P=;O=D", Wish("N", False, FANCY)),
        ("P=%zz;O=D", Wish("N", False, FANCY)),
        ("P=a%2fb", USUAL),
        ("P=a%00b", USUAL),
        ("P=a;P=%", Wish("N", True, FANCY, None, ";P=a")),
    ],
)
def test_queries(query: str, wish: Wish) -> None:
    assert read_query(query, USUAL) == wish


# --- the order


def natural_compare(left: str, right: str) -> int:
    """apr_strnatcmp as its manual tells it: step by step, with signed characters."""

    def at(text: str, index: int) -> int:
        code = ord(text[index]) if index < len(text) else 0
        return code - 256 if code > 127 else code

    def is_digit(code: int) -> bool:
        return 48 <= code <= 57

    i = j = 0
    while True:
        while at(left, i) in (9, 10, 11, 12, 13, 32):
            i += 1
        while at(right, j) in (9, 10, 11, 12, 13, 32):
            j += 1
        a, b = at(left, i), at(right, j)
        if is_digit(a) and is_digit(b):
            bias, k = 0, 0
            fractional = 48 in (a, b)
            while True:
                c, d = at(left, i + k), at(right, j + k)
                if not is_digit(c) or not is_digit(d):
                    if is_digit(c) != is_digit(d):
                        return 1 if is_digit(c) else -1
                    break
                if c != d and fractional:
                    return -1 if c < d else 1
                bias = bias or (c > d) - (c < d)
                k += 1
            if bias:
                return bias
        if not a and not b:
            return 0
        if a != b:
            return -1 if a < b else 1
        i, j = i + 1, j + 1


@given(st.lists(st.text("ab019 .-_Z\xe9\xff", max_size=8), max_size=12))
def test_the_natural_key_orders_as_the_natural_comparison(texts: list[str]) -> None:
    by_key = sorted(texts, key=natural)
    by_comparison = sorted(texts, key=cmp_to_key(natural_compare))
    assert [natural_compare(a, b) for a, b in zip(by_key, by_comparison, strict=True)] == [0] * len(texts)


@pytest.mark.parametrize(
    ("show", "names"),
    [
        (Show.NOTHING, ["B", "a", "a10", "a2"]),
        (Show.IGNORE_CASE, ["a", "a10", "a2", "B"]),
        (Show.VERSION_SORT, ["B", "a", "a2", "a10"]),
        (Show.VERSION_SORT | Show.IGNORE_CASE, ["a", "a2", "a10", "B"]),
        (Show.IGNORE_CASE, ["A", "a"]),
        (Show.VERSION_SORT, ["\xe9", "a", "a01", "a1"]),
    ],
)
def test_names_in_order(show: Show, names: list[str]) -> None:
    assert sorted(set(names), key=name_key(show)) == names


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (-1, "  - "), (0, "  0 "), (972, "972 "), (973, "1.0K"), (1024, "1.0K"), (1536, "1.5K"), (9 * 1024, "9.0K"),
        (9727, "9.5K"), (10188, "9.9K"), (10189, " 10K"), (10240, " 10K"), (972 * 1024, "972K"), (973 * 1024, "1.0M"),
        (1 << 30, "1.0G"), (1 << 62, "4.0E"),
    ],
)  # fmt: skip
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


# --- texts


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("short", 10, "short"),
        ("0123456789", 10, "0123456789"),
        ("0123456789a", 10, "012345678>"),
        ("a<b>b</b>c", 3, "a<b>b</b>c"),
        ("&amp;&amp;x", 2, "&amp;&amp>"),
        ("<unclosed and long", 3, "<unclosed and long"),
        ("&unclosed and long", 3, "&unclosed and long"),
        ("abc", 0, ""),
        ("<b>abc", 0, "<b>"),
    ],
)
def test_descriptions(text: str, width: int, shown: str) -> None:
    assert shortened(text, width) == shown


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("<title>x</title>", "x"),
        ("<html><TITLE>\r\n a\nb", " a b"),
        ("<title></title>", ""),
        ("<<title>x", None),  # as in Apache
        ("<ti<title>x", None),
        ("<tit <title>x", "x"),
        ("<title", None),
        ("title>", None),
        ("", None),
    ],
)
def test_titles(text: str, title: str | None) -> None:
    assert title_in(text) == title


def test_the_first_item_that_fits_counts() -> None:
    items = (
        item_of("path", ".txt", "/in/", "below"),
        item_of("encoding", "X-GZIP", "", "encoding"),
        item_of("type", "TEXT/*", "", "type"),
        item_of("path", "a?[b]\\*", "", "stars"),
        item_of("path", "^^DIRECTORY^^", "", "directory"),
    )
    assert find_item(items, "/in/a.txt") == "below"
    assert find_item(items, "/out/a.txt") is None
    assert find_item(items, "/out/a", "Text/Plain") == "type"
    assert find_item(items, "/out/a", "text/plain", "x-gzip") == "encoding"
    assert find_item(items, "/out/a", "text/plain", "other") is None
    assert find_item(items, "ax[b]\\y") == "stars"
    assert find_item(items, "^^DIRECTORY^^") == "directory"


def test_what_is_ignored() -> None:
    items = (item_of("name", ".??*", "", ""), item_of("name", "*~", "/in/", ""))
    assert [is_ignored(items, path) for path in ("/x/.ht", "/x/.a", "/in/a~", "/x/a~", "/in/..")] == [
        True, False, True, False, False,
    ]  # fmt: skip
