"""The pages of mod_info: Apache's text and tags, with a style sheet and with links. Used by mod_info alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from pyhttpd.api.build_settings import ARCHITECTURE, MAGIC_NUMBER, compiled_with
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.module import Module
from pyhttpd.api.request import Request
from pyhttpd.api.signature import server_signature
from pyhttpd.api.url import server_name, server_port
from pyhttpd.api.version import DESCRIPTION
from pyhttpd.config.catalog import rows_of
from pyhttpd.config.kept import KeptLine
from pyhttpd.modules.info_config import configuration_lines, key_of
from pyhttpd.modules.info_hooks import OTHER, REQUEST, STARTUP, NamedHook, request_hooks_of
from pyhttpd.util.built import server_built
from pyhttpd.util.escape import ascii_lower, html

Lines = Callable[[], Iterable[KeptLine]]
"""The lines of the running configuration, anew for each call."""

_STYLE = """\
:root { color-scheme: light dark; --page: #f3f5f8; --card: #fff; --ink: #19202c; --muted: #5a6474; --line: #dfe4eb;
  --accent: #1d4ed8; --value: #9a4a06; --here: #dbe6fb; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --card: #161b23; --ink: #e4e8ee; --muted: #97a1b0;
  --line: #29313d; --accent: #82aaff; --value: #f0b565; --here: #1c2f55; } }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; padding: 20px 24px 32px; max-width: 1024px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0 0 20px; font-size: 22px; }
h2 { margin: 24px 0 8px; font-size: 17px; }
a { color: inherit; text-decoration: none; }
a[href] { color: var(--accent); }
a[href]:hover, a[href]:focus-visible { text-decoration: underline; }
dl { margin: 0; padding: 12px 16px; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
dt { padding: 2px 0; }
dd { margin: 0; padding-left: 24px; text-indent: -24px; }
dt strong { font-weight: 600; }
tt { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }
dt > tt { color: var(--muted); }
dd i, em { color: var(--value); font-style: normal; }
dd:target { background: var(--here); }
hr { margin: 12px 0; border: 0; }
address { color: var(--muted); font-style: normal; }
@media (max-width: 640px) { body { padding: 12px 8px 24px; } dl { padding: 8px 10px; } }
"""
_HEAD = f"""\
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
  <title>Server Information</title>
  <meta name="viewport" content="width=device-width, initial-scale=1" />
  <style type="text/css">
{_STYLE}  </style>
</head>
<body><h1 style="text-align: center">Apache Server Information</h1>
"""
_SUBPAGES = (
    '<dl><dt><tt>Subpages:<br /><a href="?config">Configuration Files</a>, <a href="?server">Server Settings</a>, '
    '<a href="?list">Module List</a>, <a href="?hooks">Active Hooks</a>, '
    '<a href="?providers">Available Providers</a></tt></dt></dl><hr />'
    '<dl><dt><tt>Sections:<br /><a href="#modules">Loaded Modules</a>, <a href="#server">Server Settings</a>, '
    '<a href="#startup_hooks">Startup Hooks</a>, <a href="#request_hooks">Request Hooks</a>, '
    '<a href="#other_hooks">Other Hooks</a>, <a href="#providers">Providers</a></tt></dt></dl><hr />'
)
_THREADED = {"prefork": "no", "worker": "yes"}


def page(
    request: Request, query: str | None, lines: Lines, more_information: Callable[[str], str | None]
) -> Iterator[str]:
    """What `query` asks for; None: everything. `more_information` is what AddModuleInfo lines say, by source name."""
    wanted = None if query is None else ascii_lower(query)
    modules = sorted(request.services.modules, key=lambda module: module.source)
    yield _HEAD
    if wanted == "list":
        yield _module_list(modules)
    else:
        if wanted is None:
            yield _SUBPAGES
            yield _loaded_modules(modules)
        if wanted in (None, "server"):
            yield from _server_settings(request)
        if wanted in (None, "hooks"):
            yield from _hooks(request.services.modules, "?" if wanted else "#")
        if wanted in (None, "providers"):
            yield _providers(modules)
        if wanted == "config":
            yield "<dl><dt><strong>Configuration:</strong>\n"
            yield from configuration_lines(lines())
            yield "</dl><hr />"
        elif wanted not in ("server", "hooks", "providers"):
            shown = [module for module in modules if wanted is None or module.source.lower() == wanted]
            used = _names_used(lines()) if wanted is None else None
            for module in shown if wanted is None else shown[:1]:
                yield from _module(module, modules, lines, used, more_information(module.source))
            if not shown:
                yield "<p><b>No such module</b></p>\n"
    yield f"{server_signature(request)}</body></html>\n"


def _module_list(modules: Sequence[Module]) -> str:
    names = "".join(f"<dd>{html(module.source)}</dd>" for module in modules)
    return f"<dl><dt>Server Module List</dt>{names}</dl><hr />"


def _loaded_modules(modules: Sequence[Module]) -> str:
    links = "".join(f'<a href="#{html(module.source)}">{html(module.source)}</a>, ' for module in modules)
    return f'<h2><a name="modules">Loaded Modules</a></h2><dl><dt><tt>{links}</tt></dt></dl><hr />'


# --- the server ----------------------------------------------------------------------------------------------------


def _server_settings(request: Request) -> Iterator[str]:
    configuration = request.services.configuration
    core = request.server_config(CoreServer)
    name = configuration.mpm_name
    yield '<h2><a name="server">Server Settings</a></h2><dl>'
    yield _fact("Server Version", DESCRIPTION, large=True)
    yield _fact("Server Built", server_built(), large=True)
    for library, version in _libraries():
        yield _fact(f"Server loaded {library} Version", version)
    yield _fact("Module Magic Number", MAGIC_NUMBER)
    yield _fact("Hostname/port", f"{html(server_name(request))}:{server_port(request)}")
    times = f"connection: {int(core.timeout)} &nbsp;&nbsp; keep-alive: {int(core.keep_alive_timeout)}"
    yield f"<dt><strong>Timeouts:</strong> <tt>{times}</tt></dt>"
    yield _fact("MPM Name", html(name))
    yield _fact("MPM Information", f"Max Daemons: {_daemons(request)} Threaded: {_THREADED[name]} Forked: yes")
    yield _fact("Server Architecture", ARCHITECTURE)
    yield _fact("Server Root", html(configuration.server_root))
    yield _fact("Config File", html(configuration.path))
    settings = "".join(f" -D {html(setting)}\n" for setting in compiled_with())
    yield f'<dt><strong>Server Built With:</strong>\n<tt style="white-space: pre-wrap;">\n{settings}</tt></dt>\n'
    yield "</dl><hr />"


def _fact(label: str, value: str, *, large: bool = False) -> str:
    value = f"<tt>{value}</tt>"
    if large:
        value = f'<font size="+1">{value}</font>'
    return f"<dt><strong>{label}:</strong> {value}</dt>\n"


def _libraries() -> Iterator[tuple[str, str]]:
    """Where Apache names APR and PCRE. What is not loaded (no pattern needs PCRE) has no version."""
    yield "Python", html(sys.version.partition(" ")[0])
    for label, package, attribute in (("h11", "h11", "__version__"), ("PCRE", "pcre2", "__libpcre2_version__")):
        version = getattr(sys.modules.get(package), attribute, None)
        if version is not None:
            yield label, html(str(version))


def _daemons(request: Request) -> int:
    """The children that there may be at most; of worker those that there are, as Apache says it."""
    services = request.services
    most: int = services.configuration.mpm.limits.children
    if _THREADED[services.configuration.mpm_name] == "no":
        return most
    return max((row + 1 for row in range(most) if services.scoreboard.child(row)["pid"]), default=1)


# --- hooks and providers -------------------------------------------------------------------------------------------


def _hooks(modules: Sequence[Module], link: str) -> Iterator[str]:
    groups = (("startup", "Startup", STARTUP), ("request", "Request", REQUEST), ("other", "Other", OTHER))
    for name, title, hooks in groups:
        yield f'<h2><a name="{name}_hooks">{title} Hooks</a></h2>\n<dl>'
        for hook in hooks:
            yield _hook(hook, modules, link)
        yield "</dl>\n<hr />\n"


def _hook(hook: NamedHook, modules: Sequence[Module], link: str) -> str:
    parts = "".join(
        f'&nbsp;&nbsp; {order:02d} <a href="{link}{html(source)}">{html(source)}</a> <br/>'
        for order, source in hook.parts(modules)
    )
    return f"<dt><strong>{hook.label}:</strong>\n <br /><tt>\n{parts}\n  </tt>\n</dt>\n"


def _providers(modules: Iterable[Module]) -> str:
    groups: dict[str, set[str]] = {}
    for module in modules:
        for provider in module.providers:
            groups.setdefault(provider.group, set()).add(provider.name)
    text = '<h2><a name="providers">Providers</a></h2>\n<dl>'
    for group, names in sorted(groups.items()):
        text += f"<dt><strong>{html(group)}</strong> (version <tt>0</tt>):\n <br />\n"
        text += "".join(f"<tt>&nbsp;&nbsp;{html(name)}</tt><br/>" for name in sorted(names))
        text += "\n</dt>\n"
    return f"{text}</dl>\n<hr />\n"


# --- a module ------------------------------------------------------------------------------------------------------


def _names_used(lines: Iterable[KeptLine]) -> frozenset[str]:
    """The directives of which there are lines: for the modules of the others nobody need look at them again."""
    return frozenset(map(key_of, lines))


def _module(
    module: Module, modules: Sequence[Module], lines: Lines, used: frozenset[str] | None, more: str | None
) -> Iterator[str]:
    source = html(module.source)
    handles = "yes" if "Content Handlers" in (taken := request_hooks_of(module)) else "none"
    yield (
        f'<dl><dt><a name="{source}"><strong>Module Name:</strong></a> '
        f'<font size="+1"><tt><a href="?{source}">{source}</a></tt></font></dt>\n'
        f"<dt><strong>Content handlers:</strong> <tt> <em>{handles}</em></tt></dt>"
        f"<dt><strong>Configuration Phase Participation:</strong>\n{_listed(_configuration_phases(module))}</dt>"
        f"<dt><strong>Request Phase Participation:</strong>\n{_listed(taken)}</dt>\n"
    )
    rows = rows_of(module, modules)
    if rows:
        yield "<dt><strong>Module Directives:</strong></dt>"
        for row in rows:
            bracket = "&gt;" if row.section else ""
            yield f"<dd><tt>{html(row.name)}{bracket} - <i>{html(row.help)}</i></tt></dd>\n"
        yield "<dt><strong>Current Configuration:</strong></dt>\n"
        names = frozenset(row.name.lower() for row in rows)
        if used is None or names & used:
            yield from configuration_lines(lines(), names)
    else:
        yield "<dt><strong>Module Directives:</strong> <tt>none</tt></dt>"
    if more is not None:
        yield f"<dt><strong>Additional Information:</strong>\n</dt><dd>{more}</dd>"
    yield "</dl><hr />\n"


def _configuration_phases(module: Module) -> list[str]:
    phases: list[str] = []
    if module.per_dir is not None:
        phases += ["Create Directory Config", "Merge Directory Configs"]
    if module.per_server is not None:
        phases += ["Create Server Config", "Merge Server Configs"]
    return phases


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"<tt>{name}</tt>" for name in names) or "<tt> <em>none</em></tt>"
