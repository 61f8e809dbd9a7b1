"""`pyhttpd explain URL`: what the configuration makes of a request, and which lines of it are the reason.

The request goes through the server's own phases (rehearsal.py); this file asks what came of it, and gives a document
that explain_text.py prints and `--format json` gives as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from pyhttpd.api.authz import Outcome
from pyhttpd.api.core_config import CoreDir, CoreServer
from pyhttpd.api.phases import Phase
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.cli.effective import Held, resolve
from pyhttpd.cli.rehearsal import Act, Rehearsal, is_magic
from pyhttpd.cli.vhosts_dump import label
from pyhttpd.config import words
from pyhttpd.config.configuration import Configuration, Scope, ScopeKind, ServerRecord
from pyhttpd.config.nodes import Location
from pyhttpd.config.sections import PerDir
from pyhttpd.config.trace import Layer, Note, Trace
from pyhttpd.modules.mod_alias import AliasConfig, Mapped, Redirection, matched_length
from pyhttpd.modules.mod_authz_core import AuthzConfig, Group, Rule, evaluate
from pyhttpd.server.pipeline import Pipeline
from pyhttpd.server.request import ServerRequest
from pyhttpd.util.escape import native

Document = dict[str, Any]


def document(rehearsal: Rehearsal, trace: Trace) -> Document:
    """Everything that there is to say, as JSON has it. `file` and `line` name the configuration's lines."""
    request = rehearsal.final
    connection = rehearsal.connection
    found: Document = {
        "request": {
            "line": native(rehearsal.request.request_line),
            "host": rehearsal.request.hostname,
            "address": _address(connection.local_ip, connection.local_port),
            "client": connection.client_ip,
        },
        "virtual_host": _virtual_host(rehearsal),
        "status": rehearsal.status,
        "error": rehearsal.error,
    }
    if rehearsal.refused is not None:
        return found | {"refused": rehearsal.refused, "log": _log(rehearsal)}
    layers = _layers(request, rehearsal, trace)
    held = resolve(layer for _, layer in layers)
    by_note = {id(note): section for section, layer in layers for note in layer.notes}
    found |= {
        "uri": request.uri,
        "file": request.filename,
        "file_is": _kind(request),
        "looked_at_as": _looker(rehearsal.configuration),
        "path_info": request.path_info,
        "user": request.user,
        "steps": list(_steps(rehearsal, held)),
        "sections": [_section(*each) for each in zip(layers, _places(request, rehearsal), strict=True)],
        "conditions": [{"section": title(each), **_spot(each.location)} for each in _not_met(request.per_dir)],
        "directives": [_held(each, by_note) for each in held],
        "authorization": _authorization(request, held) if rehearsal.pipeline.asked_who else None,
        "handler": _handler(rehearsal, request),
        "content_type": rehearsal.request.answer.content_type,
        "location": _location(rehearsal),
        "error_document": _error_document(rehearsal),
        "log": _log(rehearsal),
    }  # fmt: skip
    return found


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# --- the virtual host


def _virtual_host(rehearsal: Rehearsal) -> Document:
    server = rehearsal.request.server
    core = server.config(CoreServer)
    found: Document = {
        "name": core.server_name or rehearsal.configuration.local_name,
        "addresses": [label(address) for address in server.addresses],
        "why": _why(rehearsal, server, core),
    }
    return found | _spot(server.location)


def _why(rehearsal: Rehearsal, server: ServerRecord, core: CoreServer) -> str:
    connection, host = rehearsal.connection, rehearsal.request.hostname
    address = _address(connection.local_ip, connection.local_port)
    if connection.chain is None:
        if not rehearsal.configuration.vhosts:
            return "there is no <VirtualHost>: the main server answers"
        return f"no <VirtualHost> is for {address}: the main server answers"
    count = len(connection.chain.servers)
    among = f"{count} of them are" if count > 1 else "it is the only one that is"
    if host is None:
        if server is not connection.chain.default:
            return f"no host was named, and the path begins with its ServerPath {core.server_path}"
        return f"no host was named, and it is the first <VirtualHost> for {address}"
    if (core.server_name or "").lower() == host:
        return f"its ServerName is {core.server_name} ({among} for {address})"
    for alias in core.server_aliases:
        if alias.lower() == host:
            return f"its ServerAlias {alias} is the host ({among} for {address})"
    if connection.chain.find(host) is server and core.server_wild_aliases:
        names = " ".join(core.server_wild_aliases)
        return f"its ServerAlias {names} fits {host} ({among} for {address})"
    if count == 1:
        return f"it is the only <VirtualHost> for {address}, whatever the host"
    if connection.chain.find(host) is server:
        return f"the host is its address or the machine's name ({among} for {address})"
    return f"no ServerName or ServerAlias of the {count} for {address} is {host}: the first one answers"


# --- what was merged


def chain(per_dir: PerDir) -> list[Scope]:
    """The sections that were merged, in their order."""
    scopes: list[Scope] = []
    at: PerDir | None = per_dir
    while at is not None:
        scopes[:0] = at.scopes
        at = at.outer
    return scopes


def title(scope: Scope) -> str:
    """`<Directory /srv/www>`"""
    pattern = scope.pattern
    if scope.kind is ScopeKind.HTACCESS:
        return os.path.basename(scope.location.file)
    if scope.kind is ScopeKind.ELSE:
        return "<Else>"
    if scope.kind in (ScopeKind.DIRECTORY, ScopeKind.DIRECTORY_MATCH) and scope.regex is None and len(pattern) > 1:
        pattern = pattern.rstrip("/")
    tilde = "~ " if scope.regex is not None and not scope.kind.value.endswith("Match") else ""
    return f"<{scope.kind.value} {tilde}{pattern}>"


def _layers(request: ServerRequest, rehearsal: Rehearsal, trace: Trace) -> list[tuple[str, Layer]]:
    """The main server, the virtual host, then the sections: base first, as they are merged."""
    configuration = rehearsal.configuration
    servers = trace.servers(configuration)
    main = servers[0]
    layers = [("main server", _both(main.settings, main.base))]
    for record, own in zip(configuration.servers[1:], servers[1:], strict=True):
        if record is request.server:
            addresses = " ".join(label(address) for address in record.addresses)
            layers.append((f"<VirtualHost {addresses}>", _both(own.settings, own.base)))
    return layers + [(title(scope), trace.layer(scope.values)) for scope in chain(request.per_dir)]


def _both(one: Layer, other: Layer) -> Layer:
    return Layer({**one.values, **other.values}, [*one.notes, *other.notes])


def _places(request: ServerRequest, rehearsal: Rehearsal) -> list[Location | None]:
    servers: list[Location | None] = [None]
    if request.server is not rehearsal.configuration.main:
        servers.append(request.server.location)
    return servers + [scope.location for scope in chain(request.per_dir)]


def _not_met(per_dir: PerDir) -> Iterator[Scope]:
    """The `<If>`, `<ElseIf>` and `<Else>` that could have applied and do not."""
    applied = {id(scope) for scope in chain(per_dir)}
    return (scope for scope in per_dir.ifs if id(scope) not in applied)


def _section(layer_of: tuple[str, Layer], place: Location | None) -> Document:
    name, layer = layer_of
    lines = [{"text": str(note), **_spot(note.location)} for note in layer.notes]
    found: Document = {"section": name, **_spot(place), "lines": lines}
    return found | {"value": "true"} if name.startswith(("<If ", "<ElseIf ")) else found


def _held(held: Held, sections: dict[int, str]) -> Document:
    lines = [_line(note, sections) for note in held.lines]
    overridden = [{**_line(note, sections), "by": _spot(by.location)} for note, by in held.overridden]
    return {
        "name": f"{held.name}>" if held.name.startswith("<") else held.name,
        "lines": lines,
        "overridden": overridden,
    }


def _line(note: Note, sections: dict[int, str]) -> Document:
    return {"value": note.raw, **_spot(note.location), "section": sections.get(id(note), "")}


def _spot(place: Location | None) -> Document:
    return {"file": None, "line": None} if place is None else {"file": place.file, "line": place.line or None}


# --- the way of the request


def _steps(rehearsal: Rehearsal, held: Sequence[Held]) -> Iterator[Document]:
    """What modules did on the way, of the request itself and of what it became."""
    family = _family(rehearsal.request)
    for act in rehearsal.pipeline.acts:
        if not any(act.request is member for member in family):
            continue
        text = _told(act)
        if text is not None:
            cause = _cause(rehearsal.pipeline, act, held)
            yield {"phase": act.phase.label, "module": act.module, "text": text, **cause}


def _family(request: ServerRequest) -> list[ServerRequest]:
    family = [request]
    while isinstance(family[-1].next, ServerRequest):
        family.append(family[-1].next)
    return family


def _told(act: Act) -> str | None:
    changes = {name: (old, new) for name, old, new in act.changes}
    said: list[str] = []
    if "filename" in changes and act.phase in (Phase.TRANSLATE_NAME, Phase.FIXUPS):
        old, new = changes["filename"]
        said.append(f"{act.uri} is {new}" if old is None else f"goes on as {new}")
    if "handler" in changes and changes["handler"][1] is not None:
        said.append(f"handler {changes['handler'][1]}")
    if "user" in changes:
        said.append(f"user {changes['user'][1]}")
    if 100 <= act.result < 600:
        location = act.request.headers_out.get("Location")
        to = f" to {native(location)}" if location is not None and 300 <= act.result < 400 else ""
        said.append(f"answers with {act.result}{to}")
    elif act.result == -2 and act.phase is not Phase.HANDLER:
        said.append("has answered")
    return ", ".join(said) or None


def _cause(pipeline: Pipeline, act: Act, held: Sequence[Held]) -> Document:
    """The line of an Alias or a Redirect; for a page that a file comes from, DocumentRoot or DirectoryIndex."""
    lines = {each.name: each.lines for each in held}
    if act.module == "mod_alias.c":
        entry = _alias_entry(pipeline, act)
        for name, notes in lines.items():
            for note in notes:
                if name.startswith(("Alias", "Redirect")) and (
                    any(each is entry for each in note.added)
                    or (entry is None and {"location_alias", "location_redirect"} & note.fields.keys())
                ):
                    return {"directive": str(note), **_spot(note.location)}
    if act.module == "core.c" and act.phase is Phase.TRANSLATE_NAME:
        return _by(lines.get("DocumentRoot", ()))
    if act.module == "core.c" and act.phase is Phase.FIXUPS:
        return _by(lines.get("SetHandler", ()))
    if act.module == "mod_dir.c":
        if act.result == 301:
            return _by(lines.get("DirectorySlash", ()))
        return _by(lines.get("DirectoryIndex", ()) or lines.get("FallbackResource", ()))
    return {}


def _by(notes: Sequence[Note]) -> Document:
    return {"directive": str(notes[-1]), **_spot(notes[-1].location)} if notes else {}


def _alias_entry(pipeline: Pipeline, act: Act) -> Mapped | Redirection | None:
    """The entry that mod_alias took: of its lists the first that fits, redirects before aliases."""
    request = act.request
    where = request if act.phase is Phase.FIXUPS else _at_translate(pipeline, request, act.uri)
    config = where.config(AliasConfig)
    redirected = 100 <= act.result < 600
    entries: Sequence[Mapped | Redirection] = config.aliases
    if redirected:
        entries = config.redirects if act.phase is Phase.FIXUPS else config.server_redirects
    for entry in entries:
        if entry.regex.search(act.uri) if entry.regex is not None else matched_length(act.uri, entry.prefix):
            return entry
    return None


def _at_translate(pipeline: Pipeline, request: ServerRequest, uri: str) -> PerDir:
    """The sections that hold while a URL is translated: those of `<Location>` alone."""
    sections = pipeline.sections[id(request.server)]
    return sections.location(sections.base, uri)


# --- what it is answered with


def _kind(request: ServerRequest) -> str | None:
    if request.filename is None:
        return None
    if request.finfo is None:
        return "missing"
    return "directory" if os.path.isdir(request.filename) else "file"


def _looker(configuration: Configuration) -> str | None:
    """Who looks at the files here, where that is another than the server's children would be; None otherwise."""
    unixd = configuration.main.config(UnixdConfig)
    return "root" if os.geteuid() == 0 and unixd.uid not in (None, 0) else None


def _handler(rehearsal: Rehearsal, request: ServerRequest) -> str | None:
    if not any(request is each for each in rehearsal.pipeline.reached):
        return None
    return (
        request.handler
        or (native(request.content_type or "").partition(";")[0] if is_magic(request) else None)
        or "default-handler"
    )


def _location(rehearsal: Rehearsal) -> str | None:
    answer = rehearsal.request.answer
    if not 300 <= rehearsal.status < 400:
        return None
    place = answer.err_headers_out.get("Location") or answer.headers_out.get("Location")
    return None if place is None else native(place)


def _error_document(rehearsal: Rehearsal) -> str | None:
    if rehearsal.error is None:
        return None
    document = rehearsal.final.config(CoreDir).error_documents.get(rehearsal.error)
    if document is None or document.kind == "default":
        return None
    return document.value if isinstance(document.value, str) else f"an expression that gives a {document.kind}"


def _authorization(request: ServerRequest, held: Sequence[Held]) -> Document | None:
    """What the Require lines said; None where no rule is set. `decided` are those that were the reason; one that is
    limited to other methods lets everybody pass."""
    group = request.config(AuthzConfig).rules.group
    if group is None:
        return None
    notes = [note for each in held for note in each.lines if note.name == "Require"]
    outcome = evaluate(request, group)
    decisive = {id(rule) for rule in _deciding(request, group)}
    rules = [
        {
            "rule": f"{'  ' * depth}{rule}",
            "outcome": evaluate(request, rule).value,
            "decided": id(rule) in decisive,
            "for_other_methods": isinstance(rule, Rule) and _is_for_others(rule, request),
            **(_rule_spot(rule, notes) if isinstance(rule, Rule) else _spot(rule.place)),
        }
        for rule, depth in _flat(group, 0)
    ]
    return {"outcome": outcome.value, "rules": rules}


def _is_for_others(rule: Rule, request: ServerRequest) -> bool:
    return bool(rule.limited.names) and request.method not in rule.limited


def _flat(group: Group, depth: int) -> Iterator[tuple[Rule | Group, int]]:
    """Every rule, and the containers that the file has (the scope itself is a RequireAny that nobody wrote)."""
    for child in group.children:
        yield child, depth
        if isinstance(child, Group):
            yield from _flat(child, depth + 1)


def _deciding(request: ServerRequest, rule: Rule | Group) -> Iterator[Rule]:
    """The rules because of which a group says what it says: the first that was enough, or all that failed together."""
    if isinstance(rule, Rule):
        yield rule
        return
    inside = evaluate(request, rule._replace(negated=False))
    enough = (Outcome.DENIED, Outcome.ERROR) if rule.every else (Outcome.GRANTED, Outcome.ERROR)
    for child in rule.children:
        outcome = evaluate(request, child, inside_all=rule.every)
        if outcome is inside:
            yield from _deciding(request, child)
            if inside in enough:
                return


def _rule_spot(rule: Rule, notes: Sequence[Note]) -> Document:
    wanted = str(rule).removeprefix("Require ")
    for note in notes:
        if note.raw == wanted or " ".join(words.split(note.raw).words) == wanted:
            return _spot(note.location)
    return _spot(None)


def _log(rehearsal: Rehearsal) -> list[Document]:
    """What the error log would get at the LogLevel that is set."""
    return [
        {"level": said.level.name.lower(), "module": said.module, "number": said.number, "message": said.message}
        for said in rehearsal.log.said
        if said.wanted
    ]
