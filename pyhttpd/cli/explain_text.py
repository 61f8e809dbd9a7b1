"""How `pyhttpd explain` looks in a terminal. Colour only where the caller says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

BOLD, DIM, GREEN, RED, CYAN, YELLOW = "1", "2", "32", "31", "36", "33"
_MARGIN = 14
_GOOD = {"default-handler": "200, the file", None: "200, from a module on the way"}


class Paint:
    """Text in colours, or as it is. What would move the cursor is escaped."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, code: str, text: str) -> str:
        clean = printable(text)
        return f"\x1b[{code}m{clean}\x1b[0m" if self._colour and clean else clean


def printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else f"\\x{ord(c):02x}" for c in text)


def text(found: dict[str, Any], *, colour: bool) -> str:
    """The document of explain.document, with a line end."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(found, Paint(colour)))


def _spot(entry: dict[str, Any]) -> str:
    line = f":{entry['line']}" if entry.get("line") else ""  # an .htaccess file has none
    return f"{entry['file']}{line}" if entry.get("file") else ""


def _field(name: str, value: str) -> str:
    return f"{name:<{_MARGIN}}{value}"


def _lines(found: dict[str, Any], paint: Paint) -> Iterator[str]:
    asked = found["request"]
    yield _field("Request", paint(BOLD, asked["line"]) + f"  host {printable(asked['host'] or '-')}")
    yield _field("", paint(DIM, f"from {asked['client']} to {asked['address']}"))
    host = found["virtual_host"]
    yield _field("Virtual host", paint(BOLD, host["name"]) + "  " + paint(CYAN, _spot(host) or "the main server"))
    yield _field("", host["why"])
    if "refused" in found:
        yield _field("Refused", paint(RED, f"{found['status']}: {found['refused']}"))
        yield from _log(found, paint)
        return
    yield from _result(found, paint)
    yield from _steps(found, paint)
    yield from _authorization(found, paint)
    yield from _sections(found, paint)
    yield from _directives(found, paint)
    yield from _log(found, paint)


def _result(found: dict[str, Any], paint: Paint) -> Iterator[str]:
    status = found["status"]
    if found["file"] is not None:
        kind = {"missing": "  " + paint(YELLOW, "is not there"), "directory": "  a directory"}.get(found["file_is"], "")
        yield _field("File", paint(BOLD, found["file"]) + kind)
        if found["looked_at_as"]:
            yield _field("", paint(DIM, f"looked at as {found['looked_at_as']}, which may see more than the server"))
    if found["path_info"]:
        yield _field("Path info", printable(found["path_info"]))
    if found["handler"] is not None:
        yield _field("Handler", paint(BOLD, found["handler"]))
    if found["content_type"] and status < 300:  # not that of a page about a redirect or an error
        yield _field("Type", printable(found["content_type"]))
    if status == 200:
        yield _field("Answer", paint(GREEN, _GOOD.get(found["handler"], "what the handler gives")))
    else:
        to = f" to {found['location']}" if found["location"] else ""
        yield _field("Answer", paint(YELLOW if status < 400 else RED, f"{status}{to}"))
    if found["error_document"]:
        yield _field("", f"the ErrorDocument for {found['error']} is {printable(found['error_document'])}")


def _steps(found: dict[str, Any], paint: Paint) -> Iterator[str]:
    if not found["steps"]:
        return
    yield ""
    yield paint(BOLD, "On the way")
    for step in found["steps"]:
        yield f"  {step['phase']:<18} {step['module']:<18} {printable(step['text'])}"
        if step.get("directive"):
            yield f"{'':40}{printable(step['directive'])}  {paint(CYAN, _spot(step))}"


def _authorization(found: dict[str, Any], paint: Paint) -> Iterator[str]:
    authorization = found["authorization"]
    if authorization is None:
        return
    yield ""
    outcome = authorization["outcome"]
    yield paint(BOLD, "Authorization") + "  " + paint(GREEN if outcome == "granted" else RED, outcome)
    width = max((len(rule["rule"]) for rule in authorization["rules"]), default=0)
    for rule in authorization["rules"]:
        mark = paint(BOLD, ">") if rule["decided"] else " "
        others = " (it is for other methods)" if rule["for_other_methods"] else ""
        said = paint(GREEN if rule["outcome"] == "granted" else RED, rule["outcome"])
        yield f"{mark} {printable(rule['rule']):<{width}}  {said}{others}  {paint(CYAN, _spot(rule))}"


def _sections(found: dict[str, Any], paint: Paint) -> Iterator[str]:
    yield ""
    yield paint(BOLD, "Sections, in the order in which they are merged")
    width = max(len(section["section"]) for section in [*found["sections"], *found["conditions"]])
    for number, section in enumerate(found["sections"], 1):
        value = f"  {section['value']}" if section.get("value") else ""
        yield f"{number:>3}  {printable(section['section']):<{width}}  {paint(CYAN, _spot(section))}{value}"
    for section in found["conditions"]:
        name = f"{printable(section['section']):<{width}}"
        yield f"  -  {name}  {paint(CYAN, _spot(section))}  {paint(DIM, 'does not apply')}"


def _directives(found: dict[str, Any], paint: Paint) -> Iterator[str]:
    yield ""
    yield paint(BOLD, "Directives that hold")
    width = max((len(each["name"]) for each in found["directives"]), default=0)
    for each in found["directives"]:
        name = each["name"]
        for line in each["lines"]:
            yield f"  {name:<{width}}  {printable(line['value'])}  {paint(CYAN, _spot(line))}"
            name = ""
        for line in each["overridden"]:
            label = name or ""
            by = f"overridden by {_spot(line['by'])}"
            old = f"{label:<{width}}  {line['value']}"
            yield f"  {paint(DIM, old)}  {paint(DIM, _spot(line))}  {paint(DIM, by)}"
            name = ""


def _log(found: dict[str, Any], paint: Paint) -> Iterator[str]:
    if not found["log"]:
        return
    yield ""
    yield paint(BOLD, "The error log would say")
    for line in found["log"]:
        number = f"{line['number']}: " if line["number"] else ""
        first, *rest = line["message"].split("\n")
        yield f"  [{line['module']}:{line['level']}] {paint(YELLOW, number + first)}"
        yield from (f"    {printable(each)}" for each in rest)
