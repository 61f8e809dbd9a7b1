"""What is an expression, and the words for what is none."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhttpd.expr import ExpressionError, Writer, parse_condition, parse_text
from pyhttpd.expr.nodes import And, Binary, Compare, Concat, Constant, Digits, In, Not, Or, Truth, Unary, Variable
from pyhttpd.expr.parse import _Parser, parse
from pyhttpd.util.escape import wire
from pyhttpd.util.network import Network

METHOD = Variable("REQUEST_METHOD")


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("true", Truth(True)),
        ("! false", Not(Truth(False))),
        ("!!true", Truth(True)),
        ("true || false && !true", Or((Truth(True), And((Truth(False), Not(Truth(True))))))),
        ("true && false || true", Or((And((Truth(True), Truth(False))), Truth(True)))),
        ("true || false || true", Or((Truth(True), Truth(False), Truth(True)))),
        ("(true || false) and true", And((Or((Truth(True), Truth(False))), Truth(True)))),
        ("! true && false", And((Not(Truth(True)), Truth(False)))),
        ("%{request_method} == 'GET'", Compare("==", METHOD, Constant("GET"))),
        ("10 -lt 9", Compare("lt", Digits("10"), Digits("9"))),
        ("'a' . 'b' . 'c' = ''", Compare("==", Concat((Constant("a"), Constant("b"), Constant("c"))), Constant(""))),
        ("'x%{REQUEST_METHOD}' != ''", Compare("!=", Concat((Constant("x"), METHOD)), Constant(""))),
        ("'a' in {'b', 1}", In(Constant("a"), (Digits("1"), Constant("b")))),
        ("-z ''", Unary("z", Constant(""))),
        ("-R '10.0.0.0/8'", Unary("R", Constant("10.0.0.0/8"), Network(32, 10 << 24, 0xFF000000))),
        ("'a' -FNMatch 'b'", Binary("fnmatch", Constant("a"), Constant("b"))),
    ],
)
def test_trees(text: str, root: object) -> None:
    assert parse_condition(text).root == root


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "syntax error, unexpected $end"),
        ("true true", "syntax error, unexpected T_TRUE, expecting $end"),
        ("(true", "syntax error, unexpected $end, expecting T_OP_OR or T_OP_AND or ')'"),
        ("'a' == 'b", "Unterminated string or variable"),
        ("'a' in 'b'", "syntax error, unexpected T_STR_BEGIN, expecting T_ID or '{'"),
        ("true ;", "syntax error, unexpected T_ERROR, expecting $end: Parse error near ';'"),
        (";", "Parse error near ';'"),
        ("'\\400' == ''", "Escape sequence out of bound"),
        ("'\\8' == ''", "Bad escape sequence"),
        ("%{A_B} == 'c'", "Variable 'A_B' does not exist"),
        ("%{A-B} == 'c'", "syntax error, unexpected T_ERROR, expecting T_VAR_END or ':': Invalid character in variable "
         "name '-'"),
        ("nope('a') == nada('b')", "Function 'nada' does not exist"),
        ("nope('a') 'b'", "syntax error, unexpected T_STR_BEGIN: Function 'nope' does not exist"),
        ("'a' in all('b')", "List-returning function 'all' does not exist"),
        ("-q 'a'", "Unary operator '-q' does not exist"),
        ("'a' -quite 'b'", "Binary operator '-quite' does not exist"),
        ("-R %{REMOTE_ADDR}", "-R requires subnet/netmask as constant argument"),
        ("'a' -ipmatch '10.0.0.0/33'", "parsing of subnet/netmask failed"),
        ("'a' =~ /(/", "Failed to compile regular expression"),
        ("'a' =~ 'b'", "syntax error, unexpected T_STR_BEGIN, expecting T_REGEX or T_REGEX_I"),
        ("sub('a') == ''", "syntax error, unexpected T_STR_BEGIN, expecting substitution"),
        ("join('a') == ''", "syntax error, unexpected T_STR_BEGIN, expecting T_ID or '{'"),
        ("split(/a/, 'b') == 'a'", "syntax error, unexpected split"),
        ("sub(s/(/b/, 'a') == ''", "Failed to compile regular expression"),
        (f"'{'a' * 8192}' == ''", "String too long"),
        (f"'' =~ /{'a' * 8192}/", "syntax error, unexpected T_ERROR, expecting T_REGEX or T_REGEX_I: Regexp too long"),
        ("(" * 20_000, "memory exhausted"),
        ("tolower(" * 200 + "'a'" + ")" * 200 + " == 'a'", "memory exhausted"),
    ],
)  # fmt: skip
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(text)
    assert str(caught.value) == message


def test_what_htaccess_and_pages_may_not_do() -> None:
    for writer, text, message in (
        (Writer.HTACCESS, "file('/x') == ''", "file not available in restricted context"),
        (Writer.PAGE, "FileSize('/x') == ''", "filesize not available in restricted context"),
        (Writer.PAGE, "-f '/x'", "-f not available in restricted context"),
    ):
        parse_condition(text)
        with pytest.raises(ExpressionError, match=message):
            parse_condition(text, writer=writer)
    parse_condition("-f '/x'", writer=Writer.HTACCESS)
    with pytest.raises(ExpressionError, match="file not available"):
        parse_text("%{file:/x}", writer=Writer.HTACCESS)


def test_texts() -> None:
    assert parse_text("").constant == ""
    assert parse_text("it's 100%").constant == "it's 100%"
    assert parse_text("a%{REQUEST_METHOD}").root == Concat((Constant("a"), METHOD, Constant("")))
    assert parse_text("%{REQUEST_METHOD}").constant is None


def test_long_chains_are_flat() -> None:
    """Conditions of a thousand members are read in a moment, and can be pickled."""
    many = f"'a' in {{{','.join(['1'] * 9999)}}}"
    for text in (" || ".join(["'a' == 'b'"] * 1000), "'a' . " * 1000 + "'a' == ''", many):
        condition = parse_condition(text)
        assert pickle.loads(pickle.dumps(condition)) == condition
    assert parse_condition("!" * 999 + "true").root == Not(Truth(True))


def test_the_deepest_tree_can_be_pickled() -> None:
    text = "tolower(" * 95 + "'a'" + ")" * 95 + " == 'a'"
    assert pickle.loads(pickle.dumps(parse_condition(text))) == parse_condition(text)


PIECES = st.sampled_from([
    "true", "false", "!", "&&", "||", "(", ")", "'", '"', "a", "1", "-1", ".", "==", "=~", "!~", "-eq", "in", "{", "}",
    ",", "%{", "}", ":", "join(", "split(", "sub(", "s/a/$1/g", "/ms",
    "REQUEST_METHOD", "%{REQUEST_METHOD}", "req", "tolower(", "/", "m#", "#", "/i", "-z", "-R ",
    "$1", "\\", "\\1", "\\400", "\n", " ", "\t", "\0", "é", "\udc80", "-ipmatch", "'10.0.0.0/8'", "[", "(?R)", "*", "+",
])  # fmt: skip
SENTENCES = st.builds(str.join, st.sampled_from(["", " "]), st.lists(PIECES, max_size=14))
TEXTS = st.one_of(st.text(max_size=40), SENTENCES)


@settings(max_examples=1500, deadline=None)
@given(TEXTS)
def test_nothing_but_expression_errors(text: str) -> None:
    """Texts of configurations: UTF-8 with surrogateescape, so no half pairs but those."""
    text = text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() and "\udc80" not in text else text
    for parser in (parse_condition, parse_text):
        try:
            expression = parser(text)
        except ExpressionError:
            continue
        assert pickle.loads(pickle.dumps(expression)) == expression


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text("abc/\"'{}(): \t\r\x7f\xe9", max_size=12), st.text(max_size=12)))
def test_what_needs_no_parser_means_what_the_parser_says(text: str) -> None:
    text = text.encode("utf-8", "replace").decode("utf-8").translate(dict.fromkeys(map(ord, "%$\\\n\0")))
    expected = _Parser(wire(text), Writer.ADMINISTRATOR, True).parse()
    assert parse(text, Writer.ADMINISTRATOR, whole_is_text=True) == expected


def test_a_message_shows_the_byte_that_is_wrong() -> None:
    """As a part of a native text, which the log and the terminal get."""
    with pytest.raises(ExpressionError, match=r"Parse error near '\udcc3'$"):
        parse_condition("'a' \xe9 'b'")
