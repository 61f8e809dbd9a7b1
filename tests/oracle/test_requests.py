"""Raw requests to both servers under one configuration: the files of tests/oracle/requests, one case each.

A file begins with comment lines: `# what it is about`, and options. `# head: 2`: the second request is a HEAD.
`# server: NAME`: one of SERVERS in site.py, where the files and the configuration are. The rest is what is sent. A line
end is CRLF; `\\` at the end of a line takes it away; `\\n`, `\\r`, `\\xNN` are bytes; `{a*300}` repeats.

When the answer has come, one more request is sent that asks to close: whether it is answered tells whether the
connection was kept, and its end is the end of what there is to compare. With `# last: at once`, for what is not
complete without it, it is sent before that, and our end behind it; with `# last: none` our end comes instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.oracle.differences import DIFFERENCES
from tests.oracle.exchange import Outcome, parse_case, report
from tests.oracle.site import CASES, Pairs

# The cases, by the beginnings of their names, that are tried under these configurations too, unless they differ.
ALSO = {
    "unsafe": ("bad-", "bare-", "field-", "folded", "host-", "http-09", "line-", "method-", "smuggle-", "version-"),
    "narrow": (
        "body-",
        "chunk-",
        "directory-redirect",
        "get-",
        "http-09",
        "keepalive-",
        "length-",
        "method-",
        "version-",
        "vhost-",
    ),
    "wide": ("chunk-trailer", "condition-none-match", "double-", "method-", "range-big", "redirect", "target-"),
    "strict-host": ("absolute-", "host-", "target-absolute", "vhost-"),
}


class Case(NamedTuple):
    path: Path
    data: bytes
    heads: frozenset[int]
    last: str
    server: str
    name: str  # NAME, or NAME@SERVER where it is not the server of its own


def _cases() -> Iterator[Case]:
    for path in CASES:
        data, options = parse_case(path.read_text())
        heads = frozenset(int(word) for word in options.get("head", "").split())
        case = Case(path, data, heads, options.get("last", ""), options.get("server", ""), path.stem)
        yield case
        for server, beginnings in ALSO.items():
            if case.server == "" and path.stem.startswith(beginnings) and path.stem not in DIFFERENCES:
                yield case._replace(server=server, name=f"{path.stem}@{server}")


EVERY_CASE = list(_cases())


@pytest.mark.parametrize("case", EVERY_CASE, ids=lambda case: case.name)
def test_same_answer(pairs: Pairs, case: Case) -> None:
    theirs, ours = (server.run(case.data, case.heads, last=case.last) for server in pairs.get(case.server))
    assert theirs.status or not theirs.kept, "the case tells nothing"
    known = DIFFERENCES.get(case.name)
    differing = theirs.differing(ours)
    if known is None:
        assert not differing, report(theirs, ours)
    else:
        assert differing == known.parts, f"{known.reason}{report(theirs, ours)}"


@pytest.mark.parametrize("case", [case for case in EVERY_CASE if "@" not in case.name], ids=lambda case: case.name)
def test_same_again_and_in_pieces(pairs: Pairs, case: Case) -> None:
    """However a request is cut into packets, it is the same request; and an answer that was given twice, and may come
    from the memo the third time, looks no other in the log either."""
    ours = pairs.get(case.server)[1]
    sizes = (None, None, None, max(1, len(case.data) // 100))
    first, *others = (ours.run(case.data, case.heads, last=case.last, piece=size) for size in sizes)
    for other in others:
        for part in Outcome._fields:
            assert getattr(other, part) == getattr(first, part), part


def test_every_difference_has_its_case() -> None:
    assert set(DIFFERENCES) <= {case.name for case in EVERY_CASE}
