"""The phases of a request and the other hooks: names, run rules, order. One table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyhttpd.api.log_letter import Again
    from pyhttpd.api.request import Request

# What a hook returns: one of these, or an HTTP status (100..599).
OK = 0
DECLINED = -1
DONE = -2  # the request is answered; no further phase but logging runs


class Rule(Enum):
    """How the functions of one hook are run."""

    ALL = "until one returns neither OK nor DECLINED"
    FIRST = "until one returns something other than DECLINED"
    VOID = "all of them, whatever they return"


class Phase(Enum):
    """The hooks, in the order in which they run."""

    # of the server
    CHILD_INIT = ("child_init", Rule.VOID)
    MONITOR = ("monitor", Rule.VOID)  # in the master, in each pass of its maintenance
    # of a connection
    PRE_CONNECTION = ("pre_connection", Rule.ALL)
    # of a request
    QUICK_HANDLER = ("quick_handler", Rule.FIRST)
    POST_READ_REQUEST = ("post_read_request", Rule.ALL)
    PRE_TRANSLATE_NAME = ("pre_translate_name", Rule.FIRST)
    TRANSLATE_NAME = ("translate_name", Rule.FIRST)
    MAP_TO_STORAGE = ("map_to_storage", Rule.FIRST)
    POST_PERDIR_CONFIG = ("post_perdir_config", Rule.ALL)
    HEADER_PARSER = ("header_parser", Rule.ALL)
    ACCESS_CHECKER = ("access_checker", Rule.ALL)
    ACCESS_CHECKER_EX = ("access_checker_ex", Rule.FIRST)
    FORCE_AUTHN = ("force_authn", Rule.FIRST)  # OK: a user is asked for even where none is needed
    CHECK_USER_ID = ("check_user_id", Rule.FIRST)
    AUTH_CHECKER = ("auth_checker", Rule.FIRST)
    TYPE_CHECKER = ("type_checker", Rule.FIRST)
    FIXUPS = ("fixups", Rule.ALL)
    INSERT_FILTER = ("insert_filter", Rule.VOID)
    INSERT_ERROR_FILTER = ("insert_error_filter", Rule.VOID)  # in its place, when an error page or a redirect is sent
    HANDLER = ("handler", Rule.FIRST)
    LOG_TRANSACTION = ("log_transaction", Rule.ALL)

    def __init__(self, label: str, rule: Rule) -> None:
        self.label = label
        self.rule = rule

    __hash__ = object.__hash__  # Enum's is a function in Python, and phases are looked up all the time


OF_AN_ANSWER = frozenset(Phase) - {
    Phase.CHILD_INIT, Phase.MONITOR, Phase.PRE_CONNECTION, Phase.LOG_TRANSACTION,
}  # fmt: skip
"""The phases that have a part in an answer."""


class Order(IntEnum):
    """Where a function stands among those of its hook; equal ones in the order of the modules, then of their rows."""

    REALLY_FIRST = -10
    FIRST = 0
    MIDDLE = 10
    LAST = 20
    REALLY_LAST = 30


@dataclass(frozen=True, slots=True)
class Hook:
    """One function of a module in one phase.

    `before` and `after` name modules (`mod_dir.c`) that must come later or earlier. `pure` promises that the function
    reads nothing but what it gets through Request, so that the answer may be kept.

    `again` is for log_transaction. It gets a request that has been answered and logged, whose answer is kept, and gives
    a function that does for each later sending (api.log_letter.Again) what `function` would do; or None: then that is
    called, with a copy of the request. A hook without `again` is always called so.
    """

    phase: Phase
    function: Callable[..., Any]
    order: Order = Order.MIDDLE
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    pure: bool = False
    again: Callable[[Request], Callable[[Again], None] | None] | None = None


def on(
    phase: Phase,
    function: Callable[..., Any],
    order: Order = Order.MIDDLE,
    *,
    before: tuple[str, ...] = (),
    after: tuple[str, ...] = (),
    pure: bool = False,
    again: Callable[[Request], Callable[[Again], None] | None] | None = None,
) -> Hook:
    """A row for `Module.hooks`."""
    return Hook(phase, function, order, before, after, pure, again)


def in_order(hooks: Iterable[tuple[str, Hook]], phase: Phase) -> Sequence[tuple[str, Hook]]:
    """The functions of one phase with the source names of their modules, in the order in which they run.

    First by `order` and position. Then, as in Apache, what `before` and `after` put ahead of a function is drawn to the
    front, past those between; what names its own module, or one that is not there, is ignored. A circle is a
    programming error of the modules and raises ValueError.
    """
    rows = sorted(((s, h) for s, h in hooks if h.phase is phase), key=lambda item: item[1].order)
    ahead: list[list[int]] = [[] for _ in rows]
    for index, (source, hook) in enumerate(rows):
        for name in hook.after:
            ahead[index] += [i for i, (s, _) in enumerate(rows) if s == name != source and i not in ahead[index]]
        for name in hook.before:
            for other in (i for i, (s, _) in enumerate(rows) if s == name != source and index not in ahead[i]):
                ahead[other].append(index)
    waiting = list(range(len(rows)))
    result: list[tuple[str, Hook]] = []
    while waiting:
        index = waiting[0]
        passed = {index}
        while (first := next((i for i in ahead[index] if i in waiting), None)) is not None:
            if first in passed:
                raise ValueError(f"the order of {phase.label} is a circle: {', '.join(rows[i][0] for i in waiting)}")
            passed.add(first)
            index = first
        waiting.remove(index)
        result.append(rows[index])
    return result
