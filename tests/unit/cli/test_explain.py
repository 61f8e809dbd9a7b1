"""`pyhttpd explain`: golden outputs. A case is a directory: httpd.conf, files beside it, and `expected`.

`expected` holds command lines after `$ ` and what each prints. `@ROOT@` stands for the directory. With
PYHTTPD_REWRITE=1 the files are written anew, to be looked at in a diff.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.cli.explain_text import text
from pyhttpd.cli.httpd import main

CASES = sorted((Path(__file__).parents[2] / "cases/cli/explain").iterdir())
REWRITE = os.environ.get("PYHTTPD_REWRITE") == "1"


def prepared(case: Path, root: Path) -> Path:
    """A copy of the case with the place it stands in filled in."""
    shutil.copytree(case, root, dirs_exist_ok=True)
    for name in ("logs", "htdocs"):
        (root / name).mkdir(exist_ok=True)
    for path in root.rglob("*"):
        if path.is_file():
            path.write_text(path.read_text().replace("@ROOT@", str(root)))
    return root


@pytest.fixture
def no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if not root, so that root and others get the same text."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("no_user")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_golden(case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = prepared(case, tmp_path)
    wanted = (case / "expected").read_text()
    commands = re.findall(r"^\$ (.+)$", wanted, re.MULTILINE)
    assert commands
    out = ""
    for command in commands:
        words = shlex.split(command)
        assert main([words[0], "-d", str(root), "-f", str(root / "httpd.conf"), *words[1:]]) == 0
        printed, err = capsys.readouterr()
        assert err == ""
        out += f"$ {command}\n{printed}\n"
    out = out.replace(str(root), "@ROOT@")
    out = re.sub(r"^( +[\d-]+  .*\S) +(@ROOT@)", r"\1  \2", out, flags=re.MULTILINE)  # a column as wide as the root
    if REWRITE:
        (case / "expected").write_text(out)
    assert out == wanted


def explained(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["explain", *words, "-d", str(root), "-f", str(root / "httpd.conf"), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("logs", "htdocs"):
        (tmp_path / name).mkdir()
    (tmp_path / "httpd.conf").write_text("")
    return tmp_path


def write(root: Path, text: str) -> None:
    start = "ServerName x\nListen 127.0.0.1:8001\nUser daemon\nGroup daemon\n"
    (root / "httpd.conf").write_text(f'{start}DocumentRoot "{root}/htdocs"\n{text}')


def line_of(root: Path, text: str) -> int:
    return (root / "httpd.conf").read_text().splitlines().index(text) + 1


def test_the_final_value_and_what_it_overrode(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, f'DirectoryIndex a\n<Directory "{root}">\nDirectoryIndex b\nDirectoryIndex c\n</Directory>\n')
    found = {each["name"]: each for each in explained(root, capsys, "/")["directives"]}["DirectoryIndex"]
    assert [line["value"] for line in found["lines"]] == ["b", "c"]  # they add to each other in one section
    assert [(line["value"], line["by"]["line"]) for line in found["overridden"]] == [
        ("a", line_of(root, "DirectoryIndex c"))
    ]


def test_a_mapping_is_overridden_key_by_key(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, 'ErrorDocument 404 "a"\nErrorDocument 403 "b"\n<Location />\nErrorDocument 404 "c"\n</Location>\n')
    found = explained(root, capsys, "/none")
    assert (found["status"], found["error_document"]) == (404, "c")
    lines = {each["name"]: each for each in found["directives"]}["ErrorDocument"]
    assert [line["value"] for line in lines["lines"]] == ['403 "b"', '404 "c"']
    assert [line["value"] for line in lines["overridden"]] == ['404 "a"']


def test_the_require_line_that_decides(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        root, "<Location />\nRequire ip 10.0.0.0/8\nRequire not_there\n</Location>\n".replace("not_there", "method GET")
    )
    decided = [rule for rule in explained(root, capsys, "/")["authorization"]["rules"] if rule["decided"]]
    assert [(rule["rule"], rule["line"]) for rule in decided] == [
        ("Require method GET", line_of(root, "Require method GET"))
    ]
    found = explained(root, capsys, "/", "--method", "POST")
    assert found["status"] == 403
    assert [rule["decided"] for rule in found["authorization"]["rules"]] == [True, True]  # neither let it in
    client = explained(root, capsys, "/", "--client", "10.1.2.3", "--method", "POST")["authorization"]
    assert (client["outcome"], [rule["decided"] for rule in client["rules"]]) == ("granted", [True, False])


def test_the_alias_that_was_taken(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, f'Alias /a/b "{root}/logs"\nAlias /a "{root}/htdocs"\nRedirectMatch 301 ^/r(.*)$ http://y/$1\n')
    step = explained(root, capsys, "/a/x")["steps"][0]
    assert (step["module"], step["line"]) == ("mod_alias.c", line_of(root, f'Alias /a "{root}/htdocs"'))
    found = explained(root, capsys, "/rst")
    assert (found["status"], found["location"]) == (301, "http://y/st")
    assert found["steps"][0]["directive"] == "RedirectMatch 301 ^/r(.*)$ http://y/$1"


def test_rules_for_other_methods(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "<Location />\n<LimitExcept GET>\nRequire all denied\n</LimitExcept>\n</Location>\n")
    (rule,) = explained(root, capsys, "/")["authorization"]["rules"]
    assert (rule["outcome"], rule["for_other_methods"]) == ("granted", True)
    (rule,) = explained(root, capsys, "/", "--method", "PUT")["authorization"]["rules"]
    assert (rule["outcome"], rule["for_other_methods"]) == ("denied", False)


def test_a_redirect_comes_before_require(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "Redirect /a http://y/\n<Location />\nRequire all denied\n</Location>\n")
    found = explained(root, capsys, "/a")
    assert (found["status"], found["authorization"]) == (302, None)


@pytest.mark.parametrize(("method", "status"), [("TRACE", 200), ("OPTIONS", 200), ("PUT", 405), ("FROB", 501)])
def test_methods(root: Path, capsys: pytest.CaptureFixture[str], method: str, status: int) -> None:
    write(root, "")
    assert explained(root, capsys, "/", "--method", method)["status"] == status
    assert explained(root, capsys, "*", "--method", "OPTIONS")["status"] == 200


def test_the_same_answer_as_the_server(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file, the type and the status of .htaccess files that may not say what they say."""
    write(root, f'<Directory "{root}/htdocs">\nAllowOverride FileInfo\n</Directory>\n')
    (root / "htdocs/a.txt").write_text("a")
    (root / "htdocs/.htaccess").write_text("ForceType text/css\n")
    assert explained(root, capsys, "/a.txt")["content_type"] == "text/css"
    (root / "htdocs/.htaccess").write_text("Options Indexes\n")
    found = explained(root, capsys, "/a.txt")
    assert found["status"] == 500
    assert "Options not allowed here" in found["log"][0]["message"]


def test_a_query_may_hold_a_url(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "")
    for url in ("x/login?to=http://y/", "/login?to=http://y/", "http://x:8001/login?to=http://y/"):
        found = explained(root, capsys, url)
        assert found["request"]["line"] == "GET /login?to=http://y/ HTTP/1.1"
        assert found["request"]["host"] == "x"


def test_an_error_document_may_make_another_answer_of_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "ErrorDocument 404 http://y/lost\n")
    found = explained(root, capsys, "/none")
    assert (found["status"], found["location"], found["error"]) == (302, "http://y/lost", 404)


def test_a_handler_that_nobody_has(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "<Location /x>\nSetHandler nobody-has-it\n</Location>\n")
    assert explained(root, capsys, "/x")["status"] == 404  # the file is not there


def test_headers_and_bodies_reach_conditions(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "<Location />\nRequire expr req('X-Key') == 's'\n</Location>\n")
    assert explained(root, capsys, "/")["status"] == 403
    assert explained(root, capsys, "/", "--header", "X-Key: s")["authorization"]["outcome"] == "granted"


@pytest.mark.parametrize("host", ["ex ample", "a/b", "x:99999"])
def test_a_refused_head_says_so(root: Path, capsys: pytest.CaptureFixture[str], host: str) -> None:
    write(root, "")
    found = explained(root, capsys, "/", "--host", host)
    assert found["status"] == 400
    assert found["refused"]


@pytest.mark.parametrize(
    "words", [[], ["ftp://x/"], ["/", "--header", "nonsense"], ["http://x:99999/"], ["/", "--client", "nobody"]]
)
def test_a_wrong_command_line_is_status_1(root: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    write(root, "")
    with pytest.raises(SystemExit) as ended:
        main(["explain", *words, "-d", str(root), "-f", str(root / "httpd.conf")])
    assert ended.value.code == 1
    assert "usage: pyhttpd explain" in capsys.readouterr().err


def test_a_broken_configuration_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "Bogus\n")
    assert main(["explain", "/", "-d", str(root), "-f", str(root / "httpd.conf")]) == 1
    assert "AH00526" in capsys.readouterr().err


def test_it_changes_nothing(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(root, f'CustomLog logs/access combined\nErrorLog logs/e\nCustomLog "|touch {root}/ran" combined\n')

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("explain starts programs or opens sockets")

    before = sorted(str(path) for path in root.rglob("*"))
    for owner, name in ((socket, "socket"), (subprocess, "Popen"), (os, "posix_spawn"), (os, "fork")):
        monkeypatch.setattr(owner, name, forbidden)
    explained(root, capsys, "/")
    assert sorted(str(path) for path in root.rglob("*")) == before


def test_no_descriptor_is_left_open(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "")
    (root / "htdocs/a.txt").write_text("a")
    explained(root, capsys, "/a.txt")
    before = len(os.listdir("/proc/self/fd"))
    assert explained(root, capsys, "/a.txt")["handler"] == "default-handler"
    assert len(os.listdir("/proc/self/fd")) == before


def test_colour_changes_no_word(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, "<Location />\nRequire all denied\n</Location>\n")
    found = explained(root, capsys, "/")
    plain = text(found, colour=False)
    assert "\x1b" not in plain
    painted = text(found, colour=True)
    assert "\x1b[31mdenied\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted).split() == plain.split()


def test_nothing_moves_the_cursor(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, 'Header set X "a\x1b[2Jb"\n')
    assert "\x1b" not in text(explained(root, capsys, "/"), colour=False)
