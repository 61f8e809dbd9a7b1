"""What can be wrong with an expression: when it is read, and when it is evaluated."""

from __future__ import annotations


class ExpressionError(Exception):
    """An expression that cannot be read; the text is Apache's."""


class EvaluationError(Exception):
    """An expression that has no value for this request; the text is Apache's."""
