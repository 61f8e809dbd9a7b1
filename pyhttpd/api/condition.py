"""`env=NAME`, `env=!NAME` and `expr=EXPRESSION`, the conditions at the end of Header and CustomLog lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyhttpd.api.env import key_of
from pyhttpd.api.expression import variables_of
from pyhttpd.expr import Condition, ExpressionError, Writer, parse_condition

if TYPE_CHECKING:
    from pyhttpd.api.request import Request


class Texts(NamedTuple):
    """What a module says of a clause that is wrong; `{}` is what is wrong with it."""

    no_name: str
    no_expression: str | None  # None: the parser's words, as for any other that is wrong
    bad_expression: str
    neither: str


def parse_clause(
    clause: str, texts: Texts, *, source: str, module: str, writer: Writer = Writer.ADMINISTRATOR, varying: bool = True
) -> str | Condition:
    """The name behind `env=`, with its `!`, or the expression. Raises ValueError. The rest is parse_condition's."""
    kind, equals, text = clause.partition("=")
    kind = kind.lower()
    if equals and kind == "env":
        if text in ("", "!"):
            raise ValueError(texts.no_name)
        return text
    if equals and kind == "expr":
        if not text and texts.no_expression is not None:
            raise ValueError(texts.no_expression)
        try:
            return parse_condition(text, varying=varying, source=source, module=module, writer=writer)
        except ExpressionError as error:
            raise ValueError(texts.bad_expression.format(error)) from None
    raise ValueError(texts.neither.format(clause))


def is_met(condition: str | Condition | None, request: Request) -> bool:
    """Whether a request meets it; there is none to be met where it is None. Raises EvaluationError."""
    if condition is None:
        return True
    if isinstance(condition, Condition):
        return condition.evaluate(variables_of(request))
    if condition.startswith("!"):
        return key_of(request.env, condition[1:]) is None
    return key_of(request.env, condition) is not None
