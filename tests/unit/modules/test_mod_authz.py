"""Require lines, their containers, merging, and the addresses of Require ip."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pyhttpd.api.authz import Outcome
from pyhttpd.api.core_config import CoreServer
from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.api.request import Request
from pyhttpd.modules.authz_providers import check_alias
from pyhttpd.modules.mod_authz_core import (
    AuthzConfig,
    Group,
    Rule,
    authorize,
    authorize_anybody,
    check_config,
    evaluate,
)
from pyhttpd.modules.mod_authz_host import address_of, parse_network
from tests.support.requests import configure, make_request, refusals


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("Require all granted", OK),
        ("Require all denied", 403),
        ("Require all DENIED\nRequire all granted", OK),
        ("Require ip 192.0.2", OK),
        ("Require ip 192.0.2.0/24", OK),
        ("Require ip 192.0.2.0/255.255.255.0", OK),
        ("Require ip 192.0.2.8", 403),
        ("Require ip 10 192.0.2.7", OK),
        ("Require ip ::1", 403),
        ("Require local", 403),
        ("Require method GET POST", OK),
        ("Require method HEAD", OK),
        ("Require method POST", 403),
        ("Require env yes no", OK),
        ("Require env no", 403),
        ("<RequireAll>\nRequire all granted\nRequire not ip 192.0.2\n</RequireAll>", 403),
        ("<RequireAll>\nRequire all granted\nRequire not ip 10\n</RequireAll>", OK),
        ("<RequireAll>\nRequire ip 192\nRequire env no\n</RequireAll>", 403),
        ("<RequireAny>\nRequire ip 10\nRequire env yes\n</RequireAny>", OK),
        ("<RequireAll>\nRequire all granted\n<RequireNone>\nRequire ip 192\n</RequireNone>\n</RequireAll>", 403),
        ("<RequireAll>\nRequire all granted\n<RequireNone>\nRequire ip 10\n</RequireNone>\n</RequireAll>", OK),
        ("Require ip 10\n<RequireAll>\nRequire env yes\nRequire method GET\n</RequireAll>", OK),
        ("", OK),
        ("Require expr true", OK),
        ("Require expr \"%{REQUEST_URI} == '/x'\"", OK),
        ("Require expr %{REQUEST_URI} == '/y'", 403),
        ("Require env YES", OK),
        ('Require env no "" yes', 403),
        ("<Limit GET>\nRequire all denied\n</Limit>", 403),
        ("<Limit HEAD>\nRequire all denied\n</Limit>", 403),
        ("<Limit PUT>\nRequire all denied\n</Limit>", OK),
        ("<LimitExcept GET>\nRequire all denied\n</LimitExcept>", OK),
        ("<LimitExcept PUT>\n<LimitExcept POST>\nRequire all denied\n</LimitExcept>\n</LimitExcept>", 403),
        ("<Limit GET PUT>\n<LimitExcept GET>\nRequire all denied\n</LimitExcept>\n</Limit>", OK),
        ("<Limit PUT>\nRequire all denied\n</Limit>\nRequire all granted", OK),
        ("<Limit PUT>\nRequire all granted\n</Limit>\nRequire all denied", 403),
        ("<RequireAll>\n<Limit PUT>\nRequire all denied\n</Limit>\nRequire all granted\n</RequireAll>", OK),
        ("<RequireAny>\n<Limit PUT>\nRequire all granted\n</Limit>\nRequire all denied\n</RequireAny>", 403),
        ("<Limit FOO>\nRequire method FOO\n</Limit>", OK),
    ],
)
def test_rules(lines: str, status: int, tmp_path: Path) -> None:
    configuration = configure(f"<Directory /srv>\n{lines}\n</Directory>\n", tmp_path)
    request = make_request(configuration, "/x", section="/srv/", filename="/srv/x", env={"yes": "1"})
    assert authorize_anybody(request) == status
    denied = [message for _, number, message in request.lines if number == "AH01630"]
    assert denied == (["client denied by server configuration: /srv/x"] if status == 403 else [])


def test_without_a_file_the_uri_is_named(tmp_path: Path) -> None:
    configuration = configure("<Location />\nRequire all denied\n</Location>\n", tmp_path)
    request = make_request(configuration, "/x")
    assert authorize_anybody(request) == 403
    assert request.lines[-1][2] == "client denied by server configuration: uri /x"


@pytest.mark.parametrize(
    ("merging", "outer", "inner", "status"),
    [
        ("", "Require all denied", "Require all granted", OK),
        ("", "Require all granted", "Require all denied", 403),
        ("AuthMerging Off", "Require all denied", "Require all granted", OK),
        ("AuthMerging Off", "Require all denied", "", OK),
        ("AuthMerging And", "<Limit PUT>\nRequire all denied\n</Limit>", "Require all granted", OK),
        ("AuthMerging And", "<Limit PUT>\nRequire all denied\n</Limit>", "Require all denied", 403),
        ("AuthMerging Or", "<Limit PUT>\nRequire all granted\n</Limit>", "Require all denied", 403),
        ("AuthMerging And", "Require all denied", "Require all granted", 403),
        ("AuthMerging And", "Require all granted", "Require ip 192", OK),
        ("AuthMerging And", "Require all denied", "", 403),
        ("AuthMerging Or", "Require all denied", "Require all granted", OK),
        ("AuthMerging Or", "Require all granted", "Require all denied", OK),
        ("AuthMerging and", "", "Require all denied", 403),
        ("AuthzSendForbiddenOnFailure On", "Require all denied", "", 403),
    ],
)
def test_merging(merging: str, outer: str, inner: str, status: int, tmp_path: Path) -> None:
    text = f"<Directory /srv>\n{outer}\n</Directory>\n<Directory /srv/in>\n{merging}\n{inner}\n</Directory>\n"
    request = make_request(configure(text, tmp_path), "/x", section="/srv/in/", filename="/srv/in/x")
    assert authorize_anybody(request) == status


def _rule(outcome: Outcome, negated: bool = False) -> Rule:
    return Rule(outcome.value, lambda request, parsed: outcome, None, negated)


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("outcomes", [("GRANTED", "NO_USER"), ("NO_USER", "GRANTED")])
def test_a_user_who_is_not_known_yet(every: bool, outcomes: tuple[str, str], tmp_path: Path) -> None:
    group = Group(every, children=tuple(_rule(Outcome[name]) for name in outcomes))
    request = make_request(configure("", tmp_path))
    assert evaluate(request, group) is (Outcome.NO_USER if every else Outcome.GRANTED)


@pytest.mark.parametrize(
    ("outcome", "negated", "expected"),
    [
        (Outcome.GRANTED, True, Outcome.DENIED),
        (Outcome.DENIED, True, Outcome.NEUTRAL),
        (Outcome.NO_USER, True, Outcome.NEUTRAL),
        (Outcome.ERROR, True, Outcome.ERROR),
        (Outcome.ERROR, False, Outcome.ERROR),
    ],
)
def test_negation(outcome: Outcome, negated: bool, expected: Outcome, tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path))
    assert evaluate(request, Group(every=True, children=(_rule(outcome, negated),))) is expected


def test_without_a_user_authentication_goes_on(tmp_path: Path) -> None:
    request = make_request(configure("<Location />\nRequire all granted\n</Location>\n", tmp_path))
    request.per_dir._made.clear()
    request.per_dir = type(request.per_dir)(
        {cls: {"rules": values["rules"]._replace(group=Group(False, children=(_rule(Outcome.NO_USER),)))}
         for cls, values in request.per_dir.values.items() if "rules" in values}
    )  # fmt: skip
    assert authorize(request, after_authentication=False) == DECLINED
    assert authorize(request, after_authentication=True) == 401


@pytest.mark.parametrize(
    ("word", "inside", "outside"),
    [
        ("10", ["10.255.0.1", "::ffff:10.0.0.1"], ["11.0.0.1", "::1"]),
        ("10.1", ["10.1.2.3"], ["10.2.0.1"]),
        ("10.1.", ["10.1.2.3"], ["10.2.0.1"]),
        ("10.1.2.0/23", ["10.1.3.255"], ["10.1.4.0"]),
        ("10.0.5.0/255.0.255.0", ["10.9.5.1"], ["10.9.6.1"]),
        ("2001:db8::/32", ["2001:db8::1", "2001:db8:ffff::"], ["2001:db9::", "32.1.13.184"]),
        ("::1", ["::1"], ["::2", "127.0.0.1"]),
        ("fe80::/10", ["fe80::1%eth0"], ["fec0::1"]),
    ],
)
def test_networks(word: str, inside: list[str], outside: list[str]) -> None:
    network = parse_network(word)
    assert [network.contains(address_of(text)) for text in inside] == [True] * len(inside)
    assert [network.contains(address_of(text)) for text in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Require", "Unknown Authz provider: "),
        ("Require expr %{NONE} == 'x'", "Cannot parse expression in require line: Variable 'NONE' does not exist"),
        ("Require host %{NONE}", "Cannot parse expression in require line: Variable 'NONE' does not exist"),
        ('Require all "granted"', "Argument for 'Require all' must be 'granted' or 'denied'"),
        ("Require all granted x", "Argument for 'Require all' must be 'granted' or 'denied'"),
        ("<RequireAll>\nOptions None\nRequire local\n</RequireAll>", "Options not allowed in <RequireAll> context"),
        ("<RequireAny>\n<Files x>\n</Files>\nRequire local\n</RequireAny>",
         "<Files> cannot occur within <Limit> or <LimitExcept> section"),
        ("<Limit GET>\n<Files x>\n</Files>\n</Limit>",
         "<Files> cannot occur within <Limit> or <LimitExcept> section"),
        ("<Limit>\n</Limit>", "<Limit> directive requires additional arguments"),
        ("<Limit GET\n</Limit>", "<Limit> directive missing closing '>'"),
        ("<Limit GET TRACE>\n</Limit>", "TRACE cannot be controlled by <Limit>, see TraceEnable"),
        ("<Limit GET>\n<Limit POST>\n</Limit>\n</Limit>", "<Limit> directive excludes all methods"),
        ("<Limit GET>\n<Limit HEAD>\n</Limit>\n</Limit>", "<Limit> directive specifies methods already excluded"),
        ("<LimitExcept PUT>\n<LimitExcept PUT>\n</LimitExcept>\n</LimitExcept>",
         "<LimitExcept> directive specifies methods already excluded"),
        ("Require users joe", "Unknown Authz provider: users"),
        ("Require all", "Argument for 'Require all' must be 'granted' or 'denied'"),
        ("Require not all granted", "negative Require directive has no effect in <RequireAny> directive"),
        ("Require ip", "'require ip' requires an argument"),
        ("Require ip fe", "ip address 'fe' appears to be invalid"),
        ("Require ip ,", "ip address ',' appears to be invalid"),
        ("Require ip 10.300", "ip address '10.300' appears to be invalid: The specified IP address is invalid."),
        ("Require ip 10.0.0.0/33",
         "ip address '10.0.0.0/33' appears to be invalid: The specified network mask is invalid."),
        ("Require ip 10.0/16", "ip address '10.0/16' appears to be invalid: The specified IP address is invalid."),
        ("Require ip ::1/129", "ip address '::1/129' appears to be invalid: The specified network mask is invalid."),
        ("Require method GET FOO", "Invalid Method 'FOO'"),
        ("<RequireAll>\n</RequireAll>", "<RequireAll> directive contains no authorization directives"),
        ("<RequireAll x>\nRequire local\n</RequireAll>", "<RequireAll> directive doesn't take additional arguments"),
        ("<RequireNone>\nRequire local\n</RequireNone>",
         "<RequireNone> directive has no effect in <RequireAny> directive"),
        ("<RequireNone>\nRequire not local\n</RequireNone>",
         "negative Require directive has no effect in <RequireNone> directive"),
        ("AuthMerging foo", "AuthMerging must be one of: Off | And | Or"),
    ],
)  # fmt: skip
def test_wrong_lines(lines: str, message: str, tmp_path: Path) -> None:
    assert refusals(f"<Directory /srv>\n{lines}\n</Directory>\n", tmp_path) == [message]


def test_only_negative_rules_are_found_at_the_end(tmp_path: Path) -> None:
    configuration = configure(
        "<Directory /srv>\n<Files x>\n<RequireAll>\nRequire not local\n</RequireAll>\n</Files>\n</Directory>\n"
        "<Location /x>\n<RequireAll>\nRequire all granted\nRequire not local\n</RequireAll>\n</Location>\n",
        tmp_path,
    )
    (found,) = check_config(configuration)
    assert (found.number, found.location) == ("AH01624", None)
    assert found.message == "<RequireAll> directive contains only negative authorization directives"
    assert found.hint == f"It begins on line 5 of {tmp_path}/httpd.conf"


def test_only_a_limit_with_a_name_of_its_own_makes_a_method(tmp_path: Path) -> None:
    line = "<Directory /srv>\nRequire method FOO\n</Directory>\n"
    assert refusals(line, tmp_path) == ["Invalid Method 'FOO'"]
    limit = "<VirtualHost *>\n<Location />\n<LimitExcept FOO>\nRequire local\n</LimitExcept>\n</Location>\n"
    assert refusals(line + limit + "</VirtualHost>\n", tmp_path) == ["Invalid Method 'FOO'"], "it comes too late"
    configuration = configure(limit + "</VirtualHost>\n" + line, tmp_path)
    assert configuration.main.config(CoreServer).registered_methods == ("FOO",)


def test_an_alias_has_its_arguments_and_its_settings(tmp_path: Path) -> None:
    configuration = configure(
        '<AuthzProviderAlias ip near "10 192.0.2.7">\nAuthzSendForbiddenOnFailure On\n</AuthzProviderAlias>\n'
        "<Directory /srv>\n<RequireAll>\nRequire near or not\nRequire not env near\n</RequireAll>\n</Directory>\n",
        tmp_path,
    )
    request = make_request(configuration, "/x", section="/srv/", filename="/srv/x")
    assert authorize_anybody(request) == OK
    outer = request.per_dir
    (rule, _) = request.config(AuthzConfig).rules.group.children[0].children  # type: ignore[union-attr]  # there is one
    assert str(rule) == "Require near or not"
    seen: list[bool] = []

    def check(asked: Request, parsed: object) -> Outcome:
        seen.append(asked.config(AuthzConfig).forbidden_on_failure)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_alias(request, rule.parsed._replace(check=check))  # type: ignore[union-attr]  # a Rule
    assert seen == [True]
    assert request.per_dir is outer


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("<AuthzProviderAlias>\n</AuthzProviderAlias>", "<AuthzProviderAlias> directive requires additional arguments"),
        ("<AuthzProviderAlias ip>\n</AuthzProviderAlias>",
         "<AuthzProviderAlias> directive requires additional arguments"),
        ("<AuthzProviderAlias ipx a>\n</AuthzProviderAlias>", "Unknown Authz provider: ipx"),
        ("<AuthzProviderAlias ip a b.c>\n</AuthzProviderAlias>",
         "Can't parse 'Require ip b.c': ip address 'b.c' appears to be invalid"),
        ("<AuthzProviderAlias ip a 10>\nOptions None\n</AuthzProviderAlias>",
         "Options not allowed in <AuthzProviderAlias> context"),
        ("<Directory />\n<AuthzProviderAlias ip a 10>\n</AuthzProviderAlias>\n</Directory>",
         "<AuthzProviderAlias not allowed in <Directory> context"),
    ],
)  # fmt: skip
def test_wrong_aliases(lines: str, message: str, tmp_path: Path) -> None:
    assert refusals(f"{lines}\n", tmp_path) == [message]


def test_somebody_who_is_not_known_yet_may_meet_an_expression(tmp_path: Path) -> None:
    line = "Require expr %{REQUEST_URI} == '/' && (false || tolower(%{REMOTE_USER}) == 'joe')"
    configuration = configure(f"<Location />\n{line}\n</Location>\n", tmp_path)
    assert authorize_anybody(make_request(configuration)) == DECLINED
    assert authorize_anybody(make_request(configuration, user="Joe")) == OK
    assert authorize_anybody(make_request(configuration, "/other")) == DECLINED, "the user is named, whatever decides"


def test_an_expression_that_has_no_value_is_an_error(tmp_path: Path) -> None:
    configuration = configure(f"<Location />\nRequire expr file('{tmp_path}/none') == ''\n</Location>\n", tmp_path)
    request = make_request(configuration)
    assert authorize_anybody(request) == 500
    message = f"Error evaluating expression in 'Require expr': Cannot open file {tmp_path}/none"
    assert request.lines[-1][1:] == ("AH02320", message)


@pytest.mark.parametrize(
    ("host", "line", "status", "number"),
    [
        ("www.good.example", "good.example", OK, None),
        ("good.example", "GOOD.example", OK, None),
        ("good.example", ".good.example", 403, None),
        ("a.good.example", ".good.example", OK, None),
        ("nogood.example", "good.example", 403, None),
        ("good.example", "other good.example", OK, None),
        ("good.example", "%{HTTP_HOST} good.%{unescape:example}", OK, None),
        ("good.example", "bad# good.example", 403, "AH10121"),
        ("good.example", "good.example# x", OK, "AH10121"),
        ("good.example", "# good.example", 403, "AH10120"),
        ("good.example", "", 403, None),
        ("", "good.example", 403, "AH01753"),
    ],
)
def test_hosts(host: str, line: str, status: int, number: str | None, tmp_path: Path, resolver: None) -> None:
    request = make_request(configure(f"<Location />\nRequire host {line}\n</Location>\n", tmp_path))
    request.connection.client_name = host
    assert authorize_anybody(request) == status
    said = [found for _, found, _ in request.lines if found not in ("AH01626", "AH01630")]
    assert said == ([] if number is None else [number])


def test_a_host_must_have_the_address_that_has_its_name(tmp_path: Path, resolver: None) -> None:
    request = make_request(configure("<Location />\nRequire host example\n</Location>\n", tmp_path))
    request.connection.client_name = "false.example"
    assert authorize_anybody(request) == 403
    assert request.lines[0][1:] == (
        "AH01753", "access check of 'example' to / failed, reason: unable to get the remote host name"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("none.example good.example", OK, ["AH03356", "AH03355"]),
        ("false.example", 403, ["AH03355"]),
        ("good.example# x", OK, ["AH03355"]),
        ("false.example# good.example", 403, ["AH03355"]),
        ("# good.example", 403, []),
    ],
)
def test_forward_dns(line: str, status: int, said: list[str], tmp_path: Path, resolver: None) -> None:
    request = make_request(configure(f"<Location />\nRequire forward-dns {line}\n</Location>\n", tmp_path))
    assert authorize_anybody(request) == status
    assert [number for _, number, _ in request.lines if number not in ("AH01626", "AH01630")] == said


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """All names below `example` have the client's address, but for two."""

    def getaddrinfo(host: str, port: None, type: int) -> list[tuple[object, ...]]:
        if host == "none.example":
            raise OSError
        address = "192.0.2.9" if host == "false.example" else "192.0.2.7"
        return [(2, type, 6, "", (address, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_the_log_tells_how_it_was_decided(tmp_path: Path) -> None:
    text = (
        "LogLevel debug\n<Location />\n"
        "<RequireAll>\nRequire   all  granted\n<Limit PUT>\nRequire all denied\n</Limit>\n"
        "<RequireNone>\nRequire local\nRequire env a\n</RequireNone>\n</RequireAll>\n</Location>\n"
    )
    request = make_request(configure(text, tmp_path))
    assert authorize_anybody(request) == OK
    assert [message.removeprefix("authorization result of ") for _, _, message in request.lines] == [
        "Require all granted: granted",
        "Require all denied: granted (directive limited to other methods)",
        "Require not local : neutral",
        "Require not env a: neutral",
        "<RequireAll>: granted",
        "<RequireAny>: granted",
    ]
