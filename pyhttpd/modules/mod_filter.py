"""mod_filter: filters that are chosen when the answer is there, by FilterProvider, FilterChain, AddOutputFilterByType.

A smart filter is a name, with providers: filters of other modules, each with a condition. What stands in the chain is a
harness for it, which lets the first provider whose condition holds do the work, or nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from pyhttpd.api.body import FLUSH, Body, FileSlice, Piece, length_of
from pyhttpd.api.env import variable
from pyhttpd.api.expression import variables_of
from pyhttpd.api.filters import ELSEWHERE, OUTPUT, Effect, Filter, Kind, add_output_filter, begin, may_run, warn_of_name
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module
from pyhttpd.api.phases import OK, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.directive import ANYWHERE, RSRC, SECTIONS, Args, Directive, Override, Setting, SettingError, number
from pyhttpd.config.merging import merged, overlay
from pyhttpd.expr import Condition, EvaluationError, ExpressionError, parse_condition
from pyhttpd.util.escape import wire

_PARAMETERS = re.compile("[; \t]")
_SEPARATORS = re.compile("[;, \t]+")


class Provider(NamedTuple):
    """A filter by its registered name, and when it does the work: where a condition holds, or for content types."""

    name: str  # lower case
    condition: Condition | None
    types: tuple[str, ...] = ()  # wire text
    effects: Effect | None = None  # what FilterProtocol says; None: what the filter says of itself


class SmartFilter(NamedTuple):
    """`providers`: that of the last line first, as they are asked."""

    name: str
    kind: Kind = Kind.RESOURCE
    providers: tuple[Provider, ...] = ()
    effects: Effect = Effect.NONE  # FilterProtocol without a provider
    traced: bool = False


Chain = tuple[str | None, ...]
"""Names in their order. None: what stands in front of it, in outer scopes too, does not count."""


def merge_chains(outer: Chain, inner: Chain) -> Chain:
    return since_reset((*outer, *inner))


def since_reset(chain: Chain) -> Chain:
    """From the last None on."""
    return chain[len(chain) - 1 - chain[::-1].index(None) :] if None in chain else chain


@dataclass(frozen=True, slots=True)
class FilterConfig:
    filters: Mapping[str, SmartFilter] = merged({}, overlay)
    chain: Chain = merged((), merge_chains)


# --- the lines

# TRANSCODE is in the manual, not in the program: there it is a RESOURCE.
_KINDS = {kind.name: kind for kind in Kind if kind is not Kind.TRANSCODE}
_EFFECTS = {
    "change=yes": Effect.CHANGE | Effect.CHANGE_LENGTH, "change=1:1": Effect.CHANGE,
    "byteranges=no": Effect.NO_BYTERANGE, "cache=no": Effect.NO_CACHE,
    "proxy=no": Effect.NO_PROXY, "proxy=transform": Effect.TRANSFORM,
}  # fmt: skip


def _known(setting: Setting, name: str) -> SmartFilter | None:
    """Of this scope: a line never changes what an outer scope has declared."""
    filters: Mapping[str, SmartFilter] = setting.get("filters", {})
    return filters.get(name)


def declare(setting: Setting, name: str, kind: str = "") -> None:
    setting.put("filters", name, SmartFilter(name, _KINDS.get(kind.upper(), Kind.RESOURCE)))


def _registered(setting: Setting, name: str) -> Filter:
    """The filter that some module has under this name."""
    known: Mapping[str, Filter] = setting.providers(OUTPUT)
    found = known.get(name.lower())
    if found is None:
        owner = ELSEWHERE.get(name.lower())
        hint = f"It is one of {owner}, which pyhttpd does not have." if owner is not None else None
        choices = [each.name for each in known.values()]
        raise SettingError(f"Unknown filter provider {name}", hint, wrong=name, choices=choices)
    warn_of_name(setting, OUTPUT, name)
    return found


def _add_provider(setting: Setting, name: str, kind: Kind, provider: Provider) -> None:
    """A filter that was not declared is of its first provider's kind."""
    smart = _known(setting, name) or SmartFilter(name, kind)
    setting.put("filters", name, smart._replace(providers=(provider, *smart.providers)))


def add_provider(setting: Setting, name: str, provider: str, expression: str) -> None:
    found = _registered(setting, provider)
    source = f"{setting.location.file}:{setting.location.line}"
    try:
        condition = parse_condition(expression, writer=setting.writer, source=source, module="filter")
    except ExpressionError as error:
        raise SettingError(f"Error parsing FilterProvider expression:{error}", wrong=expression) from None
    _add_provider(setting, name, found.kind, Provider(found.name.lower(), condition))


def add_by_type(setting: Setting, *words: str) -> None:
    if len(words) < 2:
        raise SettingError("AddOutputFilterByType requires at least two arguments")
    types = tuple(map(wire, words[1:]))
    for provider in filter(None, words[0].split(";")):
        found = _registered(setting, provider)
        name = f"BYTYPE:{provider}"
        is_new = _known(setting, name) is None
        _add_provider(setting, name, found.kind, Provider(found.name.lower(), None, types))
        if is_new:
            change_chain(setting, name)


def change_chains(setting: Setting, *words: str) -> None:
    for word in words:
        change_chain(setting, word)


def change_chain(setting: Setting, word: str) -> None:
    chain: Chain = setting.get("chain", ())
    sign, name = (word[0], word[1:]) if word[:1] in ("+", "@", "-", "!", "=") else ("+", word)
    if sign == "@":
        chain = (name, *chain)
    elif sign == "-":
        chain = _without(chain, name.lower())
    elif sign == "!":
        chain = (None,)
    elif sign == "=":
        chain = (None, name)
    else:
        chain = (*chain, name)
    setting.set("chain", chain)


def _without(chain: Chain, name: str) -> Chain:
    """Without the first, if that has the name, else without all that have it. (Apache crashes if that is last.)"""
    if chain and chain[0] is not None and chain[0].lower() == name:
        return chain[1:]
    return tuple(each for each in chain if each is None or each.lower() != name)


def protocol(setting: Setting, name: str, *words: str) -> None:
    """Two words or three: it is the one in the middle that may be left out."""
    smart = _known(setting, name)
    if smart is None:
        choices = tuple(setting.get("filters", {}))
        raise SettingError("FilterProtocol: No such filter", wrong=name, choices=choices)
    effects = Effect.NONE
    for word in filter(None, _SEPARATORS.split(words[-1])):
        if word.lower() == "change=no":
            effects &= ~_EFFECTS["change=yes"]
        elif word.lower() in _EFFECTS:
            effects |= _EFFECTS[word.lower()]
        else:
            known = ("change=no", *_EFFECTS)
            setting.warn(f"FilterProtocol {word} has no effect", "PH00404", wrong=word, choices=known)
    if len(words) == 1:
        setting.put("filters", name, smart._replace(effects=effects))
        return
    provider = words[0].lower()
    if not any(each.name == provider for each in smart.providers):
        choices = tuple(each.name for each in smart.providers)
        raise SettingError("FilterProtocol: No such provider for this filter", wrong=words[0], choices=choices)
    providers = tuple(each._replace(effects=effects) if each.name == provider else each for each in smart.providers)
    setting.put("filters", name, smart._replace(providers=providers))


def trace(setting: Setting, name: str, level: int) -> None:
    """Level 1 is all that there is. The manual's 2 was never made."""
    smart = _known(setting, name)
    if smart is None:
        choices = setting.get("filters", {})
        raise SettingError(f"Undeclared smart filter {name}", wrong=name, choices=choices)
    setting.put("filters", name, smart._replace(traced=level == 1))


DIRECTIVES = (
    Directive("FilterDeclare", Args.take(str, str, least=1), ANYWHERE, "filter-name [filter-type]",
              into=FilterConfig, apply=declare, override=Override.OPTIONS),
    Directive("FilterProvider", Args.take(str, str, str), ANYWHERE, "filter-name provider-name match-expression",
              into=FilterConfig, apply=add_provider, override=Override.OPTIONS),
    Directive("FilterChain", Args.iterate(str), ANYWHERE, "list of filter names with optional [+-=!@]",
              into=FilterConfig, apply=change_chains, override=Override.OPTIONS),
    Directive("FilterTrace", Args.take(str, number), RSRC | SECTIONS, "filter-name debug-level",
              into=FilterConfig, apply=trace),
    Directive("AddOutputFilterByType", Args.argv(), ANYWHERE,
              "output filter name followed by one or more content-types",
              into=FilterConfig, apply=add_by_type, override=Override.FILEINFO),
    Directive("FilterProtocol", Args.take(str, str, str, least=2), ANYWHERE,
              "filter-name [provider-name] protocol-args",
              into=FilterConfig, apply=protocol, override=Override.OPTIONS),
)  # fmt: skip


# --- the requests


class _Range:
    """The Range of a request whose answer may become another one: put aside until it is known who filters."""

    __slots__ = ("field",)

    def __init__(self) -> None:
        self.field: str | None = None


def insert(request: Request) -> None:
    config = request.config(FilterConfig)
    chain = since_reset(config.chain)
    if not chain:
        return
    aside = _Range()
    may_take = True
    for name in chain:
        if name is None:
            continue
        smart = config.filters.get(name)
        if smart is None:
            request.log(Level.WARN, "filter", "AH01380", f"Unknown filter {name} not added")
            continue
        harness = Filter(
            name, partial(run, smart, aside), smart.kind, init=partial(set_up, smart), keeps_length=True, pure=True
        )
        add_output_filter(request, harness)
        if may_take and smart.effects & (Effect.NO_BYTERANGE | Effect.CHANGE_LENGTH):
            may_take = False
            aside.field = request.headers_in.get("Range")
            if aside.field is not None:
                request.headers_in.unset("Range")


def set_up(smart: SmartFilter, request: Request) -> int:
    """What any provider wants done before the handler runs is done, whether it will be chosen or not."""
    known: Mapping[str, Filter] = request.services.providers(OUTPUT)
    for provider in smart.providers:
        init = known[provider.name].init
        result = OK if init is None else init(request)
        if result != OK:
            request.log(Level.ERROR, "filter", "AH01378", f"filter_init for {provider.name} failed")
            return result
    return OK


def run(smart: SmartFilter, aside: _Range, request: Request, pieces: Body) -> Body:
    if request.status != 200 and variable(request.env, "filter-errordocs") is None:
        return pieces
    if smart.traced:
        pieces = _traced(smart.name, request, pieces)
    if not may_run(smart.effects, request):
        return pieces
    for provider in smart.providers:
        if not _applies(provider, request):
            continue
        found: Filter = request.services.providers(OUTPUT)[provider.name]
        effects = found.effects if provider.effects is None else provider.effects
        if not may_run(effects, request):
            continue
        if aside.field is not None and not effects & Effect.NO_BYTERANGE:
            request.headers_in.set("Range", aside.field)
            aside.field = None
        return begin(replace(found, effects=effects), request, pieces)
    return pieces


def _applies(provider: Provider, request: Request) -> bool:
    if provider.condition is not None:
        holds = False
        try:
            holds = provider.condition.evaluate(variables_of(request))
        except EvaluationError as error:
            message = f"Error evaluating filter dispatch condition: {error}"
            request.log(Level.ERROR, "filter", "AH01379", message)
        _tell(request, f"Expression condition for '{provider.name}' {'matched' if holds else 'did not match'}")
        return holds
    if request.content_type is None:
        _tell(request, f"Content-Type condition for '{provider.name}' did not match: no Content-Type")
        return False
    if request.wants(Level.TRACE4, "filter"):
        _tell_types(request, request.content_type, provider.types)
    holds = _base(request.content_type) in provider.types
    _tell(request, f"Content-Type condition for '{provider.name}' {'matched' if holds else 'did not match'}")
    return holds


def _base(content_type: str) -> str:
    return _PARAMETERS.split(content_type, maxsplit=1)[0]


def _tell(request: Request, message: str) -> None:
    request.log(Level.TRACE2, "filter", None, message)


def _tell_types(request: Request, content_type: str, types: tuple[str, ...]) -> None:
    """Each type that is compared, up to the one that is it."""
    request.log(Level.TRACE4, "filter", None, f"Content-Type '{content_type}' ...")
    for each in types:
        is_it = each == _base(content_type)
        request.log(Level.TRACE4, "filter", None, f"... {'matched' if is_it else 'did not match'} '{each}'")
        if is_it:
            break


def _traced(name: str, request: Request, pieces: Body) -> Iterator[Piece]:
    """FilterTrace 1: each piece, by the name that Apache's kind of bucket has, as it comes to the filter."""
    request.log(Level.DEBUG, "filter", "AH01375", name)
    for piece in pieces:
        kind = "FILE" if isinstance(piece, FileSlice) else "FLUSH" if piece is FLUSH else "HEAP"
        request.log(Level.DEBUG, "filter", "AH01376", f"{name}: type: {kind}, length: {length_of(piece)}")
        yield piece
    request.log(Level.DEBUG, "filter", "AH01376", f"{name}: type: EOS, length: 0")


MODULE = Module(
    "filter_module",
    "mod_filter.c",
    per_dir=FilterConfig,
    directives=DIRECTIVES,
    hooks=(on(Phase.INSERT_FILTER, insert, pure=True),),
)
