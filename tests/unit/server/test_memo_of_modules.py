"""A page with directives that ask nothing of the world is kept like a bare one; one that does ask is made anew, and
what is kept is given up as soon as what it depends on has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.memos import of_memos
from tests.unit.server.serving import Serving, parts, status_of, without_phases

pytestmark = [of_memos, pytest.mark.usefixtures("everything_is_old")]

Make = Callable[..., Serving]

# Lines for the whole server; a status other than 200, and a target other than /a.txt, stand behind them.
HARMLESS: dict[str, tuple[str, int, str]] = {
    "nothing": ("", 200, "/a.txt"),
    # the core
    "Options": ("<Directory />\nOptions Indexes SymLinksIfOwnerMatch\n</Directory>", 200, "/a.txt"),
    "AllowOverride": ("<Directory />\nAllowOverride All\n</Directory>", 200, "/sub/a.txt"),
    "ErrorDocument, a text": ('ErrorDocument 404 "not here"', 404, "/none"),
    "ErrorDocument, a file": ("ErrorDocument 404 /errors/404.html", 404, "/none"),
    "ErrorDocument, a URL": ("ErrorDocument 404 http://elsewhere.example/", 302, "/none"),
    "ForceType": ("<Location /a.txt>\nForceType text/x-odd\n</Location>", 200, "/a.txt"),
    "SetHandler": ("<Location /a.txt>\nSetHandler default-handler\n</Location>", 200, "/a.txt"),
    "AddDefaultCharset": ("AddDefaultCharset utf-8", 200, "/a.txt"),
    "FileETag": ("FileETag All", 200, "/a.txt"),
    "FileETag Digest": ("FileETag Digest", 200, "/a.txt"),
    "ContentDigest": ("ContentDigest On", 200, "/a.txt"),
    "AcceptPathInfo": ("AcceptPathInfo On", 200, "/a.txt/more"),
    "ServerSignature": ("ServerSignature EMail", 404, "/none"),
    "UseCanonicalName": ("UseCanonicalName On\nUseCanonicalPhysicalPort On", 301, "/sub"),
    "HostnameLookups": ("HostnameLookups On", 200, "/a.txt"),
    "EnableSendfile": ("EnableSendfile On\nEnableMMAP Off\nReadBufferSize 100", 200, "/a.txt"),
    "MaxRanges": ("MaxRanges none", 200, "/a.txt"),
    "LimitRequestBody": ("LimitRequestBody 10", 200, "/a.txt"),
    "AllowEncodedSlashes": ("AllowEncodedSlashes On\nMergeSlashes Off", 200, "/sub%2Fa.txt"),
    "sections": ("<Files a.txt>\nHeader set X-File 1\n</Files>\n<LocationMatch ^/(?<name>a)>\nHeader set X-Name "
                 "%{MATCH_NAME}e\n</LocationMatch>\n<DirectoryMatch htdocs>\nHeader set X-D 1\n</DirectoryMatch>",
                 200, "/a.txt"),
    "virtual hosts": ("<VirtualHost *>\nServerName www.example.com\nDocumentRoot htdocs/sub\n</VirtualHost>", 200,
                      "/a.txt"),
    # who may
    "Require all granted": ("<Location />\nRequire all granted\n</Location>", 200, "/a.txt"),
    "Require all denied": ("<Location />\nRequire all denied\nLogLevel crit\n</Location>", 403, "/a.txt"),
    "Require not": ("<Location />\n<RequireAll>\nRequire all granted\nRequire not env NONE\n</RequireAll>\n</Location>",
                    200, "/a.txt"),
    "Require method": ("<Location />\nRequire method GET HEAD\n</Location>", 200, "/a.txt"),
    "Limit": ("<Location />\n<Limit POST>\nRequire ip 192.0.2.1\n</Limit>\nRequire all granted\n</Location>", 200,
              "/a.txt"),
    "an alias of a provider": ("<AuthzProviderAlias all everybody granted>\n</AuthzProviderAlias>\n"
                               "<Location />\nRequire everybody\n</Location>", 200, "/a.txt"),
    "Allow from all": ("<Location />\nOrder allow,deny\nAllow from all\n</Location>", 200, "/a.txt"),
    "Satisfy": ("<Location />\nSatisfy All\nRequire all granted\n</Location>", 200, "/a.txt"),
    "AuthType None": ("<Location />\nAuthType None\nAuthName x\nRequire all granted\n</Location>", 200, "/a.txt"),
    "AuthBasicAuthoritative": ("<Location />\nAuthBasicAuthoritative Off\nAuthBasicProvider file\nAuthUserFile none\n"
                               "AuthGroupFile none\nRequire all granted\n</Location>", 200, "/a.txt"),
    # the others
    "Header": ("Header set X-One 1\nHeader always append X-Two 2\nHeader unset ETag\nHeader edit X-One 1 one", 200,
               "/a.txt"),
    "Header with a variable": ("SetEnv VAR value\nHeader set X-Var %{VAR}e", 200, "/a.txt"),
    "RequestHeader": ("RequestHeader set X-In yes\nRequestHeader unset If-None-Match early", 200, "/a.txt"),
    "SetEnv": ("SetEnv VAR value\nUnsetEnv OTHER", 200, "/a.txt"),
    "SetEnvIf on a field": ("SetEnvIf X-Kind ^odd$ ODD=1\nBrowserMatch curl CURL\nHeader set X-Odd yes env=ODD", 200,
                            "/a.txt"),
    "SetEnvIf on the request": ("SetEnvIf Request_URI txt$ TEXT\nSetEnvIf Request_Method GET G\n"
                                "Header set X-Text yes env=TEXT", 200, "/a.txt"),
    "DirectoryIndex": ("DirectoryIndex none.html index.html", 200, "/sub/"),
    "DirectorySlash": ("DirectorySlash On", 301, "/sub"),
    "FallbackResource": ("FallbackResource /a.txt", 200, "/none"),
    "AddType": ("AddType text/x-text .txt\nAddCharset utf-8 .txt\nAddLanguage en .txt\nDefaultLanguage de", 200,
                "/a.txt"),
    "AddHandler": ("AddHandler default-handler .txt", 200, "/a.txt"),
    "Alias": ("Alias /other htdocs/sub", 200, "/other/a.txt"),
    "AliasMatch": ("AliasMatch ^/m/(.*)$ htdocs/$1", 200, "/m/a.txt"),
    "Redirect": ("Redirect permanent /old http://elsewhere.example/new", 301, "/old/x"),
    "RedirectMatch": ("RedirectMatch 302 ^/r/(.*)$ /a.txt?of=$1", 302, "/r/x"),
    "a log of its own": ('CustomLog logs/own "%h %l %u %t %r %D %{X-One}o %{VAR}e"\nSetEnv VAR x', 200, "/a.txt"),
}  # fmt: skip
BASIC = "AuthType Basic\nAuthName x\nAuthUserFile users\nRequire valid-user"
ASKING = {
    "Require ip": "<Location />\nRequire ip 127.0.0.1\n</Location>",
    "Require local": "<Location />\nRequire local\n</Location>",
    "Require host": "<Location />\nRequire host localhost\n</Location>",
    "Require not host": "<Location />\n<RequireAll>\nRequire all granted\nRequire not host none.invalid\n"
                        "</RequireAll>\n</Location>",
    "Require forward-dns": "<Location />\nRequire forward-dns localhost\n</Location>",
    "an alias of ip": "<AuthzProviderAlias ip here 127.0.0.1>\n</AuthzProviderAlias>\n<Location />\nRequire here\n"
                      "</Location>",
    "one of them": "<Location />\n<RequireAny>\nRequire env NONE\nRequire ip 127.0.0.1\n</RequireAny>\n</Location>",
    "Allow from": "<Location />\nOrder deny,allow\nDeny from all\nAllow from 127.0.0.1\n</Location>",
    "an expression": "<Location />\nRequire expr true\n</Location>",
    "the client's address": "SetEnvIf Remote_Addr 127 LOCAL",
    "the client's name": "HostnameLookups On\nSetEnvIf Remote_Host localhost LOCAL",
    "the server's name": "UseCanonicalName DNS\nErrorDocument 404 default\nServerSignature On\nRedirect /a.txt /b",
}  # fmt: skip


def site(make_serving: Make, lines: str) -> Serving:
    serving = make_serving(f"LogLevel warn\n{lines}")
    for name in ("a.txt", "sub/a.txt", "sub/index.html", "errors/404.html"):
        serving.page(name, f"this is {name}\n")
    return serving


def ask(serving: Serving, target: str, *fields: str) -> tuple[str, dict[str, str], bytes]:
    """Without what is filled in anew each time."""
    line, fields_of, body = parts(serving.get(target, *fields))
    del fields_of["date"]
    return line, fields_of, body


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_lines_cost_nothing(make_serving: Make, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    lines, status, target = HARMLESS[name]
    serving = site(make_serving, lines)
    answers = [ask(serving, target) for _ in range(2)]
    assert int(answers[0][0].split()[1]) == status
    assert len(serving.service.answers) == 1
    without_phases(serving, monkeypatch)
    answers += [ask(serving, target) for _ in range(2)]
    assert answers == [answers[0]] * 4


OF_ITS_HEAD = {
    "RequestHeader": "the fields themselves are changed, and logged",
    "ErrorDocument, a file": "the page is another request",
}


@pytest.mark.parametrize("name", sorted(set(HARMLESS) - set(OF_ITS_HEAD)))
def test_nobody_has_asked_for_a_cookie(make_serving: Make, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    lines, _, target = HARMLESS[name]
    serving = site(make_serving, lines)
    answers = [ask(serving, target, f"Cookie: {number}") for number in range(2)]
    without_phases(serving, monkeypatch)
    answers.append(ask(serving, target, "Cookie: another", "Accept-Language: de"))
    assert answers == [answers[0]] * 3


def test_all_of_them_together(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that leave /a.txt where it is; and what the client sends, so that other heads may have the same answer."""
    apart = ("virtual hosts", "FallbackResource", "RequestHeader")
    lines = [lines for name, (lines, status, target) in HARMLESS.items()
             if status == 200 and target == "/a.txt" and name not in apart]  # fmt: skip
    serving = site(make_serving, "\n".join(lines))
    first = ask(serving, "/a.txt", "X-Kind: odd")
    assert first[0].endswith("200 OK")
    assert first[1]["x-odd"] == "yes"
    ask(serving, "/a.txt", "X-Kind: odd")
    without_phases(serving, monkeypatch)
    assert ask(serving, "/a.txt", "X-Kind: odd") == first
    assert ask(serving, "/a.txt", "Cookie: a=1", "X-Kind: odd") == first  # nobody has asked for it


@pytest.mark.parametrize("name", ASKING)
def test_what_asks_of_the_world_is_asked_again(make_serving: Make, name: str) -> None:
    serving = site(make_serving, ASKING[name])
    for _ in range(3):
        assert status_of(serving.get("/a.txt")) < 400
    assert len(serving.service.answers) == 0


def test_fields_that_matter_have_answers_of_their_own(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = site(make_serving, "SetEnvIf X-Kind ^(odd|even)$ KIND=$1\nHeader set X-Kind-Was %{KIND}e env=KIND\n"
                                 "<Location />\nRequire env KIND\nLogLevel crit\n</Location>")  # fmt: skip
    expected = {"odd": 200, "even": 200, "none": 403}
    for kind in (*expected, *expected):
        ask(serving, "/a.txt", f"X-Kind: {kind}")
    without_phases(serving, monkeypatch)
    for kind, status in expected.items():
        line, fields, _ = ask(serving, "/a.txt", f"X-Kind: {kind}")
        assert int(line.split()[1]) == status
        assert fields.get("x-kind-was") == (kind if status == 200 else None)


def write_htaccess(serving: Serving) -> None:
    serving.page("sub/.htaccess", "Header set X-New yes\n")


def forbid_in_htaccess(serving: Serving) -> None:
    serving.page(".htaccess", "Require all denied\n")


def break_htaccess(serving: Serving) -> None:
    serving.page("sub/.htaccess", "Nonsense\n")


def put_an_index_in_front(serving: Serving) -> None:
    serving.page("sub/first.html", "this comes first\n")


def change_the_page(serving: Serving) -> None:
    serving.page("sub/index.html", "this is another\n")


def change_the_error_page(serving: Serving) -> None:
    serving.page("errors/404.html", "this is still not here\n")


def make_what_was_not_there(serving: Serving) -> None:
    serving.page("none", "here it is\n")


def link_it_elsewhere(serving: Serving) -> None:
    path = serving.root / "htdocs" / "sub" / "index.html"
    path.unlink()
    path.symlink_to("a.txt")


CHANGES: dict[Callable[[Serving], None], str] = {
    write_htaccess: "/sub/", forbid_in_htaccess: "/sub/", break_htaccess: "/sub/", put_an_index_in_front: "/sub/",
    change_the_page: "/sub/", change_the_error_page: "/none", make_what_was_not_there: "/none",
    link_it_elsewhere: "/sub/",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_seen_through_all_of_them(make_serving: Make, change: Callable[[Serving], None]) -> None:
    serving = site(make_serving, "DirectoryIndex first.html index.html\nErrorDocument 404 /errors/404.html\n"
                                 "Header set X-All yes\nSetEnv VAR x\nAlias /other htdocs/sub\n<Directory />\n"
                                 "AllowOverride All\nRequire all granted\n</Directory>")  # fmt: skip
    target = CHANGES[change]
    before = [ask(serving, target) for _ in range(3)]
    assert len(serving.service.answers) == 1
    change(serving)
    after = [ask(serving, target) for _ in range(3)]
    assert before == [before[0]] * 3
    assert after == [after[0]] * 3
    assert after[0] != before[0]


def test_htaccess_that_says_something(make_serving: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = site(make_serving, "<Directory />\nAllowOverride All\n</Directory>")
    serving.page("sub/.htaccess", "Header set X-Sub yes\nRequire all granted\nSetEnv VAR x\nAddType text/x-sub .txt\n")
    first, again = (ask(serving, "/sub/a.txt") for _ in range(2))
    assert first == again
    assert first[1]["x-sub"] == "yes"
    assert first[1]["content-type"] == "text/x-sub"
    without_phases(serving, monkeypatch)
    assert ask(serving, "/sub/a.txt") == first
