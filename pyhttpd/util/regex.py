"""Regular expressions of the configuration: PCRE as Apache compiles it, on Python's `re`; and `$1` substitution.

Apache compiles with DOTALL and DOLLAR_ENDONLY, on bytes: `$` matches at the very end only, `\\w` and `\\d` are ASCII.
"""

from __future__ import annotations

import re

_POSIX = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "ascii": r"\x00-\x7f", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\s",
    "upper": "A-Z", "word": r"\w", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_NAMED_GROUP = re.compile(r"\?<(?=[A-Za-z_])")
_LEADING_FLAGS = re.compile(r"\(\?([aimsx]+)\)")
_ESCAPES_ONLY_PCRE = {"z": r"\Z", "Z": r"(?=\n?\Z)", "h": r"[ \t]", "H": r"[^ \t]", "R": r"(?:\r\n|[\n\v\f\r])"}


def compile_pcre(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A PCRE pattern as a compiled `re`. Raises re.error where it is wrong or uses what `re` does not have."""
    flags = re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0)
    return re.compile(_translate(pattern), flags)


def _translate(pattern: str) -> str:
    out: list[str] = []
    flags = ""
    at = 0
    while found := _LEADING_FLAGS.match(pattern, at):
        flags += found[1]
        at = found.end()
    multiline = "m" in flags
    while at < len(pattern):
        char = pattern[at]
        if char == "\\" and at + 1 < len(pattern):
            if pattern[at + 1] == "Q":
                end = pattern.find("\\E", at + 2)
                literal = pattern[at + 2 :] if end < 0 else pattern[at + 2 : end]
                out.append(re.escape(literal))
                at = len(pattern) if end < 0 else end + 2
                continue
            out.append(_ESCAPES_ONLY_PCRE.get(pattern[at + 1], pattern[at : at + 2]))
            at += 2
        elif char == "[":
            text, at = _bracket(pattern, at)
            out.append(text)
        elif char == "$" and not multiline:
            out.append(r"\Z")
            at += 1
        elif char == "(" and (named := _NAMED_GROUP.match(pattern, at + 1)):
            out.append("(?P<")
            at = named.end()
        else:
            out.append(char)
            at += 1
    return (f"(?{flags})" if flags else "") + "".join(out)


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """A bracket expression: POSIX classes spelled out, a nested `[` escaped. Returns the text and where it ends."""
    start = at
    at += 1
    out = ["["]
    if pattern[at : at + 1] == "^":
        out.append("^")
        at += 1
    if pattern[at : at + 1] == "]":
        out.append("\\]")
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if found := _POSIX_CLASS.match(pattern, at):
            members = _POSIX.get(found[2])
            if members is None or found[1]:
                raise re.error(f"unknown POSIX class name [:{found[1]}{found[2]}:]", pattern, at)
            out.append(members)
            at = found.end()
        elif pattern[at] == "\\" and at + 1 < len(pattern):
            out.append(" \\t" if pattern[at + 1] == "h" else pattern[at : at + 2])
            at += 2
        else:
            # `re` warns of what may become a set operation one day
            out.append("\\" + pattern[at] if pattern[at] in "[&|~" else pattern[at])
            at += 1
    if at >= len(pattern):
        raise re.error("missing terminating ] for character class", pattern, start)
    out.append("]")
    return "".join(out), at + 1


_SUBSTITUTION = re.compile(r"\$([0-9])|\\(.)", re.DOTALL)


def substitute(template: str, match: re.Match[str]) -> str:
    """`template` with `$0`..`$9` replaced by what was matched (nothing where there is no such group), `\\x` by `x`."""

    def part(found: re.Match[str]) -> str:
        if found[2] is not None:
            return found[2]
        number = int(found[1])
        return (match[number] or "") if number <= match.re.groups else ""

    return _SUBSTITUTION.sub(part, template)
