"""Who takes part in which hook, in Apache's names and order. Used by mod_info alone.

Hooks that pyhttpd does not have, because what they are for is done otherwise, are listed and empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pyhttpd.api.module import Module
from pyhttpd.api.phases import Order, Phase, in_order
from pyhttpd.config.catalog import is_mpm

Modules = Sequence[Module]


class Part(NamedTuple):
    """One function of a module (`mod_dir.c`) in a hook, and its place there."""

    order: int
    source: str


class NamedHook(NamedTuple):
    label: str
    parts: Callable[[Modules], list[Part]]


def _phase(phase: Phase) -> Callable[[Modules], list[Part]]:
    def parts(modules: Modules) -> list[Part]:
        hooks = [(module.source, hook) for module in modules for hook in module.hooks]
        return [Part(int(hook.order), source) for source, hook in in_order(hooks, phase)]

    return parts


def _where(has: Callable[[Module], bool]) -> Callable[[Modules], list[Part]]:
    def parts(modules: Modules) -> list[Part]:
        return [Part(int(Order.MIDDLE), module.source) for module in modules if has(module)]

    return parts


def _nobody(_: Modules) -> list[Part]:
    return []


STARTUP = (
    NamedHook("Pre-Config", _nobody),
    NamedHook("Check Configuration", _where(lambda module: module.check_config is not None)),
    NamedHook("Test Configuration", _nobody),
    NamedHook("Post Configuration", _where(lambda module: module.prepare is not None)),
    NamedHook("Open Logs", _nobody),
    NamedHook("Pre-MPM", _nobody),
    NamedHook("MPM", _where(lambda module: is_mpm(module.name))),
    NamedHook("Drop Privileges", _where(lambda module: module.name == "unixd_module")),  # by its settings, in the MPM
    NamedHook("Retrieve Optional Functions", _nobody),
    NamedHook("Child Init", _phase(Phase.CHILD_INIT)),
)

REQUEST = (
    NamedHook("Pre-Connection", _phase(Phase.PRE_CONNECTION)),
    NamedHook("Create Connection", _nobody),
    NamedHook("Process Connection", _nobody),
    NamedHook("Create Request", _nobody),
    NamedHook("Pre-Read Request", _nobody),
    NamedHook("Post-Read Request", _phase(Phase.POST_READ_REQUEST)),
    NamedHook("Header Parse", _phase(Phase.HEADER_PARSER)),
    NamedHook("HTTP Scheme", _nobody),
    NamedHook("Default Port", _nobody),
    NamedHook("Quick Handler", _phase(Phase.QUICK_HANDLER)),
    NamedHook("Pre-Translate Name", _phase(Phase.PRE_TRANSLATE_NAME)),
    NamedHook("Translate Name", _phase(Phase.TRANSLATE_NAME)),
    NamedHook("Map to Storage", _phase(Phase.MAP_TO_STORAGE)),
    NamedHook("Post-Directory Configuration", _phase(Phase.POST_PERDIR_CONFIG)),  # Apache has it and does not list it
    NamedHook("Check Access", _phase(Phase.ACCESS_CHECKER_EX)),
    NamedHook("Check Access (legacy)", _phase(Phase.ACCESS_CHECKER)),
    NamedHook("Force Authentication", _phase(Phase.FORCE_AUTHN)),  # likewise
    NamedHook("Verify User ID", _phase(Phase.CHECK_USER_ID)),
    NamedHook("Note Authentication Failure", _nobody),
    NamedHook("Verify User Access", _phase(Phase.AUTH_CHECKER)),
    NamedHook("Check Type", _phase(Phase.TYPE_CHECKER)),
    NamedHook("Fixups", _phase(Phase.FIXUPS)),
    NamedHook("Insert Filters", _phase(Phase.INSERT_FILTER)),
    NamedHook("Content Handlers", _phase(Phase.HANDLER)),
    NamedHook("Transaction Logging", _phase(Phase.LOG_TRANSACTION)),
    NamedHook("Insert Errors", _phase(Phase.INSERT_ERROR_FILTER)),
    NamedHook("Generate Log ID", _nobody),
)

OTHER = (
    NamedHook("Monitor", _phase(Phase.MONITOR)),
    NamedHook("Child Status", _nobody),
    NamedHook("End Generation", _nobody),
    NamedHook("Error Logging", _nobody),
    NamedHook("Query MPM Attributes", _nobody),
    NamedHook("Query MPM Name", _nobody),
    NamedHook("Register Timed Callback", _nobody),
    NamedHook("Extend Expression Parser", _nobody),
    NamedHook("Set Management Items", _nobody),
)


def request_hooks_of(module: Module) -> list[str]:
    """The labels of those of REQUEST that it takes part in."""
    return [hook.label for hook in REQUEST if hook.parts((module,))]
