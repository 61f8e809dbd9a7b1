"""Which lines hold: layers that are merged as the server merges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pyhttpd.cli.effective import resolve
from pyhttpd.config.merging import inner_last, merge_values, merged, overlay
from pyhttpd.config.nodes import Location
from pyhttpd.config.trace import Layer, Note


@dataclass(frozen=True)
class Config:
    plain: str = ""
    added: tuple[str, ...] = merged((), inner_last)
    mapped: Mapping[str, str] = merged({}, overlay)


def layer(number: int, lines: list[tuple[str, str]]) -> Layer:
    """Lines of the directives Plain, Added and `Mapped KEY`."""
    values: dict[str, Any] = {}
    notes: list[Note] = []
    for index, (name, value) in enumerate(lines):
        note = Note(name, value, Location(f"file{number}", index + 1), Config)
        if name == "Plain":
            values["plain"] = value
            note.fields["plain"] = None
        elif name == "Added":
            values["added"] = (*values.get("added", ()), value)
            note.fields["added"] = None
            note.builds_on.add("added")
        else:
            values["mapped"] = {**values.get("mapped", {}), value[0]: value}
            note.fields["mapped"] = (value[0],)
            note.builds_on.add("mapped")
        notes.append(note)
    return Layer({Config: values} if values else {}, notes)


LINES = st.lists(st.tuples(st.sampled_from(["Plain", "Added", "Mapped"]), st.text("abc", min_size=1, max_size=3)))


@given(st.lists(LINES, min_size=1, max_size=4))
def test_the_lines_that_hold_are_those_of_the_merged_value(layers: list[list[tuple[str, str]]]) -> None:
    made = [layer(number, lines) for number, lines in enumerate(layers)]
    values: Mapping[type, Mapping[str, Any]] = {}
    for each in made:
        values = merge_values(values, each.values)
    final = Config(**values.get(Config, {}))
    held = {each.name: [note.raw for note in each.lines] for each in resolve(made)}
    assert held.get("Plain", [""])[-1] == final.plain
    assert len(held.get("Plain", [""])) == 1
    assert tuple(held.get("Added", [])) == final.added
    assert sorted(held.get("Mapped", [])) == sorted(final.mapped.values())


@given(st.lists(LINES, min_size=1, max_size=4))
def test_no_line_is_lost_or_told_twice(layers: list[list[tuple[str, str]]]) -> None:
    made = [layer(number, lines) for number, lines in enumerate(layers)]
    told = [note for each in resolve(made) for note in (*each.lines, *(note for note, _ in each.overridden))]
    assert len(told) == len({id(note) for note in told}) == sum(map(len, layers))


def test_the_overriding_line_is_named() -> None:
    made = [layer(0, [("Plain", "a"), ("Plain", "b")]), layer(1, [("Plain", "c")])]
    (held,) = resolve(made)
    assert [(note.raw, by.raw) for note, by in held.overridden] == [("a", "b"), ("b", "c")]
