"""Lines to values: arguments, scopes, servers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from pyhttpd.config.configuration import ScopeKind
from pyhttpd.config.diagnostics import Severity
from pyhttpd.config.line import freeze, growing
from pyhttpd.config.nodes import Location
from tests.unit.config.fakes import Dir, Server, diagnostics_of, read_text


def test_sets_and_adds(tmp_path: Path) -> None:
    text = "ServerName a\nServerName b\nServerAlias x y\nServerAlias z\nListen 1\nListen 2\nKeepAlive off # no\n"
    server = read_text(tmp_path, text).main.config(Server)
    assert server == Server(name="b", aliases=("x", "y", "z"), listens=("1", "2"), keep_alive=False)


def test_a_line_costs_the_same_in_a_long_scope(tmp_path: Path) -> None:
    """What `adds` and Setting.add append to is copied once, at the end of the scope."""
    fields: dict[str, Any] = {"known": (0,)}
    first = growing(fields, "known")
    first.append(1)
    assert growing(fields, "known") is first
    settings = freeze({Dir: fields})
    assert settings == {Dir: {"known": (0, 1)}}
    configuration = read_text(tmp_path, "".join(f"Listen {number}\n" for number in range(500)))
    assert configuration.main.config(Server).listens == tuple(map(str, range(500)))


def test_values_outside_sections_are_the_base(tmp_path: Path) -> None:
    text = 'DirectoryIndex a b\nCase UPPER\nErrorDocument 404 "not \nErrorDocument 500 x\n'
    base = read_text(tmp_path, text).main.base
    assert base == {Dir: {"index": ("a", "b"), "case": "Upper", "documents": {"404": "not", "500": "x"}}}


def test_virtual_hosts_begin_with_the_main_server(tmp_path: Path) -> None:
    text = (
        "<VirtualHost *:80 127.0.0.1>\nServerAlias b\nDirectoryIndex v\n<Directory /a>\nSetHandler v\n</Directory>\n"
        "<Location /l>\n</Location>\n</VirtualHost>\n"
        "ServerAlias a\nServerName main\nErrorDocument 404 x\n<Directory /a/b>\n</Directory>\n<Files m>\n</Files>\n"
    )
    configuration = read_text(tmp_path, text)
    (vhost,) = configuration.vhosts
    assert configuration.servers == (configuration.main, vhost)
    assert vhost.location == Location(f"{tmp_path}/httpd.conf", 1, 1)
    assert vhost.addresses == (("*", 80), ("127.0.0.1", 0))
    assert vhost.config(Server) == Server(name="main", aliases=("a", "b"))
    assert vhost.base == {Dir: {"documents": {"404": "x"}, "index": ("v",)}}
    assert [scope.pattern for scope in vhost.directories] == ["/a/", "/a/b/"]
    assert [scope.pattern for scope in vhost.files] == ["m"]
    assert [scope.pattern for scope in vhost.locations] == ["/l"]
    assert [scope.pattern for scope in configuration.main.directories] == ["/a/b/"]


@pytest.mark.parametrize(
    ("tag", "kind", "pattern", "wild", "regex"),
    [
        ("Directory /srv/www", ScopeKind.DIRECTORY, "/srv/www/", False, False),
        ('Directory "/srv//a/../b c/"', ScopeKind.DIRECTORY, "/srv/b c/", False, False),
        ("Directory /", ScopeKind.DIRECTORY, "/", False, False),
        ("Directory //", ScopeKind.DIRECTORY, "/", False, False),
        ("Directory /home/*/www", ScopeKind.DIRECTORY, "/home/*/www/", True, False),
        ('Directory ~ "^/a.*b"', ScopeKind.DIRECTORY, "^/a.*b", False, True),
        ("DirectoryMatch ^/a", ScopeKind.DIRECTORY_MATCH, "^/a", False, True),
        ("Location /a", ScopeKind.LOCATION, "/a", False, False),
        ("Location /a/*/b", ScopeKind.LOCATION, "/a/*/b", True, False),
        ("Location ~ /a", ScopeKind.LOCATION, "/a", False, True),
        ("LocationMatch ^/(?<name>x)", ScopeKind.LOCATION_MATCH, "^/(?<name>x)", False, True),
        ("Files .ht*", ScopeKind.FILES, ".ht*", True, False),
        ("Files ./a", ScopeKind.FILES, "a", False, False),
        ('FilesMatch "\\.gif$"', ScopeKind.FILES_MATCH, "\\.gif$", False, True),
    ],
)
def test_scopes(tmp_path: Path, tag: str, kind: ScopeKind, pattern: str, wild: bool, regex: bool) -> None:
    text = f"<{tag}>\nSetHandler x\n</{tag.split(' ')[0]}>\n"
    main = read_text(tmp_path, text).main
    (scope,) = (*main.directories, *main.files, *main.locations)
    assert (scope.kind, scope.pattern, scope.wild, scope.regex is not None) == (kind, pattern, wild, regex)
    assert scope.values == {Dir: {"handler": "x"}}


def test_a_relative_directory_is_below_server_root(tmp_path: Path) -> None:
    (scope,) = read_text(tmp_path, "<Directory htdocs>\n</Directory>\n").main.directories
    assert scope.pattern == f"{tmp_path}/htdocs/"


def test_directories_are_ordered_by_depth_and_regular_expressions_come_last(tmp_path: Path) -> None:
    names = ["~ b", "/x/y", "/z", "/", "/a", "~ a", "/*/*"]
    text = "".join(f"<Directory {name}>\n</Directory>\n" for name in names)
    found = [scope.pattern for scope in read_text(tmp_path, text).main.directories]
    assert found == ["/", "/z/", "/a/", "/x/y/", "/*/*/", "b", "a"]


def test_files_inside_a_directory(tmp_path: Path) -> None:
    text = "<Directory /x>\n<Files a>\nSetHandler a\n</Files>\n<Files b>\n</Files>\nSetHandler d\n</Directory>\n"
    (scope,) = read_text(tmp_path, text).main.directories
    assert scope.values == {Dir: {"handler": "d"}}
    assert [(inner.pattern, inner.values) for inner in scope.files] == [("a", {Dir: {"handler": "a"}}), ("b", {})]


def test_a_section_that_is_no_scope(tmp_path: Path) -> None:
    text = "<Location /a>\nRule 1\n<RuleAll>\nRule 2\n<RuleAll>\n</RuleAll>\n</RuleAll>\n</Location>\n"
    (scope,) = read_text(tmp_path, text).main.locations
    assert scope.values == {Dir: {"rules": ("/a 1", "(", "/a 2", "(", ")", ")")}}


def test_a_warning_of_a_line(tmp_path: Path) -> None:
    (diagnostic,) = diagnostics_of(tmp_path, "<Location /a>\nRule odd\n</Location>\n")
    assert (diagnostic.severity, diagnostic.number, diagnostic.module) == (Severity.WARNING, "AH09999", "dir")


def test_a_mistake_in_a_module_is_a_diagnostic(tmp_path: Path) -> None:
    (diagnostic,) = diagnostics_of(tmp_path, "<Location /a>\nRule break\n</Location>\n")
    assert diagnostic.number == "PH00403"


def test_a_name_that_cannot_be_resolved(tmp_path: Path) -> None:
    text = "<VirtualHost no-such-host.invalid:80>\n</VirtualHost>\n"
    configuration = read_text(tmp_path, text)
    assert [diagnostic.number for diagnostic in configuration.diagnostics] == ["AH00547"]
    assert configuration.vhosts[0].addresses == ()


def test_a_configuration_pickles(tmp_path: Path) -> None:
    text = "<VirtualHost *>\n<LocationMatch ^/a>\nErrorDocument 404 x\n</LocationMatch>\n</VirtualHost>\n"
    configuration = read_text(tmp_path, text)
    assert pickle.loads(pickle.dumps(configuration)) == configuration


def test_what_stands_in_a_foreign_section_is_not_looked_at(tmp_path: Path) -> None:
    """It may be no configuration at all."""
    found = diagnostics_of(tmp_path, '<Perl>\n$ENV{A} = "b";\nuse lib;\n</Perl>\n<Nothing>\nFoo\n</Nothing>\n')
    errors = [each.message for each in found if each.severity is Severity.ERROR and each.location is not None]
    assert [message.partition(",")[0] for message in errors] == [
        "Invalid command '<Perl'", "Invalid command '<Nothing'", "Invalid command 'Foo'"
    ]  # fmt: skip
