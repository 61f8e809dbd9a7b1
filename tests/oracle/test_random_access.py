"""Who is let in, and what files are sent with, in sections and .htaccess files at random, beside Apache: how the lines
of all scopes that apply to a request are merged.

`<If>` sections do not stand in each other here, and do not ask for groups that sections name: on the second look at the
same sections, for an error document, Apache may leave out either (see test_random_sections).
"""

from __future__ import annotations

import pytest

from tests.conftest import Start
from tests.oracle.case_files import loaded_modules
from tests.oracle.test_random_sections import CONDITIONS, HOSTS, Writer
from tests.support.clients import Client
from tests.support.servers import Server

USERS = "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"
LINES = (
    "AcceptPathInfo On", "AcceptPathInfo Off", "AcceptPathInfo Default", "AddDefaultCharset utf-8",
    "AddDefaultCharset Off", "AddDefaultCharset x{}", "FileETag MTime", "FileETag None", "FileETag All -INode",
    "FileETag Size", "ForceType text/x-{}", "ForceType none", 'ErrorDocument 404 "error {}"',
    'ErrorDocument 403 "no {}"', "ErrorDocument 404 default", "ErrorDocument 401 /a/x.txt",
    "ErrorDocument 404 /a/b/x.txt", "Options Indexes", "Options +Indexes", "Options -Indexes", "Options None",
    "Options All", "ContentDigest On", "ContentDigest Off", "SetHandler none", "SetHandler default-handler",
    "LimitRequestBody 3", "QualifyRedirectURL On", "EnableSendfile On",
    "Require all granted", "Require all denied", "Require env ALLOWED", "Require method GET HEAD",
    "Require valid-user", "Require user ann", "Require user bob", "Require local", "Require ip 10",
    "Require expr %{{QUERY_STRING}} == 'q'",
    "<RequireAll>\nRequire all granted\nRequire not env ALLOWED\n</RequireAll>",
    "<RequireAny>\nRequire user bob\nRequire env ALLOWED\n</RequireAny>",
    "<RequireAll>\nRequire valid-user\n<RequireNone>\nRequire user ann\nRequire method POST\n</RequireNone>\n"
    "</RequireAll>",
    "AuthMerging And", "AuthMerging Or", "AuthMerging Off", "AuthzSendForbiddenOnFailure On",
    "AuthzSendForbiddenOnFailure Off", 'AuthType Basic\nAuthName "r{}"\nAuthUserFile users\nRequire valid-user',
    'AuthType Basic\nAuthName "r{}"\nAuthUserFile users', "AuthType None", 'AuthName "other{}"',
    "AuthBasicAuthoritative Off", "AuthUserFile users", "AuthBasicFake x{} y", "AuthBasicFake off",
    "AuthGroupFile groups\nRequire group staff",
    "Order allow,deny", "Order deny,allow", "Allow from all", "Allow from env=ALLOWED", "Deny from all",
    "Deny from env=ALLOWED", "Satisfy any", "Satisfy all", "<Limit POST>\nRequire all denied\n</Limit>",
    "<LimitExcept GET>\nOrder deny,allow\nDeny from all\n</LimitExcept>", "<Limit GET>\nSatisfy any\n</Limit>",
)  # fmt: skip
NOT_IN_HTACCESS = ("UseCanonicalName On", "MaxRanges 1", "MaxRanges none", "LogLevel crit", "LogLevel authz_core:debug")
SERVER = """\
SetEnvIf X-Allowed yes ALLOWED
Header set X-Seen "expr=%{HTTP:Authorization}|%{reqenv:REDIRECT_URL}|%{HANDLER}|%{REMOTE_USER}|%{AUTH_TYPE}"
"""
ANN, BOB, WRONG = ("Basic YW5uOnNlY3JldA==", "Basic Ym9iOnNlY3JldA==", "Basic YW5uOndyb25n")
REQUESTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("GET", "/a/x.txt", {}),
    ("GET", "/a/x.txt", {"X_Allowed": "yes"}),
    ("GET", "/a/b/y.txt?q", {"Authorization": ANN}),
    ("GET", "/a/b/c/x.txt", {"Authorization": BOB}),
    ("GET", "/d/x.html", {"Authorization": WRONG}),
    ("GET", "/a/b", {}),
    ("GET", "/a/none", {}),
    ("GET", "/a/x.txt/info?q", {}),
    ("POST", "/a//b/x.txt", {"Content_Length": "0", "Authorization": ANN}),
    ("HEAD", "/d/y.txt", {"X_Allowed": "yes", "Authorization": BOB}),
    ("GET", "/a/b/c/none", {"Authorization": ANN, "X_Allowed": "yes"}),
    ("GET", "/d/x.html", {"Range": "bytes=0-0"}),
)


class AccessWriter(Writer):
    conditions = tuple(condition for condition in CONDITIONS if "MATCH" not in condition)
    forms: tuple[str, ...] = LINES + NOT_IN_HTACCESS

    def line(self) -> str:
        self.number += 1
        return f"{self.random.choice(self.forms).format(self.number)}\n"

    def chain(self, depth: int) -> str:
        return super().chain(3)

    def outside(self) -> str:
        """Most of these lines may not stand there."""
        return ""

    def files(self) -> dict[str, str]:
        self.forms = LINES
        return super().files()


def ask(server: Server, method: str, target: str, fields: dict[str, str], host: str) -> object:
    place = server.error_log.place()
    with Client(server.port) as client:
        answer = client.ask(target, method=method, Connection="close", Host=host, **fields)
    shown = [(name, value.replace(str(server.port), "PORT")) for name, value in answer.headers]
    logged = [(line.module, line.level, line.number) for line in server.error_log.lines(place) if line.number]
    body = answer.body.replace(str(server.port).encode(), b"PORT")
    return answer.status, [field for field in shown if field[0] not in ("Date", "Server")], body, logged


@pytest.mark.parametrize("seed", range(6))
def test_the_same_are_let_in(seed: int, apache: Start, pyhttpd: Start) -> None:
    writer = AccessWriter(seed)
    lines, files = writer.configuration(), writer.files()
    servers: list[Server] = []
    for start in (apache, pyhttpd):
        server = start(start=False, files=files, log_level="notice")
        (server.root / "users").write_text(USERS)
        (server.root / "groups").write_text("staff: bob\n")
        server.configure(loaded_modules() + SERVER + lines.replace("{docroot}", str(server.docroot)))
        server.start()
        servers.append(server)
    theirs, ours = servers
    for number in range(HOSTS):
        for method, target, fields in REQUESTS:
            host = f"h{number}.example"
            assert ask(ours, method, target, fields, host) == ask(theirs, method, target, fields, host), (host, target)
    for server in servers:  # what a request provokes is compared
        server.expect(*(line.key for line in server.error_log.lines()))
