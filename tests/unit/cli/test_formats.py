"""-t --format json and sarif: their structure, and that they name the same places as the text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.cli.formats import SARIF_SCHEMA
from pyhttpd.cli.httpd import main

BROKEN = """\
LoadModule macro_module modules/mod_macro.so
ServerName x
NameVirtualHost *:80
<Macro vh $n>
    <Directory "/srv/$n">
        Options \\
            +Indexs
    </Directory>
</Macro>
Include sub dir/é.conf
Use vh a
"""


def run(directory: Path, text: str, kind: str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    """The exit status and the document."""
    (directory / "httpd.conf").write_text(text)
    status = main(["-t", "--format", kind, "-d", str(directory), "-f", str(directory / "httpd.conf"), *words])
    out, err = capsys.readouterr()
    assert err == ""
    return status, json.loads(out)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("logs", "htdocs", "sub dir"):
        (tmp_path / name).mkdir()
    (tmp_path / "sub dir/é.conf").write_text("ServerNme y\n")
    return tmp_path


def test_json_of_a_good_file(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "ServerName x\nListen 127.0.0.1:8001\n<IfModule unixd_module>\nUser daemon\nGroup daemon\n</IfModule>\n"
    assert run(root, text, "json", capsys) == (0, {"ok": True, "diagnostics": []})


def test_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = run(root, BROKEN.replace("Include sub dir/é.conf", 'Include "sub dir/é.conf"'), "json", capsys)
    assert status == 1
    assert found["ok"] is False
    warning, misspelled, option = found["diagnostics"]
    main_file, sub_file = str(root / "httpd.conf"), str(root / "sub dir/é.conf")
    assert (warning["severity"], warning["number"], warning["line"]) == ("warning", "AH00548", 3)
    assert misspelled["hint"] == "Did you mean ServerName?"
    assert (misspelled["file"], misspelled["line"]) == (sub_file, 1)
    assert (misspelled["column"], misspelled["end_column"]) == (1, 10)
    assert misspelled["included_from"] == [{"file": main_file, "line": 10, "column": 1}]
    assert option["message"] == "Illegal option Indexs"
    assert (option["file"], option["text"].split()[-1], option["apache_line"]) == (main_file, "+Indexs", 2)
    assert option["macro_uses"] == [{"file": main_file, "line": 11, "column": 1}]


def test_bytes_that_are_no_text(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "x.conf").write_bytes(b"Foo\xff\n")
    _, found = run(root, "Include x.conf\n", "json", capsys)
    assert found["diagnostics"][0]["text"] == "Foo\N{REPLACEMENT CHARACTER}"


def test_the_command_line_is_no_file(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, found = run(root, "ServerName x\n", "sarif", capsys, "-c", "Foo")
    (result,) = [each for each in found["runs"][0]["results"] if "Foo" in each["message"]["text"]]
    assert "locations" not in result


def test_sarif(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = run(root, BROKEN.replace("Include sub dir/é.conf", 'Include "sub dir/é.conf"'), "sarif", capsys)
    assert status == 1
    check_sarif(found)
    results = found["runs"][0]["results"]
    assert [each["level"] for each in results] == ["warning", "error", "error"]
    uri = results[1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == f"file://{root}/sub%20dir/%C3%A9.conf"
    assert [each["message"]["text"] for each in results[2]["relatedLocations"]] == ["used here"]


def check_sarif(log: dict[str, Any]) -> None:
    """What the schema of SARIF 2.1.0 (OASIS) requires of the objects that are used."""
    assert set(log) == {"$schema", "version", "runs"}
    assert (log["$schema"], log["version"]) == (SARIF_SCHEMA, "2.1.0")
    for run in log["runs"]:
        assert set(run) <= {"tool", "columnKind", "results"}
        assert run["columnKind"] in {"utf16CodeUnits", "unicodeCodePoints"}
        driver = run["tool"]["driver"]
        assert isinstance(driver["name"], str)
        rules = [rule["id"] for rule in driver["rules"]]
        assert len(rules) == len(set(rules))
        for result in run["results"]:
            assert set(result) <= {"ruleId", "ruleIndex", "level", "message", "locations", "relatedLocations"}
            assert result["level"] in {"none", "note", "warning", "error"}
            assert rules[result["ruleIndex"]] == result["ruleId"]
            assert result["message"]["text"]
            for location in (*result.get("locations", ()), *result.get("relatedLocations", ())):
                check_location(location["physicalLocation"])


def check_location(physical: dict[str, Any]) -> None:
    assert set(physical) == {"artifactLocation", "region"}
    assert re.fullmatch(r"file:///[!-~]+", physical["artifactLocation"]["uri"])
    region = physical["region"]
    assert set(region) <= {"startLine", "startColumn", "endColumn", "snippet"}
    assert region["startLine"] >= 1
    if "endColumn" in region:
        assert region["endColumn"] > region["startColumn"] >= 1
        assert len(region["snippet"]["text"]) >= region["startColumn"] - 1


@pytest.mark.parametrize(
    "words", [["-t", "--format", "xml"], ["--format", "json"], ["-t", "--format"], ["-t", "--formats=json"]]
)
def test_what_is_no_format(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert "Usage: pyhttpd" in capsys.readouterr().err
