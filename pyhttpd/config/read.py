"""Reading a configuration, whole: text in, a Configuration or every mistake in it out.

The master imports this file for ReadOptions but reads in another process, so what only reading needs is imported where
it is used.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhttpd.config.catalog import Catalog, mpm_name
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import MISSING_MODULES, ConfigurationError, Diagnostic, Severity
from pyhttpd.config.nodes import Node
from pyhttpd.util.collector import collector_paused
from pyhttpd.util.regex_defaults import regex_defaults, set_regex_defaults

if TYPE_CHECKING:
    from pyhttpd.config.expand import Expansion
    from pyhttpd.config.report import Report
    from pyhttpd.config.trace import Trace


@dataclass(frozen=True)
class ReadOptions:
    """What the command line says. `path` is the main file; a relative one is looked up under ServerRoot."""

    path: str
    server_root: str
    defines: tuple[str, ...] = ()  # -D
    before: tuple[str, ...] = ()  # -C
    after: tuple[str, ...] = ()  # -c


def read(
    options: ReadOptions, catalog: Catalog, trace: Trace | None = None, tree: list[Node] | None = None
) -> Configuration:
    """Read, check and build. Raises ConfigurationError with everything that is wrong, warnings included.

    A `trace` gets to know which line set what; the nodes that were built are put into `tree`.
    """
    with collector_paused():
        return _read(options, catalog, trace, [] if tree is None else tree)


def _read(options: ReadOptions, catalog: Catalog, trace: Trace | None, tree: list[Node]) -> Configuration:
    from pyhttpd.config.build import Builder
    from pyhttpd.config.foreign import FOREIGN_MODULES
    from pyhttpd.config.owners import known_modules
    from pyhttpd.config.suggest import Suggestions

    expansion, report = _expand(options, catalog)
    set_regex_defaults()
    modules = expansion.modules
    suggestions = Suggestions(catalog, modules.registry)
    arguments = (modules.registry, report, suggestions)
    builder: Builder
    if trace is None:
        builder = Builder(*arguments, server_root=expansion.server_root, refused=modules.refused)
    else:
        from pyhttpd.config.trace import TracingBuilder

        builder = TracingBuilder(*arguments, server_root=expansion.server_root, refused=modules.refused, trace=trace)
    if not expansion.stopped:
        builder.apply(expansion.nodes)
    diagnostics = report.diagnostics
    if any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics):
        needed = (modules.refused & {*known_modules(), *FOREIGN_MODULES}) | suggestions.needed
        if needed:
            names = ", ".join(sorted(needed))
            text = f"Modules that pyhttpd does not have: {names}"
            diagnostics += (Diagnostic(Severity.ERROR, MISSING_MODULES, text),)
        raise ConfigurationError(diagnostics, expansion.included)
    main = builder.main
    tree += expansion.nodes
    return Configuration(
        path=expansion.main_path,
        server_root=expansion.server_root,
        runtime_dir=expansion.runtime_dir or os.path.join(expansion.server_root, "logs"),
        modules=tuple(modules.loaded),
        main=main,
        vhosts=builder.vhosts(main),
        defines=expansion.variables.values(),
        included=tuple(expansion.included),
        diagnostics=diagnostics,
        mpm_name=mpm_name(modules.mpms[0][0]),
        regex_defaults=regex_defaults(),
        macros=expansion.macros.known,
        libraries=tuple(modules.libraries),
    )


def read_tree(options: ReadOptions, catalog: Catalog) -> tuple[Node, ...]:
    """The tree without conditions and Includes, for DUMP_CONFIG. Raises ConfigurationError for what shows by then."""
    expansion, report = _expand(options, catalog)
    if any(diagnostic.severity is Severity.ERROR for diagnostic in report.diagnostics):
        raise ConfigurationError(report.diagnostics)
    return tuple(expansion.nodes)


def _expand(options: ReadOptions, catalog: Catalog) -> tuple[Expansion, Report]:
    """Read with no MPM. If no line has loaded one it is the default one; and if a condition has asked for that, what
    was read is read once more with it there."""
    from pyhttpd.config.expand import Expansion, Files
    from pyhttpd.config.report import Report

    files = Files()
    for with_mpm in (False, True):
        report = Report()
        expansion = Expansion(
            catalog, files, report, server_root=options.server_root, defines=options.defines, with_mpm=with_mpm
        )
        _read_all(options, expansion, report)
        if expansion.modules.mpms or expansion.stopped:
            break
        if not expansion.asked_for_mpm:
            expansion.modules.assume_default_mpm()
            break
    return expansion, report


def _read_all(options: ReadOptions, expansion: Expansion, report: Report) -> None:
    if options.before:
        expansion.read_lines(options.before)
    expansion.read_file(options.path)
    mpms = expansion.modules.mpms
    if len(mpms) > 1:
        names = " and ".join(name for name, _ in mpms)
        place = mpms[1][1]
        report.text_error(
            (), place, "Configuration error: More than one MPM loaded.", number="AH00534",
            hint=f"These are loaded: {names}. Keep one", excerpt=report.excerpt_at(place) if place else None,
        )  # fmt: skip
    if options.after:
        expansion.read_lines(options.after)
