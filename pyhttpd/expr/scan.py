"""The tokens of an expression, which depend on where they stand: outside, in a text, a variable, a pattern."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 8191
"""Bytes in one piece of a text, or in a pattern."""

_BLANK = re.compile(r"[ \t\n]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DASHED = re.compile(r"-([A-Za-z_][A-Za-z0-9_]*)")
_DIGITS = re.compile(r"-?[0-9]+")
_BACKREFERENCE = re.compile(r"\$([0-9])")
_OPERATOR = re.compile(r"=~|==?|!~|!=|!|<=?|>=?|&&|\|\||\.")
_PLAIN = re.compile(r"""[^\\\n"'%}$]+""")
_NUMBERED = re.compile(r"\\([0-9]+)")
_OCTAL = re.compile(r"[0-7]{1,3}")
_DELIMITERS = frozenset("/#$%^,;:_?|-!.'\"")
_MORE_FLAGS = re.compile(r"(?=[a-z]*[ms])(?:([ims])(?![a-z]*\1))+(?![A-Za-z0-9_])")
_EXTENSION = re.compile(r"(join|split|sub)[ \t\n]*\(")
_SUBSTITUTION = re.compile(r"[ \t\n]*s([/#$%^,;:_?|\-!.'\"])((?:(?!\1).)*)\1((?:(?!\1).)*)\1([gims]*)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}

_OPERATORS = {
    "=": "T_OP_STR_EQ", "==": "T_OP_STR_EQ", "!=": "T_OP_STR_NE", "<": "T_OP_STR_LT", "<=": "T_OP_STR_LE",
    ">": "T_OP_STR_GT", ">=": "T_OP_STR_GE", "=~": "T_OP_REG", "!~": "T_OP_NRE", "!": "T_OP_NOT",
    "&&": "T_OP_AND", "||": "T_OP_OR", ".": "T_OP_CONCAT",
}  # fmt: skip
_WORDS = {
    "and": "T_OP_AND", "or": "T_OP_OR", "not": "T_OP_NOT", "true": "T_TRUE", "false": "T_FALSE", "in": "T_OP_IN",
    "eq": "T_OP_EQ", "ne": "T_OP_NE", "lt": "T_OP_LT", "le": "T_OP_LE", "gt": "T_OP_GT", "ge": "T_OP_GE",
}  # fmt: skip
_DASHED_WORDS = {name: token for name, token in _WORDS.items() if len(name) == 2 and name != "or"}

_UNTERMINATED = "Unterminated string or variable"
END = ""


class Token(NamedTuple):
    """`value` is the text of a constant, a name, a pattern; `flags` the pattern's beside `i`, `replacement` what `sub`
    puts in its place."""

    kind: str
    value: str = ""
    flags: str = ""
    replacement: str = ""


class Scanner:
    """Gives one token after another. A T_ERROR leaves its reason in `error`; at the end there is END, again and again.

    `text` is wire text. `whole_is_text`: the expression is a text like those between quotes, not a condition.
    """

    def __init__(self, text: str, *, whole_is_text: bool) -> None:
        self.text = text
        self.at = 0
        self.error: str | None = None
        self._delimiter = ""  # of the text that is open; "" if that is the whole expression
        self._substitution = False  # the pattern and the text of `sub` come next
        self._states = ["text" if whole_is_text else "outside"]
        self._first: str | None = "T_EXPR_STRING" if whole_is_text else "T_EXPR_BOOL"

    def next(self) -> Token:
        if self._first is not None:
            kind, self._first = self._first, None
            return Token(kind)
        state = self._states[-1]
        if state == "outside":
            return self._outside()
        if state == "variable":
            return self._variable()
        return self._piece(state)

    def _fail(self, message: str) -> Token:
        self.error = message
        return Token("T_ERROR")

    # -- outside of texts

    def _outside(self) -> Token:
        if self._substitution:
            self._substitution = False
            if found := _SUBSTITUTION.match(self.text, self.at):
                self.at = found.end()
                return Token("X_SUBSTITUTION", found[2], found[4], found[3])
        blank = _BLANK.match(self.text, self.at)
        assert blank is not None  # it may be empty
        self.at = blank.end()
        char = self.text[self.at : self.at + 1]
        if char == "":
            return Token(END)
        if char in "\"'":
            self.at += 1
            self._delimiter = char
            self._states[-1] = "text"
            return Token("T_STR_BEGIN")
        if char in "(){},:":
            self.at += 1
            return Token(char)
        if self.text.startswith("%{", self.at):
            self.at += 2
            self._states.append("variable")
            return Token("T_VAR_BEGIN")
        if char == "/":
            return self._pattern("/", self.at + 1)
        if char == "$" and (found := _BACKREFERENCE.match(self.text, self.at)):
            self.at = found.end()
            return Token("T_REGEX_BACKREF", found[1])
        return self._word(char)

    def _word(self, char: str) -> Token:
        if found := _EXTENSION.match(self.text, self.at):
            self.at = found.end()
            self._substitution = found[1] == "sub"
            return Token(f"X_{found[1].upper()}")
        if found := _NAME.match(self.text, self.at):
            name, after = found[0], self.text[found.end() : found.end() + 1]
            if name == "m_" or (name == "m" and after in _DELIMITERS):
                return self._pattern(self.text[self.at + 1], self.at + 2)
            self.at = found.end()
            return Token(_WORDS[name]) if name in _WORDS else Token("T_ID", name)
        if found := _DASHED.match(self.text, self.at):
            self.at = found.end()
            if found[1] in _DASHED_WORDS:
                return Token(_DASHED_WORDS[found[1]])
            return Token("T_OP_UNARY" if len(found[1]) == 1 else "T_OP_BINARY", found[1])
        if found := _DIGITS.match(self.text, self.at):
            self.at = found.end()
            return Token("T_DIGIT", found[0])
        if found := _OPERATOR.match(self.text, self.at):
            self.at = found.end()
            return Token(_OPERATORS[found[0]])
        self.at += 1
        return self._fail(f"Parse error near '{char}'")

    def _pattern(self, delimiter: str, start: int) -> Token:
        """What follows `/` or `m#`, up to the same character again: nothing in between can hide it."""
        end = self.text.find(delimiter, start)
        if (len(self.text) if end < 0 else end) - start > LONGEST:
            return self._fail("Regexp too long")
        if end < 0:
            self.at = len(self.text)
            return Token(END)
        self.at = end + 1
        pattern = self.text[start:end]
        if found := _MORE_FLAGS.match(self.text, self.at):
            self.at = found.end()
            return Token("T_REGEX_I" if "i" in found[0] else "T_REGEX", pattern, found[0])
        if self.text[self.at : self.at + 1] == "i":
            self.at += 1
            return Token("T_REGEX_I", pattern)
        return Token("T_REGEX", pattern)

    # -- inside

    def _variable(self) -> Token:
        if found := _NAME.match(self.text, self.at):
            self.at = found.end()
            return Token("T_ID", found[0])
        char = self.text[self.at : self.at + 1]
        self.at += 1
        if char == "}":
            self._states.pop()
            return Token("T_VAR_END")
        if char == ":":
            self._states[-1] = "argument"
            return Token(char)
        if char in "\n":
            return self._fail(_UNTERMINATED)
        return self._fail(f"Invalid character in variable name '{char}'")

    def _piece(self, state: str) -> Token:
        """A constant piece of a text or of an argument, or what ends it."""
        in_text = state == "text"
        pieces: list[str] = []
        while True:
            char = self.text[self.at : self.at + 1]
            if char == "":
                if not in_text or self._delimiter:
                    return self._fail(_UNTERMINATED)
                self._states[-1] = "outside"
                return self._constant(pieces)
            if found := _PLAIN.match(self.text, self.at):
                self.at = found.end()
                pieces.append(found[0])
            elif char == "\n":
                return self._fail(_UNTERMINATED)
            elif char == "\\":
                escaped = self._escape()
                if escaped is None:
                    return Token("T_ERROR")
                pieces.append(escaped)
            elif char == "}" and not in_text:
                if pieces:
                    return self._constant(pieces)
                self.at += 1
                self._states.pop()
                return Token("T_VAR_END")
            elif char in "\"'" and not in_text:
                # Apache's scanner has no rule for it and ends the whole program
                return self._fail(f"Invalid character in argument '{char}'")
            elif in_text and char == self._delimiter:
                if pieces:
                    return self._constant(pieces)
                self.at += 1
                self._states[-1] = "outside"
                return Token("T_STR_END")
            elif self.text.startswith("%{", self.at):
                if pieces:
                    return self._constant(pieces)
                self.at += 2
                self._states.append("variable")
                return Token("T_VAR_BEGIN")
            elif found := _BACKREFERENCE.match(self.text, self.at):
                if pieces:
                    return self._constant(pieces)
                self.at = found.end()
                return Token("T_REGEX_BACKREF", found[1])
            else:
                self.at += 1
                pieces.append(char)

    def _constant(self, pieces: list[str]) -> Token:
        text = "".join(pieces)
        if len(text) > LONGEST:
            return self._fail("String too long")
        return Token("T_STRING", text.partition("\0")[0])

    def _escape(self) -> str | None:
        """What a backslash and what follows it stand for. None, with the reason in `error`, if they may not be."""
        if found := _NUMBERED.match(self.text, self.at):
            self.at = found.end()
            if not _OCTAL.fullmatch(found[1]):
                self.error = "Bad escape sequence"
                return None
            if int(found[1], 8) > 0xFF:
                self.error = "Escape sequence out of bound"
                return None
            return chr(int(found[1], 8))
        char = self.text[self.at + 1 : self.at + 2]
        if char == "":
            self.error = _UNTERMINATED
            return None
        self.at += 2
        return _ESCAPES.get(char, char)
