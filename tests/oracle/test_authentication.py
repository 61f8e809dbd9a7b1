"""Who is let in by name or by the rules of Apache 2.2, beside Apache: Auth*, AuthnProviderAlias, Require user and
group, Order, Allow, Deny, Satisfy; with what is answered, what is asked for, and what the logs tell."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from functools import partial

import pytest

from tests.conftest import OURS, require_apache
from tests.oracle.exchange import LAST_BODY, LOG_LINES, Observed, parse_case, report
from tests.support.clients import Client
from tests.support.servers import APACHE_MODULES, SLOW, Apache, Server, close_all

USERS = """\
# all have the same password
md5:$apr1$E32naY9A$Jq9MZ4gadog1uFkA77cSW.
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
des:rP0MgvuSopn3M
sha256:$5$Cx0juDYnOGj9.XSx$3xFGKzRT5yQ683palnxcbSYZX.LtyG6Pgb5THNdtnD5
sha512:$6$v0eca9yS5JvhIGSX$SsNMerCStbqbWkD359f9Umg7ozUDtLwkKRIYwCgMIfJVky9dpyWLJBv5gduyfwfTW02IwBKS2CCtpx.cF2yPn0
cryptmd5:$1$abc$iCQ2D3nhptRYi27fDYv2s1
yescrypt:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0
ann:$2y$04$/E0Te9Cu.eALfuTsIREFheNHOCnIKENhrpA1oLoZjoJXcw4tWoT.a
bcrypt2a:$2a$04$/E0Te9Cu.eALfuTsIREFheNHOCnIKENhrpA1oLoZjoJXcw4tWoT.a
bcrypt2b:$2b$04$/E0Te9Cu.eALfuTsIREFheNHOCnIKENhrpA1oLoZjoJXcw4tWoT.a
broken:$2y$04$/E0Te9Cu
plain:secret
  blanks:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=:and more
two::{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
conti\\
nued:{SHA}5en6G6\\
MezRroT3XKqkdPOmY/BfQ=
nothing
empty:
:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
a b:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
\xfcser:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
"q:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
ann:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=
"""
OTHERS = "late:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nann:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\n"
REALMS = "dig:Realm:94ab93f998578f87e12b5525de1d0939\ndig:Other:00000000000000000000000000000000\nhalf:Realm\n"
GROUPS = """\
# comment ann
Staff : md5 ann
other: sha "a b"
empty:
no colon ann
staff: des 'two'
long: md5 \\
 sha512
"""
NAMES = ("md5", "sha", "des", "sha256", "sha512", "cryptmd5", "yescrypt", "ann", "bcrypt2a", "bcrypt2b", "broken",
         "plain", "blanks", "two", "continued", "nothing", "empty", "", "a b", "\xfcser", '"q', "unknown", "#", "late",
         "dig", "half")  # fmt: skip

BASIC = 'AuthType Basic\nAuthName "A Realm"\nAuthUserFile {root}/conf/users\n'
# A rule's name becomes a directory, with these lines in its section.
RULES = {
    "basic": f"{BASIC}Require valid-user",
    "user": f'{BASIC}Require user md5 "a b" \xfcser',
    "user-expr": f"{BASIC}Require user %{{tolower:ANN}} none",
    "user-error": f"{BASIC}Require user %{{file:/none/at/all}}",
    "user-not": f"{BASIC}<RequireAll>\nRequire valid-user\nRequire not user ann\n</RequireAll>",
    "user-or-env": f"{BASIC}Require user md5\nRequire env MATCH_SET",
    "forbidden": f"{BASIC}Require user md5\nAuthzSendForbiddenOnFailure On",
    "group": f"{BASIC}AuthGroupFile conf/groups\nRequire group STAFF",
    "group-more": f"{BASIC}AuthGroupFile conf/groups\nRequire group empty other long",
    "group-expr": f"{BASIC}AuthGroupFile conf/groups\nRequire group %{{tolower:STAFF}}",
    "group-error": f"{BASIC}AuthGroupFile conf/groups\nRequire group %{{file:/none/at/all}}",
    "group-no-file": f"{BASIC}AuthGroupFile conf/none\nRequire group staff",
    "group-no-line": f"{BASIC}Require group staff",
    "group-unreadable": f"{BASIC}AuthGroupFile conf/unreadable\nRequire group staff",
    "group-directory": f"{BASIC}AuthGroupFile conf\nRequire group staff",
    "expr": f"{BASIC}Require expr %{{REMOTE_USER}} =~ /^(md5|sha)$/",
    "name-quotes": f"{BASIC}AuthName 'a \"b\" \\\\\"c\"'\nRequire valid-user",
    "name-expr": f"{BASIC}AuthName \"%{{REQUEST_URI}} of %{{REQUEST_METHOD}}\"\nRequire valid-user",
    "name-8-bit": f"{BASIC}AuthName \"R\xe9alm\"\nRequire valid-user",
    "name-error": f"{BASIC}AuthName %{{file:/none/at/all}}\nRequire valid-user",
    "name-none": "AuthType Basic\nAuthUserFile {root}/conf/users\nRequire valid-user",
    "type-lower": f"{BASIC}AuthType basic\nRequire valid-user",
    "type-none": f"{BASIC}AuthType None\nRequire valid-user",
    "type-none-granted": f"{BASIC}AuthType None\nRequire all granted",
    "type-expr": f"{BASIC}AuthType %{{unescape:Basic}}\nRequire valid-user",
    "type-error": f"{BASIC}AuthType %{{file:/none/at/all}}\nRequire valid-user",
    "type-unknown": f"{BASIC}AuthType Token\nRequire valid-user",
    "type-unknown-user": f"{BASIC}AuthType Token\nRequire all granted",
    "type-alone": f"{BASIC}",
    "require-alone": "Require valid-user",
    "denied": f"{BASIC}Require all denied",
    "granted": f"{BASIC}Require all granted",
    "file-none": "AuthType Basic\nAuthName x\nRequire valid-user",
    "file-missing": f"{BASIC}AuthUserFile conf/none\nRequire valid-user",
    "file-directory": f"{BASIC}AuthUserFile conf\nRequire valid-user",
    "file-unreadable": f"{BASIC}AuthUserFile conf/unreadable\nRequire valid-user",
    "file-null": f"{BASIC}AuthUserFile /dev/null\nRequire valid-user",
    "provider": f"{BASIC}AuthBasicProvider file\nRequire valid-user",
    "provider-alias": f"{BASIC}AuthBasicProvider others file\nRequire valid-user",
    "provider-last": f"{BASIC}AuthBasicProvider file\nAuthBasicProvider others\nRequire valid-user",
    "provider-twice": f"{BASIC}AuthBasicProvider others\nRequire valid-user",
    "authoritative": f"{BASIC}AuthBasicAuthoritative Off\nRequire valid-user",
    "authoritative-error": f"{BASIC}AuthUserFile conf/none\nAuthBasicAuthoritative Off\nRequire valid-user",
    "digest": 'AuthType Basic\nAuthName Realm\nAuthUserFile conf/realms\nAuthBasicUseDigestAlgorithm MD5\n'
              "Require valid-user",
    "digest-off": f"{BASIC}AuthBasicUseDigestAlgorithm off\nRequire valid-user",
    "digest-no-file": "AuthType Basic\nAuthName Realm\nAuthBasicUseDigestAlgorithm MD5\nRequire valid-user",
    "digest-missing": "AuthType Basic\nAuthName Realm\nAuthUserFile conf/none\nAuthBasicUseDigestAlgorithm MD5\n"
                      "Require valid-user",
    "digest-alias": 'AuthType Basic\nAuthName Realm\nAuthBasicProvider realms\nAuthBasicUseDigestAlgorithm MD5\n'
                    "Require valid-user",
    "fake": "AuthBasicFake demo demopass",
    "fake-default": "AuthBasicFake demo",
    "fake-expr": 'AuthBasicFake "%{HTTP_HOST}" "p:%{REQUEST_METHOD}"',
    "fake-empty": "AuthBasicFake %{HTTP:None} x",
    "fake-empty-password": "AuthBasicFake x %{HTTP:None}",
    "fake-error": "AuthBasicFake %{file:/none/at/all}",
    "fake-error-password": "AuthBasicFake x %{file:/none/at/all}",
    "fake-over": f"{BASIC}AuthBasicFake demo x\nRequire valid-user",
    "fake-over/off": "AuthBasicFake Off",
    "document": f"{BASIC}ErrorDocument 401 /open/x.txt\nRequire valid-user",
    "document-inside": f"{BASIC}ErrorDocument 401 /document-inside/x.txt\nRequire valid-user",
    "document-text": f'{BASIC}ErrorDocument 401 "who are you"\nRequire valid-user',
    "limit": f"{BASIC}<Limit POST>\nRequire valid-user\n</Limit>",
    "limit-except": f"{BASIC}<LimitExcept GET>\nRequire valid-user\n</LimitExcept>\n<Limit GET>\n"
                    "Require all granted\n</Limit>",
    "files": f"{BASIC}<Files index.html>\nRequire user md5\n</Files>\nRequire valid-user",
    "only-index": f"<Files index.html>\n{BASIC}Require user md5\n</Files>",
    "if": f"<If \"%{{REQUEST_METHOD}} == 'POST'\">\n{BASIC}Require user md5\n</If>",
    "outer": f"{BASIC}Require user md5",
    "outer/and": "AuthMerging And\nRequire local",
    "outer/or": "AuthMerging Or\nRequire user ann",
    "outer/off": "Require user ann",
    "merging-ifs": f"{BASIC}Require user md5\n<If true>\nAuthMerging Or\nRequire method GET\n</If>\n"
                   "<If true>\nAuthMerging And\nRequire local\n</If>",
    "open": "Require all granted",
    # of Apache 2.2
    "order-allow": "Order allow,deny\nAllow from all",
    "order-allow-nothing": "Order allow,deny",
    "order-deny": "Order deny,allow\nDeny from all",
    "order-deny-nothing": "Order Deny,Allow",
    "order-mutual": "Order mutual-failure\nAllow from 127\nDeny from 10.0.0.0/8",
    "order-mutual-nothing": "Order mutual-failure",
    "order-both": "Order allow,deny\nAllow from all\nDeny from 127.0.0.1",
    "order-both-deny": "Order deny,allow\nDeny from all\nAllow from 127.0.0.1",
    "order-no-order": "Deny from all\nAllow from 192.0.2.1",
    "ip": "Order allow,deny\nAllow from 10 192.168.1 127.0.0.1",
    "ip-mask": "Order allow,deny\nAllow from 127.0.0.0/255.0.0.0",
    "ip-bits": "Order allow,deny\nAllow from 127.0.0.0/8",
    "ip-partial": "Order deny,allow\nDeny from 127.0",
    "ip-v6": "Order allow,deny\nAllow from ::1 2001:db8::/32",
    "env": "Order deny,allow\nDeny from all\nAllow from env=match_set",
    "env-not": "Order deny,allow\nDeny from env=!NONE",
    "env-not-set": "Order deny,allow\nDeny from env=!MATCH_SET",
    "host": "Order deny,allow\nDeny from all\nAllow from localhost example.net",
    "host-domain": "Order deny,allow\nDeny from .localhost ocalhost",
    "host-other": "Order allow,deny\nAllow from .example.net example.net",
    "order-limit": "<Limit POST>\nOrder deny,allow\nDeny from all\n</Limit>",
    "order-limit-all": "Order allow,deny\n<Limit GET POST>\nAllow from all\n</Limit>",
    "order-limit-except": "<LimitExcept GET>\nOrder allow,deny\nDeny from all\n</LimitExcept>",
    "order-limit-order": "Order allow,deny\nAllow from all\n<Limit POST>\nOrder deny,allow\n</Limit>\nDeny from all",
    "merge": "Order allow,deny\nAllow from all\nSatisfy Any",
    "merge/allow": "Allow from 192.0.2.1",
    "merge/deny": "Deny from all",
    "merge/order": "Order allow,deny",
    "merge/nothing": "Require all granted",
    "any": f"{BASIC}Require valid-user\nOrder deny,allow\nDeny from all\nSatisfy Any",
    "any-allowed": f"{BASIC}Require valid-user\nOrder deny,allow\nDeny from all\nAllow from 127.0.0.1\nSatisfy any",
    "any-denied": "Require all denied\nOrder deny,allow\nDeny from all\nSatisfy any",
    "any-no-user": "Require all granted\nOrder deny,allow\nDeny from all\nSatisfy any",
    "any-no-scheme": "Require valid-user\nOrder deny,allow\nDeny from all\nSatisfy any",
    "all": f"{BASIC}Require valid-user\nOrder deny,allow\nDeny from all\nSatisfy All",
    "all-allowed": f"{BASIC}Require valid-user\nOrder allow,deny\nAllow from all\nSatisfy All",
    "any-limit": f"{BASIC}Require valid-user\nOrder allow,deny\nAllow from all\n<Limit GET>\nSatisfy any\n</Limit>",
    "any-again": f"{BASIC}Require valid-user\nAllow from all\nSatisfy any\n<Limit POST>\nSatisfy all\n</Limit>",
    "any/all": "Satisfy all",
    "order-document": "Order allow,deny\nErrorDocument 403 /open/x.txt",
    "order-files": '<Files "x.txt">\nOrder allow,deny\nDeny from all\n</Files>',
}  # fmt: skip
# Between them they have each directive: these are tried in each context in which it may stand.
EACH = ("basic", "group", "provider-alias", "authoritative", "digest", "fake", "forbidden", "name-expr", "limit",
        "order-both-deny", "order-limit-all", "any-allowed", "all")  # fmt: skip
for _name in EACH:
    RULES[f"files-{_name}"] = f"<Files x.txt>\n{RULES[_name]}\n</Files>"
    RULES[f"if-{_name}"] = f"<If true>\n{RULES[_name]}\n</If>"
# The same, with these lines in an .htaccess file.
HTACCESS = {
    **{f"ht-{name}": RULES[name] for name in EACH},
    "ht-outer": RULES["outer"],
    "ht-outer/or": RULES["outer/or"],
    "ht-merging": "AuthMerging Or\nRequire all denied",
    "ht-env": RULES["env"],
    "ht-files": f"<Files x.txt>\n{RULES['order-allow-nothing']}\n</Files>",
    "ht-alias": "<AuthnProviderAlias file more>\n</AuthnProviderAlias>",
}
# What is in sections for URLs.
LOCATIONS = {
    **{f"location-{name}": RULES[name] for name in EACH},
    "location-outer": RULES["outer"],
    "location-outer/or": RULES["outer/or"],
}
# .htaccess files with one class alone: what it allows, and what it does not.
ONE_CLASS = {
    "AuthConfig": {"satisfy": "Satisfy any", "basic": RULES["basic"], "no-order": "Order allow,deny"},
    "Limit": {"order": RULES["order-both-deny"], "no-name": "AuthName x", "no-satisfy": "Satisfy any"},
}
SERVER = """
LogLevel warn auth_basic:trace5 authn_core:trace5 authn_file:trace5 authz_core:trace5 authz_user:trace5 \
authz_groupfile:trace5 access_compat:trace5
LogFormat "%U %u %>u %s %>s %{Authorization}i %{REMOTE_USER}e" auth
CustomLog logs/auth auth
Header always set X-User "expr=%{escape:%{REMOTE_USER}}|%{AUTH_TYPE}"
<LocationMatch "^/(?<set>.)">
</LocationMatch>
<AuthnProviderAlias file others>
    AuthUserFile conf/others
</AuthnProviderAlias>
<AuthnProviderAlias file "realms">
    AuthUserFile {root}/conf/realms
</AuthnProviderAlias>
"""
LOGGED = ("AH01614", "AH01615", "AH01616", "AH01617", "AH01618", "AH01619", "AH01620", "AH01621", "AH01622", "AH01627",
          "AH01629", "AH01630", "AH01631", "AH01664", "AH01665", "AH01666", "AH01667", "AH01663", "AH01796", "AH01797",
          "AH02455", "AH02456", "AH02457", "AH02458", "AH02459", "AH02592", "AH02594", "AH02834", "AH02835", "AH00027",
          "AH00028", "AH00554", "AH00571", "AH00025", "AH01624", "AH01625", "AH01626", "AH01628", "AH00135",
          "-")  # fmt: skip
MODULES = ("authn_core", "authn_file", "auth_basic", "authz_user", "authz_groupfile", "access_compat")


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode('latin-1')).decode()}"


FIELDS = {
    "none": None,
    **{f"user {name}": basic(name, "secret") for name in ("md5", "ann", "sha", "unknown", "late", "")},
    "wrong": basic("md5", "Secret"),
    "scheme": "Bearer abc",
    "scheme case": basic("md5", "secret").replace("Basic", "bASIC"),
    "blanks": basic("md5", "secret").replace(" ", " \t  "),
    "no blank": "Basic",
    "empty": "Basic ",
    "no base64": "Basic !!!",
    "base64 and more": f"{basic('md5', 'secret')}!xx",
    "no padding": basic("md5", "secret").rstrip("="),
    "one letter more": f"Basic {b64encode(b'md5:secre').decode()}d",
    "no colon": f"Basic {b64encode(b'md5').decode()}",
    "nul": f"Basic {b64encode(b'md5:secret' + bytes(1) + b'x').decode()}",
    "nul in name": f"Basic {b64encode(b'md5' + bytes(1) + b':secret').decode()}",
    "line end": f"Basic {b64encode(b'm' + bytes([10]) + b'd5:secret').decode()}",
    "8-bit": basic("\xe9", "\xe9"),
}
FEW = ("none", "user md5", "user ann", "wrong", "user unknown")
DETAILED = ("basic", "authoritative", "digest", "ht-basic", "provider-alias")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    require_apache()
    alone = {f"{class_}-{name}": lines for class_ in ONE_CLASS for name, lines in ONE_CLASS[class_].items()}
    directories = (*RULES, *HTACCESS, *LOCATIONS, *alone)
    files = {f"{name}/{file}": f"{file}\n" for name in directories for file in ("x.txt", "index.html")}
    files["last.txt"] = LAST_BODY.decode()
    pair = (Apache(files=files), OURS(files=files))
    for server in pair:
        for file, text in (("users", USERS), ("others", OTHERS), ("realms", REALMS), ("groups", GROUPS)):
            (server.root / "conf" / file).write_bytes(text.encode("latin-1"))
        (server.root / "conf" / "unreadable").touch(0)
        for name, lines in {**HTACCESS, **alone}.items():
            server.write(f"{name}/.htaccess", lines.replace("{root}", str(server.root)) + "\n")
        text = "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in MODULES)
        text += SERVER + LOG_LINES
        sections = {**RULES, **dict.fromkeys(HTACCESS, "AllowOverride All")}
        sections |= {name: f"AllowOverride {name.partition('-')[0]}" for name in alone}
        text += "".join(f"<Directory {server.docroot}/{name}>\n{sections[name]}\n</Directory>\n" for name in sections)
        text += "".join(f"<Location /{name}>\n{lines}\n</Location>\n" for name, lines in LOCATIONS.items())
        server.configure()
        text = text.replace("{root}", str(server.root))
        server.config.write_bytes(server.config.read_bytes() + text.encode("latin-1"))
        server.expect(*LOGGED)
        server.start()
    yield pair
    problems = close_all(pair, keep=False)
    assert problems == [], "\n".join(problems)


def _same(servers: tuple[Server, Server], requests: list[tuple[str, str, str | None]]) -> None:
    apache, ours = ([_ask(server, *request) for request in requests] for server in servers)
    differing = [pair for pair in zip(apache, ours, strict=True) if pair[0] != pair[1]]
    assert not differing, "\n".join(f"apache2 {theirs}\npyhttpd {own}" for theirs, own in differing)


@pytest.mark.parametrize("name", [*RULES, *HTACCESS, *LOCATIONS])
def test_same_answers_and_the_same_log(name: str, servers: tuple[Server, Server]) -> None:
    fields = FIELDS if name in DETAILED else FEW
    requests = [("GET", f"/{name}/x.txt", FIELDS[field]) for field in fields]
    requests += [(method, f"/{name}/x.txt", FIELDS[field]) for method in ("POST", "BREW") for field in FEW[:2]]
    requests += [("GET", f"/{name}/", FIELDS[field]) for field in ("none", "user md5", "user ann")]
    requests += [("GET", f"/{name}", FIELDS[field]) for field in FEW[:2]]
    if name in DETAILED:
        methods = ("HEAD", "OPTIONS", "TRACE", "PUT", "DELETE")
        requests += [(method, f"/{name}/x.txt", FIELDS[field]) for method in methods for field in FEW[:2]]
    _same(servers, requests)


@pytest.mark.parametrize(("class_", "name"), [(class_, name) for class_ in ONE_CLASS for name in ONE_CLASS[class_]])
def test_what_htaccess_may_say(class_: str, name: str, servers: tuple[Server, Server]) -> None:
    theirs, ours = (server.get(f"/{class_}-{name}/x.txt").status for server in servers)
    assert ours == theirs
    assert (ours == 500) is name.startswith("no-")


@pytest.mark.parametrize("user", NAMES)
@pytest.mark.parametrize("name", ["basic", "provider-alias", "group-more", "digest", "digest-alias", "user"])
def test_users(name: str, user: str, servers: tuple[Server, Server]) -> None:
    fields = [basic(user, password) for password in ("secret", "", "secretx", "secret\0x")]
    _same(servers, [("GET", f"/{name}/x.txt", field) for field in fields])


def test_the_files_are_read_for_each_request(servers: tuple[Server, Server]) -> None:
    """So that a change counts at once, however soon after another it comes."""
    ours = servers[1]
    users = ours.root / "conf" / "users"
    before = users.read_bytes()
    field = basic("new", "secret")
    for _ in range(3):
        users.write_bytes(before + b"new:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
        assert ours.get("/basic/x.txt", Authorization=field).status == 200
        users.write_bytes(before)
        assert ours.get("/basic/x.txt", Authorization=field).status == 401


# What is sent on one connection, as in tests/oracle/requests.
EXCHANGES = {
    "twice": "GET /basic/x.txt HTTP/1.1\nHost: x\n\nGET /basic/x.txt HTTP/1.1\nHost: x\n{ann}\n\n",
    "known, then not": "GET /basic/x.txt HTTP/1.1\nHost: x\n{ann}\n\nGET /basic/x.txt HTTP/1.1\nHost: x\n\n",
    "a body": "POST /basic/x.txt HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello",
    "a body in chunks": "POST /basic/x.txt HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n",
    "a large body": "POST /basic/x.txt HTTP/1.1\nHost: x\nContent-Length: 100000\n\n{x*100000}",
    "a body that is waited for": "PUT /basic/x.txt HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 5\n\n",
    "an old client": "GET /basic/x.txt HTTP/1.0\nConnection: Keep-Alive\n\n",
    "two fields": "GET /basic/x.txt HTTP/1.1\nHost: x\n{ann}\nAuthorization: Basic eDp5\n\n",
    "two fields, the other first": "GET /basic/x.txt HTTP/1.1\nHost: x\nAuthorization: Basic eDp5\n{ann}\n\n",
    "a range": "GET /basic/x.txt HTTP/1.1\nHost: x\nRange: bytes=0-1\n\n",
    "a condition": "GET /basic/x.txt HTTP/1.1\nHost: x\nIf-None-Match: *\n\n",
    "in the URL": "GET http://ann:secret@x/basic/x.txt HTTP/1.1\nHost: x\n\n",
    "refused": "GET /order-both/x.txt HTTP/1.1\nHost: x\n\nGET /order-allow/x.txt HTTP/1.1\nHost: x\n\n",
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_same_on_a_connection(name: str, servers: tuple[Server, Server]) -> None:
    text = EXCHANGES[name].replace("{ann}", f"Authorization: {basic('ann', 'secret')}")
    last = "none" if name == "a body that is waited for" else ""
    theirs, ours = (Observed(server).run(parse_case(text)[0], last=last) for server in servers)
    assert not theirs.differing(ours), report(theirs, ours)


def _ask(server: Server, method: str, target: str, field: str | None) -> object:
    """What is answered, and the lines of the logs that the request made."""
    place = server.error_log.place()
    log = server.root / "logs" / "auth"
    lines = log.read_bytes().count(b"\n")
    with Client(server.port) as client:
        given = {} if field is None else {"Authorization": field}
        answer = client.ask(target, method=method, Connection="close", Host="h.example", Content_Length="0", **given)
    written = server.wait_until(partial(_written, server, lines), SLOW, "a log line")
    fields = [(name, _neutral(name, value)) for name, value in answer.headers if name not in ("Date", "Server")]
    body = answer.body.decode("latin-1").replace(str(server.port), "{port}")
    errors = [_plain(server, line.line) for line in server.error_log.lines(place)]
    return method, target, field, answer.status, fields, body, written, [line for line in errors if line]


def _neutral(name: str, value: str) -> str:
    return ",".join(sorted(value.split(","))) if name == "Allow" else value


def _written(server: Server, before: int) -> list[str] | None:
    whole, _, _ = (server.root / "logs" / "auth").read_bytes().rpartition(b"\n")  # behind it a line is on its way
    return whole.decode("latin-1").splitlines()[before:] or None


def _plain(server: Server, line: str) -> str:
    found = re.search(r"\[(\w+:\w+)\].*?((?:\(\d+\)[\w ]+: )?(?:AH\d+:|Evaluation of) .*)", line)
    number = re.search(r"AH\d+", found[2] if found is not None else "")
    if found is None or (number is not None and number[0] not in LOGGED):
        return ""
    return f"{found[1]} {found[2]}".replace(str(server.root), "{root}")
