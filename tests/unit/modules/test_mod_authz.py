"""Require lines, their containers, merging, and the addresses of Require ip."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhttpd.api.authz import Outcome
from pyhttpd.api.phases import DECLINED, OK
from pyhttpd.modules.mod_authz_core import Group, Rule, authorize, authorize_anybody, check_config, evaluate
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
        ("Require user joe", "Require user is of mod_authz_user and not there yet"),
        ("Require expr true", "Require expr is of mod_authz_core and not there yet"),
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
