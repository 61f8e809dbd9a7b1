"""Collects what is wrong while a configuration is read, and adds to each message its line, caret and Include chain."""

from __future__ import annotations

from pyhttpd.config import words
from pyhttpd.config.diagnostics import COMMAND_LINE, SYNTAX, TOO_MANY, Diagnostic, Excerpt, Severity
from pyhttpd.config.nodes import DirectiveNode, Location, SectionNode
from pyhttpd.config.source import Source
from pyhttpd.config.words import BLANKS, split_line

MOST = 200
"""Messages of one reading. Nobody reads more; a file that is no configuration has one a line."""

Chain = tuple[Location, ...]


class Report:
    """The diagnostics of one reading."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._chains: dict[str, Chain] = {}
        self._uses: dict[str, Chain] = {}  # of the text of a macro
        self._reading: list[Diagnostic] = []
        self._building: list[Diagnostic] = []
        self._untold: list[Severity] = []
        self._seen: set[tuple[str | None, str, Location | None]] = set()

    def opened(self, source: Source, chain: Chain, uses: Chain = ()) -> None:
        """A file is being read, or the text of a macro that `uses` led to; its lines can be shown."""
        if uses:
            self._uses[source.file] = uses
        if source.file == COMMAND_LINE and source.file in self._sources:
            del self._sources[source.file]  # -C and -c: which of them a line belongs to cannot be told
        else:
            self._sources[source.file] = source
        self._chains.setdefault(source.file, chain)

    def uses(self, file: str) -> Chain:
        """The uses of macros, outermost first, that a text comes from; none for a file."""
        return self._uses.get(file, ())

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found while reading, in the order of the text, and then what the lines themselves have wrong."""
        found = [*self._reading, *self._building]
        if self._untold:
            worst = Severity.ERROR if Severity.ERROR in self._untold else Severity.WARNING
            text = f"{len(self._untold)} more messages are not shown"
            found.append(Diagnostic(worst, TOO_MANY, text, hint="Is this a configuration file?"))
        return tuple(found)

    def text_error(
        self,
        chain: Chain,
        location: Location | None,
        message: str,
        *,
        hint: str | None = None,
        number: str | None = None,
        severity: Severity = Severity.ERROR,
        excerpt: Excerpt | None = None,
        module: str = "core",
    ) -> None:
        """Something that shows while the text is read."""
        if self._is_new(number, message, location, severity):
            uses = self._uses.get(location.file, ()) if location is not None else ()
            self._reading.append(
                Diagnostic(severity, number, message, location, chain, hint, module, excerpt, uses=uses)
            )

    def line_error(
        self,
        location: Location,
        message: str,
        *,
        number: str = SYNTAX,
        hint: str | None = None,
        excerpt: Excerpt | None = None,
        severity: Severity = Severity.ERROR,
        module: str = "core",
        reason: str | None = None,
        level: str | None = None,
    ) -> None:
        """Something that is wrong with a directive."""
        if self._is_new(number, message, location, severity):
            chain = self._chains.get(location.file, ())
            uses = self._uses.get(location.file, ())
            self._building.append(
                Diagnostic(
                    severity, number, message, location, chain, hint, module, excerpt, uses=uses, reason=reason,
                    level=level,
                )
            )  # fmt: skip

    def _is_new(self, number: str | None, message: str, location: Location | None, severity: Severity) -> bool:
        """A file that is included twice has each of its mistakes once; and there are only so many."""
        key = (number, message, location)
        if location is not None and key in self._seen:
            return False
        if len(self._seen) >= MOST:
            self._untold.append(severity)
            return False
        self._seen.add(key)
        return True

    def excerpt_of_word(
        self, node: DirectiveNode | SectionNode, wrong: str | None, part: str | None = None
    ) -> Excerpt | None:
        """The same for a word that is told by its text. One that is none of the words is part of the line."""
        if wrong is None:
            return self.excerpt(node)
        given = words.split(node.raw).words
        if wrong in given:
            return self.excerpt(node, given.index(wrong), part)
        return self.excerpt(node, None, part or wrong)

    def excerpt(
        self, node: DirectiveNode | SectionNode, word: int | None = None, part: str | None = None
    ) -> Excerpt | None:
        """The line of a node, with a caret below its name, or below one word of its arguments, or a part of that."""
        found = self._line(node.location)
        if found is None:
            return None
        source, index = found
        line = source.lines[index]
        start = node.location.column - 1
        name, rest = split_line(line[start:].rstrip(BLANKS))
        end_of_line = len(line.rstrip(BLANKS))
        if isinstance(node, SectionNode) and node.raw and rest.startswith(node.raw):
            end_of_line += len(node.raw) - len(rest)  # without the bracket
            rest = node.raw
        width = len(name)
        if (word is not None or part) and rest:
            starts = words.starts(rest)
            # where a variable has changed the words, all the arguments are underlined
            at, end = 0, len(rest)
            if word is not None and word < len(starts) and (node.raw == rest or isinstance(node, SectionNode)):
                at = starts[word]
                end = starts[word + 1] if word + 1 < len(starts) else len(rest)
            if part and (found_at := rest.find(part, at, end)) >= 0:
                at, end = found_at, found_at + len(part)
            start = end_of_line - len(rest) + at
            width = len(rest[at:end].rstrip(BLANKS))
        return self._show(source, index, start, width)

    def excerpt_at(self, location: Location) -> Excerpt | None:
        """The line at a place, with a caret below its first word."""
        found = self._line(location)
        if found is None:
            return None
        source, index = found
        start = location.column - 1
        return self._show(source, index, start, len(split_line(source.lines[index][start:])[0]))

    def excerpt_of(self, location: Location, text: str) -> Excerpt | None:
        """The line at a place, with a caret below a part of it."""
        found = self._line(location)
        if found is None:
            return None
        source, index = found
        return self._show(source, index, max(0, source.lines[index].find(text)), len(text))

    def _line(self, location: Location) -> tuple[Source, int] | None:
        source = self._sources.get(location.file)
        index = source.logical(location.line) if source is not None else None
        return None if source is None or index is None else (source, index)

    def _show(self, source: Source, index: int, start: int, width: int) -> Excerpt:
        place = source.place(index, start)
        if source.origins is not None:
            file, line, column = source.origins[index]
            indent = " " * (column - 1)  # as it stands in the file
            return Excerpt(line, column + place.column - 1, indent + place.text, max(1, width), file)
        return Excerpt(place.line, place.column, place.text, max(1, min(width, len(place.text) - place.column + 1)))
