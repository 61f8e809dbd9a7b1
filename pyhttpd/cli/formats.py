"""`-t --format json` and `--format sarif`: what is wrong with a configuration, for editors, CI and code hosts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from pyhttpd import PRODUCT
from pyhttpd.config.diagnostics import COMMAND_LINE, Diagnostic, Severity
from pyhttpd.config.nodes import Location
from pyhttpd.config.render import with_excerpts

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_NAME, _, _VERSION = PRODUCT.partition("/")


def render(kind: str, diagnostics: Sequence[Diagnostic]) -> str:
    """All messages as one document that ends with a line end; `kind` is "json" or "sarif"."""
    complete = with_excerpts(diagnostics)
    made = as_json(complete) if kind == "json" else as_sarif(complete)
    return json.dumps(made, indent=2) + "\n"


def as_json(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """`{"ok": bool, "diagnostics": [...]}`. Lines and columns count from 1, `end_column` is behind the last character;
    they are those of the file itself, whereas `apache_line` is the one in Apache's message."""
    return {
        "ok": all(diagnostic.severity is not Severity.ERROR for diagnostic in diagnostics),
        "diagnostics": [_json(diagnostic) for diagnostic in diagnostics],
    }


def _json(diagnostic: Diagnostic) -> dict[str, Any]:
    found: dict[str, Any] = {
        "severity": "warning" if diagnostic.severity is Severity.WARNING else diagnostic.severity.value,
        "number": diagnostic.number,
        "message": _text(diagnostic.message),
        "module": diagnostic.module,
    }
    spot = _spot(diagnostic)
    if spot is not None:
        found |= spot
    if diagnostic.location is not None:
        found["apache_line"] = diagnostic.location.line
    if diagnostic.excerpt is not None:
        found["text"] = _text(diagnostic.excerpt.text)
    if diagnostic.hint:
        found["hint"] = _text(diagnostic.hint)
    if diagnostic.uses:
        found["macro_uses"] = [_place(each) for each in reversed(diagnostic.uses)]
    if diagnostic.chain:
        found["included_from"] = [_place(each) for each in reversed(diagnostic.chain)]
    return found


def _spot(diagnostic: Diagnostic) -> dict[str, Any] | None:
    """File, line and columns in a file; None for a message that has none."""
    place, excerpt = diagnostic.location, diagnostic.excerpt
    if excerpt is not None and (excerpt.file is not None or place is not None):
        file = excerpt.file or (place.file if place is not None else "")
        end = excerpt.column + excerpt.width
        return {"file": _text(file), "line": excerpt.line, "column": excerpt.column, "end_column": end}
    return _place(place) if place is not None else None


def _place(place: Location) -> dict[str, Any]:
    return {"file": _text(place.file), "line": place.line, "column": place.column}


def _text(text: str) -> str:
    """What no document can hold (bytes that were no UTF-8) is shown as a replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not text.isascii() else text


# --- SARIF 2.1.0 (OASIS) -----------------------------------------------------------------------------------------


def as_sarif(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """A log with one run. A rule is a message's number."""
    rules = list(dict.fromkeys(_rule(diagnostic) for diagnostic in diagnostics))
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": _NAME, "version": _VERSION, "rules": [_described(rule) for rule in rules]},
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(diagnostic, rules) for diagnostic in diagnostics],
            }
        ],
    }


def _rule(diagnostic: Diagnostic) -> str:
    return diagnostic.number or "syntax"


def _described(rule: str) -> dict[str, Any]:
    """Code hosts want a title for every rule."""
    whose = "Apache HTTP Server" if rule.startswith("AH") else "pyhttpd"
    title = f"Message {rule} of {whose}" if rule != "syntax" else "Text that is no configuration"
    return {"id": rule, "shortDescription": {"text": title}}


def _result(diagnostic: Diagnostic, rules: list[str]) -> dict[str, Any]:
    text = diagnostic.message if not diagnostic.hint else f"{diagnostic.message}\n{diagnostic.hint}"
    rule = _rule(diagnostic)
    found: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": _text(text)},
    }
    spot = _spot(diagnostic)
    if spot is not None and spot["file"] != COMMAND_LINE:
        region = {"startLine": spot["line"], "startColumn": spot["column"]}
        if "end_column" in spot:
            region["endColumn"] = spot["end_column"]
        if diagnostic.excerpt is not None:
            region["snippet"] = {"text": _text(diagnostic.excerpt.text)}
        found["locations"] = [{"physicalLocation": {**_artifact(spot["file"]), "region": region}}]
    related = [*_related(diagnostic.uses, "used here"), *_related(diagnostic.chain, "included here")]
    if related:
        found["relatedLocations"] = related
    return found


def _related(places: Iterable[Location], text: str) -> list[dict[str, Any]]:
    return [
        {
            "physicalLocation": {**_artifact(place.file), "region": {"startLine": place.line}},
            "message": {"text": text},
        }
        for place in places
        if place.file.startswith("/")  # neither the command line nor the text of a macro
    ]


def _artifact(file: str) -> dict[str, Any]:
    return {"artifactLocation": {"uri": "file://" + quote(file.encode("utf-8", "surrogateescape"))}}
