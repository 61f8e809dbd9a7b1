"""What acts while the text is read, in the order of the lines: Define, ${VAR}, Include, conditions, LoadModule.

The result is one tree without conditions and Includes. The work is a stack of frames, not a recursion: files may
include each other 128 deep, each inside sections.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyhttpd.config import arguments, words
from pyhttpd.config.arguments import ArgumentError
from pyhttpd.config.catalog import Catalog
from pyhttpd.config.conditions import ConditionError, negated_word, version_matches
from pyhttpd.config.configuration import IncludedFile
from pyhttpd.config.diagnostics import COMMAND_LINE, NOT_TEXT, SYNTAX, Severity
from pyhttpd.config.include import MAX_INCLUDE_DEPTH, IncludeError, matching_files
from pyhttpd.config.loading import LoadError, Modules
from pyhttpd.config.nodes import DirectiveNode, Location, Node, SectionNode
from pyhttpd.config.parse import MAX_DEPTH, Parsed, Problem, parse
from pyhttpd.config.registry import Entry
from pyhttpd.config.report import Chain, Report
from pyhttpd.config.source import Source, open_source
from pyhttpd.config.variables import Variables


class Files:
    """Configuration files, each read and parsed once, however often it is included."""

    def __init__(self) -> None:
        self._parsed: dict[str, Parsed] = {}

    def load(self, path: str) -> Parsed:
        """Raises OSError or, for a name that no file can have, ValueError."""
        parsed = self._parsed.get(path)
        if parsed is None:
            source = open_source(path)
            parsed = self._parsed[path] = Parsed(source, (), ()) if "\0" in source.text else parse(source)
        return parsed


class _Open(NamedTuple):
    """Not a node but a step: read a file."""

    path: str
    chain: Chain


class _Failed(NamedTuple):
    """The end of a list of files that broke off."""

    node: DirectiveNode
    message: str


_Step = Node | _Open | _Failed


class _OpenFile:
    """A file that is being worked through; `problems` are those of its tags that have not been told yet."""

    def __init__(self, parsed: Parsed, chain: Chain) -> None:
        self.chain = chain
        self.problems = list(reversed(parsed.problems))


@dataclass(slots=True)
class _Frame:
    """A list of nodes that is being worked through. What is kept goes to `target`."""

    steps: Iterator[_Step]
    target: list[Node]
    file: _OpenFile
    section: SectionNode | None = None  # whose children these are
    whole_file: bool = False
    depth: int = 0  # of sections


class Expansion:
    """Reads the files of one configuration. `nodes`, `modules`, `variables`, `server_root` and `included` result."""

    def __init__(
        self, catalog: Catalog, files: Files, report: Report, *, server_root: str, defines: Sequence[str],
        with_mpm: bool,
    ) -> None:
        self.server_root = server_root
        self.main_path = ""
        self.variables = Variables(defines)
        self.included: list[IncludedFile] = []
        self.nodes: list[Node] = []
        self.modules = Modules(catalog)
        self.modules.compiled_in(with_mpm=with_mpm)
        self.stopped = False
        self._files = files
        self._report = report
        self._frames: list[_Frame] = []
        self._actions: dict[str, Callable[[DirectiveNode, Entry, _Frame], None]] = {
            "define": self._define,
            "undefine": self._undefine,
            "include": self._include,
            "includeoptional": self._include,
            "loadmodule": self._load_module,
            "serverroot": self._server_root,
        }
        self._tests: dict[str, Callable[[str], bool]] = {
            "<ifmodule": lambda word: self.modules.registry.has_module(word),
            "<ifdefine": self.variables.is_defined,
            "<iffile": self._is_file,
            "<ifdirective": lambda word: bool(self.modules.registry.find(word)),
            "<ifsection": lambda word: bool(self.modules.registry.find(f"<{word}")),
        }

    # --- what is read ------------------------------------------------------------------------------------------------

    def read_lines(self, lines: Sequence[str]) -> None:
        """The lines of -C or -c."""
        text = "\n".join(line.replace("\n", " ").replace("\0", " ") for line in lines)
        parsed = parse(Source(COMMAND_LINE, text))
        self._report.opened(parsed.source, ())
        self._run(_Frame(iter(parsed.nodes), self.nodes, _OpenFile(parsed, ()), whole_file=True))

    def read_file(self, path: str) -> None:
        """The main file; a relative name is looked up under the ServerRoot that -C may have set."""
        path = self.main_path = os.path.join(self.server_root, path)
        frame = _Frame(iter(()), self.nodes, _OpenFile(Parsed(Source(path, ""), (), ()), ()))
        self._frames.append(frame)
        self._open(_Open(path, ()), frame)
        self._run()

    def _run(self, *frames: _Frame) -> None:
        self._frames += frames
        while self._frames and not self.stopped:
            frame = self._frames[-1]
            step = next(frame.steps, None)
            if isinstance(step, DirectiveNode):
                self._directive(step, frame)
            elif isinstance(step, SectionNode):
                self._section(step, frame)
            elif isinstance(step, _Open):
                self._open(step, frame)
            elif isinstance(step, _Failed):
                self._error(step.node, frame, step.message, word=0)
            else:
                self._frames.pop()
                self._finish(frame)

    def _finish(self, frame: _Frame) -> None:
        if frame.whole_file:
            self._tell(frame.file, None)
        if frame.section is not None:
            section = frame.section
            node = SectionNode(
                section.name, section.raw, section.location, tuple(frame.target), section.tail, section.end
            )
            self._frames[-1].target.append(node)

    def _open(self, step: _Open, frame: _Frame) -> None:
        chain = step.chain
        location = chain[-1] if chain else None
        try:
            parsed = self._files.load(step.path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._report.text_error(
                chain[:-1], location, f"Could not open configuration file {step.path}: {reason}",
                excerpt=self._report.excerpt_at(location) if location is not None else None,
            )  # fmt: skip
            return
        self._report.opened(parsed.source, chain)
        self.included.append(IncludedFile(len(chain), location.line if location is not None else 0, step.path))
        if "\0" in parsed.source.text:
            place = Location(step.path, parsed.source.text[: parsed.source.text.index("\0")].count("\n") + 1)
            self._report.text_error(chain, place, "There is a NUL byte here: this is not a text file", number=NOT_TEXT)
            return
        file = _OpenFile(parsed, chain)
        self._frames.append(_Frame(iter(parsed.nodes), frame.target, file, whole_file=True, depth=frame.depth))

    def _tell(self, file: _OpenFile, before: int | None) -> None:
        """Report the tags that do not fit, as far as they show before a line."""
        while file.problems and (before is None or file.problems[-1].seen < before):
            problem = file.problems.pop()
            self._report.text_error(
                file.chain, problem.location, self._message(problem, skipped=False), hint=problem.hint,
                excerpt=self._report.excerpt_at(problem.location),
            )  # fmt: skip

    def _message(self, problem: Problem, *, skipped: bool) -> str:
        """Apache's text, with the names of sections as their rows have them."""
        if problem.unclosed:
            lines = [
                f"{problem.location.file}:{line}: <{self._canonical(name)}> was not closed."
                for name, line in reversed(problem.unclosed)
            ]
            return "\n".join(lines)
        if problem.expected is None:
            return problem.message
        if not skipped and self._is_condition(problem.expected):  # Apache has forgotten the condition by then
            return f"</{problem.saw}> without matching <{problem.saw}> section"
        return f"Expected </{self._canonical(problem.expected)}> but saw </{problem.saw}>"

    def _canonical(self, name: str) -> str:
        entries = self.modules.registry.find(f"<{name}")
        return entries[0].row.name[1:] if entries else name

    def _is_condition(self, name: str) -> bool:
        entries = self.modules.registry.find(f"<{name}")
        return bool(entries) and entries[0].row.on_read

    def _error(
        self, node: Node, frame: _Frame, message: str, *, hint: str | None = None, word: int | None = None,
        number: str | None = None, severity: Severity = Severity.ERROR, module: str = "core",
    ) -> None:
        self._report.text_error(
            frame.file.chain, node.location, message, hint=hint, number=number, severity=severity, module=module,
            excerpt=self._report.excerpt(node, word),
        )  # fmt: skip

    # --- one node ----------------------------------------------------------------------------------------------------

    def _resolve(self, text: str, node: Node, frame: _Frame) -> str:
        def missing(name: str) -> None:
            self._error(
                node, frame, f"Config variable ${{{name}}} is not defined", number="AH00111", severity=Severity.WARNING
            )

        return self.variables.resolve(text, missing)

    def _directive(self, node: DirectiveNode, frame: _Frame) -> None:
        if frame.file.problems:
            self._tell(frame.file, node.location.line)
        if "${" in node.raw or "${" in node.name:
            resolved = self._resolved(node, frame)
            if resolved is None:
                return
            node = resolved
        entries = self.modules.registry.find(node.name)
        if entries and entries[0].row.on_read:
            action = self._actions.get(node.name.lower())
            if action is not None:
                try:
                    action(node, entries[0], frame)
                except ArgumentError as error:
                    number = None if error.number == SYNTAX else error.number
                    self._error(node, frame, str(error), word=error.word, number=number, hint=error.hint)
                return
        frame.target.append(node)

    def _resolved(self, node: DirectiveNode, frame: _Frame) -> DirectiveNode | None:
        if "${" not in node.name:
            return DirectiveNode(node.name, self._resolve(node.raw, node, frame).strip(words.BLANKS), node.location)
        name, raw = words.split_line(self._resolve(f"{node.name} {node.raw}", node, frame).strip(words.BLANKS))
        if name.startswith("<"):
            self._error(node, frame, f"{name}: the tag of a section cannot come from a variable")
            return None
        return DirectiveNode(name, raw, node.location) if name else None

    def _section(self, node: SectionNode, frame: _Frame) -> None:
        if frame.file.problems:
            self._tell(frame.file, node.location.line)
        if "${" in node.raw or "${" in node.name:
            name = self._resolve(node.name, node, frame)
            raw = self._resolve(node.raw, node, frame)
            node = SectionNode(name, raw, node.location, node.children, node.tail, node.end)
        if not self._is_condition(node.name):
            if frame.depth >= MAX_DEPTH:  # in one file parse has seen to it, but files include each other
                self._error(node, frame, f"Sections are nested more than {MAX_DEPTH} deep")
                return
            self._frames.append(_Frame(iter(node.children), [], frame.file, node, depth=frame.depth + 1))
            return
        try:
            wanted = self._condition(node)
        except ConditionError as error:
            self._error(node, frame, str(error))
            wanted = False
        if wanted:
            self._frames.append(_Frame(iter(node.children), frame.target, frame.file, depth=frame.depth))
        else:
            self._skip(node, frame)

    def _condition(self, node: SectionNode) -> bool:
        key = f"<{node.name.lower()}"
        if key == "<ifversion":
            return version_matches(node.raw + node.tail)
        if words.split(node.raw).unclosed is not None and node.tail:
            raise ConditionError(f"<{node.name}>: a quote is not closed")
        negated, word = negated_word(self._canonical(node.name), node.raw, node.tail)
        return self._tests[key](word) is not negated

    def _skip(self, node: SectionNode, frame: _Frame) -> None:
        """A body that is not wanted is not read, but its tags must nest; Apache names the line where it begins."""
        problems = frame.file.problems
        told = False
        while problems and problems[-1].seen <= node.end:
            problem = problems.pop()
            if not told:
                hint = f"The tag is on line {problem.location.line}"
                hint = hint if problem.hint is None else f"{hint}; {problem.hint}"
                self._error(node, frame, self._message(problem, skipped=True), hint=hint)
                told = True
        if problems and any(line == node.location.line for _, line in problems[-1].unclosed):
            innermost, _ = problems.pop().unclosed[-1]
            self._error(node, frame, f"Expected </{innermost}> before end of configuration")

    def _is_file(self, word: str) -> bool:
        return os.path.exists(os.path.join(self.server_root, word))

    # --- directives that act now -------------------------------------------------------------------------------------

    def _define(self, node: DirectiveNode, entry: Entry, frame: _Frame) -> None:
        name, *value = _values(node, entry)
        if ":" in name:
            raise ArgumentError("Variable name must not contain ':'", 0)
        self.variables.define(name, value[0] if value else None)

    def _undefine(self, node: DirectiveNode, entry: Entry, frame: _Frame) -> None:
        (name,) = _values(node, entry)
        if ":" in name:
            raise ArgumentError("Variable name must not contain ':'", 0)
        self.variables.undefine(name)

    def _server_root(self, node: DirectiveNode, entry: Entry, frame: _Frame) -> None:
        (path,) = _values(node, entry)
        path = os.path.normpath(os.path.join(self.server_root, path))
        if not _is_directory(path):
            raise ArgumentError("ServerRoot must be a valid directory", 0)
        self.server_root = path

    def _include(self, node: DirectiveNode, entry: Entry, frame: _Frame) -> None:
        (name,) = _values(node, entry)
        chain = (*frame.file.chain, node.location)
        if len(chain) > MAX_INCLUDE_DEPTH:
            self.stopped = True  # the files include each other; nothing that follows would be new
            raise ArgumentError(
                f"Exceeded maximum include depth of {MAX_INCLUDE_DEPTH}, There appears to be a recursion."
            )
        path = os.path.join(self.server_root, name)
        steps: list[_Step] = []
        try:
            for file in matching_files(path, optional=entry.row.name == "IncludeOptional"):
                steps.append(_Open(file, chain))  # noqa: PERF401  # what was found before an error counts
        except IncludeError as error:
            steps.append(_Failed(node, str(error)))
        self._frames.append(_Frame(iter(steps), frame.target, frame.file, depth=frame.depth))

    def _load_module(self, node: DirectiveNode, entry: Entry, frame: _Frame) -> None:
        identifier, path = _values(node, entry)
        try:
            is_new = self.modules.load(identifier, path, node.location)
        except LoadError as error:
            self._error(node, frame, str(error), hint=error.hint, word=0)
            return
        if not is_new:
            self._error(
                node, frame, f"module {identifier} is already loaded, skipping", number="AH01574",
                severity=Severity.WARNING, module="so",
            )  # fmt: skip


def _values(node: DirectiveNode, entry: Entry) -> tuple[Any, ...]:
    return arguments.values(entry.row, node.raw)


def _is_directory(path: str) -> bool:
    try:
        return os.path.isdir(path)
    except ValueError:
        return False
