"""A Sphinx domain for Apache's configuration language: modules, directives, and what differs from Apache.

`.. module:: mod_dir` begins a page and lists its directives. `.. directive:: DirectoryIndex` is an entry: what can be
told from the row is told from it; `:syntax:` (the arguments, one form a line) and `:default:` (a whole line, or a text
in parentheses) give what cannot. `.. differs::` is a note on Apache, `.. directives::` the table of all of them,
`.. readme:: TITLE` a section of the README. Roles: `dir`, also for what stands in single backquotes, and `mod`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.domains import Domain, ObjType
from sphinx.environment import BuildEnvironment
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import ExtensionMetadata

from pyhttpd.api.phases import Phase, Rule
from scripts.manual import markdown, rows, sources

README = Path(__file__).parents[2] / "README.md"


class ModulePage(SphinxDirective):
    """What a module is called, how the server comes to have it, and links to its directives."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        page = self.arguments[0]
        of_page = [module for module in rows.modules() if rows.page_of(module) == page]
        entries = rows.entries_of(page)
        if not of_page and not entries:
            raise self.error(f"there is no module {page}")
        domain = domain_of(self.env)
        domain.add(page, "module", self.env.docname, "")
        facts: list[tuple[str, list[nodes.Node]]] = []
        for module in of_page:
            facts.append(("Identifier", [nodes.literal("", module.name)]))
            facts.append(("Apache's source", [nodes.literal("", module.source)]))
            facts.append(("Status", [nodes.Text(rows.status(module))]))
        if entries:
            facts.append(("Directives", self.listed(entries)))
        return [field_list(facts)]

    def listed(self, entries: Iterable[rows.Entry]) -> list[nodes.Node]:
        found: list[nodes.Node] = []
        for entry in entries:
            if found:
                found.append(nodes.Text(", "))
            found.append(reference(self.env, self.shown(entry), entry.name))
        return found

    def shown(self, entry: rows.Entry) -> str:
        return entry.name if entry.name.startswith("<") else entry.name[0].upper() + entry.name[1:]


class DirectiveEntry(SphinxDirective):
    """One directive: a heading, the table of what its row says, and the text."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "syntax": directives.unchanged,
        "default": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        entry = rows.entries().get(name.lower())
        if entry is None:
            raise self.error(f"no module has {name}")
        if not self.content:
            raise self.error(f"{name} has no text")
        anchor = rows.anchor(name)
        section = nodes.section(ids=[anchor], names=[nodes.fully_normalize_name(name)])
        section += nodes.title("", "", nodes.literal("", name))
        section += self.facts(name, entry)
        section += self.parse_content_to_nodes(allow_section_headings=False)
        domain_of(self.env).add(name.lower(), "directive", self.env.docname, anchor)
        return [section]

    def facts(self, name: str, entry: rows.Entry) -> nodes.Node:
        arguments = None if "syntax" not in self.options else self.options["syntax"].splitlines() or [""]
        try:
            forms = list(rows.syntax(entry, arguments))
        except ValueError as error:
            raise self.error(str(error)) from None
        forms = [name + form[len(name) :] if form[: len(name)].lower() == name.lower() else form for form in forms]
        default = self.options.get("default") or rows.derived_default(entry.row)
        facts: list[tuple[str, list[nodes.Node]]] = [("Syntax", literals(forms))]
        if default is not None:
            text = default.startswith("(")
            facts.append(("Default", [nodes.Text(default[1:-1])] if text else literals([default])))
        facts.append(("Context", [nodes.Text(rows.context(entry.row))]))
        needed = rows.override(entry.row)
        if needed is not None:
            facts.append(("Override", [nodes.Text(needed)]))
        facts.append(("Module", [nodes.Text(", ".join(rows.page_of(module) for module in entry.modules))]))
        return field_list(facts)


class Differs(SphinxDirective):
    """A note on what is otherwise than in Apache."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        note = nodes.admonition("", classes=["differs"])
        note += nodes.title("", "Differs from Apache")
        note += self.parse_content_to_nodes()
        return [note]


class AllDirectives(SphinxDirective):
    """The table of all directives, each with the first sentence of its entry."""

    def run(self) -> list[nodes.Node]:
        for path in sources.files():
            self.env.note_dependency(str(path))
        told = {source.name.lower(): source for source in sources.sources()}
        lines: list[list[list[nodes.Node]]] = []
        for entry in sorted(rows.entries().values(), key=rows.sort_key):
            source = told.get(entry.name.lower())
            name, sentence = (source.name, source.first_sentence) if source is not None else (entry.name, "")
            module = pending_xref(
                "", nodes.Text(entry.page), refdomain="httpd", reftype="mod", reftarget=entry.page,
                refdoc=self.env.docname, refexplicit=True, refwarn=True,
            )  # fmt: skip
            lines.append(
                [
                    [reference(self.env, name, name)], [module],
                    [nodes.Text(rows.letters(entry.row))], self.parse_inline(sentence)[0],
                ]
            )  # fmt: skip
        head = [[nodes.Text(word)] for word in ("Directive", "Module", "Where", "What for")]
        return [table(head, lines, ["directives"], (24, 18, 8, 50))]


class Phases(SphinxDirective):
    """The table of the phases, in their order: how the functions of each are run, and what the lines of the content
    (`FIXUPS: text`) say of them."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        told = dict(line.split(": ", 1) for line in self.content if line)
        if set(told) != {phase.name for phase in Phase}:
            raise self.error(f"phases: {', '.join(sorted(set(told) ^ {phase.name for phase in Phase}))}")
        rules = {Rule.ALL: "all, until one says a status", Rule.FIRST: "until one takes it", Rule.VOID: "all"}
        lines: list[list[list[nodes.Node]]] = [
            [[nodes.literal("", phase.name)], [nodes.Text(rules[phase.rule])], self.parse_inline(told[phase.name])[0]]
            for phase in Phase
        ]
        head: list[list[nodes.Node]] = [[nodes.Text(word)] for word in ("Phase", "Functions run", "For")]
        return [table(head, lines, ["phases"])]


class Readme(SphinxDirective):
    """A section of the README, so that what it says is said once."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(README))
        text = markdown.section(README.read_text("utf-8"), self.arguments[0])
        if text is None:
            raise self.error(f"the README has no section {self.arguments[0]}")
        return list(of_markdown(markdown.blocks(text)))


def of_markdown(blocks: Iterable[markdown.Block]) -> Iterator[nodes.Node]:
    for kind, content in blocks:
        if kind == "table":
            head, *lines = [[inline(cell) for cell in line] for line in content]
            yield table(head, lines, ["readme"]) if any(head) else table(None, lines, ["readme"])
        elif kind == "list":
            items = nodes.bullet_list()
            for item in content:
                items += nodes.list_item("", nodes.paragraph("", "", *inline(item[0])))
            yield items
        elif kind == "image":
            text, path = content[0]
            yield nodes.image(uri=f"/{path.removeprefix('docs/')}", alt=text)
        elif kind == "code":
            yield nodes.literal_block(content[0][0], content[0][0], language="text")
        else:
            yield nodes.paragraph("", "", *inline(content[0][0]))


def inline(text: str) -> list[nodes.Node]:
    made: dict[str, type[nodes.TextElement]] = {"code": nodes.literal, "strong": nodes.strong}
    return [made[kind]("", part) if kind in made else nodes.Text(part) for kind, part in markdown.inline(text)]


def table(
    head: Sequence[Sequence[nodes.Node]] | None,
    lines: Sequence[Sequence[Sequence[nodes.Node]]],
    classes: Sequence[str],
    widths: Sequence[int] = (),
) -> nodes.Node:
    """A table; a cell is a list of inline nodes. Widths are in percent."""

    def row(cells: Sequence[Sequence[nodes.Node]]) -> nodes.row:
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells))

    count = len(lines[0])
    group = nodes.tgroup(cols=count)
    for width in widths or [100 // count] * count:
        group += nodes.colspec(colwidth=width)
    if head is not None:
        group += nodes.thead("", row(head))
    group += nodes.tbody("", *(row(cells) for cells in lines))
    return nodes.table("", group, classes=list(classes))


def field_list(facts: Iterable[tuple[str, list[nodes.Node]]]) -> nodes.Node:
    fields = nodes.field_list(classes=["facts"])
    for name, content in facts:
        body = nodes.field_body("", nodes.paragraph("", "", *content))
        fields += nodes.field("", nodes.field_name("", name), body)
    return fields


def literals(texts: Iterable[str]) -> list[nodes.Node]:
    found: list[nodes.Node] = []
    for text in texts:
        if found:
            found.append(nodes.raw("", "<br>", format="html"))
        found.append(nodes.literal("", text))
    return found


def reference(env: BuildEnvironment, shown: str, name: str) -> nodes.Node:
    return pending_xref(
        "", nodes.literal("", shown), refdomain="httpd", reftype="dir", reftarget=name.lower(), refdoc=env.docname,
        refexplicit=True, refwarn=True,
    )  # fmt: skip


class DirectiveRole(XRefRole):
    """Names whatever their case; the text stays as it is written, brackets included."""

    def process_link(
        self, env: BuildEnvironment, refnode: nodes.Element, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        return title, target.lower()


class HttpdDomain(Domain):
    """Names of modules and directives, and where they are explained."""

    name = "httpd"
    label = "Apache configuration"
    object_types: ClassVar[dict[str, ObjType]] = {
        "directive": ObjType("directive", "dir"),
        "module": ObjType("module", "mod"),
    }
    directives: ClassVar[dict[str, Any]] = {
        "module": ModulePage, "directive": DirectiveEntry, "differs": Differs, "directives": AllDirectives,
        "phases": Phases, "readme": Readme,
    }  # fmt: skip
    roles: ClassVar[dict[str, Any]] = {
        "dir": DirectiveRole(innernodeclass=nodes.literal, warn_dangling=True),
        "mod": XRefRole(innernodeclass=nodes.literal, warn_dangling=True),
    }
    initial_data: ClassVar[dict[str, Any]] = {"objects": {}}

    @property
    def objects(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(kind, name) -> (document, anchor)"""
        found: dict[tuple[str, str], tuple[str, str]] = self.data["objects"]
        return found

    def add(self, name: str, kind: str, document: str, anchor: str) -> None:
        if (kind, name) in self.objects and self.objects[kind, name][0] != document:
            raise ValueError(f"{name} is explained twice, in {self.objects[kind, name][0]} and {document}")
        self.objects[kind, name] = (document, anchor)

    def clear_doc(self, docname: str) -> None:
        for key, (document, _) in list(self.objects.items()):
            if document == docname:
                del self.objects[key]

    def merge_domaindata(self, docnames: Any, otherdata: dict[str, Any]) -> None:
        for key, place in otherdata["objects"].items():
            if place[0] in docnames:
                self.objects[key] = place

    def resolve_xref(
        self, env: BuildEnvironment, fromdocname: str, builder: Builder, typ: str, target: str, node: pending_xref,
        contnode: nodes.Element,
    ) -> nodes.reference | None:  # fmt: skip
        kind = {"dir": "directive", "mod": "module"}[typ]
        place = self.objects.get((kind, target))
        return None if place is None else make_refnode(builder, fromdocname, place[0], place[1], contnode, target)

    def resolve_any_xref(
        self, env: BuildEnvironment, fromdocname: str, builder: Builder, target: str, node: pending_xref,
        contnode: nodes.Element,
    ) -> list[tuple[str, nodes.reference]]:  # fmt: skip
        found = self.resolve_xref(env, fromdocname, builder, "dir", target.lower(), node, contnode)
        return [] if found is None else [("httpd:dir", found)]

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        for (kind, name), (document, anchor) in self.objects.items():
            shown = name if kind == "module" else rows.entries()[name].name
            yield name, shown, kind, document, anchor, 1


def domain_of(env: BuildEnvironment) -> HttpdDomain:
    domain = env.get_domain("httpd")
    assert isinstance(domain, HttpdDomain)
    return domain


def complain_of_missing(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Every directive has its entry, on the page of its module."""
    from sphinx.util import logging

    logger = logging.getLogger(__name__)
    known = domain_of(env).objects
    for key, entry in rows.entries().items():
        place = known.get(("directive", key))
        if place is None:
            logger.warning("%s of %s is not explained", entry.name, entry.page)
        elif place[0] != f"modules/{entry.page}":
            logger.warning("%s is explained in %s, and not in modules/%s", entry.name, place[0], entry.page)
    return []


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_domain(HttpdDomain)
    app.connect("env-updated", complain_of_missing)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
