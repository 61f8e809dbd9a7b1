"""Broken and odd lines, made by crossing what may be written with where it may stand: acceptance and first lines are
Apache's. The fixed cases are in tests/cases/config; here the real modules' rows are asked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from pyhttpd import boot
from pyhttpd.config.diagnostics import NO_EFFECT, UNCLOSED_QUOTE, ConfigurationError, Diagnostic, Severity
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.render import apache_lines
from tests.conftest import require_apache
from tests.unit.config.test_against_apache import apache

BEFORE = ("LoadModule mpm_worker_module modules/mod_mpm_worker.so", "ErrorLog error.log")
HEAD = """\
LoadModule authz_host_module modules/mod_authz_host.so
LoadModule alias_module modules/mod_alias.so
LoadModule mime_module modules/mod_mime.so
LoadModule env_module modules/mod_env.so
LoadModule headers_module modules/mod_headers.so
ServerName x
"""
WORDS = (
    '""', "''", '"a"b', '"a" "b"', '"a""b"', "'a'b'", "\"a'\"", 'a"b"', '\\"a', '"a\\"b" c', "'a\\'b' c", "a\\ b",
    "a\\\\b c", '"" a', 'a ""', '"a\tb"', "\ta\t", "a  b", "a #b", "#", '"#"', "a \\\n b", '"a \\\n b" c', "`a`", "${",
    "${}", "${X}", "a${X", "${X}}", "%{X}", "\xe9", "\udcff", "a\x0bb", "a\x0cb", "\xa0a",
)  # fmt: skip
NAMES = (
    "ServerAdmin", "ErrorDocument 404", "Alias /x", "Define", "KeepAlive", "SetEnv", "Require", "DirectoryIndex",
    "Error", "Options", "<Directory", "<Files", "<Location", "<IfModule", "<LocationMatch",
)  # fmt: skip
ADDRESSES = (
    "80", "0", "65536", "9" * 30, "-1", "1.2.3.4:80", "1.2.3.4", ":80", "*:80", "*", "[::1]:80", "[::1", "[::1]80",
    "[1.2.3.4]:80", "", "*:0", "1.2.3.4:70000", "_default_:80", "[::1] [::2]:80", "*:80 *:81", "[::1%]",
)  # fmt: skip
SERVER_NAMES = (
    "http://x", "https://x:443", "https://x:443/", "x:443/", "h1://x", "a+b://x", "x:00080", "x:/", "x:80", "x:0",
    "x:65536", "x:a", "http://", "*.x", "*", "[::1]", "[::1]:80", "x?", "_x",
)  # fmt: skip
SECTIONS = (
    "Directory /x", "DirectoryMatch x", "Files x", "FilesMatch x", "Location /x", "LocationMatch /x",
    "VirtualHost *:80", "RequireAll", "IfModule core.c", "IfDefine !X", "IfVersion >= 2", "IfFile nonexist",
    "IfDirective Listen", "Foo",
)  # fmt: skip
INSIDE = (
    "ServerAdmin a", "Options None", "Listen 80", "Require all granted", "AllowOverride None", "ServerAlias z",
    "Header set a b", "Define A b", "Error x", "SetHandler x", "KeepAlive On", "ThreadsPerChild 5", "DirectoryIndex a",
    "Redirect /a http://x/", "Include nonexist*", "IncludeOptional nonexist", "LogLevel debug", "AddType a b",
)  # fmt: skip
CLOSED = ("</{}", "</{} >", "</{}>x", "</{}> #x", "</{}x>", "</{}>>", "</>")


def lines_of(diagnostics: Iterable[Diagnostic]) -> list[str]:
    shown = (diagnostic for diagnostic in diagnostics if diagnostic.severity is not Severity.INFO)
    return list(dict.fromkeys(line for diagnostic in shown for line in apache_lines(diagnostic)))


def ours(directory: Path) -> tuple[bool, tuple[Diagnostic, ...]]:
    try:
        return True, boot.read_here(ReadOptions("httpd.conf", str(directory), before=BEFORE)).diagnostics
    except ConfigurationError as error:
        return False, error.diagnostics


def differs_on_purpose(found: Iterable[Diagnostic]) -> bool:
    """What Apache lets pass though it cannot be meant."""
    return any(
        each.number in (UNCLOSED_QUOTE, NO_EFFECT) or "quote is not closed" in each.message
        or "was not closed" in each.message
        for each in found
    )  # fmt: skip


def check(directory: Path, texts: Iterable[str]) -> None:
    require_apache()
    for text in texts:
        content = (HEAD + text + "\n").encode("utf-8", "surrogateescape")
        (directory / "httpd.conf").write_bytes(content)
        accepted, theirs = apache(directory)
        taken, found = ours(directory)
        if differs_on_purpose(found):
            continue
        said = [line.replace(str(directory), "ROOT")[:1000] for line in lines_of(found)]
        theirs = [line[:1000] for line in dict.fromkeys(theirs) if line != "Syntax OK"]  # Apache cuts at 8,191
        assert (taken, said[: len(theirs)]) == (accepted, theirs), text


@pytest.mark.parametrize("name", NAMES)
def test_words(name: str, tmp_path: Path) -> None:
    end = f">\n</{name[1:]}>" if name.startswith("<") else ""
    check(tmp_path, (f"{name} {word}{end}\nFoo" for word in WORDS))


def test_addresses_of_virtual_hosts(tmp_path: Path) -> None:
    check(tmp_path, (f"<VirtualHost {address}>\nFoo\n</VirtualHost>" for address in ADDRESSES))


def test_names_of_servers(tmp_path: Path) -> None:
    check(tmp_path, (f"<VirtualHost *:80>\nServerName {name}\n</VirtualHost>\nFoo" for name in SERVER_NAMES))


def test_what_is_only_a_warning(tmp_path: Path) -> None:
    check(tmp_path, ["<VirtualHost *:80>\nServerName y\nDocumentRoot /nonexistent\n</VirtualHost>"])


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_in_sections(section: str, tmp_path: Path) -> None:
    name = section.split()[0]
    check(tmp_path, (f"<{section}>\n<{inner}>\n</{inner.split()[0]}>\n</{name}>\nBar" for inner in SECTIONS))


@pytest.mark.parametrize("section", SECTIONS)
def test_directives_in_sections(section: str, tmp_path: Path) -> None:
    check(tmp_path, (f"<{section}>\n{line}\n</{section.split()[0]}>\nBar" for line in INSIDE))


@pytest.mark.parametrize("section", SECTIONS)
def test_closing_tags(section: str, tmp_path: Path) -> None:
    name = section.split()[0]
    check(tmp_path, (f"<{section}>\n{end.format(name)}\nBar" for end in CLOSED))


@pytest.mark.parametrize("section", SECTIONS)
def test_opening_tags(section: str, tmp_path: Path) -> None:
    name = section.split()[0]
    opened = ("<{0}", "<{0} >", "<{0}> x", "<{0}> # x", "<{1}>", "<{1}", "<{1}/>", "{0}", "<{1} #>", "<{1}\tx>",
              '<{1}"x">')  # fmt: skip
    check(tmp_path, (f"{tag.format(section, name)}\nBar\n</{name}>" for tag in opened))


ODD = (
    b"\xef\xbb\xbfServerAdmin a", b"ServerAdmin a\r\nFoo b\r\n", b"Foo \\\r\n b\r\nBar", b"ServerAdmin a\rFoo\rBar",
    b"<", b"</", b"</>", b"<>", b"<>\n</>", b"< >", b"<!-- x -->", b"\\", b"\\\\\nFoo", b"\\\\\\\nFoo", b"Foo\\",
    b"ServerAdmin a\\", b"ServerAdmin a \\\n\nFoo", b"\x0cFoo", b"\x0bServerAdmin\x0ba\nFoo", b"ServerAdmin\xa0a\nFoo",
    b"\xc2\x85Foo", b"\x85ServerAdmin a", b"\x1cServerAdmin a", b"# a \\\nFoo\nBar", b" \\\n \\\n Foo\nBar",
    b"ServerAdmin " + b"a" * 8170 + b"\nFoo", b"ServerAdmin " + b"a" * 8180 + b" b\nFoo",
    b"ServerAdmin " + b"a \\\n" * 3000 + b"\nFoo", b"Foo" * 900 + b"\nBar",
    b"ServerAdmin " + b"a" * 200_000 + b"\nFoo",
    b"ServerAdmin " + b"a" * 8177 + b"\\\n\nFoo", b"ServerAdmin " + b"a" * 8178 + b"\\\r\n\nFoo",
    b"<Directory /x>\n" * 20 + b"</Directory>\n" * 20, b"<IfDefine !X>\n" * 90 + b"Foo\n" + b"</IfDefine>\n" * 90,
    b"Include httpd.conf", b"<Directory /x>\nInclude httpd.conf\n</Directory>", b"IncludeOptional httpd.con?",
    b"Include " + b"a" * 5000, b"Include nonexist*.conf", b"Include nonexist/*.conf", b"Include none/none",
)  # fmt: skip


def test_odd_bytes(tmp_path: Path) -> None:
    check(tmp_path, (text.decode("utf-8", "surrogateescape") for text in ODD))
