"""The parser's tables belong to the grammar, and the parser takes what Lark's own parser takes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Token, UnexpectedInput
from lark.lexer import Lexer

from pyhttpd.expr import tables
from pyhttpd.expr.tables import ACTIONS, DEFAULTS, GOTOS, RULES

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "make_expression_tables.py"
GRAMMAR = ROOT / "pyhttpd" / "expr" / "expression.lark"


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("make_expression_tables", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_those_of_the_grammar() -> None:
    assert Path(tables.__file__).read_text() == generator().render(GRAMMAR.read_text())


def test_an_expression_is_read_without_lark() -> None:
    code = (
        "import sys; from pyhttpd.expr import parse_condition; parse_condition(\"'a' =~ /a+b+/ && -z ''\"); "
        "print(sorted({'lark', 'threading', 'logging', 'random'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout == "[]\n"


class Given(Lexer):
    """Hands Lark the tokens that it is given."""

    def __init__(self, conf: Any) -> None:
        pass

    def lex(self, data: list[str]) -> Iterator[Token]:  # type: ignore[override]  # a list instead of a state
        return (Token(name, name) for name in data)


NAMES = {"(": "LPAR", ")": "RPAR", "{": "LBRACE", "}": "RBRACE", ",": "COMMA", ":": "COLON"}
EARLEY = Lark(GRAMMAR.read_text(), parser="earley", lexer=Given)
TOKENS = sorted({token for actions in ACTIONS for token in actions} - {""})


def taken_by_lark(tokens: list[str]) -> bool:
    try:
        EARLEY.parse([NAMES.get(token, token) for token in tokens])
    except UnexpectedInput:
        return False
    return True


def taken(tokens: list[str]) -> bool:
    """The tables alone, without what the rules make."""
    stack = [0]
    for token in [*tokens, ""]:
        while True:
            action = ACTIONS[stack[-1]].get(token, DEFAULTS[stack[-1]])
            if action is None:
                return False
            if action >= 0:
                stack.append(action)
                break
            origin, length, _ = RULES[~action]
            del stack[-length:]
            stack.append(GOTOS[stack[-1]][origin])
    return True


WORD = st.sampled_from([
    ["T_DIGIT"], ["T_REGEX_BACKREF"], ["T_VAR_BEGIN", "T_ID", "T_VAR_END"], ["T_STR_BEGIN", "T_STR_END"],
    ["T_STR_BEGIN", "T_STRING", "T_STR_END"], ["T_ID", "(", "T_DIGIT", ")"], ["T_ID"],
])  # fmt: skip
SOME = st.one_of(WORD, st.sampled_from(TOKENS).map(lambda token: [token]))


@settings(max_examples=400, deadline=None)
@given(st.lists(SOME, max_size=9))
def test_lark_takes_the_same(parts: list[list[str]]) -> None:
    tokens = ["T_EXPR_BOOL", *(token for part in parts for token in part)]
    assert taken(tokens) is taken_by_lark(tokens)
