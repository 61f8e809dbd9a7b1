"""Expressions in the real Apache and in ours: which are taken, the words for those that are not, and what they give.

The files of tests/oracle/expressions have one a line: what stands behind `expr=`. Conditions and texts go to .htaccess
files, which may not read files; the unrestricted ones to the main configuration.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pyhttpd.expr import EvaluationError, ExpressionError, Writer, parse_condition, parse_text
from pyhttpd.expr.vocabulary import VARIABLES
from tests.conftest import OURS, require_apache
from tests.support.clients import BrokenError, Client
from tests.support.servers import Apache, Server, close_all


def _cases(name: str) -> list[str]:
    return (Path(__file__).parent / "expressions" / f"{name}.txt").read_text().removesuffix("\n").split("\n")


CONDITIONS, TEXTS = _cases("conditions"), _cases("texts")
UNRESTRICTED, UNRESTRICTED_TEXTS = _cases("unrestricted"), _cases("unrestricted-texts")
BEYOND = _cases("beyond")  # what 2.4 refuses and its next version has: it is taken here
HEADERS = {"X-A": "alpha", "X-Empty": "", "X-List": "a, b", "X-Num": "0042", "X-Eight": "caf\xe9"}
FILES = {
    "index.html": "<p>it works</p>\n",
    "line.txt": "one line\n",
    "word.txt": "word",
    "empty.txt": "",
    "secret/x.txt": "secret\n",
}
LINES = """\
LogLevel error
SetEnv X_SET set
<Directory "{docroot}">
    AllowOverride All
    Options FollowSymLinks
</Directory>
<Directory "{docroot}/secret">
    Require all denied
</Directory>
"""

_OWNER = pwd.getpwuid(os.getuid()).pw_name


class Outcome(NamedTuple):
    """What became of an expression: `refused` with the words, `failed` when it was evaluated, or its `value`."""

    kind: str
    text: str


ENDED = Outcome("ended", "Apache's scanner has no rule for this and ends the process")


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    require_apache()
    server = Apache(files=FILES, log_level="error")
    (server.docroot / "link").symlink_to("index.html")
    (server.docroot / "dangling").symlink_to("nowhere")
    server.write("script", "#!/bin/sh\n").chmod(0o755)
    lines = LINES.replace("{docroot}", str(server.docroot))
    for number, expression in enumerate(CONDITIONS):
        text = _as_word(f"expr={expression}".replace("{docroot}", str(server.docroot)))
        server.write(f"{number}/x.txt", "x\n")
        server.write(f"{number}/.htaccess", f"Header always set X-Early early\nHeader always set R yes {text}\n")
    for number, expression in enumerate(BEYOND):
        server.write(f"b{number}/x.txt", "x\n")
        server.write(f"b{number}/.htaccess", f"Header always set R yes {_as_word(f'expr={expression}')}\n")
    for number, expression in enumerate(TEXTS):
        text = _as_word(f"expr={expression}".replace("{docroot}", str(server.docroot)))
        server.write(f"t{number}/x.txt", "x\n")
        server.write(f"t{number}/.htaccess", f"Header always set R {text}\n")
    for prefix, action, expressions in (("u", "yes ", UNRESTRICTED), ("v", "", UNRESTRICTED_TEXTS)):
        for number, expression in enumerate(expressions):
            text = _as_word(f"expr={expression}".replace("{docroot}", str(server.docroot)))
            server.write(f"{prefix}{number}/x.txt", "x\n")
            lines += f"<Location /{prefix}{number}>\nHeader always set R {action}{text}\n</Location>\n"
    server.configure(lines)
    server.start()
    yield server
    close_all((server,), keep=False)  # its error log is full of what the tests look for


def _as_word(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _theirs(server: Apache, path: str) -> Outcome:
    place = server.error_log.place()
    fields = {name.replace("-", "_"): value for name, value in HEADERS.items()}
    fields |= {"Connection": "close", "Host": "127.0.0.1", "X_Port": str(server.port), "X_Owner": _OWNER}
    with Client(server.port) as client:
        try:
            answer = client.ask(f"{path}?q=1&r=%41", **fields)
        except BrokenError:
            return ENDED
    said = [line.line for line in server.error_log.lines(place)]
    for line in said:
        if found := re.search(r"(?:Can't parse envclause/expression|Can't parse value expression ): (.*)", line):
            return Outcome("refused", found[1].replace("\\\\", "\\"))
        if found := re.search(r"Evaluation of expression from \S+ failed: (.*)", line):
            return Outcome("failed", found[1])
    assert answer.status == 200, said
    values = [value for name, value in answer.headers if name == "R"]
    return Outcome("value", values[0] if values else "-")


class Facts:
    """What is true of the request that Apache gets."""

    def __init__(self, server: Apache, path: str) -> None:
        self.server = server
        self.failures: list[str] = []
        self.varies: list[str] = []
        name = str(server.docroot) + path
        self.variables = {
            "REQUEST_METHOD": "GET", "REQUEST_URI": path, "DOCUMENT_URI": path, "QUERY_STRING": "q=1&r=%41",
            "THE_REQUEST": f"GET {path}?q=1&r=%41 HTTP/1.1", "REQUEST_FILENAME": name, "SCRIPT_FILENAME": name,
            "DOCUMENT_ROOT": str(server.docroot), "CONTEXT_DOCUMENT_ROOT": str(server.docroot), "HTTPS": "off",
            "HTTP2": "off", "IPV6": "off", "IS_SUBREQ": "false", "SERVER_PROTOCOL": "HTTP/1.1",
            "REQUEST_SCHEME": "http", "SERVER_PORT": "80", "HANDLER": "text/plain", "REMOTE_HOST": "127.0.0.1",
            "REMOTE_ADDR": "127.0.0.1", "CONN_REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000",
            "CONTENT_TYPE": "text/plain", "REQUEST_STATUS": "200", "API_VERSION": "20120211", "TIME_YEAR": "2026",
            "TIME": "20261124083000", "TIME_MON": "11", "TIME_DAY": "24", "TIME_WDAY": "2",
            "SCRIPT_USER": _OWNER, "LAST_MODIFIED": "20231114221320",
        }  # fmt: skip
        self.fields = {name.lower(): value for name, value in HEADERS.items()}
        self.fields |= {"host": "127.0.0.1", "x-port": str(server.port), "x-owner": self.variables["SCRIPT_USER"]}

    tells = False

    def variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def field(self, table: str, name: str) -> str | None:
        if table == "req":
            return self.fields.get(name.lower())
        if table == "resp":
            return "early" if name.lower() == "x-early" else None
        return "set" if table == "reqenv" and name.lower() == "x_set" else None

    def in_network(self, network: Any) -> bool:
        return bool(network.contains((32, 0x7F000001)))

    def url_is_served(self, url: str, source: str, module: str) -> bool:
        return url in ("/index.html", "/none.html", "x.txt")

    def file_is_served(self, path: str, source: str, module: str) -> bool:
        return path in (f"{self.server.docroot}/index.html", "x.txt", "/etc/passwd")

    def vary(self, names: Sequence[str]) -> None:
        self.varies += names

    def bad_escape(self, kind: str, text: str, source: str) -> None:
        assert kind in ("Bad", "Forbidden")

    def failed(self, message: str, source: str, module: str) -> None:
        self.failures.append(message)

    def gave(self, value: bool | str, source: str, module: str) -> None:
        raise AssertionError("the log is asked for nothing")


def _ours(server: Apache, expression: str, path: str, writer: Writer, *, whole_is_text: bool) -> Outcome:
    text = expression.replace("{docroot}", str(server.docroot))
    facts = Facts(server, path)
    try:
        if whole_is_text:
            return Outcome("value", parse_text(text, writer=writer).evaluate(facts))
        return Outcome("value", "yes" if parse_condition(text, writer=writer).evaluate(facts) else "-")
    except ExpressionError as error:
        return Outcome("refused", str(error))
    except EvaluationError as error:
        return Outcome("failed", str(error))


def _compare(server: Apache, expression: str, path: str, *, whole_is_text: bool) -> None:
    theirs = _theirs(server, path)
    writer = Writer.ADMINISTRATOR if path[1] in "uv" else Writer.HTACCESS
    ours = _ours(server, expression, path, writer, whole_is_text=whole_is_text)
    if theirs == ENDED:
        assert ours.kind == "refused"
    else:
        assert ours == theirs


@pytest.mark.parametrize(("number", "expression"), list(enumerate(CONDITIONS)))
def test_conditions(apache: Apache, number: int, expression: str) -> None:
    _compare(apache, expression, f"/{number}/x.txt", whole_is_text=False)


@pytest.mark.parametrize(("number", "expression"), list(enumerate(BEYOND)))
def test_what_is_taken_beyond(apache: Apache, number: int, expression: str) -> None:
    path = f"/b{number}/x.txt"
    assert _theirs(apache, path).kind == "refused"
    assert _ours(apache, expression, path, Writer.HTACCESS, whole_is_text=False) == Outcome("value", "yes")


@pytest.mark.parametrize(("number", "expression"), list(enumerate(TEXTS)))
def test_texts(apache: Apache, number: int, expression: str) -> None:
    _compare(apache, expression, f"/t{number}/x.txt", whole_is_text=True)


@pytest.mark.parametrize(("number", "expression"), list(enumerate(UNRESTRICTED)))
def test_conditions_of_the_main_configuration(apache: Apache, number: int, expression: str) -> None:
    _compare(apache, expression, f"/u{number}/x.txt", whole_is_text=False)


@pytest.mark.parametrize(("number", "expression"), list(enumerate(UNRESTRICTED_TEXTS)))
def test_texts_of_the_main_configuration(apache: Apache, number: int, expression: str) -> None:
    _compare(apache, expression, f"/v{number}/x.txt", whole_is_text=True)


# --- variables and conditions in both servers

# Different at each request, or ours; and HANDLER: Apache makes the fields of an answer while the handler runs.
UNLIKE = ("TIME", "REMOTE_PORT", "CONN_LOG_ID", "REQUEST_LOG_ID", "SERVER_SOFTWARE", "HANDLER")
MISSING = ("V-SCRIPT_USER", "V-SCRIPT_GROUP")  # of a file that is not there Apache tells those of its directory
NAMES = sorted(name for name in VARIABLES if not name.startswith(UNLIKE))
SHARED_FILES = {**FILES, "dir/index.html": "<p>dir</p>\n", "real/al.txt": "aliased\n", "sp ace.txt": "space\n"}
SHARED = """\
Alias /al "{docroot}/real"
AliasMatch ^/am/(.*)$ "{docroot}/real/$1"
AcceptPathInfo On
SetEnv X_Set "set"
ServerAdmin me@example.com
<Location /secret>
    Require all denied
</Location>
<Location /vary>
    Header set V yes "expr=%{HTTP_USER_AGENT} == '' && req('X-One') == '' && %{HTTP_HOST} != ''"
</Location>
Header always set Func "expr=%{env:x_set}|%{reqenv:X_SET}|%{note:x}|%{resp:Last-Modified}|%{req:Host}"
Header always set Sub A "expr=-U '/secret/x.txt'"
<Directory "{docroot}">
    Header always set File A "expr=-F '/etc/passwd'"
    Header always set There A "expr=-F '{docroot}/index.html' && ! -F '{docroot}/none'"
    Header always set Beside A "expr=-F 'index.html'"
</Directory>
<Directory "{docroot}/dir">
    Header always set Denied A "expr=-F '{docroot}/secret/x.txt'"
</Directory>
Header always set Mine A "expr=-R '127.0.0.0/8' && ! -R '10.0.0.0/8'"
Header always set Failed A "expr=file('/none') == ''"
Header always set FailedToo "expr=x%{file:/none}"
Header always set Longer "expr=%{escape:%{REQUEST_URI}}-%{toupper:%{REQUEST_METHOD}}"
Header always edit Longer ^/(.) "expr=%{REQUEST_SCHEME}:"
"""
TARGETS = (
    "/", "/index.html", "/index.html?a=%20b", "/index.html/more/info", "/dir", "/dir/", "/al/al.txt", "/al/",
    "/am/al.txt", "/none", "/secret/x.txt", "/sp%20ace.txt", "/vary", "//dir//", "/%C3%A9",
)  # fmt: skip


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Server, Server]]:
    require_apache()
    lines = SHARED + "".join(f'Header always set V-{name} "expr=%{{{name}}}"\n' for name in NAMES)
    said = " ".join(f"{name}=%{{{name}}}" for name in NAMES if f"V-{name}" not in MISSING)
    lines += f'<Location /said>\nErrorDocument 404 "{said}"\n</Location>\n<Location /said/denied>\n'
    lines += f'Require all denied\nErrorDocument 403 "{said} %{{resp:V-TIME_DAY}}"\n</Location>\n'
    pair = (Apache(files=SHARED_FILES, log_level="error"), OURS(files=SHARED_FILES, log_level="error"))
    for server in pair:
        server.configure(lines.replace("{docroot}", str(server.docroot)))
        server.log_level = "notice"
        server.configure()
        server.start()
    yield pair
    for server in pair:
        close_all((server,), keep=False)  # the error logs are full of what fails on purpose


def _told(server: Server, target: str) -> dict[str, str]:
    with Client(server.port) as client:
        answer = client.ask(target, Connection="close", Host=f"h.example:{server.port}", User_Agent="Test", X_One="1")
    return {
        name: value.replace(str(server.root), "{root}").replace(str(server.port), "{port}")
        for name, value in answer.headers
        if name not in ("Date", "Server")
    }


@pytest.mark.parametrize("target", TARGETS)
def test_variables(both: tuple[Server, Server], target: str) -> None:
    theirs, ours = (_told(server, target) for server in both)
    for name in MISSING:
        if not ours[name]:
            del theirs[name], ours[name]
    assert ours == theirs


@pytest.mark.parametrize("target", ["/said", "/said/more/info?q=%20", "/said/denied", "/said/al%20l"])
def test_texts_of_error_pages(both: tuple[Server, Server], target: str) -> None:
    """They are made when the page's own fields are there."""
    theirs, ours = (
        server.get(target, User_Agent="Test", Accept="a/b").body.replace(str(server.root).encode(), b"{root}")
        for server in both
    )
    assert b"CONTENT_TYPE=text/html; charset=iso-8859-1" in theirs
    assert ours.replace(str(both[1].port).encode(), b"") == theirs.replace(str(both[0].port).encode(), b"")
