"""The core's directives: values, merging, Apache's texts for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pyhttpd.api.core_config import CoreDir, CoreServer, Option
from pyhttpd.api.log import Level
from pyhttpd.api.version import server_banner
from pyhttpd.boot import catalog, read_here
from pyhttpd.config.configuration import Configuration
from pyhttpd.config.diagnostics import ConfigurationError
from pyhttpd.config.read import ReadOptions
from pyhttpd.config.read import read as read_configuration
from pyhttpd.config.sections import Sections
from pyhttpd.server.core import DIRECTIVES, HTTP_DIRECTIVES, log_levels_of

Read = Callable[..., Configuration]


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
        ("LimitRequestBody x", "LimitRequestBody argument is not parsable."),
        ("AcceptPathInfo x", "AcceptPathInfo must be set to on, off or default"),
        ("EnableSendfile x", "parameter must be 'on' or 'off'"),
        ("ServerAlias a", "ServerAlias only used in <VirtualHost>"),
        ("ServerTokens x",
         "ServerTokens takes 1 argument: 'Prod(uctOnly)', 'Major', 'Minor', 'Min(imal)', 'OS', or 'Full'"),
        ("ServerName x:99999", 'The port number "99999" is outside the appropriate range (i.e., 1..65535).'),
    ],
)  # fmt: skip
def test_wrong_lines(read: Read, line: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(line)
    assert message in [diagnostic.message for diagnostic in caught.value.diagnostics]


@pytest.mark.parametrize(("line", "named"), [
    ("ErrorLog |program", "ErrorLog"),
    ("ErrorLog syslog", "ErrorLog"),
    ("<Directory />\nAllowOverride All\n</Directory>", "AllowOverride All"),
])  # fmt: skip
def test_what_is_not_there_yet_is_refused_by_name(read: Read, line: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(line)
    assert named in str(caught.value)


def test_a_document_root_has_to_be_there(read: Read) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("DocumentRoot /nonexistent", check=True)
    found = [d for d in caught.value.diagnostics if d.message.startswith("DocumentRoot")]
    assert [(d.message, d.number, d.location.line if d.location else 0) for d in found] == [
        ("DocumentRoot '/nonexistent' is not a directory, or is not readable", "AH00526", 3)
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


def test_log_levels(read: Read) -> None:
    configuration = read(
        "LogLevel info alias:debug\n<VirtualHost *>\nLogLevel dir:trace8\n</VirtualHost>"
        "\n<VirtualHost *>\nLogLevel error\n</VirtualHost>"
    )
    main, first, second = (log_levels_of(server) for server in configuration.servers)
    assert (main.default, main.modules) == (Level.INFO, {"alias": Level.DEBUG})
    assert (first.default, first.modules) == (Level.INFO, {"alias": Level.DEBUG, "dir": Level.TRACE8})
    assert (second.default, second.modules) == (Level.ERROR, {})


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
