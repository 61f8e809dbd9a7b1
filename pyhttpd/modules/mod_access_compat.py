"""mod_access_compat: who may have what as Apache 2.2 put it: Order, Allow, Deny, Satisfy. Each for some methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.phases import OK, Phase, on
from pyhttpd.api.request import Request
from pyhttpd.config.directive import ACCESS, Args, Directive, Override, Setting, SettingError
from pyhttpd.config.limited import Methods
from pyhttpd.util.grown import Grown
from pyhttpd.util.lookup import in_domain
from pyhttpd.util.network import Network, looks_like_ip, parse_address, parse_network


class Order(Enum):
    DENY_ALLOW = "deny,allow"
    ALLOW_DENY = "allow,deny"
    MUTUAL_FAILURE = "mutual-failure"


class Kind(Enum):
    ALL = "all"
    ENV = "env="
    NOT_ENV = "env=!"
    IP = "an address or a network"
    HOST = "a name or a domain"


class Origin(NamedTuple):
    """One word of an Allow or Deny line, for the methods that `<Limit>` has left. `value` is a name, or a Network."""

    kind: Kind
    value: str | Network
    limited: Methods


class Access(NamedTuple):
    """What one scope says. An inner scope with any of these lines replaces all of them.

    `orders` and `satisfy` are in the order of the lines, and the last one for a method holds."""

    orders: tuple[tuple[Methods, Order], ...] = ()
    allows: Sequence[Origin] = ()
    denies: Sequence[Origin] = ()
    satisfy: tuple[tuple[Methods, bool], ...] = ()  # whether any suffices


NOTHING = Access()


@dataclass(frozen=True, slots=True)
class AccessConfig:
    access: Access = NOTHING


# --- the lines


def set_order(setting: Setting, word: str) -> None:
    try:
        order = Order(word.lower())
    except ValueError:
        raise SettingError("unknown order", wrong=word, choices=[one.value for one in Order]) from None
    access: Access = setting.get("access", NOTHING)
    setting.set("access", access._replace(orders=(*access.orders, (setting.limited, order))))


def set_satisfy(setting: Setting, word: str) -> None:
    if word.lower() not in ("any", "all"):
        raise SettingError("Satisfy either 'any' or 'all'.", wrong=word, choices=("any", "all"))
    access: Access = setting.get("access", NOTHING)
    setting.set("access", access._replace(satisfy=(*access.satisfy, (setting.limited, word.lower() == "any"))))


def allow(setting: Setting, from_: str, *words: str) -> None:
    access: Access = setting.get("access", NOTHING)
    setting.set("access", access._replace(allows=_with(access.allows, setting, from_, words)))


def deny(setting: Setting, from_: str, *words: str) -> None:
    access: Access = setting.get("access", NOTHING)
    setting.set("access", access._replace(denies=_with(access.denies, setting, from_, words)))


def _with(known: Sequence[Origin], setting: Setting, from_: str, words: Sequence[str]) -> Grown[Origin]:
    if from_.lower() != "from":
        raise SettingError("allow and deny must be followed by 'from'", wrong=from_, choices=("from",))
    words = words[: words.index("")] if "" in words else words  # an empty word ends them
    grown = known if isinstance(known, Grown) else Grown(known)
    return grown.plus([_origin(word, setting.limited) for word in words])


def _origin(word: str, limited: Methods) -> Origin:
    lower = word.lower()
    if lower.startswith("env=!"):
        return Origin(Kind.NOT_ENV, word[5:], limited)
    if lower.startswith("env="):
        return Origin(Kind.ENV, word[4:], limited)
    if lower == "all":
        return Origin(Kind.ALL, word, limited)
    address, slash, _ = word.partition("/")
    if looks_like_ip(address):
        try:
            return Origin(Kind.IP, parse_network(word), limited)
        except ValueError as error:
            raise SettingError(str(error), wrong=word) from None
    if slash:
        raise SettingError("An IP address was expected", wrong=word)
    if "#" in word:
        raise SettingError("No comments are allowed here", wrong=word)
    return Origin(Kind.HOST, word, limited)


_ORIGINS = "'from' followed by hostnames or IP-address wildcards"

DIRECTIVES = (
    Directive("order", Args.take(str), ACCESS, override=Override.LIMIT, into=AccessConfig, apply=set_order,
              help="'allow,deny', 'deny,allow', or 'mutual-failure'"),
    Directive("allow", Args.take(str, str, most=None), ACCESS, override=Override.LIMIT, into=AccessConfig,
              apply=allow, help=_ORIGINS),
    Directive("deny", Args.take(str, str, most=None), ACCESS, override=Override.LIMIT, into=AccessConfig,
              apply=deny, help=_ORIGINS),
    Directive("Satisfy", Args.take(str), ACCESS, override=Override.AUTHCONFIG, into=AccessConfig, apply=set_satisfy,
              help="access policy if both allow and require used ('all' or 'any')"),
)  # fmt: skip


# --- the requests


def _is_one_of(request: Request, origins: Sequence[Origin]) -> bool:
    """The first word that is true of the request decides, so that no later one is asked (a name, of the DNS)."""
    address: tuple[int, int] | None = None
    host: str | None = None  # "": there is none
    env: set[str] | None = None
    for kind, value, limited in origins:
        if limited.names and request.method not in limited:
            continue
        if kind is Kind.ALL:
            return True
        if isinstance(value, Network):
            address = address or parse_address(request.connection.client_ip) or (32, 0)
            if value.contains(address):
                return True
        elif kind is Kind.HOST:
            host = (request.verified_host() or "") if host is None else host
            if host and in_domain(host, value):
                return True
        else:  # variables have names whose case does not matter
            env = {name.lower() for name in request.env} if env is None else env
            if (value.lower() in env) is (kind is Kind.ENV):
                return True
    return False


def check_access(request: Request) -> int:
    access = request.config(AccessConfig).access
    if access is NOTHING:
        return OK
    order = next((order for limited, order in reversed(access.orders) if request.method in limited), Order.DENY_ALLOW)
    if order is Order.DENY_ALLOW:
        granted = _is_one_of(request, access.allows) or not _is_one_of(request, access.denies)
    else:
        granted = _is_one_of(request, access.allows) and not _is_one_of(request, access.denies)
    if granted:
        return OK
    what = f"uri {request.uri}" if request.filename is None else request.filename
    message = f"client denied by server configuration: {what}"
    request.log(Level.ERROR, "access_compat", "AH01797", message)
    return 403


def any_suffices(request: Request) -> bool:
    """`Satisfy Any`: the client's address or its user, either will do."""
    for limited, any_ in reversed(request.config(AccessConfig).access.satisfy):
        if request.method in limited:
            return any_
    return False


MODULE = Module(
    "access_compat_module",
    "mod_access_compat.c",
    per_dir=AccessConfig,
    directives=DIRECTIVES,
    hooks=(on(Phase.ACCESS_CHECKER, check_access, pure=True),),
    providers=(Provider("satisfy", "any", any_suffices),),
)
