"""From the expanded tree to the Configuration: each line is checked against its row and applied to its scope."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pyhttpd.config import arguments, words
from pyhttpd.config.addresses import AddressError, UnknownHostError, vhost_addresses
from pyhttpd.config.arguments import ArgumentError, CountError
from pyhttpd.config.configuration import Scope, ScopeKind, ServerRecord, VhostAddress
from pyhttpd.config.diagnostics import BROKEN_MODULE, NO_EFFECT, SYNTAX, Severity
from pyhttpd.config.directive import (
    RSRC,
    SECTIONS,
    Allowed,
    Context,
    Directive,
    Form,
    Override,
    SettingError,
)
from pyhttpd.config.foreign import foreign_module
from pyhttpd.config.limited import ALL_METHODS, Methods
from pyhttpd.config.line import Line, Settings, freeze, growing
from pyhttpd.config.merging import merge_fields, merge_values
from pyhttpd.config.nodes import DirectiveNode, Location, Node, SectionNode, walk
from pyhttpd.config.owners import owner_of
from pyhttpd.config.registry import Entry, Registry
from pyhttpd.config.report import Report
from pyhttpd.config.scopes import (
    CONTEXTS,
    IFS,
    KINDS,
    Tag,
    TagError,
    argument_of,
    directory_order,
    read_tag,
    scope_is_wild,
)
from pyhttpd.config.suggest import Suggestions, did_you_mean
from pyhttpd.expr import Writer

_OUTSIDE = RSRC.value
_NOT_IN_HTACCESS = frozenset({"AllowOverride", "AllowOverrideList"})

_REMEMBERED = 1000
"""Lines of one directive whose values are kept while a configuration is read."""


@dataclass(slots=True)
class _Server:
    """The main server or a virtual host, while its lines are applied."""

    location: Location | None = None
    addresses: tuple[VhostAddress, ...] = ()
    settings: Settings = field(default_factory=dict)
    base: Settings = field(default_factory=dict)
    directories: list[Scope] = field(default_factory=list)
    files: list[Scope] = field(default_factory=list)
    locations: list[Scope] = field(default_factory=list)
    ifs: list[Scope] = field(default_factory=list)


@dataclass(slots=True)
class _Place:
    """Where lines stand: what they may be, and where their values go."""

    server: _Server
    context: Context
    values: Settings  # of the per_dir classes
    parent: str | None = None  # `<Directory`
    argument: str | None = None
    files: list[Scope] = field(default_factory=list)  # of a Directory, or an .htaccess file
    ifs: list[Scope] = field(default_factory=list)
    lines: dict[type, Line] = field(default_factory=dict)  # one for all lines that go to a class
    limited: Methods = ALL_METHODS  # by <Limit>
    inside: Override | None = None  # the classes that a container has room for; None: all
    apart: bool = False  # in a container that acts on itself alone
    around: tuple[tuple[Context, str], ...] = ()  # the sections that the lines are in, innermost last
    bits: int = field(init=False)  # of the contexts that a line must be allowed in

    @property
    def has_room_for_scopes(self) -> bool:
        """Not in `<Limit>`, nor in what Apache treats as one."""
        return self.limited is ALL_METHODS and (self.inside is None or self.apart)

    def __post_init__(self) -> None:
        self.bits = self.context.value
        for context, _ in self.around:
            self.bits |= context.value


class Builder:
    """Applies a tree. What is wrong goes to the report; `main` and `vhosts` are the result."""

    def __init__(
        self,
        registry: Registry,
        report: Report,
        suggestions: Suggestions,
        *,
        server_root: str,
        refused: set[str],
        allowed: Allowed | None = None,
        main: Settings | None = None,
    ) -> None:
        """`allowed`: the lines are those of an .htaccess file; `main` is then what the main server's lines have set."""
        self._registry = registry
        self._report = report
        self._suggestions = suggestions
        self._server_root = server_root
        self._refused = refused
        self._allowed = allowed
        self._per_dir = {owner.per_dir for owner in registry.owners if owner.per_dir is not None}
        self._main = _Server()
        self._shared = self._main.settings if main is None else main
        self._vhosts: list[_Server] = []
        self._memos: dict[int, dict[str, Any]] = {}  # by the id of a scope's fields of one class
        self._resolved: dict[str, list[VhostAddress]] = {}

    def apply(self, nodes: list[Node]) -> None:
        self._walk(nodes, _Place(self._main, Context.SERVER, self._main.base))
        for server in (self._main, *self._vhosts):
            freeze(server.settings)
            freeze(server.base)

    def apply_htaccess(self, nodes: list[Node], path: str, directory: str) -> Scope:
        """The lines of an .htaccess file, as a scope for its directory (which ends with a slash)."""
        place = _Place(self._main, Context.HTACCESS, {}, argument=directory)
        self._walk(nodes, place)
        return Scope(
            ScopeKind.HTACCESS, directory, None, False, freeze(place.values), Location(path, 0), tuple(place.files),
            tuple(place.ifs),
        )  # fmt: skip

    # --- one line ----------------------------------------------------------------------------------------------------

    def _walk(self, nodes: list[Node] | tuple[Node, ...], place: _Place) -> None:
        find = self._registry.find
        line = self._line
        for node in nodes:
            if isinstance(node, DirectiveNode):
                entries = find(node.name)
                if not entries:
                    self._unknown(node, node.name)
                for entry in entries:
                    line(node, entry, place)
            else:
                name = f"<{node.name}"
                entries = find(name)
                if entries:
                    self._section(node, entries[0], place)
                else:
                    self._unknown(node, name)
                    # what stands in a section of somebody else's (<Perl>) may be no directives
                    if not foreign_module(name) and (self._allowed is None or not self._allowed.passes_unknown):
                        self._unknown_inside(node)

    def _unknown_inside(self, section: SectionNode) -> None:
        """Of the lines of a section that is not known, the names can still be looked at."""
        for node in walk(section.children):
            name = node.name if isinstance(node, DirectiveNode) else f"<{node.name}"
            if not self._registry.find(name):
                self._unknown(node, name)

    def _unknown(self, node: Node, name: str) -> None:
        if (owner_of(name) or foreign_module(name)) in self._refused:
            return  # its LoadModule line is reported
        if self._allowed is not None and self._allowed.passes_unknown:
            message = (
                f"Unknown directive {name.lower()} perhaps misspelled or defined by a module not included in the "
                "server configuration"
            )
            self._error(node, message, number="AH02296", severity=Severity.WARNING)
            return
        message = (
            f"Invalid command '{name}', perhaps misspelled or defined by a module not included in the server "
            "configuration"
        )
        self._error(node, message, hint=self._suggestions.for_directive(name))

    def _error(
        self,
        node: Node,
        message: str,
        word: int | None = None,
        number: str = SYNTAX,
        hint: str | None = None,
        severity: Severity = Severity.ERROR,
        module: str = "core",
        reason: str | None = None,
        level: str | None = None,
    ) -> None:
        self._report.line_error(
            node.location, message, number=number, hint=hint, severity=severity, module=module, reason=reason,
            excerpt=self._report.excerpt(node, word), level=level,
        )  # fmt: skip

    def _line(self, node: DirectiveNode, entry: Entry, place: _Place) -> None:
        row = entry.row
        if self._allowed is not None:
            if self._is_forbidden(node, row, place):
                return
        elif place.bits & ~entry.contexts:
            self._refuse(node, row, place)
            return
        if place.inside is not None and not _has_room(row, place):
            self._error(node, f"{row.name} not allowed in {place.parent}> context")
            return
        try:
            raw = node.raw
            values = entry.values.get(raw)
            if values is None:
                values = arguments.values(row, raw)
                if len(entry.values) < _REMEMBERED and self._allowed is None:
                    entry.values[raw] = values
            if row.apply is not None:
                setting = place.lines.get(row.into) if row.into is not None else None
                if setting is None:
                    setting = self._setting(node, entry, place)
                    if row.into is not None:
                        place.lines[row.into] = setting
                else:
                    setting.row, setting._node, setting._owner = row, node, entry.owner
                row.apply(setting, *values)
            elif row.into is not None:
                self._store(row, self._fields(row.into, place), values)
        except ArgumentError as error:
            self._error(node, str(error), error.word, error.number, error.hint)
        except Exception as error:
            self._failed(node, entry, error)

    def _refuse(self, node: DirectiveNode, row: Directive, place: _Place) -> None:
        """A directive that may not stand here. Where it is the directive that says so, its words are counted first."""
        if _refused_itself(row, place):
            try:
                arguments.values(row, node.raw)
            except CountError as error:
                self._error(node, str(error), error.word)
                return
            except ArgumentError:
                pass
        self._error(node, _misplaced(row, place), hint=_places(row))

    def _is_forbidden(self, node: Node, row: Directive, place: _Place) -> bool:
        """Whether a line may not stand in this .htaccess file, or not in this section of it; says so."""
        allowed = self._allowed
        assert allowed is not None
        if not allowed.permits(row):
            if allowed.passes_forbidden:
                message = f"{row.name} in .htaccess forbidden by AllowOverride"
                self._error(node, message, number="AH02295", severity=Severity.WARNING)
            else:
                self._error(node, _not_permitted(row, place))
            return True
        if not row.contexts & (SECTIONS | Context.HTACCESS) or row.name in _NOT_IN_HTACCESS:
            self._error(node, f"{row.name} cannot occur within htaccess files")
            return True
        if place.around and _refusing_section(row, place) is not None:
            self._error(node, _misplaced(row, place))
            return True
        return False

    def _failed(self, node: Node, entry: Entry, error: Exception) -> None:
        """A mistake in a module is one line that is wrong, too, and not the end of the server."""
        if isinstance(error, SettingError):
            if error.missing is not None:
                self._suggestions.needed.add(error.missing)
            self._report.line_error(
                node.location, str(error), hint=error.hint or did_you_mean(error.part or error.wrong, error.choices),
                excerpt=self._report.excerpt(node, 0 if node.raw else None) if error.wrong is None
                else self._report.excerpt_of_word(node, error.wrong, error.part),
            )  # fmt: skip
            return
        name = entry.owner.source.removesuffix(".c")
        self._error(
            node, f"{entry.row.name}: {type(error).__name__}: {error}", number=BROKEN_MODULE,
            hint=f"{name} failed on this line; that is a mistake in the module",
        )  # fmt: skip

    def _setting(self, node: Node, entry: Entry, place: _Place) -> Line:
        row = entry.row
        fields: dict[str, Any]
        memo: dict[str, Any] | None
        if row.into is None:
            fields, memo = {}, {}
        else:
            fields = self._fields(row.into, place)
            memo = self._memos.get(id(fields))
            if memo is None:
                memo = self._memos[id(fields)] = {}
        return Line(
            row, place.context, place.argument, self._server_root, memo, fields, node, self._report, entry.owner,
            self._registry, self._shared, place.limited, allowed=self._allowed,
        )  # fmt: skip

    def _fields(self, into: type, place: _Place) -> dict[str, Any]:
        values = place.values if into in self._per_dir else place.server.settings
        found = values.get(into)
        if found is None:
            found = values[into] = {}
        return found

    def _store(self, row: Directive, fields: dict[str, Any], values: tuple[Any, ...]) -> None:
        args = row.args
        one = args.most == 1 or args.form is Form.RAW or args.form is Form.FLAG
        if row.sets is not None:
            fields[row.sets] = values[0] if one else values
        elif row.adds is not None:
            known = growing(fields, row.adds)
            if one or args.form is Form.ITERATE:
                known.extend(values)
            else:
                known.append(values)

    # --- sections ----------------------------------------------------------------------------------------------------

    def _section(self, node: SectionNode, entry: Entry, place: _Place) -> None:
        row = entry.row
        name = row.name
        if self._allowed is not None:
            if self._is_forbidden(node, row, place):
                return
        elif place.bits & ~entry.contexts:
            self._error(node, _misplaced(row, place), hint=_places(row))
            return
        if place.inside is not None and not _has_room(row, place):
            self._error(node, f"{name} not allowed in {place.parent}> context")
            return
        if name.lower() in KINDS and not place.has_room_for_scopes:
            self._error(node, f"{name}> cannot occur within <Limit> or <LimitExcept> section")
            return
        try:
            if node.tail and ('"' in node.raw or "'" in node.raw):
                arguments.check_quotes(f"{name}>", node.raw)
        except ArgumentError as error:
            self._error(node, str(error), error.word, error.number, error.hint)
        key = name.lower()
        if key == "<virtualhost":
            self._virtual_host(node, name)
        elif key in KINDS:
            self._scope(node, name, place)
        elif row.apply is not None:
            self._container(node, entry, place)
        else:
            self._error(node, f"{name}> is a section that nothing applies", number=BROKEN_MODULE)

    def _container(self, node: SectionNode, entry: Entry, place: _Place) -> None:
        """A section that is no scope, such as `<RequireAll>`: its lines act on the scope around it."""
        row = entry.row
        if not node.tail:
            self._error(node, f"{row.name}> directive missing closing '>'")
        inner = replace(place, parent=row.name, lines={}, inside=place.inside if row.inside is None else row.inside)
        if row.apart:
            inner = replace(inner, context=Context.DIRECTORY, values={}, files=[], ifs=[], apart=True)
        setting = self._setting(node, entry, inner)
        opened = False
        try:
            if row.apply is not None:
                row.apply(setting, node.raw)
            inner.limited = setting.limited
            opened = True
        except Exception as error:
            self._failed(node, entry, error)
        self._walk(node.children, inner)
        if row.apart:
            setting.apart = freeze(inner.values)
        try:
            if opened and row.close is not None:
                row.close(setting)
        except Exception as error:
            self._failed(node, entry, error)

    def _virtual_host(self, node: SectionNode, name: str) -> None:
        server = _Server(location=node.location)
        try:
            given = words.split(argument_of(node, name)).words
            server.addresses = tuple(self._addresses(node, given))
        except TagError as error:
            self._error(node, str(error), error.word, hint=error.hint)
        self._vhosts.append(server)
        self._walk(node.children, _Place(server, Context.VHOST, server.base, name))

    def _addresses(self, node: SectionNode, given: tuple[str, ...]) -> list[VhostAddress]:
        found: list[VhostAddress] = []
        for index, word in enumerate(given):
            if not word:
                continue
            try:
                if word not in self._resolved:
                    self._resolved[word] = vhost_addresses(word)
                found += self._resolved[word]
            except AddressError as error:
                raise TagError(str(error), index, error.hint) from None
            except UnknownHostError as error:
                self._error(
                    node, f"Could not resolve host name {error.host} -- ignoring!", index, "AH00547",
                    severity=Severity.WARNING, reason=error.reason, level="error",
                )  # fmt: skip
        return found

    def _scope(self, node: SectionNode, name: str, place: _Place) -> None:
        kind = KINDS[name.lower()]
        tag: Tag | None = None
        try:
            writer = Writer.ADMINISTRATOR if self._allowed is None else Writer.HTACCESS
            tag = read_tag(node, name, self._server_root, writer)
        except TagError as error:
            self._error(node, str(error), error.word, hint=error.hint)
        inner = _Place(
            place.server, CONTEXTS[kind], {}, name, tag.argument if tag is not None else node.raw,
            around=(*place.around, (CONTEXTS[kind], name)),
        )  # fmt: skip
        self._walk(node.children, inner)
        if tag is None:
            return
        scope = Scope(
            tag.kind, tag.pattern, tag.regex, scope_is_wild(tag), freeze(inner.values), node.location,
            tuple(inner.files), tuple(inner.ifs), tag.condition,
        )  # fmt: skip
        if kind in IFS:
            self._keep_if(node, scope, place, more=tag.more)
        elif tag.more:
            self._error(node, f"Multiple {name}> arguments not (yet) supported.", 1 if tag.regex is None else 2)
        else:
            self._keep(node, scope, inner.context, place)

    def _keep_if(self, node: SectionNode, scope: Scope, place: _Place, *, more: bool) -> None:
        ifs = place.server.ifs if place.bits & _OUTSIDE else place.ifs
        if scope.kind is not ScopeKind.IF and (not ifs or ifs[-1].condition is None):
            message = "<Else> or <ElseIf> section without previous <If> or <ElseIf> section in same scope"
            self._error(node, message)
        elif more:
            self._error(node, f"Multiple <{scope.kind.value}> arguments not supported.", 1)
        ifs.append(scope)

    def _keep(self, node: SectionNode, scope: Scope, context: Context, place: _Place) -> None:
        if context is Context.DIRECTORY:
            place.server.directories.append(scope)
        elif context is Context.LOCATION:
            place.server.locations.append(scope)
        elif place.bits & _OUTSIDE:
            place.server.files.append(scope)
        elif place.context in (Context.DIRECTORY, Context.HTACCESS):
            place.files.append(scope)
        else:
            self._error(
                node, f"<{node.name}> inside {place.parent}> has no effect", number=NO_EFFECT,
                severity=Severity.WARNING,
            )  # fmt: skip

    # --- the result --------------------------------------------------------------------------------------------------

    @property
    def main(self) -> ServerRecord:
        """The main server. What its module configurations are, virtual hosts share where they set nothing."""
        server = self._main
        classes = {owner.per_server for owner in self._registry.owners if owner.per_server is not None}
        in_order = (*sorted(classes, key=_class_name), *(cls for cls in server.settings if cls not in classes))
        return ServerRecord(
            location=None,
            addresses=(),
            settings={cls: cls(**server.settings.get(cls, {})) for cls in in_order},
            base=server.base,
            directories=directory_order(tuple(server.directories)),
            files=tuple(server.files),
            locations=tuple(server.locations),
            ifs=tuple(server.ifs),
        )

    def vhosts(self, main: ServerRecord) -> tuple[ServerRecord, ...]:
        return tuple([self._record(vhost, main) for vhost in self._vhosts])

    def _record(self, server: _Server, main: ServerRecord) -> ServerRecord:
        """A virtual host, with the main server's settings and sections below its own."""
        outer = self._main
        settings = dict(main.settings)
        for cls, inner in server.settings.items():
            settings[cls] = cls(**merge_fields(cls, outer.settings.get(cls, {}), inner))
        directories = main.directories
        if server.directories:
            directories = directory_order((*outer.directories, *server.directories))
        return ServerRecord(
            location=server.location,
            addresses=server.addresses,
            settings=settings,
            base=merge_values(outer.base, server.base),
            directories=directories,
            files=(*outer.files, *server.files),
            locations=(*outer.locations, *server.locations),
            ifs=(*outer.ifs, *server.ifs),
        )


def _class_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


_PLACES = (
    (Context.SERVER, "outside all sections"),
    (Context.VHOST, "in <VirtualHost>"),
    (Context.DIRECTORY, "in <Directory>"),
    (Context.LOCATION, "in <Location>"),
    (Context.FILES, "in <Files>"),
    (Context.HTACCESS, "in .htaccess"),
)


def _places(row: Directive) -> str:
    """`Listen is allowed outside all sections`"""
    *most, last = [text for context, text in _PLACES if context & row.contexts] or ["nowhere"]
    where = f"{', '.join(most)} and {last}" if most else last
    return f"{row.name}{'>' if row.section else ''} is allowed {where}"


def _refused_itself(row: Directive, place: _Place) -> bool:
    """The directive's class is allowed where the line stands, and yet the directive is not."""
    outer = Context.SERVER if place.context is Context.VHOST else SECTIONS
    return place.parent is not None and bool(row.contexts & outer)


def _has_room(row: Directive, place: _Place) -> bool:
    """Whether such lines may stand in the container: by class, or as they are no matter of .htaccess files at all."""
    if place.inside is None or row.override & place.inside:
        return True
    return place.apart and Context.DIRECTORY in row.contexts and Context.HTACCESS not in row.contexts


def _misplaced(row: Directive, place: _Place) -> str:
    """Apache's text for a directive that may not stand here. It has one for where the directive's class does not fit,
    and another for what the directive itself then refuses."""
    if place.parent is not None and _refused_itself(row, place):
        section = _refusing_section(row, place) or place.parent
        return f"{row.name}{'>' if row.section else ''} cannot occur within {section}> section"
    return _not_permitted(row, place)


def _not_permitted(row: Directive, place: _Place) -> str:
    return f"{row.name} not allowed {'here' if place.parent is None else f'in {place.parent}> context'}"


def _refusing_section(row: Directive, place: _Place) -> str | None:
    """The section around a line that its directive may not stand in, looked for in Apache's order."""
    for context in (Context.DIRECTORY, Context.LOCATION, Context.FILES):
        for kind, name in reversed(place.around):
            if kind is context and not context & row.contexts:
                return name
    return None
