"""Text to tree: what acts while the text is read acts here, in the order of the lines.

Sections are opened and closed; Define, ${VAR}, Include, conditions, LoadModule and macros are worked off; the result is
one tree without them. As in Apache a file, and what stands inside a condition, must close what it opens, but a macro
need not: its lines are read as if they stood where it is used. The work is a stack, not a recursion: files may include
each other 128 deep, each inside sections.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pyhttpd.config import arguments, words
from pyhttpd.config.arguments import ArgumentError
from pyhttpd.config.catalog import Catalog
from pyhttpd.config.conditions import ConditionError, negated_word, version_matches
from pyhttpd.config.configuration import IncludedFile
from pyhttpd.config.diagnostics import COMMAND_LINE, NO_EFFECT, NOT_TEXT, SYNTAX, Excerpt, Severity
from pyhttpd.config.directive import Allowed, Context, Directive
from pyhttpd.config.include import MAX_INCLUDE_DEPTH, IncludeError, matching_files
from pyhttpd.config.loading import LoadError, Modules
from pyhttpd.config.macros import BAD_NESTING, EMPTY_ARGUMENTS, Body, Macro, MacroError, Macros, TooManyLinesError
from pyhttpd.config.nodes import DirectiveNode, Location, Node, SectionNode, place_of
from pyhttpd.config.registry import Entry
from pyhttpd.config.report import Chain, Report
from pyhttpd.config.source import Source, open_source
from pyhttpd.config.suggest import closest
from pyhttpd.config.variables import Variables
from pyhttpd.config.words import BLANKS
from pyhttpd.util.directory import is_directory

PATH_MAX = 4096
"""Bytes of a file's name, for the system as for Apache."""

MAX_DEPTH = 100
"""Sections inside sections. Apache has no limit; nobody comes near this one."""


@dataclass(slots=True)
class _Stream:
    """Lines that are being read: those of a file, or of a macro that it uses. `at` is the next one."""

    source: Source
    at: int = 0


@dataclass(slots=True)
class _Open:
    """A section, or a condition that holds, whose closing tag is waited for."""

    written: str  # Directory, as it stands there
    node: SectionNode  # with the name that its row has
    condition: bool
    outer: list[Node]  # where lines go when it is closed
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.node.name


@dataclass(slots=True)
class _File:
    """A file that is being read. Its lines go to `target`; `depth` counts the sections around its Include line."""

    streams: list[_Stream]
    chain: Chain
    target: list[Node]
    depth: int
    open: list[_Open] = field(default_factory=list)


class _Pending(NamedTuple):
    """The files of an Include line that have not been read yet."""

    paths: Iterator[str]
    chain: Chain
    target: list[Node]
    depth: int
    node: DirectiveNode | None
    file: _File | None


Action = Callable[[DirectiveNode, Entry, _File], None]


class Files:
    """Configuration files, each read once, however often it is included."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def load(self, path: str) -> Source:
        """Raises OSError or, for a name that no file can have, ValueError."""
        source = self._sources.get(path)
        if source is None:
            source = self._sources[path] = open_source(path)
        return source


class Expansion:
    """Reads the files of one configuration. `nodes`, `modules`, `variables`, `macros` and what else is public result;
    `asked_for_mpm` tells that a condition would have held if the MPM that runs by default had been there."""

    def __init__(
        self,
        catalog: Catalog,
        files: Files,
        report: Report,
        *,
        server_root: str,
        defines: Sequence[str],
        with_mpm: bool,
    ) -> None:
        self.server_root = server_root
        self.runtime_dir: str | None = None
        self.main_path = ""
        self.variables = Variables(defines)
        self.included: list[IncludedFile] = []
        self.nodes: list[Node] = []
        self.modules = Modules(catalog)
        self.modules.compiled_in(with_mpm=with_mpm)
        self.stopped = False
        self.asked_for_mpm = False
        self.allowed: Allowed | None = None  # in an .htaccess file
        self.looked_at_files = False  # by a condition
        self._files = files
        self._report = report
        self.macros = Macros()
        self._reading: list[_File | _Pending] = []
        self._actions: dict[str, Action] = {
            "define": self._define,
            "undefine": self._undefine,
            "include": self._include,
            "includeoptional": self._include,
            "loadmodule": self._load_module,
            "loadfile": self._load_file,
            "serverroot": self._server_root,
            "defaultruntimedir": self._runtime_dir,
            "use": self._use,
            "undefmacro": self._undef_macro,
            "macroignoreemptyargs": lambda *_: self.macros.ignored.add(EMPTY_ARGUMENTS),
            "macroignorebadnesting": lambda *_: self.macros.ignored.add(BAD_NESTING),
        }
        self._tests: dict[str, Callable[[str], bool]] = {
            "<ifmodule": self._has_module,
            "<ifdefine": self.variables.is_defined,
            "<iffile": self._is_file,
            "<ifdirective": self._has_directive,
            "<ifsection": lambda word: self._has_directive(f"<{word}"),
        }

    # --- what is read ------------------------------------------------------------------------------------------------

    def read_lines(self, lines: Sequence[str]) -> None:
        """The lines of -C or -c."""
        text = "\n".join(line.replace("\n", " ").replace("\0", " ") for line in lines)
        source = Source(COMMAND_LINE, text)
        self._report.opened(source, ())
        self._run(_File([_Stream(source)], (), self.nodes, 0))

    def read_source(self, source: Source) -> None:
        """A text that has been read already."""
        self._report.opened(source, ())
        self._run(_File([_Stream(source)], (), self.nodes, 0))

    def read_file(self, path: str) -> None:
        """The main file; a relative name is looked up under the ServerRoot that -C may have set."""
        path = self.main_path = os.path.join(self.server_root, path)
        self._run(_Pending(iter((path,)), (), self.nodes, 0, None, None))

    def _run(self, first: _File | _Pending) -> None:
        reading = self._reading
        reading.append(first)
        while reading and not self.stopped:
            top = reading[-1]
            if isinstance(top, _File):
                self._read(top)
            else:
                self._next_file(top)

    def _next_file(self, pending: _Pending) -> None:
        try:
            path = next(pending.paths, None)
        except IncludeError as error:
            assert pending.node is not None
            self._reading.pop()
            self._error(pending.node, pending.file, str(error), word=0)
            return
        if path is None:
            self._reading.pop()
            return
        chain = pending.chain
        location = chain[-1] if chain else None
        try:
            source = self._files.load(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._report.text_error(
                chain[:-1], location, f"Could not open configuration file {path}: {reason}",
                excerpt=self._report.excerpt(pending.node, 0) if pending.node is not None else None,
            )  # fmt: skip
            return
        self._report.opened(source, chain)
        self.included.append(IncludedFile(len(chain), location.line if location is not None else 0, path))
        if "\0" in source.text:
            place = Location(path, source.text[: source.text.index("\0")].count("\n") + 1)
            self._report.text_error(chain, place, "There is a NUL byte here: this is not a text file", number=NOT_TEXT)
            return
        self._reading.append(_File([_Stream(source)], chain, pending.target, pending.depth))

    def _read(self, file: _File) -> None:
        """Work off lines, until the file ends or another one is to be read first."""
        find = self.modules.registry.find
        while file.streams:
            stream = file.streams[-1]
            source, at, target = stream.source, stream.at, file.target
            lines = source.lines
            count = len(lines)
            while at < count:
                line = text = lines[at].strip(BLANKS)
                at += 1
                if not line or line[0] == "#":
                    continue
                if "${" in line:
                    line = self._resolve(line, source, at - 1, file)
                name, _, raw = line.partition(" ")
                if not name.isalnum():
                    name, raw = words.split_line(line)
                    if name[:1] == "<":
                        stream.at = at
                        self._tag(name, raw, text, source, at - 1, file)
                        if file.streams[-1] is not stream:
                            break
                        at, target = stream.at, file.target
                        continue
                    name = name.removesuffix(">")  # so does Apache
                    if not name:
                        self._nameless(source, at - 1, file)
                        continue
                elif raw[:1] in BLANKS:
                    raw = raw.lstrip(BLANKS)
                entries = find(name)
                if not entries:
                    target.append(DirectiveNode(name, raw, source, at - 1))
                    continue
                row = entries[0].row
                node = DirectiveNode(row.name, raw, source, at - 1)
                if row.on_read and (action := self._actions.get(row.name.lower())) is not None:
                    stream.at = at
                    self._act(action, node, entries[0], file)
                    if self._reading[-1] is not file or self.stopped:
                        return
                    if file.streams[-1] is not stream:
                        break
                else:
                    target.append(node)
            else:
                file.streams.pop()
        self._end(file)

    def _next_line(self, file: _File) -> tuple[str, Source, int] | None:
        """The next line, without the blanks around it, for what takes lines without reading them. None at the end."""
        while True:
            stream = file.streams[-1]
            if stream.at < len(stream.source.lines):
                stream.at += 1
                return stream.source.lines[stream.at - 1].strip(BLANKS), stream.source, stream.at - 1
            if len(file.streams) == 1:
                return None
            file.streams.pop()

    def _end(self, file: _File) -> None:
        self._reading.pop()
        if file.open:
            outermost = file.open[0].node.location
            message = "\n".join(
                f"{place.file}:{place.line}: <{each.name}> was not closed."
                for each in reversed(file.open)
                for place in (each.node.location,)
            )
            self._text_error(file, outermost, message, self._report.excerpt_at(outermost))

    # --- messages ----------------------------------------------------------------------------------------------------

    def _error(
        self,
        node: Node,
        file: _File | None,
        message: str,
        *,
        hint: str | None = None,
        word: int | None = None,
        wrong: str | None = None,
        number: str | None = None,
        severity: Severity = Severity.ERROR,
        module: str = "core",
    ) -> None:
        self._report.text_error(
            file.chain if file is not None else (), node.location, message, hint=hint, number=number,
            severity=severity, module=module,
            excerpt=self._report.excerpt_of_word(node, wrong) if wrong else self._report.excerpt(node, word),
        )  # fmt: skip

    def _text_error(
        self, file: _File, location: Location, message: str, excerpt: Excerpt | None, hint: str | None = None
    ) -> None:
        self._report.text_error(file.chain, location, message, hint=hint, excerpt=excerpt)

    def _nameless(self, source: Source, index: int, file: _File) -> None:
        location = place_of(source, index)
        self._report.text_error(
            file.chain, location, "A line whose first word is empty has no effect", number=NO_EFFECT,
            severity=Severity.WARNING, excerpt=self._report.excerpt_at(location),
        )  # fmt: skip

    def _resolve(self, line: str, source: Source, index: int, file: _File) -> str:
        def missing(name: str) -> None:
            location = place_of(source, index)
            self._report.text_error(
                file.chain, location, f"Config variable ${{{name}}} is not defined", number="AH00111",
                severity=Severity.WARNING, excerpt=self._report.excerpt_of(location, f"${{{name}}}"),
            )  # fmt: skip

        return self.variables.resolve(line, missing).strip(BLANKS)

    # --- tags --------------------------------------------------------------------------------------------------------

    def _tag(self, word: str, rest: str, text: str, source: Source, index: int, file: _File) -> None:
        """A line that begins with a tag; `word` is its first word, `text` the line before ${VAR} was resolved."""
        if word.startswith("</"):
            self._close(word, text, source, index, file)
            return
        if word.endswith(">"):
            word = word[:-1]
            rest = rest or ">"
        elif not rest:
            rest = ">"  # Apache's parser takes `<X` for `<X>`
        entries = self.modules.registry.find(word)
        row = entries[0].row if entries else None
        node = SectionNode(row.name[1:] if row is not None else word[1:], rest, source, index)
        if row is not None and row.on_read:
            self._section_on_read(node, row, word[1:], file)
        elif file.depth + len(file.open) >= MAX_DEPTH:
            self._error(node, file, f"Sections are nested more than {MAX_DEPTH} deep")
            self._skip(node, word[1:], file, told=True)
        else:
            file.open.append(_Open(word[1:], node, condition=False, outer=file.target))
            file.target.append(node)
            file.target = node.children

    def _section_on_read(self, node: SectionNode, row: Directive, written: str, file: _File) -> None:
        if self.allowed is not None and self._is_forbidden(node, row, self.allowed, file):
            return
        if node.name == "Macro":
            self._macro(node, file)
            return
        try:
            wanted = self._condition(node)
        except ConditionError as error:
            self._error(node, file, str(error), hint=error.hint, wrong=error.wrong)
            wanted = False
        if wanted and file.depth + len(file.open) >= MAX_DEPTH:
            self._error(node, file, f"Sections are nested more than {MAX_DEPTH} deep")
            self._skip(node, written, file, told=True)
        elif wanted:
            file.open.append(_Open(written, node, condition=True, outer=file.target))
        else:
            self._skip(node, written, file)

    def _close(self, word: str, text: str, source: Source, index: int, file: _File) -> None:
        inner = file.open[-1] if file.open else None
        if inner is not None and (text if inner.condition else word).lower() == f"</{inner.name}>".lower():
            file.target = file.open.pop().outer
            return
        name = word[2:].removesuffix(">")
        place = place_of(source, index)
        excerpt = self._report.excerpt_at(place)
        hint = f"<{inner.written}> was opened on line {inner.node.location.line}" if inner is not None else None
        if inner is None or inner.condition:  # Apache has forgotten a condition by then
            self._text_error(file, place, f"{word} without matching <{word[2:]} section", excerpt, hint)
        else:
            if not word.endswith(">"):
                self._text_error(file, place, f"{word}> directive missing closing '>'", excerpt)
            if name.lower() == inner.name.lower():
                file.target = file.open.pop().outer
                return
            self._text_error(file, place, f"Expected </{inner.name}> but saw </{name}>", excerpt, hint)
        # `< Directory`: what was meant is clear
        meant = name.lower() if inner is None or inner.name else ""
        if inner is not None and all(each.name.lower() != meant for each in file.open) and closest(name, [inner.name]):
            meant = inner.name.lower()  # `</IfModul>`
        if any(each.name.lower() == meant for each in file.open):
            while (closed := file.open.pop()).name.lower() != meant:
                pass
            file.target = closed.outer

    # --- conditions --------------------------------------------------------------------------------------------------

    def _condition(self, node: SectionNode) -> bool:
        key = f"<{node.name.lower()}"
        if key == "<ifversion":
            return version_matches(node.raw + node.tail)
        if words.split(node.raw).unclosed is not None and node.tail:
            raise ConditionError(f"<{node.name}>: a quote is not closed")
        negated, word = negated_word(node.name, node.raw, node.tail)
        return self._tests[key](word) is not negated

    def _has_module(self, word: str) -> bool:
        if self.modules.registry.has_module(word):
            return True
        mpm = self.modules.default_mpm
        self.asked_for_mpm |= word in (mpm.name, mpm.source)
        return False

    def _has_directive(self, word: str) -> bool:
        if self.modules.registry.find(word):
            return True
        name = word.lower()
        self.asked_for_mpm |= any(row.name.lower() == name for row in self.modules.default_mpm.directives)
        return False

    def _is_file(self, word: str) -> bool:
        self.looked_at_files = True
        return os.path.exists(os.path.join(self.server_root, word))

    def _skip(self, node: SectionNode, written: str, file: _File, *, told: bool = False) -> None:
        """A body that is not wanted is not read, but its tags must nest; Apache names the line where it begins."""
        opened = [(written, node.name, node.location.line)]
        while opened:
            following = self._next_line(file)
            if following is None:
                if not told:
                    self._error(node, file, f"Expected </{opened[-1][1]}> before end of configuration")
                return
            line, source, index = following
            if line[:1] not in {"<", '"', "'"}:
                continue
            word, rest = words.split_line(line)
            if not word.startswith("<"):
                continue
            if not word.startswith("</"):
                name = word[1:-1] if word.endswith(">") and not rest else word[1:]
                opened.append((name, name, place_of(source, index).line))
                continue
            name = word[2:].removesuffix(">")
            if name.lower() == opened[-1][1].lower() and word.endswith(">"):
                opened.pop()
                continue
            if not told:
                told = True
                self._error(
                    node, file, f"Expected </{opened[-1][1]}> but saw <{word[1:-1]}>",
                    hint=f"The tag is on line {place_of(source, index).line}; <{opened[-1][0]}> was opened on line "
                    f"{opened[-1][2]}",
                )  # fmt: skip
            if any(each.lower() == name.lower() for _, each, _ in opened):
                while opened.pop()[1].lower() != name.lower():
                    pass

    # --- macros ------------------------------------------------------------------------------------------------------

    def _warner(self, node: Node, file: _File) -> Callable[[str, str], None]:
        def warn(number: str, message: str) -> None:
            self._error(node, file, message, number=number, severity=Severity.WARNING, module="macro")

        return warn

    def _macro(self, node: SectionNode, file: _File) -> None:
        warn = self._warner(node, file)
        location = node.location
        macro: Macro | None = None
        try:
            macro = self.macros.begin(node.raw, node.tail, location.file, location.line, warn)
        except MacroError as error:
            self._error(node, file, str(error))
        body = Body(macro, warn) if macro is not None else Body(Macro("", (), ""), _say_nothing)
        while (following := self._next_line(file)) is not None:
            line, source, index = following
            here = place_of(source, index)
            origin = here if source.origins is None else Location(*source.origins[index])
            if body.take(line, here, origin, here.line - location.line):
                break
        else:
            if macro is not None:
                self.macros.broken(macro)
                self._error(node, file, f"{macro.label}\n\tcontents error: expected token not found: </Macro>")
            return
        if macro is not None:
            self.macros.end(macro, warn)

    def _use(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        location = node.location
        used = self.macros.use(node.raw, location.file, location.line, self._warner(node, file))
        if used is None:
            return
        macro, where, lines = used
        source = Source.of_macro(where, lines, macro.places)
        self._report.opened(source, file.chain, (*self._report.uses(location.file), location))
        file.streams.append(_Stream(source))

    def _undef_macro(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        (name,) = _values(node, entry)
        self.macros.undefine(name)

    # --- directives that act now -------------------------------------------------------------------------------------

    def _is_forbidden(self, node: Node, row: Directive, allowed: Allowed, file: _File) -> bool:
        """Whether a line must not act in an .htaccess file."""
        if allowed.permits(row):
            if row.contexts & Context.HTACCESS:
                return False
            self._error(node, file, f"{row.name} cannot occur within htaccess files", number=SYNTAX)
        elif allowed.passes_forbidden:
            message = f"{row.name} in .htaccess forbidden by AllowOverride"
            self._error(node, file, message, number="AH02295", severity=Severity.WARNING)
        else:
            self._error(node, file, f"{row.name} not allowed here", number=SYNTAX)
        return True

    def _act(self, action: Action, node: DirectiveNode, entry: Entry, file: _File) -> None:
        if self.allowed is not None and self._is_forbidden(node, entry.row, self.allowed, file):
            return
        try:
            action(node, entry, file)
        except ArgumentError as error:
            number = None if error.number == SYNTAX else error.number
            self._error(node, file, str(error), word=error.word, number=number, hint=error.hint)
        except MacroError as error:
            self.stopped = isinstance(error, TooManyLinesError)
            meant = closest(words.first(node.raw)[0], error.known)
            self._error(node, file, str(error), word=0, hint=f"Did you mean {meant}?" if meant else None)

    def _define(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        name, *value = _values(node, entry)
        if ":" in name:
            raise ArgumentError("Variable name must not contain ':'", 0)
        self.variables.define(name, value[0] if value else None)

    def _undefine(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        (name,) = _values(node, entry)
        if ":" in name:
            raise ArgumentError("Variable name must not contain ':'", 0)
        self.variables.undefine(name)

    def _server_root(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        (path,) = _values(node, entry)
        path = os.path.normpath(os.path.join(self.server_root, path))
        if not is_directory(path):
            raise ArgumentError("ServerRoot must be a valid directory", 0)
        self.server_root = path

    def _runtime_dir(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        (path,) = _values(node, entry)
        path = os.path.normpath(os.path.join(self.server_root, path))
        if not is_directory(path):
            raise ArgumentError("DefaultRuntimeDir must be a valid directory, absolute or relative to ServerRoot", 0)
        self.runtime_dir = path

    def _include(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        (name,) = _values(node, entry)
        chain = (*file.chain, node.location)
        if len(chain) > MAX_INCLUDE_DEPTH:
            self.stopped = True  # the files include each other; nothing that follows would be new
            raise ArgumentError(
                f"Exceeded maximum include depth of {MAX_INCLUDE_DEPTH}, There appears to be a recursion."
            )
        path = os.path.join(self.server_root, name)
        if len(os.fsencode(path)) > PATH_MAX:
            raise ArgumentError(f"Invalid Include path {name}", 0)
        paths = matching_files(path, optional=entry.row.name == "IncludeOptional")
        depth = file.depth + len(file.open)
        self._reading.append(_Pending(paths, chain, file.target, depth, node, file))

    def _load_module(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        identifier, path = _values(node, entry)
        try:
            is_new = self.modules.load(identifier, path, node.location)
        except LoadError as error:
            self._error(node, file, str(error), hint=error.hint, word=0)
            return
        if not is_new:
            self._error(
                node, file, f"module {identifier} is already loaded, skipping", number="AH01574",
                severity=Severity.WARNING, module="so",
            )  # fmt: skip

    def _load_file(self, node: DirectiveNode, entry: Entry, file: _File) -> None:
        self.modules.load_files(_values(node, entry), self.server_root)


def _values(node: DirectiveNode, entry: Entry) -> tuple[Any, ...]:
    return arguments.values(entry.row, node.raw)


def _say_nothing(_number: str, _message: str) -> None:
    """For the body of a macro whose opening tag was wrong."""
