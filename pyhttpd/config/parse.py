"""One file's text to nodes: the grammar cuts lines and nests sections, and the tags are checked by name.

LALR cannot say that `</X>` must close `<X>`. So the tags are matched between the lexer and the parser, where a
closing tag that is wrong is dropped and one that is missing is added; the parser always sees a balanced stream, and
every mistake of a file is found in one go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from lark import Lark, Token, Transformer
from lark.lark import PostLex

from pyhttpd.config.nodes import DirectiveNode, Location, Node, SectionNode
from pyhttpd.config.source import Source
from pyhttpd.config.words import BLANKS, split_line

MAX_DEPTH = 100
"""Sections inside sections. Apache has no limit; nobody comes near this one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A tag that does not fit. `seen` is the line where it shows, `location` the one that Apache names.

    Either `message` says what is wrong; or the tag `saw` stands where `expected` should be closed; or the file ends
    while the sections `unclosed` are open: name and line, outermost first.
    """

    seen: int
    location: Location
    message: str = ""
    hint: str | None = None
    expected: str | None = None  # "" where a blank follows the bracket: `< Directory /x>`
    saw: str = ""
    unclosed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file: its tree, and what is wrong with its tags in the order in which it shows."""

    source: Source
    nodes: tuple[Node, ...]
    problems: tuple[Problem, ...]


def parse(source: Source) -> Parsed:
    """Text to nodes. Never raises: what is wrong is a Problem."""
    parser, tags, nodes = _parser()
    tags.begin(source)
    nodes.begin_file(source)
    return Parsed(source, parser.parse(source.text), tuple(tags.problems))


@cache
def _parser() -> tuple[Any, _Tags, _Nodes]:
    """Making the tables takes 20 ms, so it is done once."""
    tags, nodes = _Tags(), _Nodes()
    grammar = files("pyhttpd.config").joinpath("httpd_conf.lark").read_text("utf-8")
    parser = Lark(grammar, parser="lalr", lexer="basic", start="file", postlex=tags, transformer=nodes)
    return parser, tags, nodes


def tag_name(line: str) -> str:
    """`<Directory /x>` -> `Directory`, `</Directory>` -> `Directory>`"""
    name = split_line(line.strip(BLANKS))[0]
    return name[2:] if name[1:2] == "/" else name[1:].removesuffix(">")


class _Tags(PostLex):
    """Between lexer and parser: matches tags by name."""

    always_accept = ()

    def begin(self, source: Source) -> None:
        self._source = source
        self._open: list[tuple[str, Location]] = []
        self._too_deep = 0
        self.problems: list[Problem] = []

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        last = 0
        for token in stream:
            last = (token.line or 1) - 1
            if token.type == "OPEN":
                if self._opens(token):
                    yield token
            elif token.type == "CLOSE":
                yield from self._closes(token)
            elif self._too_deep == 0:
                yield token
        yield from self._end(last)

    def _place(self, token: Token) -> Location:
        return Location(self._source.file, self._source.last_line((token.line or 1) - 1), _column(token))

    def _opens(self, token: Token) -> bool:
        if self._too_deep or len(self._open) >= MAX_DEPTH:
            if self._too_deep == 0:
                place = self._place(token)
                self.problems.append(
                    Problem(place.line, place, f"Sections are nested more than {MAX_DEPTH} deep")
                )
            self._too_deep += 1
            return False
        self._open.append((tag_name(token), self._place(token)))
        return True

    def _closes(self, token: Token) -> Iterator[Token]:
        if self._too_deep:
            self._too_deep -= 1
            return
        place = self._place(token)
        name = tag_name(token)
        if not self._open:
            self._problem(place, f"</{name} without matching <{name} section")
            return
        if not name.endswith(">"):
            self._problem(place, f"</{name}> directive missing closing '>'")
        name = name.removesuffix(">")
        expected, opened = self._open[-1]
        if name.lower() != expected.lower():
            hint = f"<{expected}> was opened on line {opened.line}"
            self.problems.append(Problem(place.line, place, hint=hint, expected=expected, saw=name))
            if expected and all(name.lower() != other.lower() for other, _ in self._open):
                return  # closes nothing that is open
            if not expected:
                self._open.pop()  # what was meant is clear
                yield token
                return
            while self._open[-1][0].lower() != name.lower():
                self._open.pop()
                yield Token.new_borrow_pos("CLOSE", token, token)
        self._open.pop()
        yield token

    def _problem(self, place: Location, message: str) -> None:
        self.problems.append(Problem(place.line, place, message))

    def _end(self, last: int) -> Iterator[Token]:
        """What is open at the end: one problem for them all, at the outermost one's line."""
        if not self._open:
            return
        end = self._source.last_line(len(self._source.lines) - 1)
        unclosed = tuple((name, place.line) for name, place in self._open)
        self.problems.append(Problem(end + 1, self._open[0][1], unclosed=unclosed))
        for _ in self._open:
            yield Token("CLOSE", "", line=last + 1, column=1)


class _Nodes(Transformer[Token, Any]):
    """From tokens to nodes, while the parser reduces. A body is a list that grows."""

    def __init__(self) -> None:
        super().__init__(visit_tokens=False)

    def begin_file(self, source: Source) -> None:
        self._file = source.file
        self._line = source.last_line

    def file(self, items: list[list[Node]]) -> tuple[Node, ...]:
        return tuple(items[0])

    def begin(self, _: list[Any]) -> list[Node]:
        return []

    def directive(self, items: list[Any]) -> list[Node]:
        body, token = items
        line = token.strip(BLANKS)
        name, raw = split_line(line)
        body.append(DirectiveNode(name, raw, Location(self._file, self._line(token.line - 1), _column(token))))
        return cast(list[Node], body)

    def nested(self, items: list[Any]) -> list[Node]:
        body, section = items
        body.append(section)
        return cast(list[Node], body)

    def section(self, items: list[Any]) -> SectionNode:
        opening, body, closing = items
        word, rest = split_line(opening.strip(BLANKS))
        name = word[1:]
        if name.endswith(">"):
            name = name[:-1]
            rest = rest or ">"
        elif not rest:
            rest = ">"  # Apache's parser takes `<X` for `<X>`
        at = len(rest) - 1 if rest.endswith(">") else rest.rfind(">")
        raw, tail = (rest[:at], rest[at:]) if at >= 0 else (rest, "")
        location = Location(self._file, self._line(opening.line - 1), _column(opening))
        return SectionNode(name, raw, location, tuple(body), tail, self._line(closing.line - 1))


def _column(token: Token) -> int:
    """Where the first word stands: a token has the blanks before it."""
    return len(token) - len(token.lstrip(BLANKS)) + 1
