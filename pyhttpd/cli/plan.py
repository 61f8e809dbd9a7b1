"""`-k graceful --plan`: what a reload would change, and nothing else. Pure but for `running_configuration`.

The running side comes from the master's memory file (mpm/kept.py), built again with the same code; the new side is
read as the master would read it: its files, its options, its environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from pyhttpd import boot
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.unixd import UnixdConfig
from pyhttpd.cli.effective import Held, resolve
from pyhttpd.cli.explain import title
from pyhttpd.cli.vhosts_dump import label
from pyhttpd.config.catalog import is_mpm
from pyhttpd.config.configuration import Configuration, LoadedModule, Scope, ServerRecord
from pyhttpd.config.diagnostics import Diagnostic
from pyhttpd.config.kept import Kept
from pyhttpd.config.nodes import Location
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.registry import Registry
from pyhttpd.config.report import Report
from pyhttpd.config.suggest import Suggestions
from pyhttpd.config.trace import Layer, Note, ServerLayers, Trace, TracingBuilder
from pyhttpd.mpm.directives import MpmSettings
from pyhttpd.policy import Limits
from pyhttpd.util.regex_defaults import set_regex_defaults

Side = tuple[Configuration, Trace]

FIXED = {"scoreboard_file": "ScoreBoardFile"}
"""Fields of the MPM's configuration that are looked at once, at the start."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would be another. `old` or `new` is empty where there is none; places belong to them."""

    what: str
    old: str = ""
    new: str = ""
    old_place: Location | None = None
    new_place: Location | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The changes of one server, or of one section of it (`section`, empty for what stands outside all of them)."""

    server: str
    section: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    listeners: tuple[Change, ...]
    everything: tuple[Change, ...]  # ServerRoot, modules, defines
    parts: tuple[Part, ...]
    restart: tuple[str, ...]  # what would only change after a stop and a start
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.listeners or self.everything or self.parts or self.restart)


# --- the two sides


def options_of(kept: Kept) -> ReadOptions:
    lists = {name: tuple(kept.options[name]) for name in ("defines", "before", "after")}
    return ReadOptions(kept.options["path"], kept.options["server_root"], **lists)


def rebuilt(kept: Kept) -> Side:
    """The configuration that the server runs with. Raises ConfigurationError if this program does not take it."""
    given = kept.configuration
    modules = tuple(LoadedModule(*module) for module in given["modules"])
    registry, report, trace = Registry(boot.modules_named(modules, given["libraries"])), Report(), Trace()
    set_regex_defaults()
    builder = TracingBuilder(
        registry, report, Suggestions(boot.catalog(), registry), server_root=given["server_root"], refused=set(),
        trace=trace,
    )  # fmt: skip
    builder.apply(kept.nodes)
    main = builder.main
    configuration = Configuration(
        path=given["path"], server_root=given["server_root"], runtime_dir=given["runtime_dir"], modules=modules,
        main=main, vhosts=builder.vhosts(main), defines=given["defines"], included=(),
        local_name=given["local_name"], mpm_name=given["mpm_name"],
    )  # fmt: skip
    configuration = boot.checked(configuration, skip_document_root_check=True)
    mpm = replace(configuration.mpm, limits=Limits(**given["limits"]))  # a reload may have asked for others in vain
    return replace(configuration, mpm=mpm), trace


def compare(old: Side, new: Side, *, as_root: bool) -> Plan:
    """`as_root`: whether the running master is root, which may bind any port and become any User."""
    configuration, _ = new
    return Plan(
        listeners=tuple(_listeners(old[0], configuration)),
        everything=tuple(_everything(old[0], configuration)),
        parts=tuple(_parts(old, new)),
        restart=tuple(_restart(old[0], configuration, as_root)),
        warnings=configuration.diagnostics,
    )


# --- what is compared


def _listeners(old: Configuration, new: Configuration) -> Iterator[Change]:
    before, after = ({str(each): each.protocol for each in side.mpm.listens} for side in (old, new))
    for address in before:
        if address not in after:
            yield Change("closed", old=address)
    for address, protocol in after.items():
        if address not in before:
            yield Change("opened", new=address)
        elif protocol != before[address]:
            yield Change(f"protocol of {address}", before[address], protocol)


def _everything(old: Configuration, new: Configuration) -> Iterator[Change]:
    for what, before, after in (
        ("ServerRoot", old.server_root, new.server_root),
        ("DefaultRuntimeDir", old.runtime_dir, new.runtime_dir),
    ):
        if before != after:
            yield Change(what, before, after)
    loaded = [[m.name for m in side.modules if not m.static and not is_mpm(m.name)] for side in (old, new)]
    for name in loaded[0]:
        if name not in loaded[1]:
            yield Change("LoadModule", old=name)
    for name in loaded[1]:
        if name not in loaded[0]:
            yield Change("LoadModule", new=name)
    kept = [[name for name in side if name in loaded[0] and name in loaded[1]] for side in loaded]
    if kept[0] != kept[1]:
        yield Change("order of modules", ", ".join(kept[0]), ", ".join(kept[1]))
    for name in sorted({*old.defines, *new.defines}):
        values = [side.defines.get(name) for side in (old, new)]
        if values[0] != values[1]:
            shown = ["" if value is None else f"{name}={value}" if value else name for value in values]
            yield Change("Define", shown[0], shown[1])


def _restart(old: Configuration, new: Configuration, as_root: bool) -> Iterator[str]:
    if old.mpm_name != new.mpm_name:
        yield f"the MPM: {old.mpm_name} -> {new.mpm_name}; the reload would be refused (AH00534)"
    for name, directive in FIXED.items():
        before, after = getattr(old.mpm, name), getattr(new.mpm, name)
        if before != after:
            yield f"{directive}: {before or 'none'} -> {after or 'none'}"
    one, other = (side.main.config(UnixdConfig) for side in (old, new))
    before, after = f"{one.user}:{one.group}", f"{other.user}:{other.group}"
    if not as_root and before != after:
        yield f"User and Group: {before} -> {after}; the server was not started as root"
    limits = (("ServerLimit", "server_limit"), ("ThreadLimit", "thread_limit"))
    wanted = new.mpm.limits
    for directive, name in limits:
        asked = _asked(new, directive)
        running = getattr(old.mpm.limits, name)
        if asked is not None and asked != running and getattr(wanted, name) == running:
            yield f"{directive}: {running} -> {asked}"


    one_ratio, other_ratio = (side.main.config(MpmSettings).listen_cores_ratio for side in (old, new))
    if one_ratio != other_ratio:
        kept = "its sockets stay over a graceful restart, -k restart is enough"
        yield f"ListenCoresBucketsRatio: {one_ratio or 'none'} -> {other_ratio or 'none'}; {kept}"


def _asked(configuration: Configuration, directive: str) -> int | None:
    settings = configuration.main.config(MpmSettings)
    return settings.server_limit if directive == "ServerLimit" else settings.thread_limit


# --- servers and sections


def _name(server: ServerRecord) -> str:
    if server.location is None:
        return "main server"
    name = server.config(CoreServer).server_name if server.config(CoreServer).named_itself else ""
    return f"<VirtualHost {' '.join(label(address) for address in server.addresses)}> {name or ''}".rstrip()


def _keyed(names: Sequence[str]) -> list[tuple[str, int]]:
    """Equal names are told apart by their order."""
    counts: dict[str, int] = {}
    keys = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        keys.append((name, counts[name]))
    return keys


def _parts(old: Side, new: Side) -> Iterator[Part]:
    before, after = _servers(old), _servers(new)
    common = {_bare(change) for change in _changes(_held(old, None), _held(new, None))}
    for key in [*before, *(key for key in after if key not in before)]:
        one, other = before.get(key), after.get(key)
        name = key[0]
        if one is None or other is None:
            gone = one or other
            assert gone is not None
            place = gone[0].location
            change = Change(name, old=name, old_place=place) if one else Change(name, new=name, new_place=place)
            yield Part(name, "", (change,))
            continue
        held = [_held(side, own) for side, (_, own) in ((old, one), (new, other))]
        changes = [change for change in _changes(*held) if one[0].location is None or _bare(change) not in common]
        if changes:
            yield Part(name, "", tuple(changes))
        yield from _sections(name, (old, one[0]), (new, other[0]))


def _bare(change: Change) -> tuple[str, str, str]:
    return change.what, change.old, change.new


def _servers(side: Side) -> dict[tuple[str, int], tuple[ServerRecord, ServerLayers]]:
    configuration, trace = side
    servers = configuration.servers
    return dict(
        zip(_keyed([_name(server) for server in servers]),
            zip(servers, trace.servers(configuration), strict=True), strict=True)
    )  # fmt: skip


def _held(side: Side, own: ServerLayers | None) -> list[Held]:
    """What holds in a server outside sections; None is the main server."""
    main = side[1].main
    assert main is not None
    layers = [main] if own is None or own is main else [main, own]
    return [*resolve(each.settings for each in layers), *resolve(each.base for each in layers)]


def _sections(server: str, old: tuple[Side, ServerRecord], new: tuple[Side, ServerRecord]) -> Iterator[Part]:
    before, after = (_scopes(*side) for side in (old, new))
    for key in [*before, *(key for key in after if key not in before)]:
        one, other = before.get(key), after.get(key)
        held = [[] if layer is None else resolve([layer]) for layer in (one, other)]
        changes = tuple(_changes(*held))
        if changes:
            yield Part(server, key[0], changes)


def _scopes(side: Side, server: ServerRecord) -> Mapping[tuple[str, int], Layer]:
    """The sections that a server has beside those of the main server, nested ones behind the outer one's name."""
    configuration, trace = side
    main = configuration.main
    shared: set[int] = set()
    if server is not main:
        shared = {id(scope) for scope in (*main.directories, *main.files, *main.locations)}
    found: list[tuple[str, Scope]] = []
    for scope in (*server.directories, *server.files, *server.locations):
        if id(scope) not in shared:
            found.append((title(scope), scope))
            found += [(f"{title(scope)} {title(inner)}", inner) for inner in scope.files]
    keys = _keyed([name for name, _ in found])
    return {key: trace.layer(scope.values) for key, (_, scope) in zip(keys, found, strict=True)}


def _changes(before: Sequence[Held], after: Sequence[Held]) -> Iterator[Change]:
    """By directive: the lines that hold. That equal ones stand on another line is no change."""
    one, other = ({held.name: held.lines for held in side if held.lines} for side in (before, after))
    for name in sorted({*one, *other}, key=str.lower):
        old, new = one.get(name, []), other.get(name, [])
        if name == "Listen":
            continue  # told as listeners
        texts = [[" ".join(note.raw.split()) for note in side] for side in (old, new)]
        if texts[0] == texts[1]:
            continue
        gone = [note for note, text in zip(old, texts[0], strict=True) if text not in texts[1]]
        come = [note for note, text in zip(new, texts[1], strict=True) if text not in texts[0]]
        if len(gone) <= 1 and len(come) <= 1 and (gone or come):
            yield _change(name, gone, come)
        elif gone or come:
            yield from (_change(name, [note], []) for note in gone)
            yield from (_change(name, [], [note]) for note in come)
        else:
            yield Change(name, ", ".join(texts[0]), ", ".join(texts[1]), _place(old), _place(new))


def _change(name: str, old: Sequence[Note], new: Sequence[Note]) -> Change:
    """At most one line on each side."""
    before, after = ("".join(note.raw for note in side) for side in (old, new))
    return Change(name, before, after, _place(old), _place(new))


def _place(notes: Sequence[Note]) -> Location | None:
    return notes[-1].location if notes else None


def is_root(pid: int) -> bool:
    return os.stat(f"/proc/{pid}").st_uid == 0


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON has it; places are `file` and `line`."""
    return {
        "changes": not plan.empty,
        "listeners": [_json(change) for change in plan.listeners],
        "server": [_json(change) for change in plan.everything],
        "parts": [
            {"server": part.server, "section": part.section, "changes": [_json(change) for change in part.changes]}
            for part in plan.parts
        ],
        "full_restart": list(plan.restart),
    }


def _json(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in fields(change):
        value = getattr(change, each.name)
        if isinstance(value, Location):
            value = {"file": value.file, "line": value.line}
        found[each.name] = value
    return found
