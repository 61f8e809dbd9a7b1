"""Apache's expression language (ap_expr): conditions such as `%{REQUEST_URI} =~ m#^/x#`, and texts with `%{...}`.

    condition = parse_condition("%{HTTP_HOST} == 'example.com'")
    condition.holds(variables)

Without any I/O but what `-f`, `-F`, `file(...)` and their like ask for.
"""

from __future__ import annotations

from pyhttpd.expr.errors import EvaluationError, ExpressionError
from pyhttpd.expr.evaluate import Captures, Condition, Text, Variables, parse_condition, parse_text
from pyhttpd.expr.vocabulary import Writer

__all__ = [
    "Captures", "Condition", "EvaluationError", "ExpressionError", "Text", "Variables", "Writer", "parse_condition",
    "parse_text",
]  # fmt: skip
