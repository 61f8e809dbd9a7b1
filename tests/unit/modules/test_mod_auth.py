"""Basic authentication, its files and providers, the rules of Apache 2.2: what comparing with Apache does not show."""

from __future__ import annotations

import pickle
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyhttpd.api.authentication import AuthnProvider, Source, Verdict, settings_over
from pyhttpd.api.text_file import find_entry, lines_with, read_text_file
from pyhttpd.config import words
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.modules.mod_access_compat import AccessConfig, any_suffices, check_access
from pyhttpd.modules.mod_auth_basic import BasicConfig, Credentials, authenticate, decoded, verify
from pyhttpd.modules.mod_authn_file import FileConfig
from pyhttpd.modules.mod_authz_groupfile import groups_of
from pyhttpd.util.lookup import in_domain
from tests.support.requests import FakeRequest, configure, make_request

ANN = "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"


@pytest.mark.parametrize(
    ("lines", "message", "module"),
    [
        ("AuthType Digest", "AuthType Digest is not there", "mod_auth_digest"),
        ("AuthType form", "AuthType form is not there", "mod_auth_form"),
        ("AuthBasicProvider ldap", "Unknown Authn provider: ldap", "mod_authnz_ldap"),
        ("AuthBasicProvider file socache", "Unknown Authn provider: socache", "mod_authn_socache"),
        ("Require ldap-user", "Unknown Authz provider: ldap-user", "mod_authnz_ldap"),
        ("Require file-group", "Unknown Authz provider: file-group", "mod_authz_owner"),
    ],
)
def test_what_is_not_there_names_its_module(lines: str, message: str, module: str, tmp_path: Path) -> None:
    """At the line itself, and at the end among all that are missing."""
    with pytest.raises(ConfigurationError) as caught:
        configure(f"<Directory /srv>\n{lines}\n</Directory>\n", tmp_path)
    line, last = caught.value.diagnostics
    assert line.message == message
    assert line.hint == f"{lines.split()[-1]} belongs to {module}, which pyhttpd does not have yet"
    assert last.message == f"Modules that pyhttpd does not have: {module}"


# --- files


def naive_entry(text: bytes, *names: bytes) -> bytes | None:
    """As mod_authn_file goes through a file, line by line and field by field."""
    for line in text.split(b"\n"):
        rest = line.strip(b" \t\v\f\r")
        if not rest or rest.startswith(b"#"):
            continue
        fields = []
        for _ in range(len(names) + 1):
            field, _, rest = rest.partition(b":")
            rest = rest.lstrip(b":")
            fields.append(field)
        if fields[:-1] == list(names):
            return fields[-1]
    return None


LINE = st.binary() | st.lists(st.sampled_from([b"a", b"b", b":", b" ", b"#", b"\t"])).map(b"".join)
TEXT = st.lists(LINE).map(b"\n".join)
NAME = st.binary(max_size=3) | st.lists(st.sampled_from([b"a", b"b", b" ", b"#", b"\n"]), max_size=3).map(b"".join)


@given(TEXT, NAME, NAME)
@example(b"a", b"", b"")
@example(b":x", b"", b"")
@example(b"\n\n:", b"", b"")
@example(b"a\nb:x", b"a\nb", b"")
@example(b":", b"", b"\n")
def test_entries_are_found_as_by_going_through_all_lines(text: bytes, name: bytes, realm: bytes) -> None:
    def expected(*names: bytes) -> bytes | None:
        usable = not any(byte in b"".join(names) for byte in b"\n:")  # what no line can say is never found
        return naive_entry(text, *names) if usable else None

    assert find_entry(text, name) == expected(name)
    assert find_entry(text, name, realm) == expected(name, realm)


@given(TEXT)
def test_every_line_has_the_empty_text(text: bytes) -> None:
    lines = [line.strip(b" \t\v\f\r") for line in text.split(b"\n")]
    assert list(lines_with(text, b"")) == [line for line in lines if line and not line.startswith(b"#")]


MEMBER = st.sampled_from(["a", "b", '"', "'", "\\", " ", "#"])


@given(st.lists(st.lists(MEMBER | st.just(":")).map("".join)), st.lists(MEMBER, max_size=3).map("".join))
def test_groups_are_found_as_by_going_through_all_lines(lines: list[str], user: str) -> None:
    expected = set()
    for line in (line.strip() for line in lines):
        if line and not line.startswith("#"):
            group, _, members = line.partition(":")
            if user in words.split(members.lstrip(":")).words:
                expected.add(group.rstrip().lower())
    assert groups_of(user, "\n".join(lines).encode()) == expected


def test_a_large_file_is_no_burden(tmp_path: Path) -> None:
    """Only lines in which the name stands are looked at."""
    text = b"".join(b"user%d:hash\n" % number for number in range(100_000)) + b"last:hash\n"
    assert len(list(lines_with(text, b"last"))) == 1
    assert find_entry(text, b"last") == b"hash"
    assert find_entry(text, b"user99999") == b"hash"
    assert find_entry(text, b"user") is None


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path))
    with pytest.raises(OSError, match="Bad file descriptor"):
        read_text_file(request, str(tmp_path))
    assert request.lines[0][1] == "AH00554"
    assert read_text_file(request, "/dev/null") == b""


# --- credentials


@given(st.text(st.characters(min_codepoint=1, max_codepoint=255)))
def test_what_is_encoded_is_decoded(text: str) -> None:
    user, _, password = text.partition(":")
    encoded = b64encode(text.encode("latin-1")).decode()
    for field in (encoded, encoded.rstrip("="), f"{encoded} more"):
        assert decoded(field) == (user, password)


@given(st.text())
def test_any_field_can_be_decoded(text: str) -> None:
    user, password = decoded(text)
    assert ":" not in user
    assert "\0" not in user + password


@pytest.mark.parametrize(("text", "user"), [("", ""), ("Y", ""), ("YW5", "an"), ("YW5u!YW5u", "ann"), ("YW5uY", "ann")])
def test_half_of_it(text: str, user: str) -> None:
    assert decoded(text) == (user, "")


# --- providers


def _verdict(verdict: Verdict) -> AuthnProvider:
    return AuthnProvider(lambda request, user, password: verdict)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((Verdict.NOT_FOUND, Verdict.GRANTED), Verdict.GRANTED),
        ((Verdict.DENIED, Verdict.GRANTED), Verdict.DENIED),
        ((Verdict.ERROR, Verdict.GRANTED), Verdict.ERROR),
        ((Verdict.NOT_FOUND, Verdict.NOT_FOUND), Verdict.NOT_FOUND),
    ],
)
def test_the_first_provider_that_knows_the_user_decides(
    verdicts: tuple[Verdict, ...], expected: Verdict, tmp_path: Path
) -> None:
    request = make_request(configure("", tmp_path))
    sources = tuple(Source(verdict.name, _verdict(verdict), {}) for verdict in verdicts)
    with settings_over(request, {BasicConfig: {"providers": sources}}):
        assert verify(request, Credentials("ann", "x")) is expected


def test_a_provider_without_digests(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path))
    sources = (Source("x", _verdict(Verdict.GRANTED), {}),)
    with settings_over(request, {BasicConfig: {"providers": sources, "by_digest": True}}):
        assert verify(request, Credentials("ann", "x")) is Verdict.ERROR
    assert request.lines[0][1] == "AH02493"


def _login(text: str, tmp_path: Path) -> FakeRequest:
    (tmp_path / "users").write_text(ANN)
    request = make_request(pickle.loads(pickle.dumps(configure(text, tmp_path))), "/x")
    request.headers_in.set("Authorization", f"Basic {b64encode(b'ann:secret').decode()}")
    return request


ALIASES = """\
<AuthnProviderAlias file outer>
AuthUserFile users
</AuthnProviderAlias>
<AuthnProviderAlias outer inner>
</AuthnProviderAlias>
<Location />
AuthType Basic
AuthName x
AuthBasicProvider inner
</Location>
"""


def test_an_alias_of_an_alias_has_its_settings(tmp_path: Path) -> None:
    """Apache's child crashes here."""
    request = _login(ALIASES, tmp_path)
    assert authenticate(request) == 0
    assert request.user == "ann"
    assert request.config(FileConfig).user_file is None  # they held only meanwhile


def test_settings_hold_again_after_a_provider_that_raises(tmp_path: Path) -> None:
    request = make_request(configure("", tmp_path))
    outer = request.per_dir
    with pytest.raises(ZeroDivisionError), settings_over(request, {FileConfig: {"user_file": "x"}}):
        raise ZeroDivisionError
    assert request.per_dir is outer


@pytest.mark.parametrize("user", ["ann", "nobody"])
def test_somebody_who_is_not_there_takes_as_long(user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[bytes] = []

    def matches(password: bytes, hashed: bytes) -> bool:
        verified.append(hashed)
        return False

    monkeypatch.setattr("pyhttpd.util.passwords.matches", matches)
    request = _login("<Location />\nAuthType Basic\nAuthName x\nAuthUserFile users\n</Location>", tmp_path)
    request.headers_in.set("Authorization", f"Basic {b64encode(f'{user}:x'.encode()).decode()}")
    assert authenticate(request) == 401
    assert verified == [ANN.strip().partition(":")[2].encode()]


# --- Apache 2.2


@pytest.mark.parametrize(
    ("name", "domain", "inside"),
    [
        ("good.com", "good.com", True), ("www.good.com", "good.com", True), ("nogood.com", "good.com", False),
        ("WWW.Good.com", "gOOD.com", True), ("good.com", ".good.com", False), ("www.good.com", ".good.com", True),
        ("com", "good.com", False), ("localhost", "host", False),
    ],
)  # fmt: skip
def test_domains(name: str, domain: str, inside: bool) -> None:
    assert in_domain(name, domain) is inside


def test_many_lines_are_read_in_no_time_and_pickle(tmp_path: Path) -> None:
    """Lists of addresses that may not come in are long."""
    lines = "".join(f"Deny from 10.{number >> 8}.{number & 255}.0/24\n" for number in range(20_000))
    configuration = pickle.loads(pickle.dumps(configure(f"<Location />\n{lines}</Location>\n", tmp_path)))
    request = make_request(configuration, "/x")
    assert len(request.config(AccessConfig).access.denies) == 20_000
    assert check_access(request) == 0


@pytest.mark.parametrize(
    ("method", "status", "either"), [("GET", 0, True), ("HEAD", 0, True), ("POST", 403, False), ("NEW", 0, False)]
)
def test_methods(method: str, status: int, either: bool, tmp_path: Path) -> None:
    lines = "<Limit POST>\nDeny from all\n</Limit>\n<Limit GET>\nSatisfy any\n</Limit>"
    request = make_request(configure(f"<Location />\n{lines}\n</Location>\n", tmp_path), "/x", method=method)
    assert (check_access(request), any_suffices(request)) == (status, either)


def test_the_dns_is_asked_only_where_nothing_else_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(FakeRequest, "verified_host", lambda request: asked.append(request.uri))
    for lines, count in (("Allow from all localhost", 0), ("Allow from 192.0.2.7 localhost", 0),
                         ("Allow from a.example b.example\nDeny from c.example", 1)):  # fmt: skip
        asked.clear()
        text = f"<Location />\nOrder allow,deny\n{lines}\n</Location>\n"
        check_access(make_request(configure(text, tmp_path), "/x"))
        assert len(asked) == count, lines
