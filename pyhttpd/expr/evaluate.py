"""Conditions and texts: what an expression is worth for one request.

A tree becomes closures when it is first evaluated, in the process that needs it: trees pickle, closures do not. The
closures get a Frame, which is made anew for each evaluation, so that many threads may evaluate one expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from pyhttpd.expr import functions
from pyhttpd.expr.errors import EvaluationError
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
from pyhttpd.expr.parse import parse
from pyhttpd.expr.vocabulary import HEADER_VARIABLES, Writer
from pyhttpd.util.regex import substitute

_MOST_NESTED = 20


class Variables(Protocol):
    """What an expression may ask of a request. All texts are wire text (latin-1, one character for one byte)."""

    def variable(self, name: str) -> str | None:
        """The value of `%{NAME}`, for the names of vocabulary.VARIABLES but HTTP_*. None is an empty text."""

    def field(self, table: str, name: str) -> str | None:
        """An entry of `req`, `resp`, `note` or `reqenv`, whatever the case of its name."""

    def in_network(self, network: Any) -> bool:
        """Whether the client's address is in a util.network.Network: `-R`."""

    def url_is_served(self, url: str, source: str, module: str) -> bool:
        """What a subrequest says: `-U`. `source` and `module` are for the log."""

    def file_is_served(self, path: str, source: str, module: str) -> bool:
        """What a subrequest says: `-F`."""

    def vary(self, names: Sequence[str]) -> None:
        """The answer depends on these fields of the request."""

    def bad_escape(self, kind: str, text: str, source: str) -> None:
        """`unescape(text)` is empty since the text is `Bad` or `Forbidden`: for the log."""

    tells: bool
    """Whether the log wants to hear of every evaluation: then `gave` is called."""

    def gave(self, value: bool | str, source: str, module: str) -> None:
        """What the expression from `source` is worth: for the log."""

    def failed(self, message: str, source: str, module: str) -> None:
        """The expression from `source` has no value: for the log."""


class Captures:
    """What the last regular expression with groups has matched: `$0` to `$9`. It may outlive one evaluation."""

    __slots__ = ("groups",)

    def __init__(self) -> None:
        self.groups: tuple[str, ...] = ()

    def group(self, number: int) -> str:
        return self.groups[number] if number < len(self.groups) else ""


class Origin(NamedTuple):
    """Where an expression stands (`file:line`) and whose it is (`headers`), for the log."""

    source: str = "-"
    module: str = "core"


class _Frame:
    """One evaluation."""

    __slots__ = ("captures", "origin", "variables", "varies")

    def __init__(self, variables: Variables, captures: Captures, origin: Origin) -> None:
        self.variables = variables
        self.captures = captures
        self.origin = origin
        self.varies: list[str] = []


_Test = Callable[[_Frame], bool]
_Value = Callable[[_Frame], str]


class Condition:
    """`expr=...`, `<If ...>`. Immutable, and pickles."""

    __slots__ = ("_run", "origin", "root", "varying")

    def __init__(self, root: Node, origin: Origin, varying: bool) -> None:
        self.root = root
        self.origin = origin
        self.varying = varying
        self._run: _Test | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Condition, (self.root, self.origin, self.varying)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.root == self.root

    def __hash__(self) -> int:
        return hash(self.root)

    def holds(self, variables: Variables, captures: Captures | None = None) -> bool:
        """False also where it cannot be evaluated. Raises MatchLimitError."""
        try:
            return self.evaluate(variables, captures)
        except EvaluationError:
            return False

    def evaluate(self, variables: Variables, captures: Captures | None = None) -> bool:
        """Raises EvaluationError, which the log tells of already, and MatchLimitError."""
        run = self._run
        if run is None:
            run = self._run = _condition(self.root, 1)
        frame = _Frame(variables, captures or Captures(), self.origin)
        try:
            result = run(frame)
        except EvaluationError as error:
            variables.failed(str(error), *self.origin)
            raise
        if variables.tells:
            variables.gave(result, *self.origin)
        if frame.varies and self.varying:
            variables.vary(frame.varies)
        return result


class Text:
    """`"%{REQUEST_URI}-$1"`. Immutable, and pickles. The value is wire text."""

    __slots__ = ("_run", "origin", "root")

    def __init__(self, root: Word, origin: Origin) -> None:
        self.root = root
        self.origin = origin
        self._run: _Value | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Text, (self.root, self.origin)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and other.root == self.root

    def __hash__(self) -> int:
        return hash(self.root)

    @property
    def constant(self) -> str | None:
        """The value, if it is always the same."""
        return self.root.text if isinstance(self.root, Constant) else None

    def value(self, variables: Variables, captures: Captures | None = None) -> str:
        """Empty also where it cannot be evaluated. Raises MatchLimitError."""
        try:
            return self.evaluate(variables, captures)
        except EvaluationError:
            return ""

    def evaluate(self, variables: Variables, captures: Captures | None = None) -> str:
        """Raises EvaluationError, which the log tells of already, and MatchLimitError."""
        run = self._run
        if run is None:
            run = self._run = _word(self.root, 1)
        try:
            result = run(_Frame(variables, captures or Captures(), self.origin))
        except EvaluationError as error:
            variables.failed(str(error), *self.origin)
            raise
        if variables.tells and not isinstance(self.root, Constant):
            variables.gave(result, *self.origin)
        return result


def parse_condition(
    text: str,
    *,
    writer: Writer = Writer.ADMINISTRATOR,
    varying: bool = True,
    source: str = "-",
    module: str = "core",
) -> Condition:
    """An expression that is true or false. Raises ExpressionError.

    `varying`: whether asking for a field of the request puts its name into the answer's Vary. `source` (`file:line`)
    and `module` (`headers`) are what the error log says of it.
    """
    return Condition(parse(text, writer, whole_is_text=False), Origin(source, module), varying)


def parse_text(text: str, *, writer: Writer = Writer.ADMINISTRATOR, source: str = "-", module: str = "core") -> Text:
    """A text with variables and functions in it. Raises ExpressionError."""
    return Text(parse(text, writer, whole_is_text=True), Origin(source, module))


# --- words


def _too_deep(frame: _Frame) -> Any:
    raise EvaluationError("Recursion limit reached")


def _word(node: Word, depth: int) -> _Value:
    if depth > _MOST_NESTED:
        return _too_deep
    if isinstance(node, Constant | Digits):
        text = node.text
        return lambda frame: text
    if isinstance(node, Variable):
        return _variable(node.name)
    if isinstance(node, Backreference):
        number = node.number
        return lambda frame: frame.captures.group(number)
    if isinstance(node, Concat):
        parts = [_word(part, depth + 1) for part in node.parts]
        return lambda frame: "".join([part(frame) for part in parts])
    if isinstance(node, Join):
        words, separator = _list(node.words, depth), _word(node.separator, depth + 1)
        return lambda frame: separator(frame).join(words(frame))
    if isinstance(node, Substituted):
        return _substituted(node, depth)
    return _call(node, depth)


def _substituted(node: Substituted, depth: int) -> _Value:
    word, regex, replacement, count = _word(node.word, depth + 1), node.regex, node.replacement, node.count
    return lambda frame: regex.sub(lambda match: substitute(replacement, match), word(frame), count)


def _list(node: tuple[Word, ...] | Split, depth: int) -> Callable[[_Frame], Iterable[str]]:
    if isinstance(node, Split):
        word, regex = _word(node.word, depth + 1), node.regex
        # no text of an expression holds a NUL
        return lambda frame: regex.sub(lambda match: "\0", word(frame)).split("\0")
    words = [_word(word, depth + 1) for word in node]
    return lambda frame: (word(frame) for word in words)


def _variable(name: str) -> _Value:
    field = HEADER_VARIABLES.get(name)
    if field is not None:
        return lambda frame: _request_field(frame, field)
    return lambda frame: frame.variables.variable(name) or ""


def _request_field(frame: _Frame, name: str) -> str:
    if name.lower() != "host":  # RFC 9110, section 12.5.5: it is part of the URL anyway
        frame.varies.append(name)
    return frame.variables.field("req", name) or ""


def _call(node: Call, depth: int) -> _Value:
    argument = _word(node.argument, depth + 1)
    pure = _PURE.get(node.name)
    if pure is not None:
        return lambda frame: pure(argument(frame))
    asking = _ASKING[node.name]
    return lambda frame: asking(frame, argument(frame))


def _unescape(frame: _Frame, text: str) -> str:
    try:
        return functions.unescape(text)
    except functions.BadEscape as error:
        frame.variables.bad_escape(str(error), text, frame.origin.source)
        return ""


def _any_variable(frame: _Frame, name: str) -> str:
    for table in ("note", "reqenv"):
        value = frame.variables.field(table, name)
        if value is not None:
            return value
    return functions.os_variable(name) or ""


def _field_of(table: str) -> Callable[[_Frame, str], str]:
    return lambda frame, name: frame.variables.field(table, name) or ""


_PURE: dict[str, Callable[[str], str]] = {
    "tolower": functions.to_lower, "toupper": functions.to_upper, "escape": functions.escape,
    "base64": functions.to_base64, "unbase64": functions.from_base64, "md5": functions.md5, "sha1": functions.sha1,
    "ldap": functions.ldap, "file": functions.read_file, "filesize": functions.file_size,
    "osenv": lambda name: functions.os_variable(name) or "",
}  # fmt: skip
_ASKING: dict[str, Callable[[_Frame, str], str]] = {
    "req": _request_field, "http": _request_field, "req_novary": _field_of("req"), "resp": _field_of("resp"),
    "note": _field_of("note"), "reqenv": _field_of("reqenv"), "env": _any_variable, "unescape": _unescape,
}  # fmt: skip


# --- conditions


def _condition(node: Node, depth: int) -> _Test:
    if depth > _MOST_NESTED:
        return _too_deep
    if isinstance(node, Truth):
        value = node.value
        return lambda frame: value
    if isinstance(node, Not):
        inner = _condition(node.inner, depth)
        return lambda frame: not inner(frame)
    if isinstance(node, Or | And):
        return _chain(node, depth)
    if isinstance(node, Unary):
        return _unary(node, depth)
    if isinstance(node, Binary):
        return _binary(node, depth)
    return _comparison(node, depth)


def _chain(node: Or | And, depth: int) -> _Test:
    """The last member is no deeper than the chain, as in Apache, whose loop goes on with it."""
    terms = [_condition(term, depth + 1) for term in node.terms[:-1]]
    terms.append(_condition(node.terms[-1], depth))
    if isinstance(node, Or):
        return lambda frame: any(term(frame) for term in terms)
    return lambda frame: all(term(frame) for term in terms)


def _unary(node: Unary, depth: int) -> _Test:
    argument = _word(node.argument, depth + 1)
    if node.name == "R":
        network = node.network

        def is_client(frame: _Frame) -> bool:
            argument(frame)
            return frame.variables.in_network(network)

        return is_client
    if node.name in "UA":
        return lambda frame: frame.variables.url_is_served(argument(frame), *frame.origin)
    if node.name == "F":
        return lambda frame: frame.variables.file_is_served(argument(frame), *frame.origin)
    test = _UNARY[node.name]
    return lambda frame: test(argument(frame))


_UNARY: dict[str, Callable[[str], bool]] = {
    "n": lambda text: text != "", "z": lambda text: text == "", "T": functions.is_true, "d": functions.is_directory,
    "e": functions.exists, "f": functions.is_file, "s": functions.is_filled_file, "L": functions.is_link,
    "h": functions.is_link, "x": functions.is_executable,
}  # fmt: skip


def _binary(node: Binary, depth: int) -> _Test:
    left, right = _word(node.left, depth + 1), _word(node.right, depth + 1)
    network = node.network
    if network is not None:
        return lambda frame: functions.in_network(left(frame), network)
    test = _BINARY[node.name]
    return lambda frame: test(left(frame), right(frame))


_BINARY: dict[str, Callable[[str, str], bool]] = {
    "fnmatch": functions.fnmatch, "strmatch": functions.strmatch, "strcmatch": functions.strcmatch,
}  # fmt: skip


def _comparison(node: Compare | In | Matches, depth: int) -> _Test:
    left = _word(node.left, depth + 1)
    if isinstance(node, In):
        words = _list(node.words, depth)

        def is_in(frame: _Frame) -> bool:
            needle = left(frame)
            return any(word == needle for word in words(frame))

        return is_in
    if isinstance(node, Matches):
        return _matches(left, node)
    right = _word(node.right, depth + 1)
    test = _TESTS[node.operator]
    if node.operator.isalpha():
        return lambda frame: test(functions.integer(left(frame)), functions.integer(right(frame)))
    return lambda frame: test(left(frame), right(frame))


def _matches(left: _Value, node: Matches) -> _Test:
    """`$0` to `$9` are kept by patterns without groups, and emptied by one with groups that does not match."""
    search, wanted, capturing = node.regex.search, not node.negated, node.regex.groups > 0

    def matches(frame: _Frame) -> bool:
        found = search(left(frame))
        if capturing:
            frame.captures.groups = () if found is None else (found[0], *(group or "" for group in found.groups()))[:10]
        return (found is not None) is wanted

    return matches


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
}  # fmt: skip
_TESTS |= {sign: _TESTS[name] for sign, name in zip(("==", "!=", "<", "<=", ">", ">="), tuple(_TESTS), strict=True)}
