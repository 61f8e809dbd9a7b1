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
# Where else a pattern may stand: a request, with {} for what drives the pattern out of bounds.
PLACES = """
<Location /always>
    Header always set Y yes "expr=%{QUERY_STRING} =~ /^(b+)+$/"
</Location>
<Location /edit>
    Header set Y "expr=%{QUERY_STRING}"
    Header edit Y ^(b+)+$ z
</Location>
<FilesMatch "^(e+)+$">
    Header set Y yes
</FilesMatch>
<DirectoryMatch "htdocs/(g+)+$">
    Header set Y yes
</DirectoryMatch>
<Location /if>
    <If "%{QUERY_STRING} =~ /^(b+)+$/">
        Header set Y yes
    </If>
</Location>
<Location /require>
    Require expr %{QUERY_STRING} =~ /^(b+)+$/
</Location>
<Location /sub>
    Header set Y yes "expr=sub(s/^(b+)+$/x/, %{QUERY_STRING}) == 'x'"
</Location>
AliasMatch ^/alias/(b+)+$ /nowhere
<Directory "{docroot}/htaccess">
    AllowOverride All
</Directory>
"""
HTACCESS = """
<FilesMatch "^(b+)+$">
    Header set Y yes
</FilesMatch>
<If "%{QUERY_STRING} =~ /^(b+)+$/">
    Header set Y yes
</If>
RedirectMatch ^/htaccess/r(b+)+$ /elsewhere
"""
REQUESTS = (
    "/always?{b}", "/edit?{b}", "/{e}", "/{g}", "/if?{b}", "/require?{b}", "/sub?{b}", "/alias/{b}", "/htaccess/{b}",
    "/htaccess/x?{b}", "/htaccess/r{b}",
)  # fmt: skip
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


def test_wherever_it_stands(pyhttpd: Start, mpm: str) -> None:
    names = ("always", "edit", "if", "require", "sub", "htaccess/x", "index.html")
    files = dict.fromkeys(names, "x\n") | {"htaccess/.htaccess": HTACCESS}
    server = pyhttpd(start=False, mpm=mpm, files=files)
    server.configure(PLACES.replace("{docroot}", str(server.docroot)))
    server.expect("PH00114")
    server.start()
    too_much = {letter: f"{letter * LONG}x" for letter in "beg"}
    for request in REQUESTS:
        place = server.error_log.place()
        assert server.get(request.format(**too_much)).status == 500, request
        server.await_log("PH00114", place)
    assert server.get("/").status == 200
