"""A pattern that would match for ever costs its own request, not the child."""

from __future__ import annotations

import pytest

from tests.conftest import Start

LINES = """
RedirectMatch ^/(d+)+$ /elsewhere
<LocationMatch "^/(a+)+$">
    Header set Matched yes
</LocationMatch>
<Location /own>
    Header set Y yes "expr=%{QUERY_STRING} =~ /^(b+)+$/"
</Location>
CustomLog logs/odd "%r" "expr=%{QUERY_STRING} =~ /^(c+)+$/"
"""
LONG = 40


@pytest.mark.parametrize("mpm", ["prefork", "worker"])
def test_it_is_a_500_and_a_line(pyhttpd: Start, mpm: str) -> None:
    server = pyhttpd(LINES, mpm=mpm, files={"aaa": "a\n", "own": "own\n", "index.html": "it works\n"})
    server.expect("PH00114")
    assert server.get("/aaa").status == 200
    assert ("Matched", "yes") in server.get("/aaa").headers
    place = server.error_log.place()
    answer = server.get(f"/{'a' * LONG}b")
    assert answer.status == 500
    line = server.await_log("PH00114", place)
    assert line.text == f"GET /{'a' * LONG}b HTTP/1.1: a regular expression gave up: match limit exceeded: ^/(a+)+$"
    place = server.error_log.place()
    assert server.get(f"/own?{'b' * LONG}x").status == 500, "when the fields of the answer are made"
    assert "^(b+)+$" in server.await_log("PH00114", place).text
    place = server.error_log.place()
    assert server.get(f"/{'d' * LONG}x/").status == 500, "before it is known what file it is"
    assert "^/(d+)+$" in server.await_log("PH00114", place).text
    place = server.error_log.place()
    assert server.get(f"/own?{'c' * LONG}x").status == 200, "it has been answered when it is logged"
    assert "^(c+)+$" in server.await_log("PH00114", place).text
    assert server.get("/").status == 200
