"""The tree of an expression: frozen values that pickle. What each means is said once, in evaluate.py.

All texts are wire text: latin-1, one character for one byte, so that comparisons are those of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyhttpd.util.network import Network
from pyhttpd.util.regex import Regex


@dataclass(frozen=True, slots=True)
class Constant:
    """A text between quotes, or a piece of one."""

    text: str


@dataclass(frozen=True, slots=True)
class Digits:
    """A bare number. It is a word like others; only what wants a constant text does not take it."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`%{NAME}`, in capitals."""

    name: str


@dataclass(frozen=True, slots=True)
class Backreference:
    """`$0` to `$9`."""

    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """`name(word)` or `%{name:text}`."""

    name: str
    argument: Word


@dataclass(frozen=True, slots=True)
class Concat:
    """`left . right`, or the pieces of a text."""

    parts: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """`split(/regex/, word)`: the texts between what the pattern finds."""

    regex: Regex
    word: Word


@dataclass(frozen=True, slots=True)
class Join:
    """`join(list, separator)`."""

    words: tuple[Word, ...] | Split
    separator: Word


@dataclass(frozen=True, slots=True)
class Substituted:
    """`sub(s/regex/replacement/g, word)`: the first match replaced, or all of them (`count` 0)."""

    regex: Regex
    replacement: str
    count: int
    word: Word


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    inner: Node


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator` is `eq`, `ne`, `lt`, ... for integers, `==`, `!=`, `<`, ... for texts."""

    operator: str
    left: Word
    right: Word


@dataclass(frozen=True, slots=True)
class In:
    """`left in { ... }`."""

    left: Word
    words: tuple[Word, ...] | Split


@dataclass(frozen=True, slots=True)
class Matches:
    """`left =~ regex`, or `!~`."""

    left: Word
    regex: Regex
    negated: bool


@dataclass(frozen=True, slots=True)
class Unary:
    """`-f word`. `network` is what `-R` compares with."""

    name: str
    argument: Word
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """`left -fnmatch right`. `network` is what `-ipmatch` compares with."""

    name: str
    left: Word
    right: Word
    network: Network | None = None


Word = Constant | Digits | Variable | Backreference | Call | Concat | Join | Substituted
Node = Truth | Not | Or | And | Compare | In | Matches | Unary | Binary
