"""What the opening tag of a section says: kind, pattern, regular expression; and the order of directories."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pyhttpd.config import words
from pyhttpd.config.conditions import REGEX_ERRORS
from pyhttpd.config.configuration import Scope, ScopeKind
from pyhttpd.config.directive import Context
from pyhttpd.config.nodes import SectionNode
from pyhttpd.expr import Condition, ExpressionError, Writer, parse_condition
from pyhttpd.util.regex import Regex, compile_pcre
from pyhttpd.util.wildcard import is_wild

KINDS = {f"<{kind.value.lower()}": kind for kind in ScopeKind if kind is not ScopeKind.HTACCESS}

CONTEXTS = {
    ScopeKind.DIRECTORY: Context.DIRECTORY,
    ScopeKind.DIRECTORY_MATCH: Context.DIRECTORY,
    ScopeKind.FILES: Context.FILES,
    ScopeKind.FILES_MATCH: Context.FILES,
    ScopeKind.LOCATION: Context.LOCATION,
    ScopeKind.LOCATION_MATCH: Context.LOCATION,
    ScopeKind.IF: Context.FILES,  # what may not stand in <Files> may not stand there either
    ScopeKind.ELSE_IF: Context.FILES,
    ScopeKind.ELSE: Context.FILES,
}

IFS = frozenset({ScopeKind.IF, ScopeKind.ELSE_IF, ScopeKind.ELSE})

_MATCH_WITHOUT_TILDE = frozenset({ScopeKind.FILES_MATCH, ScopeKind.LOCATION_MATCH})
_MATCH = _MATCH_WITHOUT_TILDE | {ScopeKind.DIRECTORY_MATCH}  # `<DirectoryMatch ~ x>` says it twice


class TagError(Exception):
    """An opening tag that is wrong; the text is Apache's. `word` is the index of the argument."""

    def __init__(self, message: str, word: int | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.word = word
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Tag:
    """An opening tag. `argument` is the word as written, `more` tells that others follow it, which Apache refuses."""

    kind: ScopeKind
    argument: str
    pattern: str
    regex: Regex | None
    more: bool
    condition: Condition | None = None


def argument_of(node: SectionNode, name: str) -> str:
    """The text between name and bracket. Raises TagError."""
    if not node.tail:
        raise TagError(f"{name}> directive missing closing '>'")
    if not node.raw:
        raise TagError(f"{name}> directive requires additional arguments")
    return node.raw


def read_tag(node: SectionNode, name: str, server_root: str, writer: Writer = Writer.ADMINISTRATOR) -> Tag:
    """`<Directory "/srv/www">`, `<Files ~ "\\.gif$">`, `<LocationMatch ^/x>`, `<If "-R '::1'">`. Raises TagError."""
    kind = KINDS[name.lower()]
    if kind in IFS:
        return _read_if(node, name, kind, writer)
    given = words.split(argument_of(node, name)).words
    first = given[0] if given else ""
    if kind in _MATCH or first == "~":
        at = 1 if first == "~" and kind not in _MATCH_WITHOUT_TILDE else 0
        pattern = given[at] if at < len(given) else ""
        return Tag(kind, pattern, pattern, _compile(pattern, at), len(given) > at + 1)
    pattern = _directory(first, server_root) if CONTEXTS[kind] is Context.DIRECTORY else first
    if CONTEXTS[kind] is Context.FILES:
        pattern = pattern.removeprefix("./")
    return Tag(kind, first, pattern, None, len(given) > 1)


def _read_if(node: SectionNode, name: str, kind: ScopeKind, writer: Writer) -> Tag:
    if kind is ScopeKind.ELSE:
        if not node.tail:
            raise TagError(f"{name}> directive missing closing '>'")
        if node.raw:
            raise TagError("<Else> does not take an argument", 0)
        return Tag(kind, "", "", None, more=False)
    text, rest = words.first(argument_of(node, name))
    place = node.location
    try:
        condition = parse_condition(text, writer=writer, source=f"{place.file}:{place.line}")
    except ExpressionError as error:
        raise TagError(f"Cannot parse condition clause: {error}", 0) from None
    return Tag(kind, "*If", text, None, bool(rest), condition)  # what Apache calls the place of its lines


def _compile(pattern: str, word: int) -> Regex:
    try:
        return compile_pcre(pattern)
    except REGEX_ERRORS as error:
        raise TagError("Regex could not be compiled", word, str(error)) from None


def _directory(path: str, server_root: str) -> str:
    """Absolute, canonical, with a slash at the end. Apache takes a relative one from where it was started, which is
    nowhere for a daemon; here it is below ServerRoot, as all other names are."""
    if path == "/":
        return path
    path = os.path.normpath(os.path.join(server_root, path))
    # POSIX keeps two leading slashes
    return "/" + path.strip("/") + "/" if path.strip("/") else "/"


def scope_is_wild(tag: Tag) -> bool:
    return tag.regex is None and is_wild(tag.pattern)


def components(scope: Scope) -> int:
    """How deep a directory is: `/` 0, `/srv/` 2, as Apache counts."""
    return 0 if scope.pattern == "/" else scope.pattern.count("/")


def directory_order(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """By number of components, regular expressions last, otherwise as in the file."""
    return tuple(sorted(scopes, key=lambda scope: (scope.regex is not None, components(scope))))
