"""mod_authz_groupfile: authorization by the groups that a text file puts the user in: Require group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyhttpd.api.authz import AuthzProvider, Outcome, parse_words, words_of
from pyhttpd.api.expression import variables_of
from pyhttpd.api.log import Level
from pyhttpd.api.module import Module, Provider
from pyhttpd.api.request import Request
from pyhttpd.api.text_file import lines_with, read_or_log
from pyhttpd.config import words
from pyhttpd.config.directive import ACCESS, Args, Directive, Override, Setting
from pyhttpd.expr import EvaluationError, Text
from pyhttpd.util.escape import native


@dataclass(frozen=True, slots=True)
class GroupConfig:
    group_file: str | None = None


def auth_group_file(setting: Setting, name: str) -> None:
    setting.set("group_file", setting.path(name))


DIRECTIVES = (
    Directive("AuthGroupFile", Args.take(str), ACCESS, override=Override.AUTHCONFIG, into=GroupConfig,
              apply=auth_group_file, help="text file containing group names and member user IDs"),
)  # fmt: skip


def groups_of(user: str, text: bytes) -> frozenset[str]:
    """The groups, in lower case (their case does not matter), that have a user among their members."""
    # a name with what can be escaped may be written in more than one way
    plain = not any(character in user for character in "\"'\\")
    lines: Iterable[bytes] = lines_with(text, user.encode("latin-1") if plain else b"")
    found = set()
    for line in lines:
        group, _, members = line.decode("latin-1").partition(":")
        if user in words.split(members.lstrip(":")).words:
            found.add(group.rstrip(words.BLANKS).lower())
    return frozenset(found)


def parse_groups(setting: Setting, text: str) -> Text:
    return parse_words(setting, text, "authz_groupfile")


def check_group(request: Request, required: Text) -> Outcome:
    user = request.user
    if user is None:
        return Outcome.NO_USER
    path = request.config(GroupConfig).group_file
    if path is None:
        _say(request, Level.ERROR, "AH01664", "No group file was specified in the configuration")
        return Outcome.DENIED
    text = read_or_log(request, path, "group file", "authz_groupfile", "AH01665")
    if text is None:
        return Outcome.DENIED
    groups = groups_of(user, text)
    failed = f"Authorization of user {native(user)} to access {request.uri} failed, reason: user"
    if not groups:
        _say(request, Level.INFO, "AH01666", f"{failed} doesn't appear in group file ({path}).")
        return Outcome.DENIED
    try:
        names = words_of(required.evaluate(variables_of(request)))
    except EvaluationError as error:
        message = f"authz_groupfile authorize: require group: Can't evaluate require expression: {error}"
        _say(request, Level.ERROR, "AH02592", message)
        return Outcome.DENIED
    if not groups.isdisjoint(map(str.lower, names)):
        return Outcome.GRANTED
    _say(request, Level.DEBUG, "AH01667", f"{failed} is not part of the 'require'ed group(s).")
    return Outcome.DENIED


def _say(request: Request, level: Level, number: str, message: str) -> None:
    request.log(level, "authz_groupfile", number, message)


MODULE = Module(
    "authz_groupfile_module",
    "mod_authz_groupfile.c",
    per_dir=GroupConfig,
    directives=DIRECTIVES,
    providers=(Provider("authz", "group", AuthzProvider(parse_groups, check_group, pure=True)),),
)
