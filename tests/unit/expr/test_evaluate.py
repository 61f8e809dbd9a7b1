"""What expressions give for a request that is made up."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from pyhttpd.expr import Captures, EvaluationError, parse_condition, parse_text
from pyhttpd.util.network import Network, parse_address
from pyhttpd.util.regex import MatchLimitError


class Facts:
    def __init__(self, **variables: str) -> None:
        self.variables = variables
        self.tables = {
            "req": {"x-a": "alpha", "x-eight": "caf\xe9", "host": "h.example", "user-agent": "Test/1"},
            "resp": {"x-r": "response"}, "note": {"both": "note"}, "reqenv": {"both": "env", "only": "env"},
        }  # fmt: skip
        self.tells = False
        self.said: list[tuple[str, ...]] = []
        self.varies: list[str] = []

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def field(self, table: str, name: str) -> str | None:
        return self.tables[table].get(name.lower())

    def in_network(self, network: Network) -> bool:
        address = parse_address(self.variables["REMOTE_ADDR"])
        return address is not None and network.contains(address)

    def url_is_served(self, url: str, source: str, module: str) -> bool:
        return url == "/there"

    def file_is_served(self, path: str, source: str, module: str) -> bool:
        return path == "/srv/there"

    def vary(self, names: Sequence[str]) -> None:
        self.varies += names

    def bad_escape(self, kind: str, text: str, source: str) -> None:
        self.said.append((kind, text, source))

    def failed(self, message: str, source: str, module: str) -> None:
        self.said.append((message, source, module))

    def gave(self, value: bool | str, source: str, module: str) -> None:
        self.said.append((f"gave {value}", source, module))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%{REQUEST_METHOD} == 'GET' && %{SERVER_PORT} -eq 80", True),
        ("%{REMOTE_USER} == ''", True),
        ("req('X-A') == 'alpha' && %{http:x-a} == 'alpha' && resp('X-R') == 'response'", True),
        ("reqenv('both') == 'env' && note('both') == 'note' && env('both') == 'note' && env('only') == 'env'", True),
        ("osenv('PYHTTPD_TEST') == 'os' && env('PYHTTPD_TEST') == 'os' && -z osenv('PYHTTPD_NONE')", True),
        ("%{req:X-Eight} == 'caf\\351' && %{req:X-Eight} =~ /^caf.$/", True),
        ("'é' =~ /^..$/ && 'é' == '\\303\\251'", True),
        ("-R '127.0.0.0/8' && ! -R '10'", True),
        ("-U '/there' && -A '/there' && ! -U '/away' && -F '/srv/there' && ! -F '/srv/away'", True),
        ("'abc' =~ /(b)(c)?/ && '$0$1$2$3' == 'bcbc'", True),
        ("'abc' =~ /(b)/ && 'abc' =~ /c/ && $1 == 'b' && ('abc' =~ /(x)/ || $1 == '')", True),
        ("'9223372036854775808' -eq '9223372036854775807' && ' +7x' -eq 7 && '-0' -eq 0", True),
        ("'B' < 'a' && 'a' < 'aa' && '10' < '9' && '\\377' > 'z'", True),
        ("'a' in {'b', 'a'} && ! 'A' in {'a'}", True),
        ("join({'a', 'b'}, ', ') == 'a, b' && join({'a', 'b'}) == 'ab'", True),
        ("join(split(/, */, 'a, b,c'), ';') == 'a;b;c' && 'c' in split(/,/, 'b,c') && '' in split(/,/, ',')", True),
        ("sub(s/(a)/<$1>/g, 'aba') == '<a>b<a>' && sub(s#A#x#i, 'aa') == 'xa'", True),
        ("'a\\nB' =~ /^b$/im && 'a\\nb' =~ /a.b/s", True),
    ],
)
def test_conditions(text: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYHTTPD_TEST", "os")
    facts = Facts(REQUEST_METHOD="GET", SERVER_PORT="80", REMOTE_ADDR="127.0.0.1")
    condition = pickle.loads(pickle.dumps(parse_condition(text)))
    assert condition.holds(facts) is value
    assert condition.holds(facts) is value, "a second time, from the same closures"
    assert facts.said == []


def test_files(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_bytes(b"content\n\0rest")
    (tmp_path / "run").touch(mode=0o711)
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "fifo")
    true = (
        "-d '{}'", "-e '{}/empty'", "-f '{}/empty'", "-s '{}/full'", "-L '{}/link'", "-h '{}/dangling'", "-x '{}/run'",
        "file('{}/full') == 'content\\n'", "file('{}/empty') == ''", "file('{}/fifo') == ''", "filesize('{}') -eq 0",
        "filesize('{}/full') -eq 13",
    )  # fmt: skip
    false = (
        "-d '{}/full'", "-e '{}/dangling'", "-f '{}'", "-s '{}/empty'", "-s '{}'", "-L '{}/full'", "-x '{}/full'",
        "-x ''", "-f '{}/fifo'",
    )  # fmt: skip
    for text in (*true, *(f"! {text}" for text in false)):
        assert parse_condition(text.replace("{}", str(tmp_path))).holds(Facts()), text


def test_what_has_no_value(tmp_path: Path) -> None:
    """It is said once, and is no condition that holds."""
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(10 * 1024 * 1024 + 1)
    deep = "tolower(" * 19 + "'A'" + ")" * 19 + " == 'a'"
    cases = {
        f"file('{tmp_path}/none') == ''": f"Cannot open file {tmp_path}/none",
        f"file('{tmp_path}') == ''": f"Cannot read from file {tmp_path}",
        f"file('{big}') == ''": f"File {big} too large",
        deep: "Recursion limit reached",
    }
    for text, message in cases.items():
        facts = Facts()
        condition = parse_condition(text, source="httpd.conf:7", module="headers")
        assert not condition.holds(facts)
        assert facts.said == [(message, "httpd.conf:7", "headers")]
        with pytest.raises(EvaluationError, match=message):
            condition.evaluate(facts)
    assert parse_condition(deep.replace("tolower('A')", "'a'")).holds(Facts())
    facts = Facts()
    assert parse_text(f"x%{{file:{tmp_path}/none}}", source="a:1").value(facts) == ""
    assert facts.said == [(f"Cannot open file {tmp_path}/none", "a:1", "core")]


def test_what_the_answer_varies_with() -> None:
    for text, names in (
        ("req('X-A') == 'alpha' && %{HTTP_USER_AGENT} == ''", ["X-A", "User-Agent"]),
        ("%{HTTP_HOST} == req('Host') && req_novary('X-A') == 'alpha'", []),
        ("true || req('X-A') == ''", []),
    ):
        facts = Facts()
        parse_condition(text).holds(facts)
        assert facts.varies == names
        parse_condition(text, varying=False).holds(facts)
        assert facts.varies == names
    facts = Facts()
    assert parse_text("%{req:X-A}").value(facts) == "alpha"
    assert facts.varies == [], "as in Apache, whose texts add nothing to Vary"


def test_captures_outlive_an_evaluation() -> None:
    captures = Captures()
    assert parse_condition("'key=value' =~ /^(.*)=(.*)$/").holds(Facts(), captures)
    assert parse_text("$2 of $1, $3.").value(Facts(), captures) == "value of key, ."
    assert parse_text("[$1]").value(Facts()) == "[]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%{tolower:AbC%{toupper:d\\111}}", "abcdi"),
        ("%{base64:a\\0b}", "YQ=="),
        ("%{unbase64:YWI}%{unbase64:YWJj!YWJj}%{unbase64:YQBi}", "ababca"),
        ("%{md5:foo}", "acbd18db4cc2f85cedef654fccc4a4d8"),
        ("%{sha1:foo}", "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33"),
        ("%{escape:/a b?é}", "/a%20b%3f%c3%a9"),
        ("%{unescape:%41%2f%2F%c3}", "A%2f%2F\xc3"),
        ("%{ldap:(a=*\\\\)é}", "\\28a\\3d\\2a\\5c\\29\\c3\\a9"),
        ("é", "\xc3\xa9"),
        ("100% $x }", "100% $x }"),
    ],
)
def test_texts(text: str, value: str) -> None:
    assert parse_text(text).value(Facts()) == value


def test_bad_escapes_are_told() -> None:
    facts = Facts()
    assert parse_text("%{unescape:%zz}%{unescape:%00}", source="f:2").value(facts) == ""
    assert facts.said == [("Bad", "%zz", "f:2"), ("Forbidden", "%00", "f:2")]


def test_names_are_looked_up_for_ipmatch() -> None:
    assert parse_condition("'localhost' -ipmatch '127.0.0.0/8' || 'localhost' -ipmatch '::1'").holds(Facts())
    assert not parse_condition("'' -ipmatch '127.0.0.0/8'").holds(Facts())


def test_a_pattern_that_gives_up_is_no_answer() -> None:
    condition = parse_condition("%{QUERY_STRING} =~ /^(a+)+$/")
    with pytest.raises(MatchLimitError):
        condition.holds(Facts(QUERY_STRING="a" * 40 + "b"))


def test_a_log_that_asks_for_it_is_told_of_every_evaluation() -> None:
    facts = Facts(REQUEST_METHOD="GET")
    facts.tells = True
    assert parse_text("constant").value(facts) == "constant"
    assert parse_condition("true", source="f:1", module="headers").holds(facts)
    assert parse_text("a%{REQUEST_METHOD}", source="f:2").value(facts) == "aGET"
    assert facts.said == [("gave True", "f:1", "headers"), ("gave aGET", "f:2", "core")]
