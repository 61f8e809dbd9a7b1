"""Reads an expression: an LALR(1) parser over the generated tables, and what its rules make of their parts.

Apache's parser reports three kinds of errors, and so does this one: a syntax error of the parser, something of the
scanner or of a name that does not exist, or both, joined by a colon. A name that does not exist does not end the
reading; what is found later replaces it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from pyhttpd.expr import vocabulary
from pyhttpd.expr.errors import ExpressionError
from pyhttpd.expr.nodes import (
    And,
    Backreference,
    Binary,
    Call,
    Compare,
    Concat,
    Constant,
    Digits,
    In,
    Join,
    Matches,
    Node,
    Not,
    Or,
    Split,
    Substituted,
    Truth,
    Unary,
    Variable,
    Word,
)
from pyhttpd.expr.scan import END, Scanner, Token
from pyhttpd.expr.tables import ACTIONS, DEFAULTS, GOTOS, RULES
from pyhttpd.expr.vocabulary import Writer
from pyhttpd.util.escape import native, wire
from pyhttpd.util.network import Network, parse_network
from pyhttpd.util.regex import Regex, RegexError, compile_pcre

_DEEPEST = 10_000
"""Symbols that may wait on the parser's stack, as on Apache's."""
_MOST_NESTED = 100
"""Levels of a tree: what nests deeper could not be pickled. Apache evaluates 20 levels."""
_MOST_EXPECTED = 4
_LITERALS = frozenset("(){},:")
_COMPARISONS = {
    "T_OP_EQ": "eq", "T_OP_NE": "ne", "T_OP_LT": "lt", "T_OP_LE": "le", "T_OP_GT": "gt", "T_OP_GE": "ge",
    "T_OP_STR_EQ": "==", "T_OP_STR_NE": "!=", "T_OP_STR_LT": "<", "T_OP_STR_LE": "<=", "T_OP_STR_GT": ">",
    "T_OP_STR_GE": ">=",
}  # fmt: skip


_MEANS_ITSELF = re.compile(r"[^%$\\\n\0]*")


class _Abort(Exception):
    """Reading ends, with the error that the scanner noted."""


class _Symbol(NamedTuple):
    """An entry of the stack: a token (`name` its kind, `value` its text), or what a rule made and how deep it nests."""

    state: int
    name: str
    value: Any
    height: int = 0
    token: Token | None = None


def parse(text: str, writer: Writer, *, whole_is_text: bool) -> Any:
    """The tree of a condition, or of a text. Raises ExpressionError."""
    if whole_is_text and _MEANS_ITSELF.fullmatch(text):
        return Constant(wire(text))  # as most are: of each ErrorDocument, Redirect and SetHandler
    return _Parser(wire(text), writer, whole_is_text).parse()


class _Parser:
    def __init__(self, text: str, writer: Writer, whole_is_text: bool) -> None:
        self.scanner = Scanner(text, whole_is_text=whole_is_text)
        self.writer = writer

    def parse(self) -> Any:
        syntax_error = None
        result = None
        try:
            result = self._run()
        except _Abort:
            pass
        except ExpressionError as error:
            syntax_error = str(error)
        if syntax_error is not None and self.scanner.error is not None:
            raise ExpressionError(native(f"{syntax_error}: {self.scanner.error}"))
        if syntax_error is not None or self.scanner.error is not None:
            raise ExpressionError(native(syntax_error or self.scanner.error or ""))
        return result

    def _run(self) -> Any:
        stack = [_Symbol(0, "", None)]
        token = None
        while True:
            state = stack[-1].state
            action = DEFAULTS[state]
            if ACTIONS[state]:  # else what comes next does not matter, and is not looked at
                token = token or self.scanner.next()
                action = ACTIONS[state].get(token.kind, action)
            if action is None:
                assert token is not None
                raise ExpressionError(_unexpected(token.kind, ACTIONS[state]))
            if action >= 0:
                assert token is not None
                if token.kind == END:
                    return stack[-1].value
                if len(stack) > _DEEPEST:
                    raise ExpressionError("memory exhausted")
                stack.append(_Symbol(action, token.kind, token.value, 0, token))
                token = None
                continue
            origin, length, name = RULES[~action]
            parts = stack[-length:]
            del stack[-length:]
            made = _MAKERS[name](self, parts)
            height = _height(made, parts)
            if height > _MOST_NESTED:
                raise ExpressionError("memory exhausted")
            stack.append(_Symbol(GOTOS[stack[-1].state][origin], origin, made, height))

    # -- names

    def network(self, name: str, argument: Word) -> Network | None:
        """The constant that `-R` and `-ipmatch` compare with."""
        if not isinstance(argument, Constant):
            self.scanner.error = f"-{name} requires subnet/netmask as constant argument"
            return None
        try:
            return parse_network(argument.text)
        except ValueError:
            self.scanner.error = "parsing of subnet/netmask failed"
            return None

    def call(self, name: str, argument: Word) -> Word:
        known = name.lower()
        if known not in vocabulary.FUNCTIONS:
            self.scanner.error = f"Function '{name}' does not exist"
        elif known in self.writer.forbidden_functions:
            self.scanner.error = f"{known} not available in restricted context"
        return Call(known, argument)


def _height(made: Any, parts: list[_Symbol]) -> int:
    """A chain (`a || b || c`, which binds to the right) nests no deeper than its members."""
    highest = max(part.height for part in parts)
    if isinstance(made, tuple | list) or any(made is part.value for part in parts):
        return highest
    if isinstance(parts[-1].value, Not) and made is parts[-1].value.inner:
        return highest - 1
    if isinstance(made, Or | And | Concat) and type(parts[-1].value) is type(made):
        return max(parts[0].height + 1, highest)
    return highest + 1


def _unexpected(token: str, possible: dict[str, int]) -> str:
    """Bison's words."""
    expected = [_shown(name) for name in possible if not name.startswith("X_")] or [_shown(name) for name in possible]
    message = f"syntax error, unexpected {_shown(token)}"
    return f"{message}, expecting {' or '.join(expected)}" if len(expected) <= _MOST_EXPECTED else message


def _shown(token: str) -> str:
    if token == END:
        return "$end"
    return f"'{token}'" if token in _LITERALS else token.removeprefix("X_").lower() if token[:2] == "X_" else token


# --- what the rules make


def _same(parser: _Parser, parts: list[_Symbol]) -> Any:
    return parts[0].value


def _inner(parser: _Parser, parts: list[_Symbol]) -> Any:
    return parts[1].value


def _give_up(parser: _Parser, parts: list[_Symbol]) -> Any:
    raise _Abort


def _truth(parser: _Parser, parts: list[_Symbol]) -> Node:
    return Truth(parts[0].name == "T_TRUE")


def _negation(parser: _Parser, parts: list[_Symbol]) -> Node:
    inner: Node = parts[1].value
    return inner.inner if isinstance(inner, Not) else Not(inner)


def _either(parser: _Parser, parts: list[_Symbol]) -> Node:
    right: Node = parts[2].value
    return Or((parts[0].value, *(right.terms if isinstance(right, Or) else (right,))))


def _both(parser: _Parser, parts: list[_Symbol]) -> Node:
    right: Node = parts[2].value
    return And((parts[0].value, *(right.terms if isinstance(right, And) else (right,))))


def _unary(parser: _Parser, parts: list[_Symbol]) -> Node:
    name, argument = parts[0].value, parts[1].value
    if name not in vocabulary.UNARY:
        parser.scanner.error = f"Unary operator '-{name}' does not exist"
    elif name in parser.writer.forbidden_operators:
        parser.scanner.error = f"-{name} not available in restricted context"
    return Unary(name, argument, parser.network(name, argument) if name == "R" else None)


def _binary(parser: _Parser, parts: list[_Symbol]) -> Node:
    left, given, right = (part.value for part in parts)
    name = given.lower()
    if name not in vocabulary.BINARY:
        parser.scanner.error = f"Binary operator '-{given}' does not exist"
    return Binary(name, left, right, parser.network(given, right) if name == "ipmatch" else None)


def _compare(parser: _Parser, parts: list[_Symbol]) -> Node:
    return Compare(_COMPARISONS[parts[1].name], parts[0].value, parts[2].value)


def _contained(parser: _Parser, parts: list[_Symbol]) -> Node:
    return In(parts[0].value, parts[2].value)


def _matches(parser: _Parser, parts: list[_Symbol]) -> Node:
    return Matches(parts[0].value, parts[2].value, parts[1].name == "T_OP_NRE")


def _regex(parser: _Parser, parts: list[_Symbol]) -> Regex:
    token = parts[0].token
    assert token is not None
    inside = "".join(flag for flag in "ms" if flag in token.flags)
    pattern = f"(?{inside}){token.value}" if inside else token.value
    try:
        ignore_case = token.kind == "T_REGEX_I" or "i" in token.flags
        return compile_pcre(native(pattern), ignore_case=ignore_case, is_wire=True)
    except RegexError:
        raise ExpressionError("Failed to compile regular expression") from None


def _split(parser: _Parser, parts: list[_Symbol]) -> Split:
    return Split(parts[1].value, parts[3].value)


def _join(parser: _Parser, parts: list[_Symbol]) -> Word:
    words = parts[1].value
    in_order = words if isinstance(words, Split) else tuple(reversed(words))
    return Join(in_order, parts[3].value if len(parts) > 3 else Constant(""))


def _substituted(parser: _Parser, parts: list[_Symbol]) -> Word:
    token = parts[1].token
    assert token is not None
    return Substituted(_regex(parser, parts[1:]), token.replacement, 0 if "g" in token.flags else 1, parts[3].value)


def _list_call(parser: _Parser, parts: list[_Symbol]) -> tuple[Word, ...]:
    parser.scanner.error = f"List-returning function '{parts[0].value}' does not exist"
    return ()


def _first(parser: _Parser, parts: list[_Symbol]) -> list[Word]:
    return [parts[0].value]


def _more(parser: _Parser, parts: list[_Symbol]) -> list[Word]:
    words: list[Word] = parts[0].value
    words.append(parts[-1].value)
    return words


def _listed(parser: _Parser, parts: list[_Symbol]) -> tuple[Word, ...]:
    """Apache looks through a list from its end."""
    return tuple(reversed(parts[1].value))


def _text(pieces: list[Word]) -> Word:
    return pieces[0] if len(pieces) == 1 else Concat(tuple(pieces))


def _quoted(parser: _Parser, parts: list[_Symbol]) -> Word:
    return _text(parts[1].value)


def _concat(parser: _Parser, parts: list[_Symbol]) -> Word:
    """The dot binds to the right; a text of several pieces on its left is not nested in it either."""
    left, right = parts[0].value, parts[2].value
    if isinstance(left, Concat):
        return Concat((*left.parts, right))
    return Concat((left, *(right.parts if isinstance(right, Concat) else (right,))))


def _constant(parser: _Parser, parts: list[_Symbol]) -> Word:
    return Digits(parts[0].value) if parts[0].name == "T_DIGIT" else Constant(parts[0].value)


def _empty(parser: _Parser, parts: list[_Symbol]) -> Word:
    return Constant("")


def _variable(parser: _Parser, parts: list[_Symbol]) -> Word:
    name = parts[1].value.upper()
    if name not in vocabulary.VARIABLES:
        parser.scanner.error = f"Variable '{parts[1].value}' does not exist"
    return Variable(name)


def _call(parser: _Parser, parts: list[_Symbol]) -> Word:
    return parser.call(parts[0].value, parts[2].value)


def _call_in_braces(parser: _Parser, parts: list[_Symbol]) -> Word:
    return parser.call(parts[1].value, _text(parts[3].value))


def _backref(parser: _Parser, parts: list[_Symbol]) -> Word:
    return Backreference(int(parts[0].value))


_MAKERS: dict[str, Callable[[_Parser, list[_Symbol]], Any]] = {
    "whole": _inner, "whole_text": _quoted, "true": _truth, "false": _truth, "negation": _negation, "either": _either,
    "both": _both, "same": _same, "unary": _unary, "binary": _binary, "inner": _inner, "give_up": _give_up,
    "compare": _compare, "contained": _contained, "matches": _matches, "list_call": _list_call, "listed": _listed,
    "first": _first, "more": _more, "constant": _constant, "variable": _variable, "call_in_braces": _call_in_braces,
    "split": _split, "join": _join, "substituted": _substituted, "concat": _concat, "quoted": _quoted, "empty": _empty,
    "regex": _regex, "backref": _backref, "call": _call,
}  # fmt: skip
