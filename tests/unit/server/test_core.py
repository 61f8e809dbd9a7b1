"""The core's directives: values, merging, Apache's texts for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pyhttpd.api.core_config import ALL_OPTIONS, CoreDir, CoreServer, ModuleLevels, Option, merge_levels
from pyhttpd.api.log import Level, Levels
from pyhttpd.api.version import server_banner
from pyhttpd.boot import catalog, read_here
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import ConfigurationError, Severity
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.read import read as read_configuration
from pyhttpd.config.render import terminal
from pyhttpd.config.sections import Sections
from pyhttpd.server.core import DIRECTIVES, HTTP_DIRECTIVES
from pyhttpd.server.log_directives import log_levels_of

Read = Callable[..., Configuration]
MECHANISMS = (
    "(Mutex mechanisms are: 'none', 'default', 'flock:/path/to/file', 'fcntl:/path/to/file', 'file:/path/to/file', "
    "'pthread', 'sysvsem', 'posixsem', 'sem')"
)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    for name in ("logs", "htdocs"):
        (tmp_path / name).mkdir()
    (tmp_path / "mime.types").write_text("")

    def read_text(text: str, check: bool = False) -> Configuration:
        path = tmp_path / "httpd.conf"
        path.write_text(f"ServerName x\nTypesConfig {tmp_path}/mime.types\n{text}\n")
        options = ReadOptions(str(path), str(tmp_path))
        return read_here(options) if check else read_configuration(options, catalog())

    return read_text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Options Bogus", "Illegal option Bogus"),
        ("Options +Indexes FollowSymLinks", "Either all Options must start with + or -, or no Option may."),
        ("DocumentRoot", "DocumentRoot takes one argument, Root directory of the document tree"),
        ("KeepAlive maybe", "KeepAlive must be On or Off"),
        ("KeepAliveTimeout x", "KeepAliveTimeout has wrong format"),
        ("Timeout -5", "Timeout has wrong format"),
        ("ErrorDocument 999 /x", "Unsupported HTTP response code 999"),
        ("LogLevel loud",
         "Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8"),
        ("Options Indexes +FollowSymLinks", "Either all Options must start with + or -, or no Option may."),
        ("Options All +Indexes Includes", "Either all Options must start with + or -, or no Option may."),
        ("Options +All", "You may not use 'Options +All' or 'Options -All'."),
        ("Options -None", "You may not use 'Options +None' or 'Options -None'."),
        ("Options Indexes All", "'Options All' must be the first option given."),
        ("Options All None", "'Options None' must be the first Option given."),
        ("LogLevel ssl:info", "Cannot find module ssl"),
        ("LogLevel mod_alias:info", "Cannot find module mod_alias"),
        ("LogLevel core:", "Module specifier 'core' must be followed by a log level keyword"),
        ("LogLevel core:foo",
         "core:foo: Log level keyword must be one of emerg/alert/crit/error/warn/notice/info/debug/trace1/.../trace8"),
        ("Mutex", f"Mutex requires at least a mechanism argument {MECHANISMS}"),
        ("Mutex foo", f"Invalid Mutex argument foo {MECHANISMS}"),
        ("Mutex sem rewrite-map", "Mutex type rewrite-map is not valid"),
        ("Mutex file:/nonexistent default", "Invalid Mutex directory in argument file:/nonexistent"),
        ("Mutex none", "None is not allowed for mutex type default"),
        ("Timeout 2147483648", "Timeout of 2147483648 is too long: 2147483647 seconds at most"),
        ("KeepAliveTimeout 600000h", "KeepAliveTimeout of 600000h is too long: 2147483647 seconds at most"),
        ("RequestReadTimeout body=2147483648",
         "RequestReadTimeout: body=2147483648: Value must be at most 2147483647"),
        ("LimitRequestFields -1", 'LimitRequestFields "-1" must be a non-negative integer (0 = no limit)'),
        ("LimitRequestBody x", "LimitRequestBody requires a non-negative integer."),
        ("LimitRequestBody 9223372036854775808", "LimitRequestBody argument is not parsable."),
        ('ErrorDocument 404 ""', "ErrorDocument takes two arguments, Change responses for HTTP errors"),
        ("ServerAlias", "ServerAlias only used in <VirtualHost>"),
        ("ServerName x:", 'The port number "x:" is outside the appropriate range (i.e., 1..65535).'),
        ("AcceptPathInfo x", "AcceptPathInfo must be set to on, off or default"),
        ("EnableSendfile x", "parameter must be 'on' or 'off'"),
        ("ServerAlias a", "ServerAlias only used in <VirtualHost>"),
        ("ServerTokens x",
         "ServerTokens takes 1 argument: 'Prod(uctOnly)', 'Major', 'Minor', 'Min(imal)', 'OS', or 'Full'"),
        ("ServerName x:99999", 'The port number "x:99999" is outside the appropriate range (i.e., 1..65535).'),
    ],
)  # fmt: skip
def test_wrong_lines(read: Read, line: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(line)
    assert message in [diagnostic.message for diagnostic in caught.value.diagnostics]


def test_a_document_root_has_to_be_there(read: Read) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("DocumentRoot /nonexistent", check=True)
    found = [d for d in caught.value.diagnostics if d.message.startswith("DocumentRoot")]
    assert [(d.message, d.number, d.location.line if d.location else 0) for d in found] == [
        ("DocumentRoot '/nonexistent' is not a directory, or is not readable", "AH00526", 3)
    ]


def test_a_document_root_of_a_virtual_host_should_be_there(read: Read, tmp_path: Path) -> None:
    host = "<VirtualHost *>\nServerName {}\n{}\n</VirtualHost>\n"
    gone = "DocumentRoot /nonexistent"
    hosts = [(f"DocumentRoot {tmp_path}/htdocs"), gone, "", gone]
    lines = "".join(host.format(f"h{number}", line) for number, line in enumerate(hosts))
    found = read(lines, check=True).diagnostics
    assert [(d.severity, d.number, d.message, d.location.line if d.location else 0) for d in found] == [
        (Severity.WARNING, "AH00112", "Warning: DocumentRoot [/nonexistent] does not exist", line) for line in (9, 17)
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", Option.FOLLOW_SYM_LINKS),
        ("Options Indexes", Option.INDEXES),
        ("Options +Indexes", Option.INDEXES | Option.FOLLOW_SYM_LINKS),
        ("Options -FollowSymLinks", Option.NONE),
        ("Options None", Option.NONE),
        ("Options All -", None),
        ("Options All -Indexes", ALL_OPTIONS & ~Option.INDEXES),
        ("Options None +Indexes", Option.INDEXES),
        ("Options", Option.FOLLOW_SYM_LINKS),
        ("Options RunScripts", Option.MULTI_VIEWS | Option.EXEC_CGI),
        ("Options Indexes\n<Directory /a>\nOptions +ExecCGI\n</Directory>", Option.INDEXES | Option.EXEC_CGI),
        ("Options Indexes\n<Directory /a>\nOptions ExecCGI\n</Directory>", Option.EXEC_CGI),
        ("<Directory /a>\nOptions +Indexes\n</Directory>\n<Directory /a/b>\nOptions -Indexes\n</Directory>",
         Option.FOLLOW_SYM_LINKS),
        ("Options Indexes\nOptions +ExecCGI", Option.INDEXES | Option.EXEC_CGI),
    ],
)  # fmt: skip
def test_options_merge(read: Read, lines: str, expected: Option | None) -> None:
    if expected is None:
        with pytest.raises(ConfigurationError):
            read(lines)
        return
    sections = Sections(read(lines).main)
    assert sections.directory("/a/b/").config(CoreDir).options.effective == expected


@pytest.mark.parametrize("line", [
    "Mutex default", "Mutex sem OmitPID", "Mutex file:logs default", "Mutex posixsem mpm-accept watchdog-callback",
    "<VirtualHost *>\nServerAlias\n</VirtualHost>", "LogLevel core_module:info mod_alias.c:debug http:info",
    "Timeout 2147483647", "LimitRequestBody 9223372036854775807",
])  # fmt: skip
def test_legal_lines(read: Read, line: str) -> None:
    read(line)


@pytest.mark.parametrize(("text", "kind"), [
    ("/x", "path"), ("http://a/", "url"), ("mailto:a@example.com", "url"), ("default", "default"), ("gone", "text"),
    ('"http://a/ is gone"', "text"),
])  # fmt: skip
def test_what_an_error_document_is(read: Read, text: str, kind: str) -> None:
    documents = Sections(read(f"ErrorDocument 404 {text}").main).base.config(CoreDir).error_documents
    assert documents[404].kind == kind


def test_an_alias_keeps_its_case(read: Read) -> None:
    core = read("<VirtualHost *>\nServerAlias A.Example *.B.Example\n</VirtualHost>").vhosts[0].config(CoreServer)
    assert (core.server_aliases, core.server_wild_aliases) == (("A.Example",), ("*.B.Example",))


def test_a_missing_log_directory(read: Read) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("ErrorLog /nonexistent/e\nCustomLog /nonexistent/a %h", check=True)
    found = [terminal(diagnostic).replace(caught.value.diagnostics[0].message, "") for diagnostic in
             caught.value.diagnostics]  # fmt: skip
    assert found[0] == "(2)No such file or directory: AH02291: "
    assert found[1].startswith(
        "(2)No such file or directory: AH02297: Cannot access directory '/nonexistent/' for log file '/nonexistent/a' "
        "defined at /"
    )


def test_log_levels(read: Read) -> None:
    configuration = read(
        "LogLevel info alias:debug\n<VirtualHost *>\nLogLevel dir:trace8\n</VirtualHost>"
        "\n<VirtualHost *>\nLogLevel error\n</VirtualHost>"
    )
    main, first, second = (log_levels_of(server) for server in configuration.servers)
    assert (main.default, main.modules) == (Level.INFO, {"alias": Level.DEBUG})
    assert (first.default, first.modules) == (Level.INFO, {"alias": Level.DEBUG, "dir": Level.TRACE8})
    assert (second.default, second.modules) == (Level.ERROR, {})


def test_levels_of_modules_leave_that_for_all_alone() -> None:
    """In whatever order scopes are merged."""
    outer = Levels(Level.CRIT, {"so": Level.INFO})
    one, two = (ModuleLevels(Level.WARN, {name: Level.DEBUG}) for name in ("ssl", "so"))
    expected = Levels(Level.CRIT, {"so": Level.DEBUG, "ssl": Level.DEBUG})
    assert merge_levels(merge_levels(outer, one), two) == expected
    assert merge_levels(outer, merge_levels(one, two)) == expected


def test_server_names(read: Read) -> None:
    core = read("ServerName https://X.example:8443").main.config(CoreServer)
    assert (core.server_scheme, core.server_name, core.server_port) == ("https", "X.example", 8443)
    core = read("KeepAliveTimeout 500ms\nTimeout 2min").main.config(CoreServer)
    assert (core.keep_alive_timeout, core.timeout) == (0.5, 120.0)


@pytest.mark.parametrize(
    ("tokens", "banner"),
    [("Prod", "pyhttpd"), ("Major", "pyhttpd/0"), ("Minor", "pyhttpd/0.1"), ("Min", "pyhttpd/0.1.0"),
     ("OS", "pyhttpd/0.1.0 (Unix)"), ("Full", "pyhttpd/0.1.0 (Unix)")],
)  # fmt: skip
def test_server_tokens(tokens: str, banner: str) -> None:
    assert server_banner(tokens) == banner


def test_every_row_has_its_field() -> None:
    for row in (*DIRECTIVES, *HTTP_DIRECTIVES):
        assert row.into in (CoreDir, CoreServer), row.name
        if row.sets is not None:
            assert row.sets in row.into.__dataclass_fields__, row.name
