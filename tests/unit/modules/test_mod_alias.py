"""Alias and Redirect: what matches, where it leads, what the lines may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.http.headers import Headers
from pyhttpd.modules.mod_alias import escape_target, fixup_redirect, matched_length, translate
from tests.support.requests import configure, make_request, refusals


@pytest.mark.parametrize(
    ("uri", "prefix", "length"),
    [
        ("/icons/a.png", "/icons/", 7),
        ("/icons", "/icons/", 0),
        ("/icons", "/icons", 6),
        ("/icons/a", "/icons", 6),
        ("/iconsx", "/icons", 0),
        ("//icons///a", "/icons/", 10),
        ("/", "/", 1),
        ("/anything", "/", 1),
        ("/a", "", 0),
        ("", "/", 0),
    ],
)
def test_prefixes(uri: str, prefix: str, length: int) -> None:
    assert matched_length(uri, prefix) == length


@pytest.mark.parametrize(
    ("uri", "filename"),
    [
        ("/icons/a.png", "/usr/share/icons/a.png"),
        ("/icons/", "/usr/share/icons/"),
        ("/short", "/srv/long"),
        ("/short/x/", "/srv/long/x/"),
        ("/rel/x", "{root}/below/x"),
        ("/im/a/b", "/srv/images/a/b"),
        ("/dots/secret", "/srv/dots/x/secret"),
        ("/both/two", "/srv/first/two"),
    ],
)
def test_alias(uri: str, filename: str, tmp_path: Path) -> None:
    text = (
        "Alias /icons/ /usr/share/icons/\nAlias /short /srv/long\nAlias /rel below\n"
        "AliasMatch ^/im(.*)$ /srv/images$1\nAliasMatch ^/dots/(.*) /srv/./dots/y/../x//$1\n"
        "Alias /both/two /srv/first/two\nAlias /both /srv/second\n"
    )
    request = make_request(configure(text, tmp_path), uri)
    assert translate(request) == OK
    assert request.filename == filename.format(root=tmp_path)


def test_a_virtual_hosts_aliases_come_first(tmp_path: Path) -> None:
    text = "Alias /a /main\nAlias /b /main\n<VirtualHost *>\nAlias /a /vhost\n</VirtualHost>\n"
    configuration = configure(text, tmp_path)
    for uri, expected in (("/a", "/vhost"), ("/b", "/main")):
        request = make_request(configuration, uri, host=0)
        assert translate(request) == OK
        assert request.filename == expected


@pytest.mark.parametrize(
    ("preserve", "expected"), [("Off", "/srv/one"), ("On", "/srv/one/more")], ids=["replaces", "preserves"]
)
def test_alias_in_a_location(preserve: str, expected: str, tmp_path: Path) -> None:
    text = f"<Location /loc>\nAlias /srv/one\nAliasPreservePath {preserve}\n</Location>\n"
    request = make_request(configure(text, tmp_path), "/loc/more")
    assert translate(request) == OK
    assert request.filename == expected


def test_nothing_fits(tmp_path: Path) -> None:
    request = make_request(configure("Alias /a /b\nRedirect /c http://x/\n", tmp_path), "/d")
    assert translate(request) == DECLINED
    assert request.filename is None


@pytest.mark.parametrize(
    ("line", "uri", "args", "status", "location"),
    [
        ("Redirect /a http://x.example/b", "/a/c d", None, 302, "http://x.example/b/c%20d"),
        ("Redirect permanent /a http://x.example/b", "/a", "q=1", 301, "http://x.example/b?q=1"),
        ("Redirect /a http://x.example/?own", "/a", "q=1", 302, "http://x.example/?own"),
        ("Redirect 307 /a /b", "/a/x", None, 307, "http://client.example:81/b/x"),
        ("Redirect seeother / http://y/", "/z", None, 303, "http://y/z"),
        ("Redirect gone /a", "/a", None, 410, None),
        ("Redirect 404 /a", "/a/b", None, 404, None),
        ("RedirectTemp /a http://x/", "/a", None, 302, "http://x/"),
        ("RedirectPermanent /a http://x/", "/a", None, 301, "http://x/"),
        ("RedirectMatch ^/a/(.*) http://x/$1#f", "/a/ü b", "q", 302, "http://x/%c3%bc%20b#f?q"),
        ("RedirectMatch ^/a/(.*) http://x/?p=$1", "/a/b", "q", 302, "http://x/?p=b"),
        ("RedirectMatch 403 /\\.git", "/x/.git/config", None, 403, None),
        ("RedirectMatch ^/a$ nowhere", "/a", None, 500, None),
    ],
)
def test_redirect(line: str, uri: str, args: str | None, status: int, location: str | None, tmp_path: Path) -> None:
    request = make_request(configure(line + "\n", tmp_path), uri, args=args, hostname="client.example", port=81)
    assert translate(request) == status
    assert request.headers_out.get("Location") == location
    assert ("AH00674" in [number for _, number, _ in request.lines]) is (status == 500)


def test_relative_redirects_stay_relative_where_told(tmp_path: Path) -> None:
    request = make_request(configure("Redirect /a /b\nRedirectRelative On\n", tmp_path), "/a")
    assert translate(request) == 302
    assert request.headers_out.get("Location") == "/b"


@pytest.mark.parametrize(
    ("section", "uri", "status", "location"),
    [
        ("<Location /l>\nRedirect http://x/y\n</Location>", "/l/more", 302, "http://x/y"),
        ("<Location /l>\nRedirect permanent http://x/y\n</Location>", "/l", 301, "http://x/y"),
        ("<Location /l>\nRedirect gone\n</Location>", "/l", 410, None),
        ("<Location /l>\nRedirect /l/a http://x/\n</Location>", "/l/a", 302, "http://x/"),
        ("<Location /l>\nRedirect /l/a http://x/\n</Location>", "/l/b", DECLINED, None),
    ],
)
def test_redirects_of_sections_act_in_the_fixups(
    section: str, uri: str, status: int, location: str | None, tmp_path: Path
) -> None:
    request = make_request(configure(section + "\n", tmp_path), uri)
    assert fixup_redirect(request) == status
    assert request.headers_out.get("Location") == location


@pytest.mark.parametrize(
    ("uri", "filename", "handler"),
    [
        ("/cgi-bin/run", "/srv/cgi/run", "cgi-script"),
        ("/m/run", "/srv/cgi/run.pl", "cgi-script"),
        ("/one", "/srv/one", "cgi-script"),
        ("/plain/run", "/srv/cgi/run", None),
    ],
)
def test_a_script_alias_names_the_handler(uri: str, filename: str, handler: str | None, tmp_path: Path) -> None:
    text = (
        "ScriptAlias /cgi-bin/ /srv/cgi/\nScriptAliasMatch ^/m/(.*)$ /srv/cgi/$1.pl\nAlias /plain /srv/cgi\n"
        "<Location /one>\nScriptAlias /srv/one\n</Location>\n"
    )
    request = make_request(configure(text, tmp_path), uri)
    assert translate(request) == OK
    assert (request.filename, request.handler) == (filename, handler)
    assert request.notes.get("alias-forced-type") == handler


def test_the_earlier_line_of_an_overlap_is_named(tmp_path: Path) -> None:
    lines = "ScriptAlias /a /b\nAliasMatch ^/c /d\nAlias /a/b /e\nScriptAlias /c /f\nAlias /a/b/c /g\n"
    messages = [each.message for each in configure(lines, tmp_path).diagnostics if each.number == "AH00671"]
    assert [message.rpartition(" ")[2] for message in messages] == ["ScriptAlias.", "AliasMatch.", "ScriptAlias."]


def test_targets_are_escaped_but_for_query_and_fragment() -> None:
    assert escape_target("http://h/a b?q=a b#f g") == "http://h/a%20b?q=a b#f g"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Alias /a", "Alias must have two arguments when used globally"),
        ("<Location /x>\nAlias /a /b\n</Location>", "Alias cannot occur within directory context"),
        ("<Files x>\nAlias /a\n</Files>", "Alias cannot occur within <Files> section"),
        ("AliasMatch ^(.* /x", "Regular expression could not be compiled."),
        ("Redirect foo /a http://x/", "Redirect: invalid first argument (of three)"),
        ("Redirect permanent /a", "URL to redirect to is missing"),
        ("Redirect gone /a http://x/", "Redirect URL not valid for this status"),
        ("Redirect /a b", "Redirect to non-URL"),
        ("Redirect gone", "Redirect needs the path that it is for"),
        ("<Location /x>\nRedirect permanent\n</Location>", "URL to redirect to is missing"),
    ],
)  # fmt: skip
def test_wrong_lines(lines: str, message: str, tmp_path: Path) -> None:
    assert refusals(lines + "\n", tmp_path) == [message]


@pytest.mark.parametrize(
    ("line", "kind"), [("Redirect http://x/%{NONSUCH}", "redirect"), ("Alias /%{NONSUCH}", "alias")]
)
def test_expressions_that_cannot_be_read(line: str, kind: str, tmp_path: Path) -> None:
    (message,) = refusals(f"<Location /x>\n{line}\n</Location>\n", tmp_path)
    assert message.startswith(f"Cannot parse {kind} expression '{line.split()[1]}': ")


def test_expressions_in_sections(tmp_path: Path) -> None:
    lines = (
        '<Location /r>\nRedirect "https://%{HTTP_HOST}/a b?x=%{REQUEST_METHOD}#%{REMOTE_ADDR}"\n</Location>\n'
        '<Location /a>\nAlias "/srv/%{HTTP_HOST}"\nAliasPreservePath On\n</Location>\n'
        '<Location /b>\nAlias "%{HTTP_HOST}/x"\n</Location>\n'
    )
    configuration = configure(lines, tmp_path)
    host = Headers([("Host", "h\xf6st")])
    request = make_request(configuration, "/r/more", headers_in=host)
    assert fixup_redirect(request) == 302
    assert request.headers_out.get("Location") == "https://h%f6st/a%20b?x=GET#192.0.2.7"
    request = make_request(configuration, "/a/more", headers_in=host)
    assert translate(request) == OK
    assert request.filename == "/srv/h\udcf6st/more"
    request = make_request(configuration, "/b/more", headers_in=host)
    assert translate(request) == OK
    assert request.filename == f"{tmp_path}/h\udcf6st/x"


def test_an_expression_without_a_value_is_an_error(tmp_path: Path) -> None:
    lines = (
        f'<Location /r>\nRedirect "http://x/%{{file:{tmp_path}/none}}"\n</Location>\n'
        f'<Location /a>\nAlias "/%{{file:{tmp_path}/none}}"\n</Location>\n'
    )
    configuration = configure(lines, tmp_path)
    request = make_request(configuration, "/r")
    assert fixup_redirect(request) == 500
    assert "AH02826" in [number for _, number, _ in request.lines]
    request = make_request(configuration, "/a")
    assert translate(request) == 500
    assert "AH02825" in [number for _, number, _ in request.lines]


def test_hidden_aliases_are_told(tmp_path: Path) -> None:
    lines = ("Alias /a /x", "Alias /a/b /y", "Alias /ab /y", "Alias /c/ /y", "Alias /c /y", "Alias //a /y",
             "AliasMatch ^/d /y", "Alias /d /y")  # fmt: skip
    configuration = configure("\n".join(lines) + "\n", tmp_path)
    places = [(d.number, d.location.line - 3 if d.location else -1) for d in configuration.diagnostics]
    assert places == [("AH00671", 1), ("AH00671", 5), ("AH00671", 7)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Redirect \xb2 /x http://y/", "Redirect: invalid first argument (of three)"),
        ("Redirect " + "1" * 5000 + " /x http://y/", "Redirect URL not valid for this status"),
    ],
)
def test_a_status_is_ascii_digits_however_many(line: str, message: str, tmp_path: Path) -> None:
    assert refusals(line, tmp_path) == [message]
