"""Who is let in, beside Apache: Require lines, `<Limit>`, aliases, AuthMerging; and what the log tells of each rule."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import OURS, require_apache
from tests.support.clients import Client
from tests.support.servers import Apache, Server, close_all

# A rule's name becomes a directory, with these lines in its section.
RULES = {
    "limit-get": "<Limit GET>\nRequire all denied\n</Limit>",
    "limit-post": "<Limit POST PUT>\nRequire all denied\n</Limit>",
    "limit-except": "<LimitExcept GET OPTIONS>\nRequire all denied\n</LimitExcept>",
    "limit-unknown": "<Limit FOO>\nRequire all denied\n</Limit>",
    "limit-except-unknown": "<LimitExcept FOO>\nRequire all denied\n</LimitExcept>",
    "limit-nested": "<LimitExcept POST>\n<LimitExcept PUT FOO>\nRequire all denied\n</LimitExcept>\n</LimitExcept>",
    "limit-and-more": "<Limit POST>\nRequire all granted\n</Limit>\nRequire all denied",
    "limit-in-all": "<RequireAll>\n<Limit POST>\nRequire all denied\n</Limit>\nRequire all granted\n</RequireAll>",
    "limit-in-any": "<RequireAny>\n<Limit POST>\nRequire all granted\n</Limit>\nRequire env NONE\n</RequireAny>",
    "limit-around-all": "<Limit POST>\n<RequireAll>\nRequire all granted\nRequire env NONE\n</RequireAll>\n</Limit>",
    "limit-in-none": "<RequireAll>\nRequire local\n<RequireNone>\n<Limit GET>\nRequire env MATCH_SET\n</Limit>\n"
                     "<Limit POST>\nRequire local\n</Limit>\n</RequireNone>\n</RequireAll>",
    "limit-else-header": "<Limit POST>\nHeader set X-Limited yes\n</Limit>\nRequire all granted",
    "method": "Require method GET FOO",
    "method-none": "Require method",
    "env": "Require env none match_set",
    "env-empty": 'Require env "" MATCH_SET',
    "expr": "Require expr %{REQUEST_METHOD} == 'GET' && %{REQUEST_URI} =~ m#^/expr/#",
    "expr-quoted": "Require expr \"%{REQUEST_METHOD} == 'POST'\"",
    "expr-error": "Require expr file('/none/at/all') == ''",
    "expr-not": "<RequireAll>\nRequire all granted\nRequire not expr %{REQUEST_METHOD} == 'PUT'\n</RequireAll>",
    "expr-url": "Require expr -U '/local/x.txt' && -U '/limit-get/x.txt'",
    "expr-file": "Require expr -F '/none/at/all' || -F '/etc/passwd'",
    "expr-user": "Require expr %{REMOTE_USER} == '' && true",
    "ip": "Require ip 10 127.0.0.0/8",
    "local": "Require local or whatever",
    "host": "Require host localhost",
    "host-other": "Require host example.net .net",
    "host-comment": "Require host x# localhost",
    "host-only-comment": "Require host # localhost",
    "host-expr": "Require host %{unescape:local}host",
    "forward-dns": "Require forward-dns none.invalid localhost",
    "forward-dns-comment": "Require forward-dns none.invalid# localhost",
    "alias": "Require near",
    "alias-denied": "Require far with words",
    "alias-not": "<RequireAll>\nRequire not far\nRequire seen\n</RequireAll>",
    "none-in-all": "<RequireAll>\n<RequireNone>\nRequire env NONE\nRequire method PUT\n</RequireNone>\nRequire local\n"
                   "</RequireAll>",
    "all-in-none": "<RequireAll>\nRequire local\n<RequireNone>\n<RequireAll>\nRequire env MATCH_SET\n"
                   "Require method POST\n</RequireAll>\n</RequireNone>\n</RequireAll>",
    "any-in-any": "<RequireAny>\n<RequireAny>\nRequire env NONE\n</RequireAny>\nRequire local\n</RequireAny>",
    "outer": "Require method GET",
    "outer/and": "AuthMerging And\nRequire local",
    "outer/or": "AuthMerging Or\nRequire env MATCH_SET",
    "outer/and/alone": "AuthMerging And",
    "outer/off": "AuthMerging Off",
    "outer/forbidden": "AuthzSendForbiddenOnFailure On",
    "outer/limited": "AuthMerging And\n<Limit POST>\nRequire all denied\n</Limit>",
}  # fmt: skip
# The same, with these lines in an .htaccess file.
HTACCESS = {
    "ht-limit": "<Limit GET>\nRequire all denied\n</Limit>",
    "ht-limit-registered": "<LimitExcept FOO GET>\nRequire all denied\n</LimitExcept>",
    "ht-limit-new": "<Limit BAR>\nRequire all denied\n</Limit>",
    "ht-method": "Require method FOO POST",
    "ht-method-new": "Require method BAR",
    "ht-alias": "<RequireAll>\nRequire near\nRequire not far\n</RequireAll>",
    "ht-alias-new": "<AuthzProviderAlias ip here 127.0.0.1>\n</AuthzProviderAlias>\nRequire here",
    "ht-none": RULES["none-in-all"],
    "ht-none-limited": RULES["limit-in-none"],
    "ht-only-none": "<RequireAll>\n<RequireNone>\nRequire env NONE\n</RequireNone>\n</RequireAll>",
    "ht-expr": RULES["expr-not"],
    "ht-host": RULES["host-expr"],
    "ht-options": "<RequireAll>\nOptions None\nRequire all granted\n</RequireAll>",
    "ht-files": "<Limit GET>\n<Files x.txt>\n</Files>\nRequire all granted\n</Limit>",
}
SERVER = """
LogLevel warn authz_core:trace5 authz_host:trace4
RegisterHttpMethod FOO
<LocationMatch "^/(?<set>.)">
</LocationMatch>
<AuthzProviderAlias ip near "10 127.0.0.1">
</AuthzProviderAlias>
<AuthzProviderAlias ip far 192.0.2.0/24>
</AuthzProviderAlias>
<AuthzProviderAlias env seen MATCH_SET>
</AuthzProviderAlias>
"""
METHODS = ("GET", "HEAD", "POST", "PUT", "FOO", "BAR")
LOGGED = ("AH01625", "AH01626", "AH01628", "AH01629", "AH01630", "AH01631", "AH02320", "AH01753", "AH02593", "AH10120",
          "AH10121", "AH03354", "AH03355", "AH03356", "AH00135", "-")  # fmt: skip


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    require_apache()
    files = {f"{name}/x.txt": "x\n" for name in (*RULES, *HTACCESS)}
    files |= {f"{name}/.htaccess": f"{lines}\n" for name, lines in HTACCESS.items()}
    pair = (Apache(files=files), OURS(files=files))
    for server in pair:
        sections = [f"<Directory {server.docroot}/{name}>\n{lines}\n</Directory>\n" for name, lines in RULES.items()]
        sections += [f"<Directory {server.docroot}/{name}>\nAllowOverride All\n</Directory>\n" for name in HTACCESS]
        server.configure(SERVER + "".join(sections))
        server.expect(*LOGGED)
        server.start()
    yield pair
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


@pytest.mark.parametrize("name", [*RULES, *HTACCESS])
def test_same_answers_and_the_same_log(name: str, servers: tuple[Server, Server]) -> None:
    outcomes = [[_ask(server, method, f"/{name}/x.txt") for method in METHODS] for server in servers]
    apache, ours = outcomes
    assert ours == apache


def _ask(server: Server, method: str, target: str) -> tuple[int, str | None, list[str]]:
    """The status, one field, and the lines of the log that the request made."""
    place = server.error_log.place()
    with Client(server.port) as client:
        answer = client.ask(target, method=method, Connection="close", Host="h.example")
    lines = [_plain(server, line.line) for line in server.error_log.lines(place)]
    return answer.status, answer.header("X-Limited"), [line for line in lines if line]


def _plain(server: Server, line: str) -> str:
    found = re.search(r"\[(\w+:\w+)\].*?((?:AH\d+:|Evaluation of|Subrequest for) .*)", line)
    if found is None or (found[2].startswith("AH") and found[2][:7] not in LOGGED):
        return ""
    return f"{found[1]} {found[2]}".replace(str(server.root), "{root}")
